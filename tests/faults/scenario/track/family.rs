//! Children of the scenario that act on request. They make none of the calls that fail.

use std::ffi::{CString, c_int, c_void};
use std::os::unix::ffi::OsStringExt;
use std::os::unix::process::parent_id;
use support::child::{self, Child};
use support::{procfs, task};

/// What a child does on request.
pub(crate) type Act = fn();

/// A user, and a group, far from any in use.
pub(crate) const STRANGER: u32 = 1 << 20;
/// The name that [`rename`] gives.
pub(crate) const NAME: &str = "renamed";
/// The exit status of a process that [`leave_to_a_thread`] has ended.
pub(crate) const STATUS: c_int = 7;
/// The name of what [`execute`] executes.
pub(crate) const PROGRAM: &[u8] = b"x (deleted)";
/// The command line of [`execute`].
pub(crate) const COMMAND_LINE: &[u8] = b"sleep\x00100000\x00";

/// A child that acts once for each [request](request), and then waits until it is killed.
pub(crate) fn start(acts: &[Act]) -> Child {
    block();
    let parent = std::process::id();
    child::fork(|| {
        end_with(parent);
        for act in acts {
            wait();
            act();
        }
        child::pause();
    })
}

/// Lets a child act.
pub(crate) fn request(child: &Child) {
    child.kill(libc::SIGUSR1);
}

/// Ends a child.
pub(crate) fn end(child: Child) {
    child.kill(libc::SIGKILL);
    child.wait();
}

fn signals() -> libc::sigset_t {
    // SAFETY: a sigset_t is integers only; the calls write it.
    unsafe {
        let mut set = std::mem::zeroed();
        libc::sigemptyset(&mut set);
        libc::sigaddset(&mut set, libc::SIGUSR1);
        set
    }
}

/// A signal must not come before the child waits for it.
fn block() {
    // SAFETY: the set is valid; the former one is not asked for.
    unsafe { libc::sigprocmask(libc::SIG_BLOCK, &signals(), std::ptr::null_mut()) };
}

fn wait() {
    let mut signal = 0;
    // SAFETY: both are valid.
    unsafe { libc::sigwait(&signals(), &mut signal) };
}

/// Takes another name.
pub(crate) fn rename() {
    task::set_name(NAME);
}

/// Begins a session.
pub(crate) fn begin_session() {
    // SAFETY: no memory is involved.
    unsafe { libc::setsid() };
}

/// Takes another real user id. The effective user stays root.
pub(crate) fn change_user() {
    // SAFETY: no memory is involved.
    unsafe { libc::syscall(libc::SYS_setresuid, STRANGER, 0, 0) };
}

/// Takes another real group id.
pub(crate) fn change_group() {
    // SAFETY: no memory is involved.
    unsafe { libc::syscall(libc::SYS_setresgid, STRANGER, 0, 0) };
}

/// Executes the program of the second argument, as [`COMMAND_LINE`].
pub(crate) fn execute() {
    let program = CString::new(std::env::args_os().nth(2).unwrap().into_vec()).unwrap();
    let arguments = [c"sleep".as_ptr(), c"100000".as_ptr(), std::ptr::null()];
    // SAFETY: the strings end with NUL, the array with NULL.
    unsafe { libc::execv(program.as_ptr(), arguments.as_ptr()) };
}

/// Has a child of its own.
pub(crate) fn fork() {
    let parent = std::process::id();
    // SAFETY: the child makes system calls only.
    if unsafe { libc::fork() } == 0 {
        end_with(parent);
        child::pause();
    }
}

/// Ends when the parent does, or if it has ended before.
fn end_with(parent: u32) {
    task::end_with_parent();
    if parent_id() != parent {
        child::exit(0);
    }
}

/// The leader ends, then the process with another of its threads.
pub(crate) fn leave_to_a_thread() {
    static NOTHING: () = ();
    task::start_thread(end_after_the_leader, &NOTHING);
    task::exit_thread(0);
}

extern "C" fn end_after_the_leader(_: *mut c_void) -> c_int {
    while procfs::state(std::process::id() as c_int) != Some('Z') {
        std::thread::yield_now();
    }
    child::exit(STATUS)
}
