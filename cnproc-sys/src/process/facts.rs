//! The facts, each read through the process's directory.
//!
//! Lengths are whole, also where the caller's buffer is not: as with `snprintf`.

use super::stat::{self, ids, times_run};
use super::{Process, of_process, read_stat};
use crate::error::{Call, Error};
use crate::procfs::monotonic;
#[cfg(feature = "std")]
use crate::sys::fd;
use crate::sys::fd::Fd;
use crate::sys::{self, file, process};
use core::ffi::{CStr, c_int};

/// What `/proc/PID/stat` and `/proc/PID/status` tell of a process.
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
    /// How many threads it has.
    pub threads: u32,
    /// The state of its leader, as in `/proc/PID/stat`: `b'R'`, `b'S'`, …; `b'Z'` is a zombie.
    pub state: u8,
    /// When it started: nanoseconds of CLOCK_MONOTONIC, 10 ms too early at most; more if the machine
    /// was suspended since, by as much as that.
    pub start_time_ns: u64,
}

/// Room for what is needed of `/proc/PID/stat`, and of `/proc/PID/status`: that before the groups.
pub(super) const STAT_SIZE: usize = 2048;

/// What a link in `/proc` can hold: a page less the NUL; of 64 KiB, none is so long.
const PATH_MAX: usize = 4096;

impl Process {
    /// Its command line: the bytes of `/proc/PID/cmdline`, each argument ended by a NUL. Returns how long
    /// it is; what does not fit in `buffer` is left out.
    ///
    /// 0 of a kernel thread, of a zombie, for a moment in the middle of execve, and of a process that has
    /// erased it. A process may write there what it likes. What fits in `buffer` is read at once: of one
    /// program, not of two in succession.
    ///
    /// # Errors
    /// [`Error::ProcessGone`], [`Error::ProcessHidden`], [`Error::System`].
    pub fn cmdline(&self, buffer: &mut [u8]) -> Result<usize, Error> {
        self.file(c"cmdline", buffer)
    }

    /// Its name: at most 15 bytes, of a kernel thread more. It, or its threads, may have chosen it. Returns
    /// how long it is; what does not fit in `buffer` is left out.
    ///
    /// # Errors
    /// [`Error::ProcessGone`], [`Error::ProcessHidden`], [`Error::System`].
    pub fn comm(&self, buffer: &mut [u8]) -> Result<usize, Error> {
        let mut line = [0; 256];
        let line = read_whole(&self.directory, c"comm", &mut line)?;
        Ok(copy(line.strip_suffix(b"\n").unwrap_or(line), buffer))
    }

    /// Its control groups: the lines of `/proc/PID/cgroup`. Returns how long they are; what does not fit
    /// in `buffer` is left out. 0 if the kernel has none.
    ///
    /// # Errors
    /// [`Error::ProcessGone`], [`Error::ProcessHidden`], [`Error::System`].
    pub fn cgroup(&self, buffer: &mut [u8]) -> Result<usize, Error> {
        self.if_any(self.file(c"cgroup", buffer))
    }

    /// The path of its program, as the kernel tells it: with ` (deleted)` behind if it has been deleted.
    /// Returns how long it is; what does not fit in `buffer` is left out.
    ///
    /// 0 of a kernel thread and of a zombie: they have none.
    ///
    /// # Errors
    /// [`Error::ProcessHidden`] without the right to trace it; [`Error::ProcessGone`],
    /// [`Error::System`].
    pub fn exe(&self, buffer: &mut [u8]) -> Result<usize, Error> {
        self.link(c"exe", buffer)
    }

    /// The path of its working directory, as [`exe`](Self::exe). 0 of a zombie.
    ///
    /// # Errors
    /// Those of [`exe`](Self::exe).
    pub fn cwd(&self, buffer: &mut [u8]) -> Result<usize, Error> {
        self.link(c"cwd", buffer)
    }

    /// Parent, ids, session, threads, state, start.
    ///
    /// # Errors
    /// [`Error::ProcessGone`], [`Error::ProcessHidden`], [`Error::System`].
    pub fn status(&self) -> Result<Status, Error> {
        let stat = read_stat(&self.directory)?;
        let mut lines = [0; STAT_SIZE];
        let lines = read_whole(&self.directory, c"status", &mut lines)?;
        let ids = |name| ids(lines, name).ok_or(Error::ProcessUnreadable);
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

    /// A descriptor of the process, by which it can be signalled and waited for without mistaking it:
    /// close-on-exec, and the caller's to close. Linux 5.3.
    ///
    /// # Errors
    /// [`Error::NoPidfd`], [`Error::ProcessGone`], [`Error::System`].
    #[cfg(feature = "std")]
    pub fn pidfd(&self) -> Result<std::os::fd::OwnedFd, Error> {
        self.open_pidfd().map(fd::owned)
    }

    /// [`pidfd`](Self::pidfd), as a number.
    ///
    /// # Errors
    /// Those of [`pidfd`](Self::pidfd).
    pub fn raw_pidfd(&self) -> Result<c_int, Error> {
        self.open_pidfd().map(Fd::into_raw)
    }

    /// It names the process by its pid. If the process is there afterwards, it had that pid all the time.
    fn open_pidfd(&self) -> Result<Fd, Error> {
        let pidfd = process::pidfd_open(self.tgid).map_err(|error| match error {
            error if sys::is(&error, libc::ENOSYS) => Error::NoPidfd,
            // The pid is a thread's now: EINVAL or ENOENT.
            error if sys::is(&error, libc::EINVAL) => Error::ProcessGone,
            error => of_process(error),
        })?;
        self.check_exists()?;
        Ok(pidfd)
    }

    /// That it is there: running, or a zombie not waited for.
    fn check_exists(&self) -> Result<(), Error> {
        open_file(&self.directory, c"stat").map(drop)
    }

    /// A fact that some processes don't have.
    fn if_any(&self, fact: Result<usize, Error>) -> Result<usize, Error> {
        match fact {
            Err(Error::ProcessGone) => self.check_exists().map(|()| 0),
            // Of a process that has just gone, too.
            Err(Error::ProcessHidden) => self.check_exists().and(fact),
            fact => fact,
        }
    }

    fn link(&self, name: &CStr, buffer: &mut [u8]) -> Result<usize, Error> {
        let mut path = [0; PATH_MAX];
        let path = file::readlink(Call::ReadlinkProcess, Some(&self.directory), name, &mut path)
            .map_err(of_process);
        self.if_any(path.map(|path| copy(path, buffer)))
    }

    /// Reads a file to its end. A read that comes short is the last.
    fn file(&self, name: &CStr, buffer: &mut [u8]) -> Result<usize, Error> {
        let file = open_file(&self.directory, name)?;
        let mut length = read(&file, buffer)?;
        if length == buffer.len() {
            let mut rest = [0; 4096];
            loop {
                let got = read(&file, &mut rest)?;
                length += got;
                if got < rest.len() {
                    break;
                }
            }
        }
        Ok(length)
    }
}

fn open_file(directory: &Fd, name: &CStr) -> Result<Fd, Error> {
    file::open_file(Call::OpenProcess, directory, name).map_err(of_process)
}

fn read(file: &Fd, bytes: &mut [u8]) -> Result<usize, Error> {
    file::read(Call::ReadProcess, file, bytes).map_err(of_process)
}

/// The beginning of a file, as much as fits.
pub(super) fn read_whole<'a>(
    directory: &Fd,
    name: &CStr,
    bytes: &'a mut [u8],
) -> Result<&'a [u8], Error> {
    let file = open_file(directory, name)?;
    let got = read(&file, bytes)?;
    Ok(bytes.get(..got).unwrap_or_default())
}

/// The process that the directory's thread belongs to.
pub(super) fn tgid(directory: &Fd) -> Result<i32, Error> {
    let mut lines = [0; STAT_SIZE];
    let lines = read_whole(directory, c"status", &mut lines)?;
    stat::tgid(lines).ok_or(Error::ProcessUnreadable)
}

/// Whether it has run, as far as the scheduler counts that (CONFIG_SCHED_INFO).
pub(super) fn has_been_on_a_cpu(directory: &Fd) -> bool {
    let mut line = [0; 64];
    let line = read_whole(directory, c"schedstat", &mut line);
    line.ok().and_then(times_run).is_some_and(|times| times > 0)
}

/// Copies what fits. Returns how long it is in whole.
fn copy(from: &[u8], to: &mut [u8]) -> usize {
    for (to, from) in to.iter_mut().zip(from) {
        *to = *from;
    }
    from.len()
}
