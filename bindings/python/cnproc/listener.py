# SPDX-License-Identifier: MIT OR Apache-2.0
"""The listener."""

from ._binding import ffi, lib
from .error import check
from .event import Event
from .process import Process
from .receiver import Receiver
from .resumed import Resumed
from .stats import stats_of
from .waiting import receive


class Listener(Receiver):
    """Receives events. An iterator, an asynchronous iterator, and a context manager; one thread at a time uses it.

    With ``ring`` events come through a ring buffer instead of the socket's queue, where that is possible;
    ``stats.source`` is where they come from, and ``stats.ring_error`` why not.
    """

    def __init__(
        self,
        events=0,
        *,
        skip_threads=False,
        acks=False,
        ring=False,
        receive_buffer=0,
        ack_timeout_ms=0,
        coalesce_us=0,
    ):
        options = ffi.new("struct cnproc_options *")
        options.events = events
        options.flags = (
            skip_threads * lib.CNPROC_OPEN_SKIP_THREADS | acks * lib.CNPROC_OPEN_ACKS | ring * lib.CNPROC_OPEN_RING
        )
        options.receive_buffer = receive_buffer
        options.ack_timeout_ms = ack_timeout_ms
        options.coalesce_us = coalesce_us
        out = ffi.new("struct cnproc **")
        check(lib.cnproc_open(out, options, ffi.sizeof(options[0])))
        super().__init__(out[0], lib.cnproc_close)
        self._buffer = ffi.new("struct cnproc_event[]", 64)

    def fileno(self):
        """The descriptor to poll. Call recv(0) until it returns nothing before the first wait, and after each."""
        return check(lib.cnproc_fd(self._handle))

    def recv(self, timeout=None):
        """A list of events: what is there, or what comes within so many seconds; empty after the timeout or wake().

        A signal handler of Python runs, and may raise; if it does not, the wait continues.
        """
        count = receive(lambda left: lib.cnproc_recv(self._handle, self._buffer, len(self._buffer), left), timeout)
        return [Event._of(self._buffer[i]) for i in range(count)]

    def wake(self):
        """Ends the wait of another thread, or its next one: recv returns an empty list, and iteration ends."""
        lib.cnproc_wake(self._handle)

    def __iter__(self):
        while events := self.recv():
            yield from events

    async def __aiter__(self):
        while True:
            events = self.recv(0)
            for event in events:
                yield event
            if not events:
                await self._readiness.wait(self.fileno())

    def set_events(self, events):
        """Asks for other types from now on."""
        check(lib.cnproc_set_events(self._handle, events))

    def resume(self):
        """Checks whether other processes have disabled events, and enables them again."""
        return Resumed(self._checked(lib.cnproc_resume(self._handle)))

    @property
    def stats(self):
        """Counts since the listener was opened, as struct cnproc_stats names them: delivered, lost, forged, ...

        ``source`` is a Source, and ``ring_error`` None or an OSError.
        """
        stats = ffi.new("struct cnproc_stats *")
        check(lib.cnproc_get_stats(self._handle, stats, ffi.sizeof(stats[0])))
        return stats_of(stats[0])

    def process(self, event):
        """The process of an event. ProcessLookupError: it is gone, or its pid is another process's."""
        out = ffi.new("struct cnproc_process **")
        return self._opened(out, lib.cnproc_process_open(out, self._handle, event._struct))

    def process_of_pid(self, pid):
        """The process that has a pid now, without an event."""
        out = ffi.new("struct cnproc_process **")
        return self._opened(out, lib.cnproc_process_open_pid(out, self._handle, pid))

    def _opened(self, out, result):
        self._checked(result)
        return Process(out[0])
