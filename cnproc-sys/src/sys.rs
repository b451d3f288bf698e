//! The system calls. Every `unsafe` line of this crate is in this module and its children.
//!
//! Each wrapper attaches its own [`Call`] to a failure, so that callers need only `?`.

#[cfg(target_pointer_width = "64")]
pub(crate) mod bpf;
pub(crate) mod clock;
pub(crate) mod epoll;
pub(crate) mod fd;
pub(crate) mod file;
pub(crate) mod mapping;
pub(crate) mod netlink;
pub(crate) mod process;
#[cfg(target_pointer_width = "64")]
pub(crate) mod ring;
pub(crate) mod wait;

use crate::error::{Call, Errno, Error};
use core::ffi::c_int;

fn last_errno() -> c_int {
    // SAFETY: libc returns a valid pointer to the calling thread's errno.
    unsafe { *libc::__errno_location() }
}

/// The error of a call that has just failed.
fn failed(call: Call) -> Error {
    match last_errno() {
        libc::EINTR => Error::Interrupted,
        errno => Error::System { call, errno: Errno(errno) },
    }
}

/// A system call's result: its value, or the error if it is negative.
fn value(call: Call, result: c_int) -> Result<c_int, Error> {
    if result < 0 { Err(failed(call)) } else { Ok(result) }
}

/// A system call's result, if it returns 0 on success.
fn status(call: Call, result: c_int) -> Result<(), Error> {
    value(call, result).map(|_| ())
}

/// Whether a call failed with that error number.
pub(crate) fn is(error: &Error, number: c_int) -> bool {
    matches!(error, Error::System { errno, .. } if errno.raw() == number)
}
