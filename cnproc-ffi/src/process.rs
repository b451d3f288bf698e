//! Processes of events.

use crate::cancel::Uncancellable;
use crate::convert;
use crate::error::{self, INVALID};
use crate::event::cnproc_event;
use crate::handle::{cnproc, with_listener};
use crate::memory;
use crate::text::TextBuffer;
use cnproc_parse::Event;
use cnproc_sys::{Error, Identity, Listener, Process, Replaced};
use core::ffi::{c_char, c_int};
use core::ptr::NonNull;
use libc::ssize_t;

/// cnproc_process_identity(): consistent with all evidence, but not proven.
pub const CNPROC_IDENTITY_LIKELY: c_int = 1;
/// cnproc_process_identity(): it is the event's process.
pub const CNPROC_IDENTITY_PROVEN: c_int = 2;

/// cnproc_process_replaced(): the process has executed no other program since the event.
pub const CNPROC_REPLACED_NO: c_int = 0;
/// cnproc_process_replaced(): it has, and facts may belong to the later program.
pub const CNPROC_REPLACED_YES: c_int = 1;
/// cnproc_process_replaced(): unknown, because events are missing or CNPROC_EVENT_EXEC is filtered out.
pub const CNPROC_REPLACED_UNKNOWN: c_int = 2;

/// The process of an event. One thread at a time may use it. It does not need its listener.
#[derive(Debug)]
pub struct cnproc_process {
    pub(crate) process: Process,
}

/// A function that finds a process. Also returns the length of a text that it read first, or 0.
type Find<'a> = &'a mut dyn FnMut(&mut Listener) -> Result<(Process, usize), Error>;

/// Finds a process, and stores it in *out. Returns the length of the text that was read first, or a negative
/// error number.
///
/// # Safety
/// That of [`with_listener`], and `out` must be valid for writing of a pointer, which may be misaligned.
unsafe fn open(out: *mut *mut cnproc_process, cp: *mut cnproc, find: Find<'_>) -> ssize_t {
    if out.is_null() {
        return INVALID as ssize_t;
    }
    let mut open = |listener: &mut Listener| {
        let (process, length) = find(listener)?;
        let Some(process) = memory::place(cnproc_process { process }) else {
            return Ok(error::negative(libc::ENOMEM) as ssize_t);
        };
        // SAFETY: by contract.
        unsafe { out.write_unaligned(process.as_ptr()) };
        Ok(length as ssize_t)
    };
    // SAFETY: by contract.
    unsafe { with_listener(cp, &mut open) }
}

/// Reads a caller's event.
///
/// # Safety
/// `event` must be NULL or point to an event, which may be misaligned.
#[inline(never)]
unsafe fn received(event: *const cnproc_event) -> Option<Event> {
    if event.is_null() {
        return None;
    }
    // SAFETY: not NULL, and by contract an event, which may be misaligned.
    let event = unsafe { event.read_unaligned() };
    convert::event(&event).ok()
}

/// Finds the process of an event; for CNPROC_EVENT_FORK, the child. All facts then come from that one process,
/// and once it has been reaped they fail with -ESRCH. cnproc_process_identity() returns whether it is proven
/// to be the event's process. Call this before the next cnproc_recv(), with the event as it was received. On
/// success *out is the process, to be closed with cnproc_process_close(). Returns 0, or
///
/// -ESRCH               the process is gone, or its pid may belong to another process
/// -EACCES              the process is hidden from this user (/proc is mounted with hidepid)
/// -EINVAL              an argument is not valid, or the event has no process
/// -CNPROC_ENOPROCFS    /proc is not mounted, or belongs to another pid namespace
/// -CNPROC_EUNREADABLE  a file in /proc/PID has an unknown form
/// -CNPROC_EFORKED      the listener belongs to another process
/// -ENOMEM, -EMFILE, -ENFILE, -ENOBUFS, or another errno of a system call
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cnproc_process_open(
    out: *mut *mut cnproc_process,
    cp: *mut cnproc,
    event: *const cnproc_event,
) -> c_int {
    // SAFETY: by contract.
    let Some(event) = (unsafe { received(event) }) else { return INVALID };
    let mut find = |listener: &mut Listener| listener.process(&event).map(|process| (process, 0));
    // SAFETY: by contract.
    unsafe { open(out, cp, &mut find) as c_int }
}

/// As cnproc_process_open(), and reads the command line first, as cnproc_process_cmdline() does: that of a
/// program that exits soon is obtained more often. Returns the length of the command line; or the error of
/// either function, and then *out is not written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cnproc_process_open_cmdline(
    out: *mut *mut cnproc_process,
    cp: *mut cnproc,
    event: *const cnproc_event,
    buf: *mut c_char,
    len: usize,
) -> ssize_t {
    // SAFETY: by contract.
    let (event, buffer) = unsafe { (received(event), TextBuffer::new(buf, len)) };
    let (Some(event), Some(mut buffer)) = (event, buffer) else { return INVALID as ssize_t };
    let mut find = |listener: &mut Listener| {
        let read = |process: &Process| buffer.fill(process, Process::read_cmdline);
        let (process, length) = listener.process_with(&event, read)?;
        Ok((process, length?))
    };
    // SAFETY: by contract.
    unsafe { open(out, cp, &mut find) }
}

/// Finds the parent that a CNPROC_EVENT_FORK names, as cnproc_process_open() finds the child. It is never
/// CNPROC_IDENTITY_PROVEN: the kernel can name a parent that has already exited. Returns 0, or an error of
/// cnproc_process_open(); -EINVAL for an event of another type.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cnproc_process_open_parent(
    out: *mut *mut cnproc_process,
    cp: *mut cnproc,
    event: *const cnproc_event,
) -> c_int {
    // SAFETY: by contract.
    let Some(event) = (unsafe { received(event) }) else { return INVALID };
    let mut find = |listener: &mut Listener| listener.parent(&event).map(|process| (process, 0));
    // SAFETY: by contract.
    unsafe { open(out, cp, &mut find) as c_int }
}

/// Opens the process that has a pid now, without an event. All facts then come from that one process. It is
/// CNPROC_IDENTITY_PROVEN, and cnproc_process_replaced() returns CNPROC_REPLACED_UNKNOWN. Returns 0, or an
/// error of cnproc_process_open(); -ESRCH if `pid` is the id of a thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cnproc_process_open_pid(
    out: *mut *mut cnproc_process,
    cp: *mut cnproc,
    pid: i32,
) -> c_int {
    let mut find =
        |listener: &mut Listener| listener.process_of_pid(pid).map(|process| (process, 0));
    // SAFETY: by contract.
    unsafe { open(out, cp, &mut find) as c_int }
}

/// Closes a process. NULL is ignored. errno stays as it is.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cnproc_process_close(process: *mut cnproc_process) {
    let Some(process) = NonNull::new(process) else { return };
    let _uncancellable = Uncancellable::new();
    // SAFETY: by contract from cnproc_process_open, which placed it there, and used by nobody any more.
    unsafe { memory::release(process) };
}

/// Returns CNPROC_IDENTITY_PROVEN or CNPROC_IDENTITY_LIKELY: whether it is proven that this is the event's
/// process, see cnproc_process_open(3). Or returns
///
/// -EINVAL  `process` is NULL
#[unsafe(no_mangle)]
pub extern "C" fn cnproc_process_identity(process: Option<&cnproc_process>) -> c_int {
    match process.map(|process| process.process.identity()) {
        Some(Identity::Proven) => CNPROC_IDENTITY_PROVEN,
        Some(_) => CNPROC_IDENTITY_LIKELY,
        None => INVALID,
    }
}

/// Returns whether the process has executed another program since the event: CNPROC_REPLACED_*. Call it after
/// reading facts that must belong to the same program, and before the next cnproc_recv(). For a moment at the
/// end of an execve, facts already belong to the new program, and this is still CNPROC_REPLACED_NO. Or
/// returns
///
/// -EINVAL          an argument is NULL
/// -CNPROC_EFORKED  the listener belongs to another process
/// -ENOMEM, -ENOBUFS, or another errno of a system call
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cnproc_process_replaced(
    process: Option<&cnproc_process>,
    cp: *mut cnproc,
) -> c_int {
    let Some(process) = process else { return INVALID };
    let mut replaced = |listener: &mut Listener| {
        Ok(match listener.replaced(&process.process)? {
            Replaced::No => CNPROC_REPLACED_NO,
            Replaced::Yes => CNPROC_REPLACED_YES,
            _ => CNPROC_REPLACED_UNKNOWN,
        } as ssize_t)
    };
    // SAFETY: by contract.
    unsafe { with_listener(cp, &mut replaced) as c_int }
}
