//! Threads of a child process, without a library in between.

use std::ffi::{c_int, c_void};

const STACK: usize = 64 << 10;

/// Starts a thread of the calling process that runs `body`, which never returns. Returns its id. For children
/// made by fork: it takes no locks.
pub fn start_thread(body: extern "C" fn(*mut c_void) -> c_int) -> c_int {
    let flags = libc::CLONE_VM
        | libc::CLONE_FS
        | libc::CLONE_FILES
        | libc::CLONE_SIGHAND
        | libc::CLONE_THREAD
        | libc::CLONE_SYSVSEM;
    let (protection, map) =
        (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
    // SAFETY: a stack of its own, whose end is 16-aligned, and never unmapped.
    unsafe {
        let stack = libc::mmap(std::ptr::null_mut(), STACK, protection, map, -1, 0);
        assert_ne!(stack, libc::MAP_FAILED);
        libc::clone(body, stack.byte_add(STACK), flags, std::ptr::null_mut())
    }
}

/// Ends the calling thread, and not the process.
pub fn exit_thread(status: c_int) -> ! {
    // SAFETY: ends the thread.
    unsafe { libc::syscall(libc::SYS_exit, status) };
    unreachable!("exit returns to nobody")
}

/// Sleeps so long.
pub fn sleep_ms(milliseconds: u32) {
    // SAFETY: no memory is involved.
    unsafe { libc::usleep(milliseconds * 1000) };
}

/// Names the calling thread.
pub fn set_name(name: &std::ffi::CStr) {
    // SAFETY: the name ends with NUL; the kernel reads no more than 16 bytes.
    unsafe { libc::prctl(libc::PR_SET_NAME, name.as_ptr()) };
}
