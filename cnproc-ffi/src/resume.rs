//! Events that other processes have disabled.

use crate::handle::{cnproc, with_listener};
use cnproc_sys::{Listener, Resumed};
use core::ffi::c_int;
use libc::ssize_t;

/// cnproc_resume(): the kernel generates events.
pub const CNPROC_RESUMED_ALREADY_ON: c_int = 0;
/// cnproc_resume(): the kernel generates events again. Those of the meantime are in no count.
pub const CNPROC_RESUMED_RESTORED: c_int = 1;
/// cnproc_resume(): unknown, because no more events can be held: receive some, and call it again.
pub const CNPROC_RESUMED_UNKNOWN: c_int = 2;

/// Checks whether the kernel still generates events, and makes it resume if it does not: other processes can
/// disable them for all listeners without notice. Call it when silence is suspicious, for example after a
/// minute without events, and then receive with timeout 0 before polling again. Returns CNPROC_RESUMED_*, or
///
/// -CNPROC_EMUTED   events are disabled, and could not be enabled again
/// -CNPROC_EUSERNS, -CNPROC_EPIDNS, -CNPROC_EPERM, -CNPROC_ESANDBOX, -CNPROC_ENETNS
///                  the process may no longer send requests: see cnproc_open()
/// -EINVAL          `cp` is NULL
/// -CNPROC_EFORKED  the listener belongs to another process
/// -ENOMEM, -ENOBUFS, or another errno of a system call
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cnproc_resume(cp: *mut cnproc) -> c_int {
    let mut resume = |listener: &mut Listener| Ok(number(listener.resume()?) as ssize_t);
    // SAFETY: by contract.
    unsafe { with_listener(cp, &mut resume) as c_int }
}

/// A result of Rust's for C.
pub(crate) const fn number(resumed: Resumed) -> c_int {
    match resumed {
        Resumed::AlreadyOn => CNPROC_RESUMED_ALREADY_ON,
        Resumed::Restored => CNPROC_RESUMED_RESTORED,
        _ => CNPROC_RESUMED_UNKNOWN,
    }
}
