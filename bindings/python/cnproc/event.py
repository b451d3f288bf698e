# SPDX-License-Identifier: MIT OR Apache-2.0
"""Events."""

import enum
from dataclasses import dataclass, field

from ._binding import ffi, lib
from .convert import members
from .error import check

EventType = enum.IntFlag(
    "EventType",
    {
        name: getattr(lib, f"CNPROC_EVENT_{name}")
        for name in ("NONE", "FORK", "EXEC", "UID", "GID", "SID", "PTRACE", "COMM", "NONZERO_EXIT", "COREDUMP", "EXIT")
    }
    | {"LOST": lib.CNPROC_EVENT_LOST},
)
EventType.__doc__ = "The type of an event; a combination of types in the arguments of a listener."

# The member of the C union that belongs to each type.
_MEMBERS = {
    EventType.NONE: "ack",
    EventType.FORK: "fork",
    EventType.EXEC: "exec",
    EventType.UID: "id",
    EventType.GID: "id",
    EventType.SID: "sid",
    EventType.PTRACE: "ptrace",
    EventType.COMM: "comm",
    EventType.COREDUMP: "coredump",
    EventType.EXIT: "exit",
    EventType.LOST: "lost",
}


@dataclass(frozen=True, eq=False)
class Event:
    """An event.

    ``data`` has the kernel's members of that type, such as ``event.data.exit_code`` or ``event.data.child_tgid``; for
    LOST it has ``count``; for a type that this version does not know it is the kernel's bytes.
    """

    type: EventType
    cpu: int
    timestamp_ns: int
    seq: int
    data: object
    _struct: object = field(repr=False)

    @classmethod
    def _of(cls, struct):
        copy = ffi.new("struct cnproc_event *", struct)
        kind = EventType(copy.what)
        member = _MEMBERS.get(kind)
        data = members(getattr(copy.event_data, member)) if member else bytes(copy.event_data.bytes)
        return cls(kind, copy.cpu, copy.timestamp_ns, copy.seq, data, copy)

    @property
    def tgid(self):
        """The process that it concerns, of FORK the child; None where there is none."""
        tgid = lib.cnproc_event_tgid(self._struct)
        return tgid if tgid >= 0 else None

    @property
    def pid(self):
        """The thread that it concerns, of FORK the child; None where there is none."""
        pid = lib.cnproc_event_pid(self._struct)
        return pid if pid >= 0 else None

    @property
    def is_thread(self):
        """Whether it concerns only a thread of a process, and not the process."""
        return check(lib.cnproc_event_is_thread(self._struct)) == 1

    def __str__(self):
        length = check(lib.cnproc_event_format(self._struct, ffi.NULL, 0))
        line = ffi.new("char[]", length + 1)
        lib.cnproc_event_format(self._struct, line, length + 1)
        return ffi.string(line).decode()
