//! Receiving events.

use crate::error::INVALID;
use crate::event::cnproc_event;
use crate::handle::{cnproc, with_listener};
use cnproc_sys::Listener;
use core::ffi::c_int;
use core::time::Duration;
use libc::ssize_t;

/// Waits for events, and writes up to `max` of them to `events`, oldest first; the rest stays for the next
/// call. `timeout_ms` -1 waits indefinitely, 0 does not wait. A CNPROC_EVENT_LOST counts the events that were
/// lost before the next one. Returns the number of events written; 0 after the timeout or cnproc_wake(); or
///
/// -EINTR           a signal handler ran, with or without SA_RESTART: no event was lost, call again
/// -EINVAL          an argument is not valid
/// -CNPROC_EFORKED  the listener belongs to another process
/// -ENOMEM, -ENOBUFS, or another errno of a system call
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cnproc_recv(
    cp: *mut cnproc,
    events: *mut cnproc_event,
    max: usize,
    timeout_ms: c_int,
) -> c_int {
    if events.is_null() || max == 0 || timeout_ms < -1 {
        return INVALID;
    }
    let timeout = u64::try_from(timeout_ms).ok().map(Duration::from_millis);
    let max = max.min(c_int::MAX as usize);
    let mut receive = |listener: &mut Listener| {
        let Some(batch) = listener.recv(timeout)? else { return Ok(0) };
        let mut count = 0;
        for delivery in batch.take(max) {
            // SAFETY: `count` is below `max`, and by contract there is room for `max` events at `events`,
            // which may be misaligned.
            unsafe { events.add(count).write_unaligned(delivery.into()) };
            count += 1;
        }
        Ok(count as ssize_t)
    };
    // SAFETY: by contract.
    unsafe { with_listener(cp, &mut receive) as c_int }
}

/// Ends the wait of a cnproc_recv() in another thread, or of the next one: it returns 0. May be called by any
/// thread at any time before cnproc_close(), and by signal handlers: it does not change errno. NULL is
/// ignored.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cnproc_wake(cp: *mut cnproc) {
    // SAFETY: by contract NULL or a handle that is not closed before this returns. A function that runs in
    // another thread, or that a signal handler has interrupted, holds references to the handle as a whole that
    // are shared, and exclusive ones only to its listener, which is not reached here.
    if let Some(cp) = unsafe { cp.as_ref() } {
        cp.waker.wake();
    }
}

/// Returns the descriptor, for poll(), epoll and event loops: it is readable when there is something to
/// receive. It belongs to the listener: do not read from it, and do not close it. Call cnproc_recv() with
/// timeout 0 until it returns 0 before each wait, also the first: events that were already received do not
/// make the descriptor readable. Or returns
///
/// -EINVAL          `cp` is NULL
/// -CNPROC_EFORKED  the listener belongs to another process
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cnproc_fd(cp: *const cnproc) -> c_int {
    let mut fd = |listener: &mut Listener| {
        listener.check_owner()?;
        Ok(listener.raw_fd() as ssize_t)
    };
    // SAFETY: by contract.
    unsafe { with_listener(cp, &mut fd) as c_int }
}
