# SPDX-License-Identifier: MIT OR Apache-2.0
"""Events that other processes have disabled."""

import enum

from ._binding import lib


class Resumed(enum.IntEnum):
    """What resume() found: events were on; they are on again; or unknown, until some events are received."""

    ALREADY_ON = lib.CNPROC_RESUMED_ALREADY_ON
    RESTORED = lib.CNPROC_RESUMED_RESTORED
    UNKNOWN = lib.CNPROC_RESUMED_UNKNOWN
