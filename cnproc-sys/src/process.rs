//! Facts about an event's process, and not about a later one with the same pid.

mod evidence;
mod files;
mod find;
mod handles;
mod identify;
#[cfg(feature = "std")]
mod owned;
mod sight;
mod stat;
mod status;
mod text;

pub use handles::Handle;
pub use identify::Identity;
#[doc(hidden)]
pub use sight::{Processes, Sight};
pub use status::Status;
pub use text::Text;

use crate::error::Error;
use crate::listener::{Batch, Listener, Probe, is_on};
use crate::sys::fd::Fd;
use cnproc_parse::{Event, EventData};
use evidence::Evidence;
use find::{find, is_thread, may_be_thread};
use identify::{Candidate, identify};
use status::has_been_on_a_cpu;

/// The process of an event, found by [`Listener::process`].
///
/// An event carries a pid, and by the time it is read that pid may belong to another process. A `Process`
/// is a descriptor of the directory `/proc/PID`, which the kernel binds to one process for good: all facts
/// are read through it, so all belong to the same process, and once that process has been reaped they fail
/// with [`Error::ProcessGone`]. What has to be shown is that the directory is that of the *event's* process.
///
/// # What is proven
///
/// Suppose that the directory belongs to another process. That process took over the pid after the event,
/// because until then the event's process had it. Either of two observations contradicts that:
///
/// - **It started before the event.** The kernel records a start after it has allocated the pid (since
///   Linux 5.0). `/proc/PID/stat` has it in ticks of 10 ms, so it must be a whole tick earlier. Lost
///   events do not matter here.
/// - **It was not forked after the event.** Every process is announced by FORK before it first runs. So
///   if it has run (it took a page fault or a tick, or was on a CPU), and the stream, read to its end
///   *after* that was seen, contains no FORK of that pid since the event, there was none. Nothing may be
///   missing: no loss, no filter that leaves out [`EventMask::FORK`], nothing unread, and no time in which
///   the kernel generated no events. That time would end with another process's LISTEN, which the kernel
///   acknowledges to all listeners, or last until now. So no such acknowledgement may follow the event,
///   and the kernel must generate an event, or acknowledge a request, after the process was seen to have
///   run.
///
/// Either makes it [`Identity::Proven`]. In both cases the directory's own number, the first in its `stat`,
/// must be the event's pid: a thread that calls execve takes its leader's pid, and a lookup in between
/// leads to another process's directory. Nor may the pid be a thread's: its FORK would be in the stream, or
/// the process's id in `status` is another.
///
/// The proof does not rest on EXIT: the kernel sends it after it has notified the parent, when the pid may
/// already be free, and also sends it when the process lives on (another thread calls execve, or outlives
/// the leader).
///
/// The process is refused, with [`Error::ProcessGone`], if it started after the event, or a FORK of its
/// pid followed the event; or if its leader's EXIT did, unless it is proven.
///
/// Otherwise the result is [`Identity::Likely`]: it is consistent with all evidence, but the process is
/// younger than a tick, and events were lost since or are filtered out, or another listener was opened
/// since, or an earlier [`recv`](Listener::recv) than the last received the event, or the process has not
/// run yet. An [`Exit`](crate::Exit) and a [`Ptrace`](crate::Ptrace) are Likely at most: they may be sent
/// when the pid no longer belongs to their process. After an Exit of the leader only the zombie can be
/// found, until it is reaped.
///
/// # Assumptions
///
/// The proofs rest on what the kernel reports. Before Linux 5.0 (4.19.16) a delayed fork could carry an
/// earlier start. With a filter, no count includes an event for which the kernel had no memory. The event
/// must be as it was received.
///
/// # Which program
///
/// One process may run one program after another. [`Listener::replaced`] returns whether it has done so
/// since the event.
///
/// [`EventMask::FORK`]: crate::EventMask::FORK
#[derive(Debug)]
pub struct Process {
    directory: Fd,
    tgid: i32,
    /// The event by which it was asked for.
    event: Option<Event>,
    identity: Identity,
    /// How far the clock of starts is ahead.
    lead_ns: u64,
}

/// Space for the part of `/proc/PID/stat` that is read, and of `/proc/PID/status`: that before the groups.
const STAT_SIZE: usize = 2048;

/// Whether a process has run another program since an event, by execve.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Replaced {
    /// No EXEC followed, and nothing is missing in the stream.
    No,
    /// An EXEC followed: what was read may be of a later program than that of the event.
    Yes,
    /// No EXEC was seen, but events were lost, or are filtered out, or the event was received by an
    /// earlier call than the last.
    Unknown,
}

impl Listener {
    /// Finds the process of an event: for a [`Fork`](crate::Fork), the child.
    ///
    /// Ask before the next [`recv`](Self::recv), while everything that followed the event is still known.
    /// The socket's queue is read to its end, as far as there is room (16,384 events): nothing of it is
    /// lost to the caller, and each event is looked at once, however many processes are asked for. The call
    /// takes nine system calls, or twelve where FORKs of threads are not in the stream, and no allocation.
    ///
    /// # Errors
    /// [`Error::ProcessGone`]: it is gone, or its pid may belong to another process. [`Error::ProcessHidden`],
    /// [`Error::NoProcfs`]; [`Error::NotOfProcess`] for an acknowledgement or an unknown event;
    /// [`Error::Forked`], and [`Error::System`].
    pub fn process(&mut self, event: &Event) -> Result<Process, Error> {
        self.process_with(event, |_| ()).map(|(process, ())| process)
    }

    /// As [`process`](Self::process), and reads facts first: they are those of the same process, because they
    /// are read through the same directory.
    ///
    /// A program that ends soon is gone before it is identified. `read` is called as soon as the directory is
    /// open, which takes one system call; it may be called again if pids changed hands meanwhile. Until this
    /// returns, nothing is known of the process: what `read` returned is worthless after an error.
    ///
    /// ```no_run
    /// # use cnproc_sys::{Error, Event, Listener};
    /// # fn f(listener: &mut Listener, event: &Event) -> Result<(), Error> {
    /// let (process, cmdline) = listener.process_with(event, |process| process.cmdline())?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// Those of [`process`](Self::process).
    pub fn process_with<T>(
        &mut self,
        event: &Event,
        mut read: impl FnMut(&Process) -> T,
    ) -> Result<(Process, T), Error> {
        self.check_owner()?;
        let tgid = event.process_tgid().filter(|tgid| *tgid > 0).ok_or(Error::NotOfProcess)?;
        let mut value = None;
        let process =
            self.identify(event, &event.data(), tgid, &mut |process| value = Some(read(process)))?;
        value.map(|value| (process, value)).ok_or(Error::ProcessGone)
    }

    /// Finds the parent that a [`Fork`](crate::Fork) names, as [`process`](Self::process) finds the child.
    ///
    /// It is [`Identity::Likely`] at most: with CLONE_PARENT the kernel names the creator's parent, which may
    /// have ended by then.
    ///
    /// # Errors
    /// Those of [`process`](Self::process); [`Error::NotOfProcess`] for an event other than FORK.
    pub fn parent(&mut self, event: &Event) -> Result<Process, Error> {
        self.check_owner()?;
        let EventData::Fork(fork) = event.data() else { return Err(Error::NotOfProcess) };
        let tgid = Some(fork.parent_tgid).filter(|tgid| *tgid > 0).ok_or(Error::NotOfProcess)?;
        let process = self.identify(event, &EventData::Fork(fork), tgid, &mut |_| ())?;
        Ok(Process { identity: Identity::Likely, ..process })
    }

    /// Opens the process that has a pid now, though no event named it. It is identified from now on: all
    /// facts are those of that one process.
    ///
    /// # Errors
    /// [`Error::ProcessGone`]: no process has that pid; it may be a thread's id. [`Error::ProcessHidden`],
    /// [`Error::NoProcfs`], [`Error::Forked`], and [`Error::System`].
    pub fn process_of_pid(&mut self, pid: i32) -> Result<Process, Error> {
        self.check_owner()?;
        if pid <= 0 {
            return Err(Error::ProcessGone);
        }
        let lead_ns = self.procfs.lead_ns();
        let (process, _) = find(self.procfs.directory()?, pid, lead_ns, &mut |_| ())?;
        if is_thread(&process)? {
            return Err(Error::ProcessGone);
        }
        Ok(Process { identity: Identity::Proven, ..process })
    }

    fn identify(
        &mut self,
        event: &Event,
        data: &EventData,
        tgid: i32,
        read: &mut dyn FnMut(&Process),
    ) -> Result<Process, Error> {
        let lead_ns = self.procfs.lead_ns();
        let (process, stat) = find(self.procfs.directory()?, tgid, lead_ns, read)?;
        let is_thread_marked = may_be_thread(&stat) && is_thread(&process)?;
        // Before the stream is read.
        let has_run = stat.effort > 0 || has_been_on_a_cpu(&process)?;
        let now = self.socket.now();
        let start = self.procfs.start(stat.start_ticks, event.timestamp_ns);
        let mut candidate = Candidate { stat, is_thread: is_thread_marked, start, has_run };
        let evidence = if candidate.needs_the_stream() {
            self.confirmed_evidence(event, tgid, now)?
        } else {
            self.evidence(event, tgid)?
        };
        // A thread that calls execve meanwhile had no mark any more. If the stream does not show its FORK, its
        // process's id does.
        if !evidence.all_forks || self.stream.filter().skip_threads {
            candidate.is_thread |= is_thread(&process)?;
        }
        let identity = identify(data, &candidate, &evidence).ok_or(Error::ProcessGone)?;
        Ok(Process { event: Some(*event), identity, ..process })
    }

    /// Whether the process has run another program since the event: ask after reading facts that must
    /// belong to the same program, such as its command line.
    ///
    /// EXEC is sent when the execve is complete. For a moment before that, as a rule well below a
    /// millisecond, facts already belong to the new program, and this still returns `No`.
    ///
    /// # Errors
    /// [`Error::Forked`], and [`Error::System`].
    pub fn replaced(&mut self, process: &Process) -> Result<Replaced, Error> {
        self.check_owner()?;
        let Some(event) = process.event else { return Ok(Replaced::Unknown) };
        let now = self.socket.now();
        let evidence = self.confirmed_evidence(&event, process.tgid, now)?;
        Ok(match evidence {
            _ if evidence.replaced => Replaced::Yes,
            _ if evidence.all_execs => Replaced::No,
            _ => Replaced::Unknown,
        })
    }

    /// The evidence, complete only if the kernel generated events at `now_ns` or later, and if nothing shows
    /// that it did not in between.
    fn confirmed_evidence(
        &mut self,
        event: &Event,
        tgid: i32,
        now_ns: u64,
    ) -> Result<Evidence, Error> {
        let evidence = self.evidence(event, tgid)?;
        if !evidence.is_complete() || self.stream.newest_ns() > now_ns {
            return Ok(evidence);
        }
        if is_on(&mut self.socket, &mut self.stream)? != Probe::Answered {
            return Ok(evidence.incomplete());
        }
        self.evidence(event, tgid)
    }

    fn evidence(&mut self, event: &Event, tgid: i32) -> Result<Evidence, Error> {
        let Self { socket, stream, procfs, .. } = self;
        let evidence = Evidence::collect(socket, stream, event, tgid)?;
        if procfs.clocks_are_unchanged() {
            return Ok(evidence);
        }
        // When losses became known was noted on another clock.
        Ok(evidence.incomplete())
    }
}

impl Batch<'_> {
    /// [`Listener::process`], while the batch is being read.
    ///
    /// ```no_run
    /// # use cnproc_sys::{Listener, Delivery};
    /// # let mut connector = Listener::options().open()?;
    /// let Some(mut batch) = connector.recv(None)? else { return Ok(()) };
    /// while let Some(delivery) = batch.next() {
    ///     let Delivery::Event(event) = delivery else { continue };
    ///     if let Ok(process) = batch.process(&event) {
    ///         println!("{:?}: {}", process.identity(), process.cmdline()?.escape_ascii());
    ///     }
    /// }
    /// # Ok::<(), cnproc_sys::Error>(())
    /// ```
    ///
    /// # Errors
    /// Those of [`Listener::process`].
    pub fn process(&mut self, event: &Event) -> Result<Process, Error> {
        self.listener().process(event)
    }

    /// [`Listener::process_with`], while the batch is being read.
    ///
    /// # Errors
    /// Those of [`Listener::process`].
    pub fn process_with<T>(
        &mut self,
        event: &Event,
        read: impl FnMut(&Process) -> T,
    ) -> Result<(Process, T), Error> {
        self.listener().process_with(event, read)
    }

    /// [`Listener::replaced`], while the batch is being read.
    ///
    /// # Errors
    /// Those of [`Listener::replaced`].
    pub fn replaced(&mut self, process: &Process) -> Result<Replaced, Error> {
        self.listener().replaced(process)
    }
}

impl Process {
    /// Its process id.
    pub const fn tgid(&self) -> i32 {
        self.tgid
    }

    /// How sure it is that it is the event's process.
    pub const fn identity(&self) -> Identity {
        self.identity
    }
}
