//! Facts that are text: command line, environment, paths, name, control groups.

use super::files::{of_process, open, read_whole, twice};
use super::{Process, stat};
use crate::error::{Call, Error};
use crate::sys::fd::Fd;
use crate::sys::process::yield_now;
use crate::sys::{self, file};
use core::ffi::{CStr, c_int};

/// What a link in `/proc` can contain: a page, less the NUL. With pages of 64 KiB, no path is so long.
const PATH_MAX: usize = 4096;

/// What Linux appends to the path of a deleted file.
const DELETED: &[u8] = b" (deleted)";

/// The errors by which the kernel reports that a path leads to no file.
const NO_SUCH_FILE: [c_int; 4] = [libc::ENOENT, libc::ENOTDIR, libc::ELOOP, libc::ENAMETOOLONG];

/// How often a fact is read again in the midst of an execve.
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
    /// Empty for a kernel thread, for a zombie, and for a process that has erased it. A process may write there
    /// what it likes. What fits is read at once: it belongs to one program, not to two in succession.
    ///
    /// # Errors
    /// [`Error::ProcessExecuting`] in the midst of an execve; [`Error::ProcessGone`], [`Error::ProcessHidden`],
    /// [`Error::System`].
    pub fn read_cmdline<'a>(&self, buffer: &'a mut [u8]) -> Result<Text<'a>, Error> {
        self.memory(c"cmdline", buffer)
    }

    /// The environment that its program was started with: the bytes of `/proc/PID/environ`, each variable
    /// ended by a NUL. Empty for a kernel thread and for a zombie.
    ///
    /// # Errors
    /// [`Error::ProcessHidden`] without the right to trace it; otherwise those of
    /// [`read_cmdline`](Self::read_cmdline).
    pub fn read_environ<'a>(&self, buffer: &'a mut [u8]) -> Result<Text<'a>, Error> {
        self.memory(c"environ", buffer)
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
        let length = match twice(|| self.file(c"cgroup", buffer)) {
            // The kernel has none; or the process is gone, or hidden.
            Err(error) if sys::is(&error, libc::ENOENT) => self.check_exists().map(|()| 0)?,
            result => result.map_err(|error| of_process(error, self.tgid))?,
        };
        Ok(Text::new(buffer, length))
    }

    /// The path of its program, as the kernel returns it: followed by ` (deleted)` if the file has been
    /// deleted; see [`exe_is_deleted`](Self::exe_is_deleted).
    ///
    /// Empty for a kernel thread and for a zombie: they have none.
    ///
    /// # Errors
    /// [`Error::ProcessHidden`] without the right to trace it; [`Error::ProcessExecuting`] in the midst of an
    /// execve; [`Error::ProcessGone`],
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
        let root =
            twice(|| file::open_directory(Call::OpenProcess, Some(&self.directory), c"root"));
        let program = twice(|| file::identity(&self.directory, c"exe")).map_err(fail)?;
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

    /// Reads a text in the program's memory. It is empty if the process has erased it, and in two moments of an
    /// execve: until a thread takes its leader's place, and until the new program is complete.
    fn memory<'a>(&self, name: &CStr, buffer: &'a mut [u8]) -> Result<Text<'a>, Error> {
        let mut times_without_cause = 0;
        let mut read = || {
            let length = self.file(name, buffer)?;
            if length > 0 {
                return Ok(Some(length));
            }
            // Each of the two moments can have passed meanwhile, but no third.
            times_without_cause = if self.has_code()? { times_without_cause + 1 } else { 0 };
            Ok(Some(0).filter(|_| times_without_cause > 2))
        };
        let length = self.of_program(&mut read)?.unwrap_or_default();
        Ok(Text::new(buffer, length))
    }

    fn has_code(&self) -> Result<bool, Error> {
        let mut line = [0; 160];
        let length = self.file(c"statm", &mut line)?;
        stat::has_code(line.get(..length).unwrap_or_default()).ok_or(Error::ProcessUnreadable)
    }

    fn link<'a>(&self, name: &CStr, buffer: &'a mut [u8]) -> Result<Text<'a>, Error> {
        let mut path = [0; PATH_MAX];
        let mut read = || {
            let path =
                file::readlink(Call::ReadlinkProcess, Some(&self.directory), name, &mut path)?;
            Ok(Some(copy(path, buffer)))
        };
        let length = self.of_program(&mut read)?.unwrap_or_default();
        Ok(Text::new(buffer, length))
    }

    /// Reads what only a process has that runs a program: None for a kernel thread, and for one that has ended.
    ///
    /// In the midst of an execve there is none for a moment: then it is read again.
    pub(super) fn of_program<T>(
        &self,
        read: &mut dyn FnMut() -> Result<Option<T>, Error>,
    ) -> Result<Option<T>, Error> {
        let mut had_a_leader = false;
        for _ in 0..ATTEMPTS {
            match twice(&mut *read) {
                Ok(Some(value)) => return Ok(Some(value)),
                Ok(None) => {}
                Err(error) if sys::is(&error, libc::ENOENT) || sys::is(&error, libc::ESRCH) => {}
                // A process that has just gone, too.
                Err(error) => return self.check_exists().and(Err(of_process(error, self.tgid))),
            }
            let stat = self.stat()?;
            if !stat.may_run_a_program() {
                return Ok(None);
            }
            had_a_leader |= !stat.has_ended();
            yield_now();
        }
        // A leader that has ended before its threads stays a zombie.
        if had_a_leader { Err(Error::ProcessExecuting) } else { Ok(None) }
    }

    /// Reads a file through the directory.
    fn file(&self, name: &CStr, buffer: &mut [u8]) -> Result<usize, Error> {
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
