//! Facts that are text: command line, environment, paths, name, control groups.

use super::Process;
use super::files::{of_process, open, read_whole};
use crate::error::{Call, Error};
use crate::sys::fd::Fd;
use crate::sys::{self, file};
use core::ffi::{CStr, c_int};

/// What a link in `/proc` can contain: a page, less the NUL. With pages of 64 KiB, no path is so long.
const PATH_MAX: usize = 4096;

/// What Linux appends to the path of a deleted file.
const DELETED: &[u8] = b" (deleted)";

/// The errors by which the kernel reports that a path leads to no file.
const NO_SUCH_FILE: [c_int; 4] = [libc::ENOENT, libc::ENOTDIR, libc::ELOOP, libc::ENAMETOOLONG];

/// How often an empty command line is read again in the midst of an execve.
const ATTEMPTS: usize = 64;

/// A text that was read into the caller's buffer, as much as fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Text<'a> {
    bytes: &'a [u8],
    full_len: usize,
}

impl<'a> Text<'a> {
    /// The bytes that fit.
    pub const fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// The length of the whole text.
    pub const fn full_len(&self) -> usize {
        self.full_len
    }

    /// Whether part of the text did not fit.
    pub const fn is_truncated(&self) -> bool {
        self.full_len > self.bytes.len()
    }

    fn new(buffer: &'a [u8], full_len: usize) -> Self {
        Self { bytes: buffer.get(..full_len).unwrap_or(buffer), full_len }
    }
}

impl Process {
    /// Its command line: the bytes of `/proc/PID/cmdline`, each argument ended by a NUL.
    ///
    /// Empty for a kernel thread, for a zombie, and for a process that has erased it. In the midst of an
    /// execve it is empty for a moment: then it is read again. A process may write there what it likes. What
    /// fits is read at once: it belongs to one program, not to two in succession.
    ///
    /// # Errors
    /// [`Error::ProcessGone`], [`Error::ProcessHidden`], [`Error::System`].
    pub fn read_cmdline<'a>(&self, buffer: &'a mut [u8]) -> Result<Text<'a>, Error> {
        let mut length = self.file(c"cmdline", buffer)?;
        for _ in 0..ATTEMPTS {
            if length > 0 || !self.stat()?.may_have_a_command_line() {
                break;
            }
            crate::sys::process::yield_now();
            length = self.file(c"cmdline", buffer)?;
        }
        Ok(Text::new(buffer, length))
    }

    /// The environment that its program was started with: the bytes of `/proc/PID/environ`, each variable
    /// ended by a NUL. Empty for a kernel thread and for a zombie.
    ///
    /// # Errors
    /// [`Error::ProcessHidden`] without the right to trace it; [`Error::ProcessGone`],
    /// [`Error::System`].
    pub fn read_environ<'a>(&self, buffer: &'a mut [u8]) -> Result<Text<'a>, Error> {
        let length = self.file(c"environ", buffer)?;
        Ok(Text::new(buffer, length))
    }

    /// Its name: at most 15 bytes; longer for a kernel thread. Any of its threads may have chosen it.
    ///
    /// # Errors
    /// [`Error::ProcessGone`], [`Error::ProcessHidden`], [`Error::System`].
    pub fn read_comm<'a>(&self, buffer: &'a mut [u8]) -> Result<Text<'a>, Error> {
        let mut line = [0; 256];
        let line = read_whole(&self.directory, self.tgid, c"comm", &mut line)?;
        let length = copy(line.strip_suffix(b"\n").unwrap_or(line), buffer);
        Ok(Text::new(buffer, length))
    }

    /// Its control groups: the lines of `/proc/PID/cgroup`. Empty if the kernel has none.
    ///
    /// # Errors
    /// [`Error::ProcessGone`], [`Error::ProcessHidden`], [`Error::System`].
    pub fn read_cgroup<'a>(&self, buffer: &'a mut [u8]) -> Result<Text<'a>, Error> {
        let length = self.if_any(self.file_if_any(c"cgroup", buffer))?;
        Ok(Text::new(buffer, length))
    }

    /// The path of its program, as the kernel returns it: followed by ` (deleted)` if the file has been
    /// deleted; see [`exe_is_deleted`](Self::exe_is_deleted).
    ///
    /// Empty for a kernel thread and for a zombie: they have none.
    ///
    /// # Errors
    /// [`Error::ProcessHidden`] without the right to trace it; [`Error::ProcessGone`],
    /// [`Error::System`], with ENAMETOOLONG if the path is longer than a page.
    pub fn read_exe<'a>(&self, buffer: &'a mut [u8]) -> Result<Text<'a>, Error> {
        self.link(c"exe", buffer)
    }

    /// The path of its working directory, as [`read_exe`](Self::read_exe). Empty for a zombie.
    ///
    /// # Errors
    /// Those of [`read_exe`](Self::read_exe).
    pub fn read_cwd<'a>(&self, buffer: &'a mut [u8]) -> Result<Text<'a>, Error> {
        self.link(c"cwd", buffer)
    }

    /// Whether the file of its program has been deleted, or replaced. The path alone does not show it: a file
    /// may really be called `x (deleted)`.
    ///
    /// # Errors
    /// Those of [`read_exe`](Self::read_exe).
    pub fn exe_is_deleted(&self) -> Result<bool, Error> {
        let mut path = [0; PATH_MAX + 1];
        let length = self.read_exe(&mut path)?.full_len();
        let is_marked = path.get(..length).is_some_and(|path| path.ends_with(DELETED));
        let Some(path) = path.get(1..).filter(|_| is_marked) else { return Ok(false) };
        // A path of that very name, as the process sees it, is that very file if the mark is part of it.
        let path = CStr::from_bytes_until_nul(path).unwrap_or_default();
        let fail = |error| match error {
            // It has ended meanwhile.
            error if sys::is(&error, libc::ENOENT) => Error::ProcessGone,
            error => of_process(error, self.tgid),
        };
        let root = file::open_directory(Call::OpenProcess, Some(&self.directory), c"root");
        let program = file::identity(&self.directory, c"exe").map_err(fail)?;
        match file::identity(&root.map_err(fail)?, path) {
            Ok(named) => Ok(named != program),
            Err(error) if NO_SUCH_FILE.iter().any(|errno| sys::is(&error, *errno)) => Ok(true),
            Err(error) => Err(fail(error)),
        }
    }

    /// Checks that it exists: running, or a zombie not waited for.
    pub(super) fn check_exists(&self) -> Result<(), Error> {
        open(&self.directory, self.tgid, c"stat").map(drop)
    }

    /// The length of a text that some processes do not have.
    fn if_any(&self, length: Result<usize, Error>) -> Result<usize, Error> {
        match length {
            // The process is gone, or it is hidden, or it has none.
            Err(error) if sys::is(&error, libc::ENOENT) => self.check_exists().map(|()| 0),
            // A process that has just gone, too.
            Err(error) => self.check_exists().and(Err(of_process(error, self.tgid))),
            length => length,
        }
    }

    fn link<'a>(&self, name: &CStr, buffer: &'a mut [u8]) -> Result<Text<'a>, Error> {
        let mut path = [0; PATH_MAX];
        let path = file::readlink(Call::ReadlinkProcess, Some(&self.directory), name, &mut path)
            .map(|path| copy(path, buffer));
        let length = self.if_any(path)?;
        Ok(Text::new(buffer, length))
    }

    /// Reads a file that every process has.
    fn file(&self, name: &CStr, buffer: &mut [u8]) -> Result<usize, Error> {
        let file = open(&self.directory, self.tgid, name)?;
        read_all(&file, buffer).map_err(|error| of_process(error, self.tgid))
    }

    /// Reads a file that a process may lack.
    fn file_if_any(&self, name: &CStr, buffer: &mut [u8]) -> Result<usize, Error> {
        read_all(&file::open_file(Call::OpenProcess, &self.directory, name)?, buffer)
    }
}

/// Reads a file to its end, as much as fits; returns its length. A read that comes short is the last.
fn read_all(file: &Fd, buffer: &mut [u8]) -> Result<usize, Error> {
    let mut length = file::read(Call::ReadProcess, file, buffer)?;
    if length == buffer.len() {
        let mut rest = [0; 4096];
        loop {
            let count = file::read(Call::ReadProcess, file, &mut rest)?;
            length += count;
            if count < rest.len() {
                break;
            }
        }
    }
    Ok(length)
}

/// Copies what fits. Returns the whole length.
fn copy(from: &[u8], to: &mut [u8]) -> usize {
    for (to, from) in to.iter_mut().zip(from) {
        *to = *from;
    }
    from.len()
}
