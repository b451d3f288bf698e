//! Descriptors of a process: pidfd, program, directory.

use super::Process;
use super::files::of_process;
use crate::error::{Call, Error};
#[cfg(feature = "std")]
use crate::sys::fd;
use crate::sys::fd::Fd;
use crate::sys::{self, file, process};
use core::ffi::c_int;

/// A descriptor that a [`Process`] has given away: close-on-exec, and the caller's to close.
#[derive(Debug)]
#[must_use = "closes the descriptor if dropped"]
pub struct Handle(Fd);

impl Handle {
    /// The number, which the caller closes from now on.
    pub fn into_raw(self) -> c_int {
        self.0.into_raw()
    }
}

#[cfg(feature = "std")]
impl std::os::fd::AsFd for Handle {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        fd::borrow(&self.0)
    }
}

#[cfg(feature = "std")]
impl std::os::fd::AsRawFd for Handle {
    fn as_raw_fd(&self) -> std::os::fd::RawFd {
        self.0.raw()
    }
}

#[cfg(feature = "std")]
impl From<Handle> for std::os::fd::OwnedFd {
    fn from(handle: Handle) -> Self {
        fd::owned(handle.0)
    }
}

impl Process {
    /// A pidfd, by which the process can be signalled and waited for without mistaking it. Linux 5.3.
    ///
    /// # Errors
    /// [`Error::NoPidfd`], [`Error::ProcessGone`], [`Error::ProcessHidden`], [`Error::System`].
    pub fn pidfd(&self) -> Result<Handle, Error> {
        // It names the process by its pid. If the process exists afterwards, it had that pid all the time.
        let pidfd = process::pidfd_open(self.tgid).map_err(|error| match error {
            error if sys::is(&error, libc::ENOSYS) => Error::NoPidfd,
            // The pid is a thread's now: EINVAL, or ENOENT.
            error if sys::is(&error, libc::EINVAL) || sys::is(&error, libc::ENOENT) => {
                Error::ProcessGone
            }
            error => of_process(error, self.tgid),
        })?;
        self.check_exists()?;
        Ok(Handle(pidfd))
    }

    /// The file of its program, opened for reading: right across mount namespaces, and for a file that has
    /// been deleted.
    ///
    /// # Errors
    /// [`Error::ProcessGone`], also for a kernel thread and a zombie, which have none;
    /// [`Error::ProcessExecuting`] in the midst of an execve; [`Error::ProcessHidden`] without the right to
    /// trace it, or to read the file; [`Error::System`].
    pub fn exe_fd(&self) -> Result<Handle, Error> {
        let mut open = || file::open_file(Call::OpenProcess, &self.directory, c"exe").map(Some);
        self.of_program(&mut open)?.map(Handle).ok_or(Error::ProcessGone)
    }

    /// Its directory, `/proc/PID`, for everything else: for `openat` and its relatives. It stays bound to this
    /// process, also when its pid belongs to another one.
    ///
    /// # Errors
    /// [`Error::System`]
    pub fn directory(&self) -> Result<Handle, Error> {
        self.directory.duplicate().map(Handle)
    }
}
