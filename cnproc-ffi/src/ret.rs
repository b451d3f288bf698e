//! Results as C returns them: a count or 0, or a negative error number. The sign is turned here only.

use cnproc_sys::Error;
use core::ffi::c_int;

/// A negative error number.
pub(crate) const fn error(errno: c_int) -> c_int {
    -errno
}

pub(crate) const INVALID: c_int = error(libc::EINVAL);

/// 0, or what went wrong.
pub(crate) fn status(result: Result<(), Error>) -> c_int {
    match result {
        Ok(()) => 0,
        Err(reason) => error(reason.errno().raw()),
    }
}
