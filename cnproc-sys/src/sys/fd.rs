//! A file descriptor that is closed when it is dropped.

use super::value;
use crate::error::{Call, Error};
use core::ffi::c_int;

/// An open file descriptor, owned.
#[derive(Debug)]
pub(crate) struct Fd(c_int);

impl Fd {
    /// Takes over a descriptor that a system call has just returned.
    pub(crate) const fn new(fd: c_int) -> Self {
        Self(fd)
    }

    pub(crate) const fn raw(&self) -> c_int {
        self.0
    }

    /// Another descriptor of the same open file.
    pub(crate) fn duplicate(&self) -> Result<Self, Error> {
        // SAFETY: no memory is involved.
        let fd = unsafe { libc::fcntl(self.0, libc::F_DUPFD_CLOEXEC, 0) };
        value(Call::Dup, fd).map(Self)
    }

    /// Gives the descriptor away: the caller closes it.
    pub(crate) const fn into_raw(self) -> c_int {
        let fd = self.0;
        core::mem::forget(self);
        fd
    }
}

impl Drop for Fd {
    fn drop(&mut self) {
        // SAFETY: no memory is involved; the descriptor is owned, so nobody else closes it.
        unsafe { libc::close(self.0) };
    }
}

/// Gives the descriptor away.
#[cfg(feature = "std")]
pub(crate) fn owned(fd: Fd) -> std::os::fd::OwnedFd {
    use std::os::fd::FromRawFd;
    // SAFETY: `fd` is open, and nobody else owns it once it is taken out of `Fd`.
    unsafe { std::os::fd::OwnedFd::from_raw_fd(fd.into_raw()) }
}

/// Lends the descriptor for `AsFd`.
#[cfg(feature = "std")]
pub(crate) fn borrow(fd: &Fd) -> std::os::fd::BorrowedFd<'_> {
    // SAFETY: `fd` is open, and stays so for the lifetime of the borrow.
    unsafe { std::os::fd::BorrowedFd::borrow_raw(fd.raw()) }
}
