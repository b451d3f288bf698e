# SPDX-License-Identifier: MIT OR Apache-2.0
"""Processes in the table of a tracker."""

from __future__ import annotations

import enum
import os
from dataclasses import dataclass

from ._binding import ffi, lib

Known = enum.IntFlag(
    "Known",
    {
        name: getattr(lib, f"CNPROC_KNOWN_{name}")
        for name in (
            "COMM",
            "UID",
            "GID",
            "SESSION",
            "CREATOR",
            "CMDLINE",
            "EXE",
            "CGROUP",
            "PPID",
            "EXIT_CODE",
        )
    },
)
Known.__doc__ = "What is known of a process. CMDLINE, EXE, CGROUP: the tracker has that text of its present program."

# The members that are known together with others, or not always.
_KNOWN_BY = {
    "creator_id": Known.CREATOR,
    "ppid": Known.PPID,
    "sid": Known.SESSION,
    "ruid": Known.UID,
    "euid": Known.UID,
    "rgid": Known.GID,
    "egid": Known.GID,
    "exit_code": Known.EXIT_CODE,
}


@dataclass(frozen=True)
class Entry:
    """A process in the table of a tracker. What is not known is None.

    ``id`` is never given to another process while the tracker is open. ``creator_id`` is the process that forked it,
    and ``ppid`` its parent now. Times are nanoseconds of CLOCK_MONOTONIC; ``exec_ns`` and ``exit_ns`` are None if that
    was not seen. ``exit_code`` is a wait status, for os.WEXITSTATUS. Any user can choose the bytes of ``comm``.
    """

    id: int
    pid: int
    creator_id: int | None
    ppid: int | None
    sid: int | None
    ruid: int | None
    euid: int | None
    rgid: int | None
    egid: int | None
    start_ns: int
    exec_ns: int | None
    exit_ns: int | None
    exit_code: int | None
    comm: str | None
    known: Known

    @classmethod
    def _of(cls, struct):
        known = Known(struct.known)
        return cls(
            id=struct.id,
            pid=struct.pid,
            start_ns=struct.start_ns,
            exec_ns=struct.exec_ns or None,
            exit_ns=struct.exit_ns or None,
            comm=os.fsdecode(ffi.string(struct.comm)) if Known.COMM in known else None,
            known=known,
            **{name: getattr(struct, name) if bit in known else None for name, bit in _KNOWN_BY.items()},
        )
