# SPDX-License-Identifier: MIT OR Apache-2.0
"""The live kernel: tests are skipped where it sends no events, unless CNPROC_REQUIRE_LIVE is set."""

import asyncio
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


async def error_of_wait_after_close(receiver):
    """What an asynchronous iterator raises whose listener or tracker is closed while it waits; None if nothing."""

    async def receive_all():
        async for _ in receiver:
            pass

    waiting = asyncio.ensure_future(receive_all())
    await asyncio.sleep(0)
    receiver.close()
    try:
        await waiting
    except OSError as error:
        return error.errno
