//! Facts that are numbers: parent, ids, session, threads, state, start.

use super::files::{read_stat, read_whole, status_lines};
use super::find::{ATTEMPTS, pause_after};
use super::stat::{self, Stat};
use super::{Process, STAT_SIZE};
use crate::error::Error;
use crate::procfs::monotonic;

/// What `/proc/PID/stat` and `/proc/PID/status` contain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Status {
    /// The parent; 0 if it is in an outer pid namespace, or the kernel.
    pub ppid: i32,
    /// Real user id, as all ids in the initial user namespace.
    pub ruid: u32,
    /// Effective user id.
    pub euid: u32,
    /// Real group id.
    pub rgid: u32,
    /// Effective group id.
    pub egid: u32,
    /// The session.
    pub sid: i32,
    /// The number of its threads.
    pub threads: u32,
    /// The state of its leader, as in `/proc/PID/stat`: `b'R'`, `b'S'`, …; `b'Z'` is a zombie.
    pub state: u8,
    /// When it started: nanoseconds of CLOCK_MONOTONIC, at most 10 ms too early; more if the machine
    /// was suspended since, by as much as that.
    pub start_time_ns: u64,
}

impl Process {
    /// Parent, ids, session, threads, state, start.
    ///
    /// # Errors
    /// [`Error::ProcessGone`], [`Error::ProcessHidden`], [`Error::System`].
    pub fn status(&self) -> Result<Status, Error> {
        let stat = self.stat()?;
        let mut lines = [0; STAT_SIZE];
        let lines = status_lines(&self.directory, self.tgid, &mut lines)?;
        let ids = |name| stat::ids(lines, name).ok_or(Error::ProcessUnreadable);
        let ((ruid, euid), (rgid, egid)) = (ids(b"Uid:")?, ids(b"Gid:")?);
        Ok(Status {
            ppid: stat.ppid,
            ruid,
            euid,
            rgid,
            egid,
            sid: stat.session,
            threads: stat.threads,
            state: stat.state,
            start_time_ns: monotonic(stat.start_ticks, self.lead_ns),
        })
    }

    /// Its pid inside its own pid namespace, which is the one that its own programs see: 1 for the init
    /// process of a container. Linux 4.1; the pid itself before.
    ///
    /// # Errors
    /// [`Error::ProcessGone`], [`Error::ProcessHidden`], [`Error::System`].
    pub fn nspid(&self) -> Result<i32, Error> {
        let mut lines = [0; STAT_SIZE];
        let lines = status_lines(&self.directory, self.tgid, &mut lines)?;
        Ok(stat::nspid(lines).unwrap_or(self.tgid))
    }

    pub(super) fn stat(&self) -> Result<Stat, Error> {
        for attempt in 0..ATTEMPTS {
            let stat = read_stat(&self.directory, self.tgid)?;
            if stat.is_of(self.tgid) {
                return Ok(stat);
            }
            pause_after(attempt);
        }
        Err(Error::ProcessGone)
    }
}

/// Room for `/proc/PID/status` on machines with thousands of CPUs.
const STATUS_SIZE: usize = 8192;

/// Whether a process has run: how often it has been given a CPU, as the scheduler counts with CONFIG_SCHED_INFO.
pub(super) fn has_been_on_a_cpu(process: &Process) -> Result<bool, Error> {
    let mut line = [0; 64];
    let times = match read_whole(&process.directory, process.tgid, c"schedstat", &mut line) {
        Err(Error::ProcessGone) => return Ok(false),
        // Or the kernel has no such file.
        Err(Error::ProcessHidden) => None,
        line => stat::times_run(line?),
    };
    times.map_or_else(|| has_left_a_cpu(process), |times| Ok(times > 0))
}

/// Whether a process has run and has let another run since, which all kernels count.
#[cold]
fn has_left_a_cpu(process: &Process) -> Result<bool, Error> {
    let mut lines = [0; STATUS_SIZE];
    match read_whole(&process.directory, process.tgid, c"status", &mut lines) {
        Err(Error::ProcessHidden | Error::ProcessGone) => Ok(false),
        lines => Ok(stat::switches(lines?) > 0),
    }
}
