# SPDX-License-Identifier: MIT OR Apache-2.0
"""The live kernel: tests are skipped where it sends no events, unless CNPROC_REQUIRE_LIVE is set."""

import faulthandler
import os
import unittest

from cnproc import Listener

# A test that hangs is red, with the place where it does.
faulthandler.dump_traceback_later(1800, exit=True)

try:
    Listener().close()
except OSError as refused:
    if os.environ.get("CNPROC_REQUIRE_LIVE"):
        raise
    raise unittest.SkipTest(f"no listener: {refused}")


def child(status):
    """Runs a child that exits with that status, and waits for it. Returns its pid."""
    pid = os.fork()
    if pid == 0:
        os._exit(status)
    os.waitpid(pid, 0)
    return pid
