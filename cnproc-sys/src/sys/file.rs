//! Files and directories.

use super::fd::Fd;
use super::{failed, value};
use crate::error::{Call, Error};
use core::ffi::{CStr, c_int};

fn openat(call: Call, directory: c_int, path: &CStr, flags: c_int) -> Result<Fd, Error> {
    // SAFETY: `path` ends with NUL.
    let fd = unsafe { libc::openat(directory, path.as_ptr(), flags | libc::O_CLOEXEC) };
    value(call, fd).map(Fd::new)
}

/// Opens a directory to reach what is in it. `path` is relative to `at`, if that is given.
pub(crate) fn open_directory(call: Call, at: Option<&Fd>, path: &CStr) -> Result<Fd, Error> {
    openat(call, at.map_or(libc::AT_FDCWD, Fd::raw), path, libc::O_PATH | libc::O_DIRECTORY)
}

/// Opens a file of a directory for reading.
pub(crate) fn open_file(call: Call, directory: &Fd, name: &CStr) -> Result<Fd, Error> {
    openat(call, directory.raw(), name, libc::O_RDONLY)
}

/// Reads once. Returns the number of bytes read.
pub(crate) fn read(call: Call, fd: &Fd, bytes: &mut [u8]) -> Result<usize, Error> {
    // SAFETY: `bytes` is valid for writing of its length.
    let count = unsafe { libc::read(fd.raw(), bytes.as_mut_ptr().cast(), bytes.len()) };
    usize::try_from(count).map_err(|_| failed(call))
}

/// Opens a file for reading.
pub(crate) fn open_path(call: Call, path: &CStr) -> Result<Fd, Error> {
    openat(call, libc::AT_FDCWD, path, libc::O_RDONLY)
}

/// Reads the beginning of a file, as much as fits.
pub(crate) fn read_path<'a>(
    call: Call,
    path: &CStr,
    bytes: &'a mut [u8],
) -> Result<&'a [u8], Error> {
    let count = read(call, &open_path(call, path)?, bytes)?;
    Ok(bytes.get(..count).unwrap_or_default())
}

/// Reads the target of a symbolic link, as much as fits. `path` is relative to `at`, if that is given.
pub(crate) fn readlink<'a>(
    call: Call,
    at: Option<&Fd>,
    path: &CStr,
    bytes: &'a mut [u8],
) -> Result<&'a [u8], Error> {
    let (start, length) = (bytes.as_mut_ptr(), bytes.len());
    let directory = at.map_or(libc::AT_FDCWD, Fd::raw);
    // SAFETY: `path` ends with NUL, `bytes` is valid for writing of its length.
    let count = unsafe { libc::readlinkat(directory, path.as_ptr(), start.cast(), length) };
    let count = usize::try_from(count).map_err(|_| failed(call))?;
    Ok(bytes.get(..count).unwrap_or_default())
}

/// Which file it is: device and inode. `path` is relative to `at`.
pub(crate) fn identity(at: &Fd, path: &CStr) -> Result<(u64, u64), Error> {
    // SAFETY: a `stat` is integers only.
    let mut stat: libc::stat = unsafe { core::mem::zeroed() };
    // SAFETY: `path` ends with NUL, `stat` is valid for writing.
    let result = unsafe { libc::fstatat(at.raw(), path.as_ptr(), &mut stat, 0) };
    super::status(Call::OpenProcess, result)?;
    #[allow(clippy::unnecessary_cast, reason = "32 bits wide on some architectures")]
    Ok((stat.st_dev as u64, stat.st_ino as u64))
}

/// The inode number of an open file.
pub(crate) fn inode(call: Call, fd: &Fd) -> Result<u64, Error> {
    // SAFETY: a `stat` is integers only.
    let mut stat: libc::stat = unsafe { core::mem::zeroed() };
    // SAFETY: `stat` is valid for writing.
    let result = unsafe { libc::fstat(fd.raw(), &mut stat) };
    super::status(call, result)?;
    #[allow(clippy::unnecessary_cast, reason = "32 bits wide on some architectures")]
    Ok(stat.st_ino as u64)
}

/// Opens a directory to read its entries. `path` is relative to `at`.
pub(crate) fn open_list(call: Call, at: &Fd, path: &CStr) -> Result<Fd, Error> {
    openat(call, at.raw(), path, libc::O_RDONLY | libc::O_DIRECTORY)
}

/// Reads the next entries of a directory, as many as fit. Returns the number of bytes; 0 at the end.
pub(crate) fn list(call: Call, directory: &Fd, entries: &mut Entries) -> Result<usize, Error> {
    let Entries(bytes) = entries;
    // SAFETY: `bytes` is valid for writing of its length.
    let count = unsafe {
        libc::syscall(libc::SYS_getdents64, directory.raw(), bytes.as_mut_ptr(), bytes.len())
    };
    usize::try_from(count).map_err(|_| failed(call))
}

/// Room for entries of a directory, aligned as the kernel writes them.
#[derive(Debug)]
#[repr(C, align(8))]
pub(crate) struct Entries(pub(crate) [u8; 4096]);
