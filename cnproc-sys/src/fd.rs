//! A file descriptor that is closed when it goes.

use crate::syscall;
use core::ffi::c_int;

/// An open file descriptor, owned.
#[derive(Debug)]
pub(crate) struct Fd(c_int);

impl Fd {
    /// Takes over a descriptor that a system call has just given.
    pub(crate) const fn new(fd: c_int) -> Self {
        Self(fd)
    }

    pub(crate) const fn raw(&self) -> c_int {
        self.0
    }

    /// Gives the descriptor away: whoever takes it closes it.
    pub(crate) const fn into_raw(self) -> c_int {
        let fd = self.0;
        core::mem::forget(self);
        fd
    }
}

impl Drop for Fd {
    fn drop(&mut self) {
        syscall::close(self.0);
    }
}
