//! Facts about an event's process, which can't be another's.

mod clock;
mod facts;
mod stat;
mod verdict;

pub use facts::Status;
pub use verdict::Identity;

use crate::call::Call;
use crate::connector::{Batch, Connector};
use crate::errno::Errno;
use crate::error::Error;
use crate::fd::Fd;
use crate::syscall;
use clock::Clocks;
use cnproc_parse::Event;
use core::ffi::CStr;
use facts::STAT_SIZE;
use stat::Stat;
use verdict::{Found, verdict};

/// The process of an event: [`Connector::process`] finds it.
///
/// An event bears a pid, and by the time it is read that pid may be another process's. A `Process` is a
/// descriptor of the directory `/proc/PID`, which the kernel binds to one process for good: all facts
/// are read through it, so all are of one process, and once that process has been waited for they fail
/// with [`Error::ProcessGone`]. What is to be shown is that the directory is the *event's* process's.
///
/// # What is proven
///
/// Suppose that it is another's. Its process took over the pid after the event, for until then the
/// event's process had it. Either of two observations contradicts that:
///
/// - **It started before the event.** The kernel records a start after it has allocated the pid (since
///   Linux 5.0). `/proc/PID/stat` tells it in ticks of 10 ms, so it must be a whole tick earlier. Lost
///   events do not matter here.
/// - **It was not forked after the event.** Every process is announced by FORK before it runs for the
///   first time. So if it has run (it took a page fault or a tick, or was on a CPU), and the stream, read
///   to its end *after* that was seen, holds no FORK of that pid since the event, there was none. Nothing
///   may be missing: no loss, no filter that leaves out [`EventMask::FORK`], nothing unread.
///
/// Either makes it [`Identity::Proven`]. It does not rest on EXIT, which does not tell: EXIT of a leader
/// is sent after the parent was told, when the pid may already be free, and is also sent when the
/// process lives on (another thread calls execve, or outlives the leader).
///
/// The process is refused, with [`Error::ProcessGone`], if it started after the event, or a FORK of its
/// pid followed the event; or if its leader's EXIT did, unless it is proven.
///
/// All else is [`Identity::Likely`]: nothing speaks against it, but of a process that is not a tick old
/// yet, events were lost since, or are filtered out, or the event was received by an earlier
/// [`recv`](Connector::recv) than the last, or it has not run yet. An [`Exit`](crate::Exit) and a
/// [`Ptrace`](crate::Ptrace) are Likely at most: they may be sent when the pid is no longer their
/// process's. Of an Exit of the leader there is only the zombie to be found, until it is waited for.
///
/// # What remains
///
/// Proofs rest on what the kernel says. Before Linux 5.0 (4.19.16) a fork that was held up could bear an
/// earlier start. Before 6.6 any process with CAP_NET_ADMIN can switch events off for all:
/// [`Connector::check`] finds out. Behind a filter, an event for which the kernel had no memory is
/// missed by all accounts. The event must be as it was received.
///
/// # Which program
///
/// One process may run one program after another. [`Connector::replaced`] tells whether it has done so
/// since the event.
///
/// [`EventMask::FORK`]: crate::EventMask::FORK
#[derive(Debug)]
pub struct Process {
    directory: Fd,
    event: Event,
    tgid: i32,
    identity: Identity,
    /// How far the clock of starts is ahead.
    lead_ns: u64,
}

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

/// The way to processes: `/proc`, once it has been needed, and its clocks.
#[derive(Debug)]
pub(crate) struct Procfs {
    directory: Option<Fd>,
    clocks: Clocks,
}

impl Procfs {
    pub(crate) fn new() -> Self {
        Self { directory: None, clocks: Clocks::new() }
    }

    /// `/proc`, if it is that of this process's pid namespace, which is the events'.
    fn directory(&mut self) -> Result<&Fd, Error> {
        if self.directory.is_none() {
            let directory = syscall::open_directory(None, c"/proc").map_err(no_procfs)?;
            // In that of another namespace this process is not to be found.
            syscall::readlinkat(&directory, c"self", &mut [0; 12]).map_err(no_procfs)?;
            self.directory = Some(directory);
        }
        self.directory.as_ref().ok_or(Error::NoProcfs)
    }
}

const fn no_procfs(errno: Errno) -> Error {
    match errno.raw() {
        libc::ENOENT | libc::ENOTDIR | libc::EINVAL => Error::NoProcfs,
        _ => Error::System { call: Call::OpenProc, errno },
    }
}

impl Connector {
    /// Finds the process of an event: of a [`Fork`](crate::Fork), the child.
    ///
    /// Ask before the next [`recv`](Self::recv), while all that followed the event is at hand. The
    /// socket's queue is read to its end, as far as there is room (16,384 events): nothing of it is
    /// lost to the caller. In all this takes six system calls and no allocation.
    ///
    /// # Errors
    /// [`Error::ProcessGone`]: it is gone, or its pid is another's by now. [`Error::ProcessHidden`],
    /// [`Error::NoProcfs`]; [`Error::NotOfProcess`] of an acknowledgement or an unknown event;
    /// [`Error::ChildProcess`], and [`Error::System`].
    pub fn process(&mut self, event: &Event) -> Result<Process, Error> {
        self.check_owner()?;
        let tgid = event.process_tgid().filter(|tgid| *tgid > 0).ok_or(Error::NotOfProcess)?;
        let (directory, stat) = find(self.procfs.directory()?, tgid)?;
        // Only of a process is there a pidfd, also in the midst of an execve by a thread of it.
        let is_thread = stat.exit_signal == -1 && syscall::pidfd_open(tgid).is_err();
        // Before the stream is read.
        let has_run = stat.effort > 0 || facts::has_been_on_a_cpu(&directory);
        let since = self.since(event, tgid)?;
        let start = self.procfs.clocks.start(stat.start_ticks, event.timestamp_ns);
        let identity = verdict(&event.data(), &Found { stat, is_thread, start, has_run }, &since)
            .ok_or(Error::ProcessGone)?;
        let lead_ns = self.procfs.clocks.lead_ns();
        Ok(Process { directory, event: *event, tgid, identity, lead_ns })
    }

    /// Whether the process has run another program since the event: ask after having read what must
    /// be of the same program, such as its command line.
    ///
    /// EXEC is sent when all is done. Between the moment at which the kernel puts the new program in
    /// place and that, which is well below a millisecond as a rule, facts are of the new program, and
    /// this is `No` yet.
    ///
    /// # Errors
    /// [`Error::ChildProcess`], and [`Error::System`].
    pub fn replaced(&mut self, process: &Process) -> Result<Replaced, Error> {
        self.check_owner()?;
        let since = self.since(&process.event, process.tgid)?;
        Ok(match since {
            _ if since.replaced => Replaced::Yes,
            _ if since.all_execs => Replaced::No,
            _ => Replaced::Unknown,
        })
    }
}

impl Batch<'_> {
    /// [`Connector::process`], while the batch is being read.
    ///
    /// ```no_run
    /// # use cnproc_sys::{Connector, Delivery};
    /// # let mut connector = Connector::options().open()?;
    /// let Some(mut batch) = connector.recv(None)? else { return Ok(()) };
    /// while let Some(delivery) = batch.next() {
    ///     let Delivery::Event(event) = delivery else { continue };
    ///     if let Ok(process) = batch.process(&event) {
    ///         let mut command = [0; 4096];
    ///         let length = process.cmdline(&mut command)?.min(command.len());
    ///         println!("{:?}: {}", process.identity(), command[..length].escape_ascii());
    ///     }
    /// }
    /// # Ok::<(), cnproc_sys::Error>(())
    /// ```
    ///
    /// # Errors
    /// Those of [`Connector::process`].
    pub fn process(&mut self, event: &Event) -> Result<Process, Error> {
        self.connector().process(event)
    }

    /// [`Connector::replaced`], while the batch is being read.
    ///
    /// # Errors
    /// Those of [`Connector::replaced`].
    pub fn replaced(&mut self, process: &Process) -> Result<Replaced, Error> {
        self.connector().replaced(process)
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

/// The process that has that id now: its directory, and what it tells at once.
fn find(procfs: &Fd, tgid: i32) -> Result<(Fd, Stat), Error> {
    let mut name = [0; 12];
    syscall::open_directory(Some(procfs), decimal(tgid.unsigned_abs(), &mut name))
        .map_err(|errno| of_process(Call::OpenProcess, errno))
        .and_then(|directory| read_stat(&directory).map(|stat| (directory, stat)))
        .map_err(|error| match error {
            // With hidepid, what one may not see does not exist. To signals it does.
            Error::ProcessGone if syscall::is_forbidden_to_signal(tgid) => Error::ProcessHidden,
            error => error,
        })
}

fn read_stat(directory: &Fd) -> Result<Stat, Error> {
    let mut line = [0; STAT_SIZE];
    let line = facts::read_whole(directory, c"stat", &mut line)?;
    Stat::parse(line)
        .ok_or(Error::System { call: Call::ReadProcess, errno: Errno::new(libc::EBADMSG) })
}

/// What it means if a file that every process has can't be had.
const fn of_process(call: Call, errno: Errno) -> Error {
    match errno.raw() {
        libc::ENOENT | libc::ESRCH => Error::ProcessGone,
        libc::EPERM | libc::EACCES => Error::ProcessHidden,
        _ => Error::System { call, errno },
    }
}

/// A number as the name of a file.
fn decimal(mut number: u32, bytes: &mut [u8; 12]) -> &CStr {
    let mut start = bytes.len() - 1;
    for (index, byte) in bytes.iter_mut().enumerate().rev().skip(1) {
        (*byte, start) = (b'0' + (number % 10) as u8, index);
        number /= 10;
        if number == 0 {
            break;
        }
    }
    CStr::from_bytes_until_nul(bytes.get(start..).unwrap_or_default()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_file_names() {
        for number in [0, 1, 9, 10, 32768, 4_194_304, u32::MAX] {
            let mut bytes = [0; 12];
            assert_eq!(decimal(number, &mut bytes).to_str().unwrap(), number.to_string());
        }
    }
}
