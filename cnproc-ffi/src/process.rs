//! Facts about an event's process.

use crate::convert;
use crate::handle::cnproc;
use crate::ret;
use crate::sized;
use crate::types::cnproc_event;
use cnproc_sys::{Identity, Process, Replaced};
use core::ffi::{c_char, c_int};
use libc::ssize_t;

/// The process of an event. One thread at a time uses it, any thread; it does not need its listener.
#[derive(Debug)]
pub struct cnproc_process {
    process: Process,
}

/// Finds the process of an event: of CNPROC_EVENT_FORK, the child. All that is told of it then is of one
/// process: once that is gone and waited for, it is -ESRCH.
///
/// An event bears a pid, which may be another process's by the time it is read. cnproc_process_identity()
/// tells whether it is certain that this is the event's process. Ask before the next cnproc_recv, while
/// all that followed the event is at hand; what is read ahead is kept, and delivered as ever. The event
/// must be as it was received. cnproc_process(3) tells what is proven, and how.
///
/// On success `*out` is the process, to be closed with cnproc_process_close(); otherwise it is not
/// written. Returns 0, or
///
/// -ESRCH   the process is gone, or its pid is another's by now
/// -EACCES  it is hidden from this user (/proc is mounted with hidepid)
/// -ENOENT  /proc is not mounted, or is that of another pid namespace
/// -EINVAL  an argument is not valid, or the event is of no process (NONE, LOST, or unknown)
/// -ECHILD  in a child by fork of the process that opened the listener
/// -ENOMEM, -EMFILE, -ENFILE, -ENOBUFS, -EIO
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cnproc_process_open(
    out: *mut *mut cnproc_process,
    cp: Option<&mut cnproc>,
    event: *const cnproc_event,
) -> c_int {
    let Some(cp) = cp else { return ret::INVALID };
    if out.is_null() || event.is_null() {
        return ret::INVALID;
    }
    // SAFETY: not NULL, and by contract an event, be it misaligned.
    let event = unsafe { event.read_unaligned() };
    let Ok(event) = convert::event(&event) else { return ret::INVALID };
    let process = match cp.listener.process(&event) {
        Ok(process) => process,
        Err(error) => return ret::status(Err(error)),
    };
    // SAFETY: malloc takes any size.
    let memory = unsafe { libc::malloc(size_of::<cnproc_process>()) }.cast::<cnproc_process>();
    if memory.is_null() {
        return ret::error(libc::ENOMEM);
    }
    // SAFETY: malloc returned that many bytes, aligned for any object.
    unsafe { memory.write(cnproc_process { process }) };
    // SAFETY: `out` is not NULL, and by contract points to a pointer, be it misaligned.
    unsafe { out.write_unaligned(memory) };
    0
}

/// Closes it. NULL is fine. errno stays as it is.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cnproc_process_close(process: *mut cnproc_process) {
    if process.is_null() {
        return;
    }
    // SAFETY: libc gives a valid pointer to this thread's errno.
    let errno = unsafe { *libc::__errno_location() };
    // SAFETY: not NULL, so by contract from cnproc_process_open, and used no more: dropped once here,
    // and its memory, which malloc returned, freed.
    unsafe {
        process.drop_in_place();
        libc::free(process.cast());
    }
    // SAFETY: as above.
    unsafe { *libc::__errno_location() = errno };
}

/// How sure it is that this is the event's process: CNPROC_IDENTITY_PROVEN or CNPROC_IDENTITY_LIKELY; or
/// -EINVAL.
///
/// It is proven if it started a clock tick before the event; or if it has run, and the stream, read to
/// its end after that was seen, holds no FORK of its pid since the event, with CNPROC_EVENT_FORK among
/// the types wanted and nothing lost. CNPROC_EVENT_EXIT and CNPROC_EVENT_PTRACE may be late, and leave it
/// likely at best.
#[unsafe(no_mangle)]
pub extern "C" fn cnproc_process_identity(process: Option<&cnproc_process>) -> c_int {
    match process.map(|process| process.process.identity()) {
        Some(Identity::Proven) => 2,
        Some(_) => 1,
        None => ret::INVALID,
    }
}

/// Whether the process has run another program since the event, by execve: ask after having read what
/// must be of the same program, and before the next cnproc_recv. Returns CNPROC_REPLACED_NO,
/// CNPROC_REPLACED_YES or CNPROC_REPLACED_UNKNOWN, or -EINVAL, -ECHILD, -ENOMEM, -ENOBUFS, -EIO.
///
/// CNPROC_EVENT_EXEC is sent when all is done: for a moment, well below a millisecond as a rule, the new
/// program is in place, and this is CNPROC_REPLACED_NO.
#[unsafe(no_mangle)]
pub extern "C" fn cnproc_process_replaced(
    process: Option<&cnproc_process>,
    cp: Option<&mut cnproc>,
) -> c_int {
    let (Some(process), Some(cp)) = (process, cp) else { return ret::INVALID };
    match cp.listener.replaced(&process.process) {
        Ok(Replaced::No) => 0,
        Ok(Replaced::Yes) => 1,
        Ok(_) => 2,
        Err(error) => ret::status(Err(error)),
    }
}

/// A new pidfd of the process, by which it can be signalled and waited for without mistaking it:
/// close-on-exec, and the caller's to close. Returns it, or -ESRCH, -ENOSYS before Linux 5.3, -EINVAL,
/// -EMFILE, -ENFILE, -ENOMEM, -EIO.
#[unsafe(no_mangle)]
pub extern "C" fn cnproc_process_pidfd(process: Option<&cnproc_process>) -> c_int {
    let Some(process) = process else { return ret::INVALID };
    match process.process.pidfd() {
        Ok(pidfd) => pidfd.into_raw(),
        Err(error) => ret::status(Err(error)),
    }
}

/// The facts that are text.
#[derive(Clone, Copy)]
enum Fact {
    Cmdline,
    Exe,
    Cwd,
    Comm,
    Cgroup,
}

/// Writes a fact as snprintf does: at most `len` bytes with a final NUL.
///
/// # Safety
/// `buf` must be valid for writing of `len` bytes.
unsafe fn write(
    process: Option<&cnproc_process>,
    buf: *mut c_char,
    len: usize,
    fact: Fact,
) -> ssize_t {
    let Some(process) = process else { return ret::INVALID as ssize_t };
    if buf.is_null() && len != 0 || isize::try_from(len).is_err() {
        return ret::INVALID as ssize_t;
    }
    let buffer = if len == 0 {
        <&mut [u8]>::default()
    } else {
        // SAFETY: not NULL, and by contract valid for writing of `len` bytes, not more than isize::MAX.
        unsafe { core::slice::from_raw_parts_mut(buf.cast::<u8>(), len) }
    };
    let room = len.saturating_sub(1);
    let (process, text) = (&process.process, buffer.get_mut(..room).unwrap_or_default());
    let length = match fact {
        Fact::Cmdline => process.read_cmdline(text),
        Fact::Exe => process.read_exe(text),
        Fact::Cwd => process.read_cwd(text),
        Fact::Comm => process.read_comm(text),
        Fact::Cgroup => process.read_cgroup(text),
    };
    match length.map(|text| text.full_len()) {
        Ok(length) => {
            if let Some(end) = buffer.get_mut(length.min(room)) {
                *end = 0;
            }
            length as ssize_t
        }
        Err(error) => ret::status(Err(error)) as ssize_t,
    }
}

/// Writes the command line: the arguments, each ended by a NUL; then one more NUL, as snprintf does: at
/// most `len` bytes in all. `buf` may be NULL where `len` is 0. Bytes as they are, which the process may
/// have changed.
///
/// Returns how long it is, the last NUL not counted, also where that did not fit: 0 for a kernel thread,
/// a zombie, or in the middle of execve; or -ESRCH, -EACCES, -EINVAL, -EMFILE, -ENFILE, -ENOMEM, -EIO.
/// What fits is read at once: it is of one program, not of two in succession.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cnproc_process_cmdline(
    process: Option<&cnproc_process>,
    buf: *mut c_char,
    len: usize,
) -> ssize_t {
    // SAFETY: by contract.
    unsafe { write(process, buf, len, Fact::Cmdline) }
}

/// Writes the path of the program, with " (deleted)" behind if it has been deleted. As
/// cnproc_process_cmdline; 0 for a kernel thread or a zombie, -EACCES without the right to trace it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cnproc_process_exe(
    process: Option<&cnproc_process>,
    buf: *mut c_char,
    len: usize,
) -> ssize_t {
    // SAFETY: by contract.
    unsafe { write(process, buf, len, Fact::Exe) }
}

/// Writes the path of the working directory. As cnproc_process_exe; 0 for a zombie.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cnproc_process_cwd(
    process: Option<&cnproc_process>,
    buf: *mut c_char,
    len: usize,
) -> ssize_t {
    // SAFETY: by contract.
    unsafe { write(process, buf, len, Fact::Cwd) }
}

/// Writes the name: 15 bytes at most, but for kernel threads. As cnproc_process_cmdline. Any user may
/// have chosen the bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cnproc_process_comm(
    process: Option<&cnproc_process>,
    buf: *mut c_char,
    len: usize,
) -> ssize_t {
    // SAFETY: by contract.
    unsafe { write(process, buf, len, Fact::Comm) }
}

/// Writes the control groups: the lines of /proc/PID/cgroup. As cnproc_process_cmdline; 0 if the kernel
/// has none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cnproc_process_cgroup(
    process: Option<&cnproc_process>,
    buf: *mut c_char,
    len: usize,
) -> ssize_t {
    // SAFETY: by contract.
    unsafe { write(process, buf, len, Fact::Cgroup) }
}

/// Who a process is. A later version may have more members.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct cnproc_process_status {
    /// The parent; 0 if it is in an outer pid namespace, or the kernel.
    pub ppid: i32,
    /// Real user id, as all ids in the initial user namespace.
    pub ruid: u32,
    /// Effective user id.
    pub euid: u32,
    /// Real group id.
    pub rgid: u32,
    /// Effective group id.
    pub egid: u32,
    /// The session.
    pub sid: i32,
    /// How many threads it has.
    pub threads: u32,
    /// The state of its leader, as in /proc/PID/stat: 'R', 'S', …; 'Z' is a zombie.
    pub state: u32,
    /// When it started: nanoseconds of CLOCK_MONOTONIC, 10 ms too early at most; more if the machine was
    /// suspended since, by as much as that.
    pub start_time_ns: u64,
}

// SAFETY: integers only, 8 * 4 + 8 bytes, 8-aligned: no padding.
unsafe impl sized::Growing for cnproc_process_status {
    const FIRST: usize = 40;
}

/// Tells who the process is. `size` is sizeof *status. Returns 0, or -ESRCH, -EACCES, -EINVAL, -EMFILE,
/// -ENFILE, -ENOMEM, -EIO.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cnproc_process_get_status(
    process: Option<&cnproc_process>,
    status: *mut cnproc_process_status,
    size: usize,
) -> c_int {
    let Some(process) = process else { return ret::INVALID };
    let told = match process.process.status() {
        Ok(told) => told,
        Err(error) => return ret::status(Err(error)),
    };
    let told = cnproc_process_status {
        ppid: told.ppid,
        ruid: told.ruid,
        euid: told.euid,
        rgid: told.rgid,
        egid: told.egid,
        sid: told.sid,
        threads: told.threads,
        state: told.state.into(),
        start_time_ns: told.start_time_ns,
    };
    // SAFETY: by contract `size` bytes long; NULL is checked there.
    match unsafe { sized::write(status, size, &told) } {
        Ok(()) => 0,
        Err(errno) => ret::error(errno),
    }
}
