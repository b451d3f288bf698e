//! Parsing datagrams.

use crate::error::{self, INVALID};
use crate::event::cnproc_event;
use cnproc_parse::{Message, messages};
use core::ffi::{c_int, c_void};

/// Reads the next event of a datagram that this machine's kernel sent: `len` bytes at `buf`, of any alignment.
/// *offset is 0 at first; each call moves it behind what was read, also behind a message that could not be
/// read. Messages that are not events are skipped. The sender must have been checked: nl_pid 0 in the
/// source address. Returns 1 if an event was read, 0 at the end of the datagram, or
///
/// -EBADMSG  not a message of the process events connector, or a truncated one: go on with the next call
/// -EINVAL   an argument is not valid
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cnproc_parse(
    buf: *const c_void,
    len: usize,
    offset: *mut usize,
    event: *mut cnproc_event,
) -> c_int {
    if buf.is_null() || offset.is_null() || event.is_null() || isize::try_from(len).is_err() {
        return INVALID;
    }
    // SAFETY: `buf` is not NULL, and by contract valid for reading of `len` bytes, which is at most
    // isize::MAX.
    let datagram = unsafe { core::slice::from_raw_parts(buf.cast::<u8>(), len) };
    // SAFETY: not NULL, and by contract points to a size_t, which may be misaligned.
    let start = unsafe { offset.read_unaligned() };
    let Some(rest) = datagram.get(start..) else { return INVALID };
    let mut messages = messages(rest);
    let result = loop {
        match messages.next() {
            Some(Ok(Message::Event(found))) => {
                // SAFETY: not NULL, and by contract points to an event, which may be misaligned.
                unsafe { event.write_unaligned((&found).into()) };
                break 1;
            }
            Some(Ok(_)) => {}
            Some(Err(_)) => break error::negative(libc::EBADMSG),
            None => break 0,
        }
    };
    // SAFETY: as above.
    unsafe { offset.write_unaligned(start + messages.offset()) };
    result
}
