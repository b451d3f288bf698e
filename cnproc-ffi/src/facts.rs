//! Facts about a process.

use crate::cancel::Uncancellable;
use crate::error::{self, INVALID};
use crate::process::cnproc_process;
use crate::sized::{self, Extensible, Unpadded};
use crate::text::{ReadText, TextBuffer};
use cnproc_sys::{Error, Handle, Process, Status};
use core::ffi::{c_char, c_int};
use libc::ssize_t;

/// # Safety
/// That of [`TextBuffer::new`].
unsafe fn write(
    process: Option<&cnproc_process>,
    buf: *mut c_char,
    len: usize,
    read: ReadText,
) -> ssize_t {
    // SAFETY: by contract.
    let (Some(process), Some(mut buffer)) = (process, unsafe { TextBuffer::new(buf, len) }) else {
        return INVALID as ssize_t;
    };
    let _uncancellable = Uncancellable::new();
    match buffer.fill(&process.process, read) {
        Ok(length) => length as ssize_t,
        Err(error) => error::number(&error) as ssize_t,
    }
}

/// Asks for a fact that is a number.
fn ask(
    process: Option<&cnproc_process>,
    question: &dyn Fn(&Process) -> Result<c_int, Error>,
) -> c_int {
    let Some(process) = process else { return INVALID };
    let _uncancellable = Uncancellable::new();
    question(&process.process).unwrap_or_else(|error| error::number(&error))
}

/// Writes the command line, as snprintf does: at most `len` bytes, with a final NUL. `buf` may be NULL if `len`
/// is 0. Each argument ends with a NUL. The bytes are those of /proc/PID/cmdline, which the process can
/// change. What fits is read in one step, so it belongs to one program. Returns the length of the whole
/// without the final NUL; 0 for a kernel thread and a zombie; or
///
/// -ESRCH              the process is gone
/// -EACCES             permission denied
/// -CNPROC_EEXECUTING  the process is in the midst of an execve: ask again
/// -EINVAL             an argument is not valid
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

/// Writes the environment that the program was started with; otherwise as cnproc_process_cmdline(). Each
/// variable ends with a NUL. 0 for a kernel thread and a zombie; -EACCES without the right to trace the
/// process.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cnproc_process_environ(
    process: Option<&cnproc_process>,
    buf: *mut c_char,
    len: usize,
) -> ssize_t {
    // SAFETY: by contract.
    unsafe { write(process, buf, len, Process::read_environ) }
}

/// Writes the path of the program, followed by " (deleted)" if it has been deleted; otherwise as
/// cnproc_process_cmdline(). 0 for a kernel thread and a zombie; -ENAMETOOLONG if it is longer than a page.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cnproc_process_exe(
    process: Option<&cnproc_process>,
    buf: *mut c_char,
    len: usize,
) -> ssize_t {
    // SAFETY: by contract.
    unsafe { write(process, buf, len, Process::read_exe) }
}

/// Returns 1 if the program's file has been deleted or replaced, 0 if not, or an error of cnproc_process_exe().
/// The path does not show it: a file may really be named "x (deleted)".
#[unsafe(no_mangle)]
pub extern "C" fn cnproc_process_exe_is_deleted(process: Option<&cnproc_process>) -> c_int {
    ask(process, &|process| process.exe_is_deleted().map(c_int::from))
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

/// Returns the pid of the process inside its own pid namespace: 1 for the first process of a container. Before
/// Linux 4.1, the pid itself. Or returns
///
/// -ESRCH   the process is gone
/// -EACCES  permission denied
/// -EINVAL  `process` is NULL
/// -EMFILE, -ENFILE, -ENOMEM, or another errno of a system call
#[unsafe(no_mangle)]
pub extern "C" fn cnproc_process_nspid(process: Option<&cnproc_process>) -> c_int {
    ask(process, &Process::nspid)
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
    ask(process, &|process| {
        let found = process.status()?.into();
        // SAFETY: by contract `size` bytes long; NULL is checked there.
        let written = unsafe { sized::write(status, size, &found) };
        Ok(written.map_or_else(error::negative, |()| 0))
    })
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
    ask(process, &|process| process.pidfd().map(Handle::into_raw))
}

/// Opens the program's file for reading, also across mount namespaces and if it has been deleted. The
/// descriptor is close-on-exec, and the caller closes it. Returns it, or an error of cnproc_process_pidfd();
/// -ESRCH also for a kernel thread and a zombie, -EACCES without the right to trace the process,
/// -CNPROC_EEXECUTING in the midst of an execve.
#[unsafe(no_mangle)]
pub extern "C" fn cnproc_process_exe_fd(process: Option<&cnproc_process>) -> c_int {
    ask(process, &|process| process.exe_fd().map(Handle::into_raw))
}

/// Returns a new descriptor of the process's directory /proc/PID, for openat() and similar: it stays bound to
/// this process. It is an O_PATH descriptor, close-on-exec, and the caller closes it. Or returns
///
/// -EINVAL  `process` is NULL
/// -EMFILE, or another errno of a system call
#[unsafe(no_mangle)]
pub extern "C" fn cnproc_process_dirfd(process: Option<&cnproc_process>) -> c_int {
    ask(process, &|process| process.directory().map(Handle::into_raw))
}
