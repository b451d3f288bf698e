# SPDX-License-Identifier: MIT OR Apache-2.0
"""Statistics of a listener."""

import enum

from ._binding import lib
from .convert import members
from .error import error_of


class Source(enum.IntEnum):
    """Where events come from: the socket's queue, or a ring buffer."""

    SOCKET = lib.CNPROC_SOURCE_SOCKET
    RING = lib.CNPROC_SOURCE_RING


def stats_of(struct):
    """A struct cnproc_stats as a namespace."""
    stats = members(struct)
    stats.source = Source(struct.source)
    stats.ring_error = error_of(struct.ring_error) if struct.ring_error else None
    return stats
