//! Reading files through a process's directory, and what their errors mean.

use super::STAT_SIZE;
use super::stat::Stat;
use crate::error::{Call, Error};
use crate::sys::fd::Fd;
use crate::sys::{self, file, process};
use core::ffi::CStr;

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

pub(super) fn open(directory: &Fd, tgid: i32, name: &CStr) -> Result<Fd, Error> {
    let open = || file::open_file(Call::OpenProcess, directory, name);
    // A process that ends in the midst of this causes ENOENT, too, and ESRCH from then on.
    open()
        .or_else(|error| if sys::is(&error, libc::ENOENT) { open() } else { Err(error) })
        .map_err(|error| of_process(error, tgid))
}

pub(super) fn read(file: &Fd, tgid: i32, bytes: &mut [u8]) -> Result<usize, Error> {
    file::read(Call::ReadProcess, file, bytes).map_err(|error| of_process(error, tgid))
}

/// Reads the beginning of a file, as much as fits.
pub(super) fn read_whole<'a>(
    directory: &Fd,
    tgid: i32,
    name: &CStr,
    bytes: &'a mut [u8],
) -> Result<&'a [u8], Error> {
    let count = read(&open(directory, tgid, name)?, tgid, bytes)?;
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
