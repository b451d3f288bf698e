//! What a process is at one moment, for a table of processes.

use super::files::{of_process, read_stat, status_lines};
use super::find::{find, is_thread, may_be_thread};
use super::stat::{self, Stat};
use super::status::has_been_on_a_cpu;
use super::{Process, STAT_SIZE};
use crate::error::{Call, Error};
use crate::listener::Listener;
use crate::procfs::{Listing, boot_ns};
use crate::sys::{file, is};
use core::ffi::CStr;

/// A process as one look at `/proc/PID` showed it.
#[doc(hidden)]
#[derive(Clone, Copy, Debug)]
pub struct Sight {
    /// Whether it never runs a program.
    pub is_kernel_thread: bool,
    /// Whether its leader is a zombie.
    pub is_zombie: bool,
    /// Whether another of its threads lives. Read only of a zombie.
    pub has_live_threads: bool,
    /// The exit code that the kernel shows of a zombie: not 0, and the process's own (Linux 5.17).
    pub exit_code: Option<u32>,
    /// When it started: CLOCK_BOOTTIME, rounded down to a clock tick.
    pub start_ns: u64,
    /// Whether it has run.
    pub has_run: bool,
    /// How many threads it has.
    pub threads: u32,
    /// Its parent.
    pub ppid: i32,
    /// Its session.
    pub sid: i32,
    /// Its name.
    pub comm: [u8; 16],
    /// Real and effective user id, real and effective group id.
    pub ids: Option<[u32; 4]>,
}

/// Since then `exit_code` in `/proc/PID/stat` is that of the process, not of its leader.
const EXIT_CODE_OF_THE_PROCESS: (u32, u32) = (5, 17);

impl Listener {
    /// Looks at the process that has a pid now. `read` may read its texts first; it may be called again, and
    /// what the last call has read counts. `None`: no process has the pid.
    ///
    /// # Errors
    /// [`Error::ProcessHidden`], [`Error::ProcessUnreadable`], [`Error::NoProcfs`], [`Error::System`].
    #[doc(hidden)]
    pub fn sight(
        &mut self,
        pid: i32,
        with_ids: bool,
        read: &mut dyn FnMut(&Process),
    ) -> Result<Option<Sight>, Error> {
        let lead_ns = self.procfs.lead_ns();
        let kernel = self.procfs.kernel_version();
        let mut ids = Ok(None);
        let found = find(self.procfs.directory()?, pid, lead_ns, &mut |process| {
            ids = if with_ids { ids_if_shown(process) } else { Ok(None) };
            read(process);
        });
        let (process, stat) = match found {
            Ok(found) => found,
            Err(Error::ProcessGone) => return Ok(None),
            Err(error) => return Err(error),
        };
        match look(&process, &stat, kernel) {
            Ok(None) => Ok(None),
            Ok(Some(sight)) => Ok(Some(Sight { ids: ids?, ..sight })),
            Err(Error::ProcessGone) => Ok(None),
            // It has ended, and another process has its pid.
            Err(Error::ProcessHidden) if read_stat(&process.directory, pid).is_err() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Begins to list the processes of `/proc`.
    ///
    /// # Errors
    /// [`Error::NoProcfs`], [`Error::System`].
    #[doc(hidden)]
    pub fn list_processes(&mut self) -> Result<Processes, Error> {
        Listing::open(self.procfs.directory()?, c".").map(Processes)
    }
}

/// The pids that `/proc` lists, in increasing order.
#[doc(hidden)]
#[derive(Debug)]
pub struct Processes(Listing);

impl Processes {
    /// The next one.
    ///
    /// # Errors
    /// [`Error::System`]
    pub fn next_pid(&mut self) -> Result<Option<i32>, Error> {
        self.0.next()
    }
}

fn look(process: &Process, stat: &Stat, kernel: (u32, u32)) -> Result<Option<Sight>, Error> {
    if may_be_thread(stat) && is_thread(process)? {
        return Ok(None);
    }
    let is_zombie = is_dead(stat);
    let exit_code = (is_zombie && stat.exit_code != 0 && kernel >= EXIT_CODE_OF_THE_PROCESS)
        .then_some(stat.exit_code);
    Ok(Some(Sight {
        is_kernel_thread: stat.is_kernel_thread(),
        is_zombie,
        has_live_threads: is_zombie && stat.threads > 1 && has_live_threads(process)?,
        exit_code,
        start_ns: boot_ns(stat.start_ticks),
        has_run: stat.effort > 0 || has_been_on_a_cpu(process)?,
        threads: stat.threads,
        ppid: stat.ppid,
        sid: stat.session,
        comm: stat.comm,
        ids: None,
    }))
}

const fn is_dead(stat: &Stat) -> bool {
    matches!(stat.state, b'Z' | b'X' | b'x')
}

/// Whether a thread lives of a process whose leader is a zombie: one that a tracer has not waited for is a
/// zombie, too.
fn has_live_threads(process: &Process) -> Result<bool, Error> {
    let of_process = |error| of_process(error, process.tgid);
    let tasks = file::open_directory(Call::OpenProcess, Some(&process.directory), c"task")
        .map_err(of_process)?;
    let mut threads = Listing::open(&tasks, c".").map_err(of_process)?;
    while let Some(thread) = threads.next().map_err(of_process)? {
        let mut path = [0; 32];
        let mut line = [0; STAT_SIZE];
        let stat = file::open_file(Call::OpenProcess, &tasks, stat_of(thread, &mut path))
            .and_then(|stat| file::read(Call::ReadProcess, &stat, &mut line));
        let count = match stat {
            Ok(count) => count,
            // It has ended since it was listed. One that a sandbox hides may live.
            Err(error) if is(&error, libc::ENOENT) || is(&error, libc::ESRCH) => continue,
            Err(error) => return Err(of_process(error)),
        };
        let stat = Stat::parse(line.get(..count).unwrap_or_default());
        let stat = stat.ok_or(Error::ProcessUnreadable)?;
        if !is_dead(&stat) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The path of a thread's `stat`, below `task`.
fn stat_of(thread: i32, path: &mut [u8; 32]) -> &CStr {
    let mut name = [0; 12];
    let name = super::find::decimal(thread.unsigned_abs(), &mut name).to_bytes();
    let bytes = name.iter().chain(b"/stat");
    for (to, from) in path.iter_mut().zip(bytes) {
        *to = *from;
    }
    CStr::from_bytes_until_nul(path).unwrap_or_default()
}

/// None if the process is hidden, or gone.
fn ids_if_shown(process: &Process) -> Result<Option<[u32; 4]>, Error> {
    match read_ids(process) {
        Err(Error::ProcessHidden | Error::ProcessGone | Error::ProcessUnreadable) => Ok(None),
        ids => ids.map(Some),
    }
}

fn read_ids(process: &Process) -> Result<[u32; 4], Error> {
    let mut lines = [0; STAT_SIZE];
    let lines = status_lines(&process.directory, process.tgid, &mut lines)?;
    let ids = |name| stat::ids(lines, name).ok_or(Error::ProcessUnreadable);
    let ((ruid, euid), (rgid, egid)) = (ids(b"Uid:")?, ids(b"Gid:")?);
    Ok([ruid, euid, rgid, egid])
}
