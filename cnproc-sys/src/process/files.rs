//! Reading files through a process's directory, and what their errors mean.

use super::STAT_SIZE;
use super::stat::Stat;
use crate::error::{Call, Error};
use crate::sys::fd::Fd;
use crate::sys::{self, file, process};
use core::ffi::{CStr, c_int};

/// Maps the failure to open or read a file that every process has.
///
/// Through the directory of a process that is gone the kernel returns ESRCH. ENOENT means that /proc is
/// mounted with hidepid=2 and the caller may not see the process; or that it is gone, where it is looked
/// up by its number.
pub(super) fn of_process(error: Error, tgid: i32) -> Error {
    let Error::System { errno, .. } = error else { return error };
    match errno.raw() {
        libc::ESRCH => Error::ProcessGone,
        libc::ENOENT if process::exists(tgid) => Error::ProcessHidden,
        libc::ENOENT => Error::ProcessGone,
        libc::EPERM | libc::EACCES => Error::ProcessHidden,
        _ => error,
    }
}

/// Tries again where a process seems to be gone, to lack a file or to hide it: a thread that calls execve
/// exchanges its pid with its leader's, and a file that is looked up in that moment belongs to the leader,
/// which vanishes.
pub(super) fn twice<T>(mut attempt: impl FnMut() -> Result<T, Error>) -> Result<T, Error> {
    const SEEMS: [c_int; 3] = [libc::ESRCH, libc::ENOENT, libc::EACCES];
    match attempt() {
        Err(error) if SEEMS.iter().any(|errno| sys::is(&error, *errno)) => attempt(),
        result => result,
    }
}

/// Opens a file that every process has.
pub(super) fn open(directory: &Fd, tgid: i32, name: &CStr) -> Result<Fd, Error> {
    twice(|| file::open_file(Call::OpenProcess, directory, name))
        .map_err(|error| of_process(error, tgid))
}

/// Reads the beginning of a file that every process has, as much as fits.
pub(super) fn read_whole<'a>(
    directory: &Fd,
    tgid: i32,
    name: &CStr,
    bytes: &'a mut [u8],
) -> Result<&'a [u8], Error> {
    let read = || {
        let file = file::open_file(Call::OpenProcess, directory, name)?;
        file::read(Call::ReadProcess, &file, bytes)
    };
    let count = twice(read).map_err(|error| of_process(error, tgid))?;
    Ok(bytes.get(..count).unwrap_or_default())
}

pub(super) fn read_stat(directory: &Fd, tgid: i32) -> Result<Stat, Error> {
    let mut line = [0; STAT_SIZE];
    let line = read_whole(directory, tgid, c"stat", &mut line)?;
    Stat::parse(line).ok_or(Error::ProcessUnreadable)
}

/// The lines of `/proc/PID/status`.
pub(super) fn status_lines<'a>(
    directory: &Fd,
    tgid: i32,
    bytes: &'a mut [u8; STAT_SIZE],
) -> Result<&'a [u8], Error> {
    read_whole(directory, tgid, c"status", bytes)
}
