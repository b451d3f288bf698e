//! Inspecting events.

use crate::convert;
use crate::error::INVALID;
use crate::event::{CNPROC_EVENT_LOST, cnproc_event};
use cnproc_parse::Event;
use core::ffi::{c_char, c_int};
use core::fmt::{self, Write};
use core::ptr;

/// Returns the name of an event type: "fork" for CNPROC_EVENT_FORK, and so on; NULL if it is unknown. The
/// string is constant.
#[unsafe(no_mangle)]
pub extern "C" fn cnproc_event_name(what: u32) -> *const c_char {
    match what {
        CNPROC_EVENT_LOST => c"lost".as_ptr(),
        what => cnproc_parse::event_name_c(what).map_or(ptr::null(), |name| name.as_ptr()),
    }
}

/// Answers a question about an event; for a CNPROC_EVENT_LOST, with 0.
///
/// # Safety
/// `event` must be NULL or point to an event, which may be misaligned.
unsafe fn ask(event: *const cnproc_event, question: impl FnOnce(&Event) -> c_int) -> c_int {
    if event.is_null() {
        return INVALID;
    }
    // SAFETY: not NULL, and by contract an event, which may be misaligned.
    let event = unsafe { event.read_unaligned() };
    convert::event(&event).map_or(0, |event| question(&event))
}

/// Returns the process that an event is about (its tgid; for CNPROC_EVENT_FORK, the child's), 0 for events
/// that have none (NONE, LOST, unknown types), or
///
/// -EINVAL  `event` is NULL
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cnproc_event_tgid(event: *const cnproc_event) -> c_int {
    // SAFETY: by contract.
    unsafe { ask(event, |event| event.process_tgid().map_or(0, |tgid| tgid.max(0))) }
}

/// Returns the thread that an event is about (its pid); otherwise as cnproc_event_tgid().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cnproc_event_pid(event: *const cnproc_event) -> c_int {
    // SAFETY: by contract.
    unsafe { ask(event, |event| event.process_pid().map_or(0, |pid| pid.max(0))) }
}

/// Returns 1 if an event concerns a single thread and not its process (the fork of a thread, or the exit or
/// a change of credentials, name or tracer of a thread other than the leader), 0 if not, or
///
/// -EINVAL  `event` is NULL
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cnproc_event_is_thread(event: *const cnproc_event) -> c_int {
    // SAFETY: by contract.
    unsafe { ask(event, |event| event.is_thread().into()) }
}

/// Writes a line of printable ASCII that describes an event, without a newline, as snprintf does: at most `len`
/// bytes, with a final NUL. `buf` may be NULL if `len` is 0. 128 bytes are enough for every line. Returns the
/// length of the whole line without the NUL, or
///
/// -EINVAL  an argument is not valid
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cnproc_event_format(
    event: *const cnproc_event,
    buf: *mut c_char,
    len: usize,
) -> c_int {
    if event.is_null() || (buf.is_null() && len != 0) {
        return INVALID;
    }
    // SAFETY: not NULL, and by contract an event, which may be misaligned.
    let event = unsafe { event.read_unaligned() };
    let mut line = Buffer { start: buf.cast(), room: len.saturating_sub(1), length: 0 };
    let written = match convert::event(&event) {
        Ok(event) => event.data().write_line(&mut line),
        Err(count) => cnproc_parse::write_lost(&mut line, count),
    };
    if written.is_err() {
        return INVALID;
    }
    if len != 0 {
        // SAFETY: at most `len` - 1 bytes precede it, and by contract there is room for `len`.
        unsafe { buf.add(line.length.min(len - 1)).write(0) };
    }
    line.length as c_int
}

/// A caller's buffer. Text that does not fit is only counted.
struct Buffer {
    start: *mut u8,
    room: usize,
    length: usize,
}

impl Write for Buffer {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let fits = text.len().min(self.room.saturating_sub(self.length));
        if fits != 0 {
            // SAFETY: `length` + `fits` is at most `room`, which by contract is less than the size of the
            // buffer at `start`; the text is in the library's memory, so the two do not overlap.
            unsafe {
                ptr::copy_nonoverlapping(text.as_ptr(), self.start.add(self.length), fits);
            }
        }
        self.length += text.len();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// For each type, the words of the union that are pid and tgid; none for types without a process.
    #[test]
    fn ids_are_those_of_the_type() {
        for what in (0..32).map(|bit| 1 << bit).chain([0, 3, CNPROC_EVENT_LOST]) {
            let mut event = Event::default();
            event.what = what;
            for (number, word) in (1_i32..).zip(event.event_data.chunks_mut(4)) {
                word.copy_from_slice(&number.to_ne_bytes());
            }
            let event = cnproc_event::from(&event);
            // SAFETY: an event.
            let ids = unsafe { (cnproc_event_pid(&event), cnproc_event_tgid(&event)) };
            let expected = match what {
                0 | 3 | CNPROC_EVENT_LOST => (0, 0),
                1 => (3, 4),
                what if cnproc_parse::event_name(what).is_some() => (1, 2),
                _ => (0, 0),
            };
            assert_eq!(ids, expected, "{what:#x}");
        }
    }
}
