//! What the calling thread and process do, and new ones, without a library in between: none of it takes a lock.

use std::ffi::{c_int, c_long, c_void};

const STACK: usize = 64 << 10;

/// Starts a thread of the calling process that runs `body` with this argument, and never returns. Returns its id.
pub fn start_thread<T>(body: extern "C" fn(*mut c_void) -> c_int, argument: &'static T) -> c_int {
    let flags = libc::CLONE_VM
        | libc::CLONE_FS
        | libc::CLONE_FILES
        | libc::CLONE_SIGHAND
        | libc::CLONE_THREAD
        | libc::CLONE_SYSVSEM;
    let (protection, map) =
        (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
    let argument = std::ptr::from_ref(argument).cast_mut().cast();
    // SAFETY: a stack of its own, whose end is 16-aligned, and which is never unmapped.
    unsafe {
        let stack = libc::mmap(std::ptr::null_mut(), STACK, protection, map, -1, 0);
        assert_ne!(stack, libc::MAP_FAILED);
        let thread = libc::clone(body, stack.byte_add(STACK), flags, argument);
        assert!(thread > 0);
        thread
    }
}

/// Ends the calling thread, and not the process.
pub fn exit_thread(status: c_int) -> ! {
    // SAFETY: ends the thread.
    unsafe { libc::syscall(libc::SYS_exit, status) };
    unreachable!("exit does not return")
}

/// The id of the calling thread.
pub fn thread_id() -> c_int {
    // SAFETY: takes no arguments.
    unsafe { libc::gettid() }
}

/// Names the calling thread, which generates a COMM event.
pub fn set_name(name: impl AsRef<[u8]>) {
    let mut bytes = [0_u8; 16];
    for (to, from) in bytes.iter_mut().take(15).zip(name.as_ref()) {
        *to = *from;
    }
    // SAFETY: 16 bytes, the last of which is NUL.
    unsafe { libc::prctl(libc::PR_SET_NAME, bytes.as_ptr()) };
}

/// Sets the real, effective and saved group id of the calling thread, which generates a GID event if one changes.
pub fn set_group(gid: u32) {
    // SAFETY: no memory is involved.
    unsafe { libc::syscall(libc::SYS_setresgid, gid, gid, gid) };
}

/// Sets the real, effective and saved user id of the calling thread, which generates a UID event if one changes.
pub fn set_user(uid: u32) {
    // SAFETY: no memory is involved.
    unsafe { libc::syscall(libc::SYS_setresuid, uid, uid, uid) };
}

/// Kills the calling process when its parent ends.
pub fn end_with_parent() {
    // SAFETY: no memory is involved.
    unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) };
}

/// `struct clone_args` of Linux 5.5, which the libc crate lacks on some architectures.
#[repr(C)]
#[derive(Default)]
struct CloneArgs {
    flags: u64,
    pidfd: u64,
    child_tid: u64,
    parent_tid: u64,
    exit_signal: u64,
    stack: u64,
    stack_size: u64,
    tls: u64,
    set_tid: u64,
    set_tid_size: u64,
}

/// Forks a child with that pid, or with any. Returns its pid, 0 in the child, and -1 if the pid is in use.
pub fn fork_as(pid: Option<c_int>) -> c_long {
    let args = CloneArgs {
        exit_signal: libc::SIGCHLD as u64,
        set_tid: pid.as_ref().map_or(0, |pid| std::ptr::from_ref(pid) as u64),
        set_tid_size: pid.iter().count() as u64,
        ..CloneArgs::default()
    };
    // SAFETY: as fork; `args` and `pid` live until it returns.
    unsafe { libc::syscall(libc::SYS_clone3, &raw const args, size_of::<CloneArgs>()) }
}

/// The CPUs on which the calling thread may run.
pub fn cpus() -> Vec<usize> {
    // SAFETY: a cpu_set_t is integers only; the call writes it within its size.
    unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        assert_eq!(libc::sched_getaffinity(0, size_of_val(&set), &mut set), 0);
        (0..libc::CPU_SETSIZE as usize).filter(|cpu| libc::CPU_ISSET(*cpu, &set)).collect()
    }
}

/// Keeps the calling thread on these CPUs.
pub fn pin(cpus: &[usize]) {
    assert!(try_pin(cpus), "{}", std::io::Error::last_os_error());
}

/// As [`pin`]. False if none of them admits tasks: one that came online does so a little later.
pub fn try_pin(cpus: &[usize]) -> bool {
    // SAFETY: a cpu_set_t is integers only; the call reads it within its size.
    unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        cpus.iter().for_each(|cpu| libc::CPU_SET(*cpu, &mut set));
        libc::sched_setaffinity(0, size_of_val(&set), &set) == 0
    }
}

/// Keeps the calling thread on some CPUs, until it is dropped.
#[derive(Debug)]
pub struct Pinned {
    before: Vec<usize>,
}

impl Pinned {
    /// From now on, on these.
    pub fn to(wanted: &[usize]) -> Self {
        let before = cpus();
        pin(wanted);
        Self { before }
    }
}

impl Drop for Pinned {
    fn drop(&mut self) {
        pin(&self.before);
    }
}
