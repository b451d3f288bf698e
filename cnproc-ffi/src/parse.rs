//! Parsing a caller's own buffer.

use crate::ret;
use crate::types::cnproc_event;
use cnproc_parse::{Message, messages};
use core::ffi::c_void;

/// Reads the first event of a datagram, or of what is left of one: `len` bytes at `buf`, aligned in any
/// way, that this machine's kernel sent. Messages that are no events are passed over.
///
/// Returns how many bytes that took, for the next call to begin after; 0 if there is no event left; or
/// -EINVAL, or -EBADMSG if the bytes are no message of the process events connector, or a truncated one.
/// `*event` is written only if an event was read.
///
/// Who sent a datagram is not in it: the caller must have seen nl_pid == 0 in the source address.
/// cnproc_recv does so itself.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cnproc_parse(
    buf: *const c_void,
    len: usize,
    event: *mut cnproc_event,
) -> libc::ssize_t {
    if buf.is_null() || event.is_null() || isize::try_from(len).is_err() {
        return ret::INVALID as libc::ssize_t;
    }
    // SAFETY: `buf` is not NULL, and by contract valid for reading of `len` bytes, which is not more
    // than isize::MAX.
    let datagram = unsafe { core::slice::from_raw_parts(buf.cast::<u8>(), len) };
    let mut messages = messages(datagram);
    loop {
        match messages.next() {
            Some(Ok(Message::Event(found))) => {
                // SAFETY: `event` is not NULL, and by contract points to an event, be it misaligned.
                unsafe { event.write_unaligned((&found).into()) };
                return messages.offset() as libc::ssize_t;
            }
            Some(Ok(_)) => {}
            Some(Err(_)) => return ret::error(libc::EBADMSG) as libc::ssize_t,
            None => return 0,
        }
    }
}
