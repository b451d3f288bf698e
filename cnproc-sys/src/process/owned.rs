//! The texts, in memory of their own.

use super::{Process, Text};
use crate::error::Error;
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;
use std::vec::Vec;

/// Enough for most command lines and paths.
const FIRST: usize = 512;

/// Reads into larger and larger buffers until the text fits.
fn owned(read: impl for<'a> Fn(&'a mut [u8]) -> Result<Text<'a>, Error>) -> Result<Vec<u8>, Error> {
    let mut bytes = std::vec![0; FIRST];
    loop {
        let length = read(&mut bytes)?.full_len();
        // A text that fills the buffer may have been cut off by an execve while its rest was read.
        if length < bytes.len() {
            bytes.truncate(length);
            return Ok(bytes);
        }
        bytes.resize(length.saturating_mul(2), 0);
    }
}

impl Process {
    /// Its command line: the arguments, each ended by a NUL. See [`read_cmdline`](Self::read_cmdline).
    ///
    /// # Errors
    /// Those of [`read_cmdline`](Self::read_cmdline).
    pub fn cmdline(&self) -> Result<Vec<u8>, Error> {
        owned(|buffer| self.read_cmdline(buffer))
    }

    /// Its environment: the variables, each ended by a NUL. See [`read_environ`](Self::read_environ).
    ///
    /// # Errors
    /// Those of [`read_environ`](Self::read_environ).
    pub fn environ(&self) -> Result<Vec<u8>, Error> {
        owned(|buffer| self.read_environ(buffer))
    }

    /// Its name: bytes that any user may have chosen. See [`read_comm`](Self::read_comm).
    ///
    /// # Errors
    /// Those of [`read_comm`](Self::read_comm).
    pub fn comm(&self) -> Result<Vec<u8>, Error> {
        owned(|buffer| self.read_comm(buffer))
    }

    /// Its control groups: lines. See [`read_cgroup`](Self::read_cgroup).
    ///
    /// # Errors
    /// Those of [`read_cgroup`](Self::read_cgroup).
    pub fn cgroup(&self) -> Result<Vec<u8>, Error> {
        owned(|buffer| self.read_cgroup(buffer))
    }

    /// The path of its program; empty if it has none. See [`read_exe`](Self::read_exe).
    ///
    /// # Errors
    /// Those of [`read_exe`](Self::read_exe).
    pub fn exe(&self) -> Result<PathBuf, Error> {
        owned(|buffer| self.read_exe(buffer)).map(|path| OsString::from_vec(path).into())
    }

    /// The path of its working directory; empty if it has none. See [`read_cwd`](Self::read_cwd).
    ///
    /// # Errors
    /// Those of [`read_cwd`](Self::read_cwd).
    pub fn cwd(&self) -> Result<PathBuf, Error> {
        owned(|buffer| self.read_cwd(buffer)).map(|path| OsString::from_vec(path).into())
    }
}
