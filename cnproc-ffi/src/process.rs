//! Processes of events.

use crate::cancel::Uncancellable;
use crate::convert;
use crate::error::{self, INVALID};
use crate::event::cnproc_event;
use crate::facts::TextBuffer;
use crate::handle::{cnproc, try_listener, with_listener};
use crate::memory;
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

/// Finds a process, and stores it in *out.
///
/// # Safety
/// That of [`try_listener`], and `out` must be valid for writing of a pointer, which may be misaligned.
unsafe fn open<T>(
    out: *mut *mut cnproc_process,
    cp: *mut cnproc,
    find: impl FnOnce(&mut Listener) -> Result<(Process, T), Error>,
) -> Result<T, c_int> {
    if out.is_null() {
        return Err(INVALID);
    }
    // SAFETY: by contract.
    let (process, value) = unsafe { try_listener(cp, find) }?;
    let process = memory::place(cnproc_process { process });
    let process = process.ok_or(error::negative(libc::ENOMEM))?;
    // SAFETY: by contract.
    unsafe { out.write_unaligned(process.as_ptr()) };
    Ok(value)
}

/// Reads a caller's event.
///
/// # Safety
/// `event` must be NULL or point to an event, which may be misaligned.
unsafe fn received(event: *const cnproc_event) -> Result<Event, c_int> {
    if event.is_null() {
        return Err(INVALID);
    }
    // SAFETY: not NULL, and by contract an event, which may be misaligned.
    let event = unsafe { event.read_unaligned() };
    convert::event(&event).map_err(|_| INVALID)
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
    let opened = unsafe {
        received(event)
            .and_then(|event| open(out, cp, |listener| Ok((listener.process(&event)?, 0))))
    };
    opened.unwrap_or_else(|number| number)
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
    let opened = unsafe {
        TextBuffer::new(buf, len).and_then(|mut buffer| {
            let event = received(event)?;
            open(out, cp, |listener| {
                let read = |process: &Process| buffer.fill(process, Process::read_cmdline);
                let (process, length) = listener.process_with(&event, read)?;
                Ok((process, length?))
            })
        })
    };
    opened.map_or_else(|number| number as ssize_t, |length| length as ssize_t)
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
    let opened = unsafe {
        received(event)
            .and_then(|event| open(out, cp, |listener| Ok((listener.parent(&event)?, 0))))
    };
    opened.unwrap_or_else(|number| number)
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
    // SAFETY: by contract.
    let opened = unsafe { open(out, cp, |listener| Ok((listener.process_of_pid(pid)?, 0))) };
    opened.unwrap_or_else(|number| number)
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
    // SAFETY: by contract.
    unsafe {
        with_listener(cp, |listener| {
            Ok(match listener.replaced(&process.process)? {
                Replaced::No => CNPROC_REPLACED_NO,
                Replaced::Yes => CNPROC_REPLACED_YES,
                _ => CNPROC_REPLACED_UNKNOWN,
            })
        })
    }
}
