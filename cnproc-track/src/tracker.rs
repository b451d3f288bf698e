//! The tracker: a listener and a table, kept complete.

mod change;
mod options;
mod source;

pub use change::{Change, Changed};
pub use options::Options;

use crate::entry::Id;
use crate::error::Error;
use crate::join::{Choice, Join, Update};
use crate::mapped::Mapped;
use crate::table::Table;
use cnproc_sys::{EventMask, Filled, Process, Resumed, Waker, monotonic, pause};
use core::ffi::c_int;
use core::time::Duration;
use source::Source;

/// A table of the machine's processes that keeps itself complete.
///
/// ```no_run
/// use cnproc_track::{Change, Tracker};
///
/// let mut tracker = Tracker::options().cmdline(true).open()?;
/// while let Some(change) = tracker.recv(None)? {
///     match change {
///         Change::Started(process) => println!("{} was forked", process.pid),
///         Change::Exited(process) => match process.status {
///             Some(status) => println!("{}: {status}", process.name().escape_ascii()),
///             None => println!("{} ended", process.name().escape_ascii()),
///         },
///         Change::Synced => println!("complete from here on"),
///         Change::Lost(count) => println!("{count} events were lost: what they changed follows"),
///         _ => {}
///     }
/// }
/// # Ok::<(), cnproc_track::Error>(())
/// ```
///
/// `U` is a value of the caller's own that each entry has: see [`Options::open_with`].
#[derive(Debug)]
pub struct Tracker<U: Copy + Default = u64> {
    join: Join<U, Mapped>,
    source: Source,
    /// That events were off, and are on again, is to be returned before anything else.
    was_muted: bool,
    /// How often events may have been disabled globally, as far as the table was informed.
    seen_muted: u64,
    /// When the table was last compared for that reason.
    compared_ns: u64,
}

/// How a process is waited for that has not run yet.
const PAUSE_NS: u64 = 1_000_000;

/// How often one is looked at by a call that does not wait.
const ATTEMPTS: u32 = 20;

/// Another process's LISTEN can be the end of a time without events, and any user can send one: the table is
/// compared no more often than this.
const MUTED_INTERVAL_NS: u64 = 1_000_000_000;

/// All types of events but PTRACE, which says nothing of the table. So the listener has a filter, and reports
/// losses no later than where they happened: see [`crate::Delivery::Lost`].
const EVENTS: EventMask = EventMask::FORK
    .union(EventMask::EXEC)
    .union(EventMask::UID)
    .union(EventMask::GID)
    .union(EventMask::SID)
    .union(EventMask::COMM)
    .union(EventMask::COREDUMP)
    .union(EventMask::EXIT);

impl Tracker {
    /// Options for opening a tracker of all processes.
    pub const fn options() -> Options {
        Options::new()
    }
}

impl<U: Copy + Default> Tracker<U> {
    fn open(options: &Options) -> Result<Self, Error> {
        let listener = options.listener.events(EVENTS).open()?;
        let table = &options.table;
        let kept = [table.cmdline, table.exe, table.cgroup];
        let mut source = Source::new(listener, kept, table.text_bytes)?;
        if !source.sees_all_processes()? {
            return Err(Error::ProcessesHidden);
        }
        let mut join = Join::new(Table::new(&Mapped, table)?);
        join.set_raw(options.raw);
        let seen_muted = source.listener.stats().maybe_muted;
        Ok(Self { join, source, was_muted: false, seen_muted, compared_ns: monotonic() })
    }

    /// Waits for the next change, at most for `timeout`; without one, indefinitely. `None` if there was none
    /// in time, or the [`waker`](Self::waker) ended the wait.
    ///
    /// The table is as of the change that was returned last: what has been received since is not in it yet.
    /// The first changes are those of the scan, up to [`Change::Synced`].
    ///
    /// # Errors
    /// [`Error::Listener`]: that of the listener or of `/proc`; in particular
    /// [`cnproc_sys::Error::Interrupted`] after a signal handler ran. [`Error::TableFull`] and
    /// [`Error::PidTooHigh`], once for each process that is left out. If a process is there and its texts found
    /// no memory, the next call returns that error, and they are not known. After an error, the next call goes
    /// on where this one ended.
    pub fn recv(&mut self, timeout: Option<Duration>) -> Result<Option<Change<'_, U>>, Error> {
        self.source.listener.check_owner()?;
        let update = match core::mem::take(&mut self.was_muted) {
            true => Some(Update::Lost(0)),
            false => self.next(timeout)?,
        };
        Ok(update.and_then(|update| self.change(update)))
    }

    fn change(&self, update: Update) -> Option<Change<'_, U>> {
        Some(match update {
            Update::Change(delta, event) => {
                Change::new(delta, self.join.table().get_id(delta.id)?, event)
            }
            Update::Synced => Change::Synced,
            Update::Lost(count) => Change::Lost(count),
            Update::Event(event) => Change::Event(event),
        })
    }

    fn next(&mut self, timeout: Option<Duration>) -> Result<Option<Update>, Error> {
        let nanoseconds = |time: Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        let timeout_ns = timeout.map(nanoseconds);
        let deadline = timeout_ns.map(|timeout| monotonic().saturating_add(timeout));
        let mut attempts = ATTEMPTS;
        loop {
            self.note_muting();
            let boot_offset = self.source.listener.boot_offset_ns();
            self.join.table_mut().set_boot_offset(boot_offset);
            if let Some(update) = self.join.next(&mut self.source)? {
                return Ok(Some(update));
            }
            let left = deadline.map(|deadline| deadline.saturating_sub(monotonic()));
            let is_waiting = self.join.is_waiting();
            let wait = if is_waiting { Some(left.unwrap_or(PAUSE_NS).min(PAUSE_NS)) } else { left };
            match self.source.listener.await_received(wait)? {
                Filled::Received => {}
                Filled::Woken => return Ok(None),
                // The process that is waited for may run meanwhile.
                Filled::Nothing if is_waiting && left == Some(0) && attempts > 0 => {
                    attempts -= 1;
                    pause(PAUSE_NS / u64::from(ATTEMPTS));
                }
                Filled::Nothing if left == Some(0) => return Ok(None),
                Filled::Nothing if is_waiting => {}
                Filled::Nothing => return Ok(None),
            }
        }
    }

    /// Events may have been disabled globally for a time: then the table is compared with `/proc`.
    fn note_muting(&mut self) {
        let count = self.source.listener.stats().maybe_muted;
        // A comparison that is being made is completed first. Otherwise one LISTEN a second would keep a long one
        // from ever being completed.
        if count == self.seen_muted || !self.join.table().is_synced() {
            return;
        }
        let now = monotonic();
        if now.saturating_sub(self.compared_ns) >= MUTED_INTERVAL_NS {
            (self.seen_muted, self.compared_ns) = (count, now);
            self.join.resync();
        }
    }

    /// The table, as of the change returned last.
    pub const fn table(&self) -> &Table<U, Mapped> {
        self.join.table()
    }

    /// The caller's own value of a process.
    pub fn user_mut(&mut self, id: Id) -> Option<&mut U> {
        self.join.table_mut().user_mut(id)
    }

    /// The parent id of a process now. A look at `/proc` finds out, if its former parent has ended. `None` if
    /// the process has ended, or is not in the table.
    ///
    /// # Errors
    /// [`Error::Listener`]
    pub fn ppid(&mut self, id: Id) -> Result<Option<i32>, Error> {
        self.source.listener.check_owner()?;
        Ok(self.join.find_parent(&mut self.source, id)?)
    }

    /// Takes the process that has this pid into the scope, unless that is all processes. Its descendants
    /// follow, if the scope is [`Scope::Descendants`](crate::Scope::Descendants).
    ///
    /// [`recv`](Self::recv) returns it as found or started. A process that has not run yet, for example a
    /// child that was just forked, is waited for until it has.
    ///
    /// # Errors
    /// [`Error::NoSuchProcess`]; [`Error::TableFull`], [`Error::PidTooHigh`], [`Error::Listener`].
    pub fn add(&mut self, pid: i32) -> Result<(), Error> {
        self.source.listener.check_owner()?;
        loop {
            match self.join.choose(&mut self.source, pid)? {
                Choice::Taken => return Ok(()),
                Choice::Gone => return Err(Error::NoSuchProcess),
                Choice::NotYet => pause(PAUSE_NS),
            }
        }
    }

    /// Compares the table with `/proc`, as after a loss: [`recv`](Self::recv) returns the differences, and then
    /// [`Change::Synced`]. Losses lead to that by themselves.
    pub fn resync(&mut self) {
        self.join.resync();
    }

    /// As [`cnproc_sys::Listener::resume`]: finds out whether the kernel still generates events. If it did not, the table
    /// is compared with `/proc`.
    ///
    /// # Errors
    /// [`Error::Listener`]
    pub fn resume(&mut self) -> Result<Resumed, Error> {
        let resumed = self.source.listener.resume();
        if !matches!(resumed, Ok(Resumed::AlreadyOn | Resumed::Unknown)) {
            // Also after an error: events may have been off until now.
            self.join.resync();
            self.was_muted = true;
        }
        Ok(resumed?)
    }

    /// A handle of a process in the table, by which more of it can be read: see [`Process`].
    ///
    /// # Errors
    /// [`Error::NoSuchProcess`]: it has ended, or is not in the table; [`Error::Listener`].
    pub fn process(&mut self, id: Id) -> Result<Process, Error> {
        self.source.listener.check_owner()?;
        let table = self.join.table();
        let pid = table.get_id(id).filter(|_| table.is_live(id)).map(|entry| entry.pid);
        let pid = pid.ok_or(Error::NoSuchProcess)?;
        // First: if the pid is still its own after that, it was when this was opened.
        let process = match self.source.listener.process_of_pid(pid) {
            Err(cnproc_sys::Error::ProcessGone) => return Err(Error::NoSuchProcess),
            process => process?,
        };
        if self.join.is_current(&mut self.source, id)? {
            Ok(process)
        } else {
            Err(Error::NoSuchProcess)
        }
    }

    /// What the tracker and its listener have seen so far.
    pub fn stats(&self) -> Stats {
        let (comparisons, inferred) = self.join.counts();
        Stats {
            listener: self.source.listener.stats(),
            processes: self.table().len(),
            resyncs: comparisons.saturating_sub(1),
            inferred,
            memory_bytes: self.table().memory_bytes(),
        }
    }

    /// The descriptor, to wait on with `poll` or epoll: see [`cnproc_sys::Listener::raw_fd`]. Before polling, call
    /// [`recv`](Self::recv) with a zero timeout until it returns `None`.
    ///
    /// A scan may meet a process that has not run yet. It is returned by the first call after it has run, and the
    /// descriptor does not become readable for that alone: the next event of any process makes it so.
    pub fn raw_fd(&self) -> c_int {
        self.source.listener.raw_fd()
    }

    /// A handle by which other threads, and signal handlers, end the wait of a [`recv`](Self::recv).
    ///
    /// # Errors
    /// [`Error::Listener`]
    pub fn waker(&self) -> Result<Waker, Error> {
        Ok(self.source.listener.waker()?)
    }

    /// As [`cnproc_sys::Listener::check_owner`].
    ///
    /// # Errors
    /// [`Error::Listener`]: the tracker belongs to another process.
    pub fn check_owner(&self) -> Result<(), Error> {
        Ok(self.source.listener.check_owner()?)
    }

    /// As [`cnproc_sys::Listener::adopt`]: a forked child takes the tracker over.
    ///
    /// # Errors
    /// [`Error::Listener`]: another process has taken it over before.
    pub fn adopt(&mut self) -> Result<(), Error> {
        Ok(self.source.listener.adopt()?)
    }
}

/// What a tracker has seen since it was opened.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Stats {
    /// Its listener's.
    pub listener: cnproc_sys::Stats,
    /// Processes in the table.
    pub processes: usize,
    /// Comparisons with `/proc` completed, after the first.
    pub resyncs: u64,
    /// Changes that no event reported.
    pub inferred: u64,
    /// Memory that the table has in use.
    pub memory_bytes: usize,
}

#[cfg(feature = "std")]
impl<U: Copy + Default> std::os::fd::AsFd for Tracker<U> {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.source.listener.as_fd()
    }
}

#[cfg(feature = "std")]
impl<U: Copy + Default> std::os::fd::AsRawFd for Tracker<U> {
    fn as_raw_fd(&self) -> std::os::fd::RawFd {
        self.raw_fd()
    }
}

#[cfg(test)]
const _: () = {
    const fn is_send_and_sync<T: Send + Sync>() {}
    is_send_and_sync::<Tracker<u64>>();
};
