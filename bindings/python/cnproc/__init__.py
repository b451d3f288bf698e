# SPDX-License-Identifier: MIT OR Apache-2.0
"""Process events of the Linux kernel.

    with cnproc.Listener(cnproc.EventType.EXEC | cnproc.EventType.EXIT) as listener:
        for event in listener:
            print(event)
"""

from ._binding import ffi, lib
from .error import Error
from .event import Event, EventType
from .listener import Listener
from .process import Identity, Process
from .resumed import Resumed
from .stats import Source

__all__ = [
    "Error",
    "Event",
    "EventType",
    "Identity",
    "Listener",
    "Process",
    "Resumed",
    "Source",
    "version",
]


def version():
    """The version of the library, as a string."""
    return ffi.string(lib.cnproc_version_string()).decode()
