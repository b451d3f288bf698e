# SPDX-License-Identifier: MIT OR Apache-2.0
"""The tracker."""

import enum
import errno
import os

from ._binding import ffi, lib
from .change import Change
from .convert import members, strings, text
from .entry import Entry, Known
from .error import check, error_of
from .process import Process
from .receiver import Receiver
from .resumed import Resumed
from .stats import stats_of
from .waiting import receive


class Scope(enum.IntEnum):
    """Which processes are in the table: all; those of add(); or those and their descendants."""

    ALL = lib.CNPROC_SCOPE_ALL
    CHOSEN = lib.CNPROC_SCOPE_CHOSEN
    DESCENDANTS = lib.CNPROC_SCOPE_DESCENDANTS


class Tracker(Receiver):
    """Keeps a table of the machine's processes complete, and returns its changes.

    An iterator and an asynchronous iterator of changes, and a context manager; one thread at a time uses it. The first
    changes are those of a scan of /proc, up to SYNCED. The table is as of the change that was returned last:
    ``tracker[pid]`` is an Entry, ``pid in tracker`` and ``len(tracker)`` are those of a dict, but iterating waits for
    changes: ``tracker.entries()`` are the processes in the table.

    ``cmdline``, ``exe`` and ``cgroup`` read and keep these texts of each process; ``raw`` returns each event, too;
    ``ring`` is that of Listener.
    """

    def __init__(
        self,
        scope=Scope.ALL,
        *,
        cmdline=False,
        exe=False,
        cgroup=False,
        raw=False,
        ring=False,
        receive_buffer=0,
        ack_timeout_ms=0,
        coalesce_us=0,
        max_processes=0,
        text_bytes=0,
        keep_ended=0,
    ):
        options = ffi.new("struct cnproc_tracker_options *")
        options.scope = scope
        options.flags = (
            cmdline * lib.CNPROC_TRACK_CMDLINE
            | exe * lib.CNPROC_TRACK_EXE
            | cgroup * lib.CNPROC_TRACK_CGROUP
            | raw * lib.CNPROC_TRACK_RAW
            | ring * lib.CNPROC_TRACK_RING
        )
        options.receive_buffer = receive_buffer
        options.ack_timeout_ms = ack_timeout_ms
        options.coalesce_us = coalesce_us
        options.max_processes = max_processes
        options.text_bytes = text_bytes
        options.keep_ended = keep_ended
        out = ffi.new("struct cnproc_tracker **")
        check(lib.cnproc_tracker_open(out, options, ffi.sizeof(options[0])))
        super().__init__(out[0], lib.cnproc_tracker_close)
        self._change = ffi.new("struct cnproc_change *")

    def fileno(self):
        """The descriptor to poll. Call recv(0) until it returns None before the first wait, and after each."""
        return check(lib.cnproc_tracker_fd(self._handle))

    def recv(self, timeout=None):
        """The next change; None if there is none within so many seconds, or after wake().

        OSError (Error.EFULL): a process was left out because the table is full; the next call goes on. A signal handler
        of Python runs, and may raise; if it does not, the wait continues.
        """
        size = ffi.sizeof(self._change[0])
        got = receive(lambda left: lib.cnproc_tracker_recv(self._handle, self._change, size, left), timeout)
        return Change._of(self._change) if got else None

    def wake(self):
        """Ends the wait of another thread, or its next one: recv returns None, and iteration ends."""
        lib.cnproc_tracker_wake(self._handle)

    def __iter__(self):
        while change := self.recv():
            yield change

    async def __aiter__(self):
        while True:
            if change := self.recv(0):
                yield change
            else:
                await self._readiness.wait(self.fileno())

    def add(self, pid):
        """Takes the process with that pid into the scope. ProcessLookupError: there is none."""
        self._checked(lib.cnproc_tracker_add(self._handle, pid))

    def resync(self):
        """Compares the table with /proc, as a loss does: the differences come next, and then SYNCED."""
        self._checked(lib.cnproc_tracker_resync(self._handle))

    def resume(self):
        """Checks whether other processes have disabled events, and enables them again."""
        return Resumed(self._checked(lib.cnproc_tracker_resume(self._handle)))

    def __getitem__(self, pid):
        entry = self.get(pid)
        if entry is None:
            raise KeyError(pid)
        return entry

    def __contains__(self, pid):
        return self.get(pid) is not None

    def __len__(self):
        return self.stats.processes

    def __bool__(self):
        """True: unlike a dict, an open tracker with an empty table is something."""
        return True

    def get(self, pid):
        """The entry of the process with that pid, or None."""
        return self._entry(lib.cnproc_tracker_get, pid)

    def by_id(self, id):
        """The entry of the process with that id, also of one that has exited, while it is kept; or None."""
        return self._entry(lib.cnproc_tracker_get_id, id)

    def _entry(self, function, key):
        entry = ffi.new("struct cnproc_entry *")
        result = function(self._handle, key, entry, ffi.sizeof(entry[0]))
        self._readiness.look_again()
        if result == -errno.ESRCH:
            return None
        check(result)
        return Entry._of(entry)

    def entries(self):
        """An iterator of the table's entries, in no particular order. Their ppid is not looked up in /proc."""
        cursor = ffi.new("uint64_t *")
        entry = ffi.new("struct cnproc_entry *")
        while check(lib.cnproc_tracker_next(self._handle, cursor, entry, ffi.sizeof(entry[0]))):
            yield Entry._of(entry)

    def cmdline(self, id):
        """The arguments of a process, a list; empty for a kernel thread; None if those of its present program are not
        known. ProcessLookupError: no process in the table has that id."""
        data = self._text(lib.cnproc_tracker_cmdline, Known.CMDLINE, id)
        return None if data is None else strings(data)

    def exe(self, id):
        """The path of a process's program; otherwise as cmdline()."""
        data = self._text(lib.cnproc_tracker_exe, Known.EXE, id)
        return None if data is None else os.fsdecode(data)

    def cgroup(self, id):
        """The lines of /proc/PID/cgroup, as of the scan, the fork or the last exec; otherwise as cmdline()."""
        data = self._text(lib.cnproc_tracker_cgroup, Known.CGROUP, id)
        return None if data is None else os.fsdecode(data)

    def _text(self, function, bit, id):
        """What is kept of a process, unless it may be that of an earlier program."""
        entry = self.by_id(id)
        if entry is None:
            raise error_of(-errno.ESRCH)
        return text(function, self._handle, id) if bit in entry.known else None

    def process(self, id):
        """A process of the table, to read facts of it. ProcessLookupError: it has exited, or is not in the table."""
        out = ffi.new("struct cnproc_process **")
        self._checked(lib.cnproc_tracker_process(out, self._handle, id))
        return Process(out[0])

    @property
    def stats(self):
        """Counts since the tracker was opened, as struct cnproc_tracker_stats names them; ``listener`` is as
        Listener.stats."""
        stats = ffi.new("struct cnproc_tracker_stats *")
        check(lib.cnproc_tracker_get_stats(self._handle, stats, ffi.sizeof(stats[0])))
        values = members(stats[0])
        values.listener = stats_of(stats.listener)
        return values
