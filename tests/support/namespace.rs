//! Other namespaces, in child processes.

use crate::child;
use std::ffi::c_int;

/// What the child says where the kernel has no such namespaces.
pub const NONE: c_int = 255;

/// Runs `body` in a child of its own in other namespaces (`CLONE_NEW…`), as their first process. Returns
/// what it returned, 0 to 254, or [`NONE`]. It may make system calls, and take no locks. In another time
/// namespace, CLOCK_MONOTONIC is a second behind.
pub fn run_in(namespaces: c_int, body: impl FnOnce() -> c_int) -> c_int {
    let child = child::fork(|| {
        // SAFETY: system calls; the path ends with NUL, what is written is valid for reading, and
        // `status` for writing.
        unsafe {
            if libc::unshare(namespaces) != 0 {
                libc::_exit(NONE);
            }
            if namespaces & libc::CLONE_NEWTIME != 0 {
                let path = c"/proc/self/timens_offsets".as_ptr();
                let behind = b"monotonic -1 0\n";
                let file = libc::open(path, libc::O_WRONLY | libc::O_CLOEXEC);
                let written = libc::write(file, behind.as_ptr().cast(), behind.len());
                if written != behind.len() as isize {
                    libc::_exit(NONE);
                }
            }
            // A new pid namespace, and a new time namespace, begin with the children.
            let child = libc::fork();
            if child == 0 {
                libc::_exit(body());
            }
            let mut status = 0;
            while libc::waitpid(child, &mut status, 0) == -1 {}
            libc::_exit(if libc::WIFEXITED(status) { libc::WEXITSTATUS(status) } else { 254 });
        }
    });
    let status = child.wait();
    assert!(libc::WIFEXITED(status));
    libc::WEXITSTATUS(status)
}
