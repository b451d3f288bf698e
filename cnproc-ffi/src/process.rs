//! Processes of events.

use crate::cancel::Uncancellable;
use crate::convert;
use crate::error::{self, INVALID};
use crate::event::cnproc_event;
use crate::handle::{cnproc, with_listener};
use crate::memory;
use crate::sized::{self, Extensible, Unpadded};
use cnproc_sys::{Error, Identity, Process, Replaced, Status, Text};
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
    process: Process,
}

/// Finds the process of an event; for CNPROC_EVENT_FORK, the child. All facts then come from that one process,
/// and once it has been reaped they fail with -ESRCH. cnproc_process_identity() returns whether it is proven
/// to be the event's process. Call this before the next cnproc_recv(), with the event as it was received. On
/// success *out is the process, to be closed with cnproc_process_close(). Returns 0, or
///
/// -ESRCH              the process is gone, or its pid may belong to another process
/// -EACCES             the process is hidden from this user (/proc is mounted with hidepid)
/// -EINVAL             an argument is not valid, or the event has no process
/// -CNPROC_ENOPROCFS   /proc is not mounted, or belongs to another pid namespace
/// -CNPROC_EUNREADABLE  a file in /proc/PID has an unknown form
/// -CNPROC_EFORKED     the listener belongs to another process
/// -ENOMEM, -EMFILE, -ENFILE, -ENOBUFS, or another errno of a system call
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cnproc_process_open(
    out: *mut *mut cnproc_process,
    cp: *mut cnproc,
    event: *const cnproc_event,
) -> c_int {
    if out.is_null() || event.is_null() {
        return INVALID;
    }
    // SAFETY: not NULL, and by contract an event, which may be misaligned.
    let event = unsafe { event.read_unaligned() };
    let Ok(event) = convert::event(&event) else { return INVALID };
    // SAFETY: by contract.
    unsafe {
        with_listener(cp, |listener| {
            let process = cnproc_process { process: listener.process(&event)? };
            let Some(process) = memory::allocate(process) else {
                return Ok(error::negative(libc::ENOMEM));
            };
            // SAFETY: `out` is not NULL, and by contract points to a pointer, which may be misaligned.
            out.write_unaligned(process.as_ptr());
            Ok(0)
        })
    }
}

/// Closes a process. NULL is ignored. errno stays as it is.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cnproc_process_close(process: *mut cnproc_process) {
    let Some(process) = NonNull::new(process) else { return };
    let _uncancellable = Uncancellable::new();
    // SAFETY: by contract from cnproc_process_open, which allocated it, and used by nobody any more.
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

/// Returns a new pidfd of the process, by which it can be signalled and waited for safely. It is close-on-exec,
/// and the caller closes it. Or returns
///
/// -ESRCH   the process is gone
/// -ENOSYS  the kernel has no pidfds, which require Linux 5.3
/// -EINVAL  `process` is NULL
/// -EMFILE, -ENFILE, -ENOMEM, or another errno of a system call
#[unsafe(no_mangle)]
pub extern "C" fn cnproc_process_pidfd(process: Option<&cnproc_process>) -> c_int {
    let Some(process) = process else { return INVALID };
    let _uncancellable = Uncancellable::new();
    match process.process.pidfd() {
        Ok(pidfd) => pidfd.into_raw(),
        Err(error) => error::number(&error),
    }
}

/// Writes a fact as snprintf does: at most `len` bytes with a final NUL.
///
/// # Safety
/// `buf` must be valid for writing of `len` bytes.
unsafe fn write(
    process: Option<&cnproc_process>,
    buf: *mut c_char,
    len: usize,
    fact: for<'a> fn(&Process, &'a mut [u8]) -> Result<Text<'a>, Error>,
) -> ssize_t {
    let Some(process) = process else { return INVALID as ssize_t };
    if buf.is_null() && len != 0 || isize::try_from(len).is_err() {
        return INVALID as ssize_t;
    }
    let buffer = if len == 0 {
        <&mut [u8]>::default()
    } else {
        // SAFETY: not NULL, and by contract valid for writing of `len` bytes, which is at most isize::MAX.
        unsafe { core::slice::from_raw_parts_mut(buf.cast::<u8>(), len) }
    };
    let room = len.saturating_sub(1);
    let _uncancellable = Uncancellable::new();
    let text = fact(&process.process, buffer.get_mut(..room).unwrap_or_default());
    match text.map(|text| text.full_len()) {
        Ok(length) => {
            if let Some(end) = buffer.get_mut(length.min(room)) {
                *end = 0;
            }
            length as ssize_t
        }
        Err(error) => error::number(&error) as ssize_t,
    }
}

/// Writes the command line, as snprintf does: at most `len` bytes, with a final NUL. `buf` may be NULL if `len`
/// is 0. Each argument ends with a NUL. The bytes are those of /proc/PID/cmdline, which the process can
/// change. What fits is read in one step, so it belongs to one program. Returns the length of the whole
/// without the final NUL; 0 for a kernel thread and a zombie, and for a moment during an execve; or
///
/// -ESRCH   the process is gone
/// -EACCES  permission denied
/// -EINVAL  an argument is not valid
/// -EMFILE, -ENFILE, -ENOMEM, or another errno of a system call
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cnproc_process_cmdline(
    process: Option<&cnproc_process>,
    buf: *mut c_char,
    len: usize,
) -> ssize_t {
    // SAFETY: by contract.
    unsafe { write(process, buf, len, Process::read_cmdline) }
}

/// Writes the path of the program, followed by " (deleted)" if it has been deleted; otherwise as
/// cnproc_process_cmdline(). 0 for a kernel thread and a zombie.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cnproc_process_exe(
    process: Option<&cnproc_process>,
    buf: *mut c_char,
    len: usize,
) -> ssize_t {
    // SAFETY: by contract.
    unsafe { write(process, buf, len, Process::read_exe) }
}

/// Writes the path of the working directory; otherwise as cnproc_process_exe(). 0 for a zombie.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cnproc_process_cwd(
    process: Option<&cnproc_process>,
    buf: *mut c_char,
    len: usize,
) -> ssize_t {
    // SAFETY: by contract.
    unsafe { write(process, buf, len, Process::read_cwd) }
}

/// Writes the name: at most 15 bytes, for kernel threads more; otherwise as cnproc_process_cmdline(). Any user
/// can choose the bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cnproc_process_comm(
    process: Option<&cnproc_process>,
    buf: *mut c_char,
    len: usize,
) -> ssize_t {
    // SAFETY: by contract.
    unsafe { write(process, buf, len, Process::read_comm) }
}

/// Writes the control groups: the lines of /proc/PID/cgroup; otherwise as cnproc_process_cmdline(). 0 if the
/// kernel has none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cnproc_process_cgroup(
    process: Option<&cnproc_process>,
    buf: *mut c_char,
    len: usize,
) -> ssize_t {
    // SAFETY: by contract.
    unsafe { write(process, buf, len, Process::read_cgroup) }
}

/// The ids and the state of a process. Later versions may have more members.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct cnproc_process_status {
    /// The parent; 0 if it is in an outer pid namespace, or if it is the kernel.
    pub ppid: i32,
    /// The real user id. All ids are those of the initial user namespace.
    pub ruid: u32,
    /// The effective user id.
    pub euid: u32,
    /// The real group id.
    pub rgid: u32,
    /// The effective group id.
    pub egid: u32,
    /// The session.
    pub sid: i32,
    /// The number of threads.
    pub threads: u32,
    /// The state of the leader, as in /proc/PID/stat: 'R', 'S', …; 'Z' is a zombie.
    pub state: u32,
    /// When the process started: nanoseconds of CLOCK_MONOTONIC, at most 10 ms too early; if the machine was
    /// suspended since, earlier by as much as that.
    pub start_time_ns: u64,
}

// SAFETY: integers, for which all bytes are a value.
unsafe impl Extensible for cnproc_process_status {
    const V1_SIZE: usize = 40;
}

// SAFETY: 8 * 4 + 8 bytes, 8-aligned.
unsafe impl Unpadded for cnproc_process_status {}

impl From<Status> for cnproc_process_status {
    fn from(status: Status) -> Self {
        Self {
            ppid: status.ppid,
            ruid: status.ruid,
            euid: status.euid,
            rgid: status.rgid,
            egid: status.egid,
            sid: status.sid,
            threads: status.threads,
            state: status.state.into(),
            start_time_ns: status.start_time_ns,
        }
    }
}

/// Writes the ids and the state of the process. `size` is sizeof *status. Returns 0, or
///
/// -ESRCH               the process is gone
/// -EACCES              permission denied
/// -EINVAL              an argument is not valid
/// -CNPROC_EUNREADABLE  a file in /proc/PID has an unknown form
/// -EMFILE, -ENFILE, -ENOMEM, or another errno of a system call
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cnproc_process_get_status(
    process: Option<&cnproc_process>,
    status: *mut cnproc_process_status,
    size: usize,
) -> c_int {
    let Some(process) = process else { return INVALID };
    let _uncancellable = Uncancellable::new();
    let found = match process.process.status() {
        Ok(found) => found,
        Err(error) => return error::number(&error),
    };
    // SAFETY: by contract `size` bytes long; NULL is checked there.
    let written = unsafe { sized::write(status, size, &found.into()) };
    written.map_or_else(error::negative, |()| 0)
}
