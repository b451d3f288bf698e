# SPDX-License-Identifier: MIT OR Apache-2.0
"""Changes of the table of a tracker."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from ._binding import lib
from .entry import Entry
from .event import Event


class ChangeType(enum.IntEnum):
    """What happened.

    FOUND: the process was there when the tracker was opened, or a comparison with /proc has found it. SYNCED: the table
    is complete as of here. LOST: events were lost, and the table is repaired up to the next SYNCED. EVENT: an event as
    it was received, with ``raw``.
    """

    FOUND = lib.CNPROC_CHANGE_FOUND
    STARTED = lib.CNPROC_CHANGE_STARTED
    EXECUTED = lib.CNPROC_CHANGE_EXECUTED
    IDS = lib.CNPROC_CHANGE_IDS
    SESSION = lib.CNPROC_CHANGE_SESSION
    RENAMED = lib.CNPROC_CHANGE_RENAMED
    EXITED = lib.CNPROC_CHANGE_EXITED
    SYNCED = lib.CNPROC_CHANGE_SYNCED
    LOST = lib.CNPROC_CHANGE_LOST
    EVENT = lib.CNPROC_CHANGE_EVENT


@dataclass(frozen=True)
class Change:
    """A change of the table.

    ``process`` is the process as it is now, or as it last was, and ``event`` the event behind the change; None where
    there is none. ``count`` is the number of events LOST, None if unknown. ``is_inferred``: no event reported it, but
    the comparison with /proc showed it. ``is_in_doubt``: events were lost, and the process may be a later owner of the
    pid.
    """

    type: ChangeType
    process: Entry | None
    event: Event | None
    count: int | None
    is_inferred: bool
    is_in_doubt: bool

    @classmethod
    def _of(cls, struct):
        return cls(
            type=ChangeType(struct.type),
            process=Entry._of(struct.entry) if struct.entry.id else None,
            event=Event._of(struct.event) if struct.event.size else None,
            count=struct.count or None,
            is_inferred=bool(struct.flags & lib.CNPROC_INFERRED),
            is_in_doubt=bool(struct.flags & lib.CNPROC_IN_DOUBT),
        )
