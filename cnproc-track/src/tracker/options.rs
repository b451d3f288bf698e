//! How a tracker is to be opened.

use super::Tracker;
use crate::error::Error;
use crate::table::{Scope, TableOptions};
use core::time::Duration;

/// How a tracker is to be opened. See [`Tracker::options`].
#[derive(Clone, Copy, Debug)]
#[must_use = "call open()"]
pub struct Options {
    pub(super) table: TableOptions,
    pub(super) listener: cnproc_sys::Options,
    pub(super) raw: bool,
}

impl Options {
    pub(super) const fn new() -> Self {
        Self { table: TableOptions::DEFAULT, listener: cnproc_sys::Listener::options(), raw: false }
    }

    /// Which processes are in the table; all by default.
    pub const fn scope(mut self, scope: Scope) -> Self {
        self.table.scope = scope;
        self
    }

    /// Reads the command line of each process when it is found, and at each exec. That swaps in a page
    /// of the process.
    pub const fn cmdline(mut self, cmdline: bool) -> Self {
        self.table.cmdline = cmdline;
        self
    }

    /// Reads the path of each process's executable, likewise. It takes the right to trace the process.
    pub const fn exe(mut self, exe: bool) -> Self {
        self.table.exe = exe;
        self
    }

    /// Reads the control groups of each process, likewise. No event reports when they change.
    pub const fn cgroup(mut self, cgroup: bool) -> Self {
        self.table.cgroup = cgroup;
        self
    }

    /// How many bytes are kept of each text; 256 by default.
    pub const fn text_bytes(mut self, bytes: usize) -> Self {
        self.table.text_bytes = bytes;
        self
    }

    /// How many processes may be in the table at a time; by default as many as the kernel allows. Only
    /// as many as there are take up memory.
    pub const fn max_processes(mut self, processes: usize) -> Self {
        self.table.max_processes = processes;
        self
    }

    /// How many processes that have ended stay to be looked up by their id. At least the one that ended
    /// last does.
    pub const fn keep_ended(mut self, processes: usize) -> Self {
        self.table.keep_ended = processes;
        self
    }

    /// Returns every event, too, before the changes that it causes: of all types but PTRACE.
    pub const fn raw(mut self, raw: bool) -> Self {
        self.raw = raw;
        self
    }

    /// As [`cnproc_sys::Options::receive_buffer`].
    pub const fn receive_buffer(mut self, bytes: u32) -> Self {
        self.listener = self.listener.receive_buffer(bytes);
        self
    }

    /// As [`cnproc_sys::Options::ring`].
    pub const fn ring(mut self, ring: bool) -> Self {
        self.listener = self.listener.ring(ring);
        self
    }

    /// As [`cnproc_sys::Options::ack_timeout`].
    pub const fn ack_timeout(mut self, timeout: Duration) -> Self {
        self.listener = self.listener.ack_timeout(timeout);
        self
    }

    /// As [`cnproc_sys::Options::coalesce`]. Programs that run for less than that have ended before their
    /// name can be read.
    pub const fn coalesce(mut self, longest: Duration) -> Self {
        self.listener = self.listener.coalesce(longest);
        self
    }

    /// Opens the tracker: a listener, and a table that the next calls of [`Tracker::recv`] fill.
    ///
    /// # Errors
    /// [`Error::Listener`]: whatever keeps events from coming, or that `/proc` is missing or belongs to
    /// another pid namespace. [`Error::ProcessesHidden`].
    pub fn open(self) -> Result<Tracker, Error> {
        self.open_with()
    }

    /// As [`open`](Self::open), with a value of another type for each entry: `U::default()` at first.
    ///
    /// # Errors
    /// Those of [`open`](Self::open).
    pub fn open_with<U: Copy + Default>(self) -> Result<Tracker<U>, Error> {
        Tracker::open(&self)
    }
}
