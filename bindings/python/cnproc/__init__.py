# SPDX-License-Identifier: MIT OR Apache-2.0
"""Process events of the Linux kernel.

    with cnproc.Listener(cnproc.EventType.EXEC | cnproc.EventType.EXIT) as listener:
        for event in listener:
            print(event)
"""

import asyncio
import enum
import errno
import math
import os
import time
from dataclasses import dataclass, field
from types import SimpleNamespace

from ._binding import ffi, lib

__all__ = ["Error", "Event", "EventType", "Identity", "Listener", "Process", "Resumed", "version"]

EventType = enum.IntFlag(
    "EventType",
    {
        name: getattr(lib, f"CNPROC_EVENT_{name}")
        for name in ("NONE", "FORK", "EXEC", "UID", "GID", "SID", "PTRACE", "COMM", "NONZERO_EXIT", "COREDUMP", "EXIT")
    }
    | {"LOST": lib.CNPROC_EVENT_LOST},
)
EventType.__doc__ = "The type of an event; a combination of types in the arguments of a listener."


Error = enum.IntEnum(
    "Error",
    {
        name[len("CNPROC_") :]: getattr(lib, name)
        for name in dir(lib)
        if name.startswith("CNPROC_E") and not name.startswith("CNPROC_EVENT_")
    },
)
Error.__doc__ = "The numbers in OSError.errno that are not the system's, such as ENETNS: in another network namespace."


class Resumed(enum.IntEnum):
    """What resume() found: events were on; they are on again; or unknown, until some events are received."""

    ALREADY_ON = lib.CNPROC_RESUMED_ALREADY_ON
    RESTORED = lib.CNPROC_RESUMED_RESTORED
    UNKNOWN = lib.CNPROC_RESUMED_UNKNOWN


class Identity(enum.IntEnum):
    """Whether a Process is the event's: proven, or consistent with all evidence."""

    LIKELY = lib.CNPROC_IDENTITY_LIKELY
    PROVEN = lib.CNPROC_IDENTITY_PROVEN


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


def version():
    """The version of the library, as a string."""
    return ffi.string(lib.cnproc_version_string()).decode()


def _check(result):
    """A result of the library, or the OSError that it stands for: PermissionError, ProcessLookupError, and so on."""
    if result < 0:
        kind = PermissionError if -result == lib.CNPROC_EPERM else OSError
        raise kind(-result, ffi.string(lib.cnproc_strerror(result)).decode())
    return result


def _members(struct):
    """A C struct as a namespace, its unions' bytes and names of at most 16 bytes as bytes."""
    values = {}
    for name, field in ffi.typeof(struct).fields:
        value = getattr(struct, name)
        if field.type.kind == "union":
            # The real or the effective id: one number, whichever of its two names is used.
            values |= {inner: getattr(value, inner) for inner, _ in field.type.fields}
        elif field.type.kind == "array":
            values[name] = ffi.string(value) if field.type.item.cname == "char" else list(value)
        else:
            values[name] = value
    return SimpleNamespace(**values)


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
        data = _members(getattr(copy.event_data, member)) if member else bytes(copy.event_data.bytes)
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
        return _check(lib.cnproc_event_is_thread(self._struct)) == 1

    def __str__(self):
        length = _check(lib.cnproc_event_format(self._struct, ffi.NULL, 0))
        line = ffi.new("char[]", length + 1)
        lib.cnproc_event_format(self._struct, line, length + 1)
        return ffi.string(line).decode()


class Process:
    """The process of an event, which a Listener identified. All facts come from that one process."""

    def __init__(self, handle):
        self._handle = handle

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """Closes the handle. Further use raises OSError (EINVAL)."""
        if self._handle:
            ffi.release(self._handle)
        self._handle = ffi.NULL

    def _bytes(self, function):
        length = _check(function(self._handle, ffi.NULL, 0))
        while True:
            buffer = ffi.new("char[]", length + 1)
            needed = _check(function(self._handle, buffer, length + 1))
            if needed <= length:
                return ffi.buffer(buffer, needed)[:]
            length = needed

    @property
    def identity(self):
        return Identity(_check(lib.cnproc_process_identity(self._handle)))

    @property
    def cmdline(self):
        """The arguments, a list; empty for a kernel thread."""
        text = self._bytes(lib.cnproc_process_cmdline)
        return [os.fsdecode(argument) for argument in text.removesuffix(b"\0").split(b"\0")] if text else []

    @property
    def environ(self):
        """The environment that the program was started with, a dict."""
        variables = self._bytes(lib.cnproc_process_environ).split(b"\0")
        pairs = (variable.partition(b"=") for variable in variables if b"=" in variable)
        return {os.fsdecode(name): os.fsdecode(value) for name, _, value in pairs}

    @property
    def nspid(self):
        """The pid inside its own pid namespace."""
        return _check(lib.cnproc_process_nspid(self._handle))

    @property
    def exe(self):
        return os.fsdecode(self._bytes(lib.cnproc_process_exe))

    @property
    def cwd(self):
        return os.fsdecode(self._bytes(lib.cnproc_process_cwd))

    @property
    def comm(self):
        return os.fsdecode(self._bytes(lib.cnproc_process_comm))

    @property
    def cgroup(self):
        return os.fsdecode(self._bytes(lib.cnproc_process_cgroup))

    @property
    def status(self):
        """Ids: ppid, uids, gids, and so on, as struct cnproc_process_status names them."""
        status = ffi.new("struct cnproc_process_status *")
        _check(lib.cnproc_process_get_status(self._handle, status, ffi.sizeof(status[0])))
        return _members(status[0])

    def dirfd(self):
        """A new descriptor of /proc/PID, for os.open(..., dir_fd=), which the caller closes with os.close."""
        return _check(lib.cnproc_process_dirfd(self._handle))

    def pidfd(self):
        """A new descriptor of the process, which the caller closes with os.close."""
        return _check(lib.cnproc_process_pidfd(self._handle))


class Listener:
    """Receives events. An iterator, an asynchronous iterator, and a context manager; one thread at a time uses it."""

    def __init__(self, events=0, *, skip_threads=False, acks=False, receive_buffer=0, ack_timeout_ms=0, coalesce_us=0):
        options = ffi.new("struct cnproc_options *")
        options.events = events
        options.flags = skip_threads * lib.CNPROC_OPEN_SKIP_THREADS | acks * lib.CNPROC_OPEN_ACKS
        options.receive_buffer = receive_buffer
        options.ack_timeout_ms = ack_timeout_ms
        options.coalesce_us = coalesce_us
        out = ffi.new("struct cnproc **")
        _check(lib.cnproc_open(out, options, ffi.sizeof(options[0])))
        self._handle = ffi.gc(out[0], lib.cnproc_close)
        self._buffer = ffi.new("struct cnproc_event[]", 64)
        self._waiter = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """Stops listening. Further use raises OSError (EINVAL)."""
        if self._handle:
            ffi.release(self._handle)
        self._handle = ffi.NULL

    def fileno(self):
        """The descriptor to poll. Call recv(0) until it returns nothing before the first wait, and after each."""
        return _check(lib.cnproc_fd(self._handle))

    def recv(self, timeout=None):
        """A list of events: what is there, or what comes within so many seconds; empty after the timeout or wake().

        A signal handler of Python runs, and may raise; if it does not, the wait continues.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            left = -1
            if deadline is not None:
                left = min(max(0, math.ceil((deadline - time.monotonic()) * 1000)), 2**31 - 1)
            count = lib.cnproc_recv(self._handle, self._buffer, len(self._buffer), left)
            if count != -errno.EINTR:
                return [Event._of(self._buffer[i]) for i in range(_check(count))]

    def wake(self):
        """Ends the wait of another thread, or its next one: recv returns an empty list, and iteration ends."""
        lib.cnproc_wake(self._handle)

    def __iter__(self):
        while events := self.recv():
            yield from events

    async def __aiter__(self):
        loop = asyncio.get_running_loop()
        while True:
            events = self.recv(0)
            for event in events:
                yield event
            if not events:
                self._waiter = loop.create_future()
                loop.add_reader(self.fileno(), self._look_again)
                try:
                    await self._waiter
                finally:
                    loop.remove_reader(self.fileno())
                    self._waiter = None

    def _look_again(self):
        """Wakes the asynchronous iterator. Needed after a call that may have read events from the socket, because
        those no longer make the descriptor readable."""
        if self._waiter and not self._waiter.done():
            self._waiter.set_result(None)

    def set_events(self, events):
        """Asks for other types from now on."""
        _check(lib.cnproc_set_events(self._handle, events))

    def resume(self):
        """Checks whether other processes have disabled events, and enables them again."""
        resumed = _check(lib.cnproc_resume(self._handle))
        self._look_again()
        return Resumed(resumed)

    @property
    def stats(self):
        """Counts since the listener was opened, as struct cnproc_stats names them: delivered, lost, forged, ..."""
        stats = ffi.new("struct cnproc_stats *")
        _check(lib.cnproc_get_stats(self._handle, stats, ffi.sizeof(stats[0])))
        return _members(stats[0])

    def process(self, event):
        """The process of an event. ProcessLookupError: it is gone, or its pid is another process's."""
        out = ffi.new("struct cnproc_process **")
        return self._opened(out, lib.cnproc_process_open(out, self._handle, event._struct))

    def process_of_pid(self, pid):
        """The process that has a pid now, without an event."""
        out = ffi.new("struct cnproc_process **")
        return self._opened(out, lib.cnproc_process_open_pid(out, self._handle, pid))

    def _opened(self, out, result):
        self._look_again()
        _check(result)
        return Process(ffi.gc(out[0], lib.cnproc_process_close))
