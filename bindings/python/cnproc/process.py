# SPDX-License-Identifier: MIT OR Apache-2.0
"""Processes, and facts about them."""

import enum
import os

from ._binding import ffi, lib
from .convert import members, strings, text
from .error import check
from .handle import Handle


class Identity(enum.IntEnum):
    """Whether a Process is the event's: proven, or consistent with all evidence."""

    LIKELY = lib.CNPROC_IDENTITY_LIKELY
    PROVEN = lib.CNPROC_IDENTITY_PROVEN


class Process(Handle):
    """A process that a Listener or a Tracker identified. All facts come from that one process."""

    def __init__(self, handle):
        super().__init__(handle, lib.cnproc_process_close)

    @property
    def identity(self):
        return Identity(check(lib.cnproc_process_identity(self._handle)))

    @property
    def cmdline(self):
        """The arguments, a list; empty for a kernel thread."""
        return strings(text(lib.cnproc_process_cmdline, self._handle))

    @property
    def environ(self):
        """The environment that the program was started with, a dict."""
        variables = text(lib.cnproc_process_environ, self._handle).split(b"\0")
        pairs = (variable.partition(b"=") for variable in variables if b"=" in variable)
        return {os.fsdecode(name): os.fsdecode(value) for name, _, value in pairs}

    @property
    def nspid(self):
        """The pid inside its own pid namespace."""
        return check(lib.cnproc_process_nspid(self._handle))

    @property
    def exe(self):
        return os.fsdecode(text(lib.cnproc_process_exe, self._handle))

    @property
    def cwd(self):
        return os.fsdecode(text(lib.cnproc_process_cwd, self._handle))

    @property
    def comm(self):
        return os.fsdecode(text(lib.cnproc_process_comm, self._handle))

    @property
    def cgroup(self):
        return os.fsdecode(text(lib.cnproc_process_cgroup, self._handle))

    @property
    def status(self):
        """Ids: ppid, uids, gids, and so on, as struct cnproc_process_status names them."""
        status = ffi.new("struct cnproc_process_status *")
        check(lib.cnproc_process_get_status(self._handle, status, ffi.sizeof(status[0])))
        return members(status[0])

    def dirfd(self):
        """A new descriptor of /proc/PID, for os.open(..., dir_fd=), which the caller closes with os.close."""
        return check(lib.cnproc_process_dirfd(self._handle))

    def pidfd(self):
        """A new descriptor of the process, which the caller closes with os.close."""
        return check(lib.cnproc_process_pidfd(self._handle))
