//! Receiving.

use crate::handle::cnproc;
use crate::ret;
use crate::types::cnproc_event;
use core::ffi::c_int;
use core::time::Duration;

/// Waits for events, at most `timeout_ms`: -1 waits for ever, 0 not at all. Writes up to `max` of them to
/// `events`, oldest first. What does not fit stays for the next call.
///
/// Where events were lost, one of type CNPROC_EVENT_LOST tells how many (event_data.lost.count): it comes
/// before the first event after the gap. It is not an error, and the next events follow as usual.
///
/// Returns how many were written, 0 if none came in time, or
///
/// -EINTR   a signal handler ran, whatever its SA_RESTART, or the machine was suspended; call again
/// -ECHILD  in a child by fork of the process that opened the listener
/// -EINVAL  an argument is not valid
/// -ENOMEM, -ENOBUFS, -EIO
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cnproc_recv(
    cp: Option<&mut cnproc>,
    events: *mut cnproc_event,
    max: usize,
    timeout_ms: c_int,
) -> c_int {
    let Some(cp) = cp else { return ret::INVALID };
    if events.is_null() || max == 0 || timeout_ms < -1 {
        return ret::INVALID;
    }
    let timeout = u64::try_from(timeout_ms).ok().map(Duration::from_millis);
    let batch = match cp.listener.recv(timeout) {
        Ok(Some(batch)) => batch,
        Ok(None) => return 0,
        Err(error) => return ret::status(Err(error)),
    };
    let max = max.min(c_int::MAX as usize);
    let mut count = 0;
    for delivery in batch.take(max) {
        // SAFETY: `count` is below `max`, and by contract there is room for `max` events at `events`,
        // be it misaligned.
        unsafe { events.add(count).write_unaligned(delivery.into()) };
        count += 1;
    }
    count as c_int
}
