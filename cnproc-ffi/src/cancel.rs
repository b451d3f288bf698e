//! Thread cancellation: no function of the library is a cancellation point.
//!
//! `pthread_cancel` ends a thread within a system call, and what this library's frames own at that time would
//! never be released: they have no cleanup handlers.

use core::ffi::c_int;
use core::ptr;

unsafe extern "C" {
    /// `<pthread.h>`; the crate libc does not declare it for Linux.
    fn pthread_setcancelstate(state: c_int, old: *mut c_int) -> c_int;
}

/// `<pthread.h>`: the same in glibc, musl and uClibc.
const PTHREAD_CANCEL_DISABLE: c_int = 1;

/// Blocks the cancellation of this thread until it is dropped. A pending request stays pending.
#[derive(Debug)]
pub(crate) struct Uncancellable {
    before: c_int,
}

impl Uncancellable {
    #[inline(never)]
    pub(crate) fn new() -> Self {
        let mut before = 0;
        // SAFETY: `before` is valid for writing. The call cannot fail with a valid state.
        unsafe { pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &mut before) };
        Self { before }
    }
}

impl Drop for Uncancellable {
    #[inline(never)]
    fn drop(&mut self) {
        // SAFETY: the state that was in force before; the old one is not asked for.
        unsafe { pthread_setcancelstate(self.before, ptr::null_mut()) };
    }
}
