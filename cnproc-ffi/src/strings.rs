//! Events and errors as text.

use crate::convert::{self, LOST};
use crate::ret;
use crate::types::cnproc_event;
use core::ffi::{c_char, c_int};
use core::fmt::{self, Write};
use core::ptr;

/// The name of an event's type: "fork" for CNPROC_EVENT_FORK, and so on. NULL if it is unknown.
#[unsafe(no_mangle)]
pub extern "C" fn cnproc_event_name(what: u32) -> *const c_char {
    match what {
        LOST => c"lost".as_ptr(),
        what => cnproc_parse::event_name_c(what).map_or(ptr::null(), |name| name.as_ptr()),
    }
}

/// Whether an event concerns one thread of a process, not the process: a fork that made a thread, or an
/// exit, a change of ids, of name or of tracer of a thread other than the leader. Returns 1 or 0, or
/// -EINVAL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cnproc_event_is_thread(event: *const cnproc_event) -> c_int {
    if event.is_null() {
        return ret::INVALID;
    }
    // SAFETY: not NULL, and by contract an event, be it misaligned.
    let event = unsafe { event.read_unaligned() };
    convert::event(&event).is_ok_and(|event| event.is_thread()).into()
}

/// Writes the classic line for an event, without a newline, as snprintf does: at most `len` bytes
/// with the final NUL. `buf` may be NULL where `len` is 0. Names are escaped: the line is printable
/// ASCII.
///
/// Returns how long the line is without the NUL, also where that did not fit; or -EINVAL. 128 bytes hold
/// any line.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cnproc_event_format(
    event: *const cnproc_event,
    buf: *mut c_char,
    len: usize,
) -> c_int {
    if event.is_null() || (buf.is_null() && len != 0) {
        return ret::INVALID;
    }
    // SAFETY: not NULL, and by contract an event, be it misaligned.
    let event = unsafe { event.read_unaligned() };
    let mut line = Buffer { start: buf.cast(), room: len.saturating_sub(1), length: 0 };
    let written = match convert::event(&event) {
        Ok(event) => event.data().write_line(&mut line),
        Err(count) => cnproc_parse::write_lost(&mut line, count),
    };
    if written.is_err() {
        return ret::INVALID;
    }
    if len != 0 {
        // SAFETY: at most `len` - 1 bytes stand before it, and by contract there is room for `len`.
        unsafe { buf.add(line.length.min(len - 1)).write(0) };
    }
    line.length as c_int
}

/// A caller's buffer: what does not fit is counted only.
struct Buffer {
    start: *mut u8,
    room: usize,
    length: usize,
}

impl Write for Buffer {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let fits = text.len().min(self.room.saturating_sub(self.length));
        if fits != 0 {
            // SAFETY: `length` + `fits` is at most `room`, which by contract is less than what is valid
            // for writing at `start`; the text is ours, so that the two do not overlap.
            unsafe {
                ptr::copy_nonoverlapping(text.as_ptr(), self.start.add(self.length), fits);
            }
        }
        self.length += text.len();
        Ok(())
    }
}

/// What an error number of this library means, and what to do: a sentence. `err` may have either sign.
#[unsafe(no_mangle)]
pub extern "C" fn cnproc_strerror(err: c_int) -> *const c_char {
    let explained = match err.checked_abs() {
        Some(0) => Some(c"success"),
        Some(errno) => ret::explain(errno),
        None => None,
    };
    explained.unwrap_or(c"not an error of this library").as_ptr()
}
