# SPDX-License-Identifier: MIT OR Apache-2.0
"""Process events of the Linux kernel, and a table of its processes that they keep complete.

    with cnproc.Listener(cnproc.EventType.EXEC | cnproc.EventType.EXIT) as listener:
        for event in listener:
            print(event)

    with cnproc.Tracker(cmdline=True) as tracker:
        for change in tracker:
            if change.type == cnproc.ChangeType.EXITED:
                print(change.process.pid, tracker.cmdline(change.process.id), change.process.exit_code)
"""

from ._binding import ffi, lib
from .change import Change, ChangeType
from .entry import Entry, Known
from .error import Error
from .event import Event, EventType
from .listener import Listener
from .process import Identity, Process
from .resumed import Resumed
from .stats import Source
from .tracker import Scope, Tracker

__all__ = [
    "Change",
    "ChangeType",
    "Entry",
    "Error",
    "Event",
    "EventType",
    "Identity",
    "Known",
    "Listener",
    "Process",
    "Resumed",
    "Scope",
    "Source",
    "Tracker",
    "version",
]


def version():
    """The version of the library, as a string."""
    return ffi.string(lib.cnproc_version_string()).decode()
