//! Other namespaces, in child processes.

use crate::{child, require};
use std::ffi::{CStr, c_int};

/// The exit status of a child that could not have the namespaces.
const NONE: c_int = 255;

/// Runs `body` in a child of its own in other namespaces (`CLONE_NEW…`), as their first process. Returns what it
/// returned, 0 to 253. None, and the calling test is skipped, if the kernel has no such namespaces. In another time
/// namespace CLOCK_MONOTONIC is a second behind. `body` makes system calls and takes no locks.
pub fn run_in(namespaces: c_int, body: impl FnOnce() -> c_int) -> Option<c_int> {
    let child = child::fork(|| {
        // SAFETY: system calls; the path ends with NUL, what is written is valid for reading, and
        // `status` for writing.
        unsafe {
            if libc::unshare(namespaces) != 0 {
                child::exit(NONE);
            }
            if namespaces & libc::CLONE_NEWTIME != 0 {
                let path = c"/proc/self/timens_offsets".as_ptr();
                let behind = b"monotonic -1 0\n";
                let file = libc::open(path, libc::O_WRONLY | libc::O_CLOEXEC);
                let written = libc::write(file, behind.as_ptr().cast(), behind.len());
                if written != behind.len() as isize {
                    child::exit(NONE);
                }
            }
            // A new pid or time namespace begins with the children.
            let child = libc::fork();
            if child == 0 {
                child::exit(body());
            }
            let mut status = 0;
            while libc::waitpid(child, &mut status, 0) == -1 {}
            child::exit(if libc::WIFEXITED(status) { libc::WEXITSTATUS(status) } else { 254 });
        }
    });
    match child.exit_status() {
        NONE => {
            require::skip("no such namespaces in this kernel");
            None
        }
        status => Some(status),
    }
}

/// Gives the calling process a mount namespace of its own, whose mounts no other sees.
pub fn own_mounts() {
    // SAFETY: system calls, on strings that end with NUL.
    unsafe {
        assert_eq!(libc::unshare(libc::CLONE_NEWNS), 0);
        let (none, root) = (std::ptr::null(), c"/".as_ptr());
        let private = libc::MS_REC | libc::MS_PRIVATE;
        assert_eq!(libc::mount(none, root, none, private, std::ptr::null()), 0);
    }
}

/// Mounts a `/proc` of the caller's pid namespace over the one that is there.
pub fn mount_proc(options: &CStr) {
    let (kind, place) = (c"proc".as_ptr(), c"/proc".as_ptr());
    // SAFETY: strings that end with NUL.
    let mounted = unsafe { libc::mount(kind, place, kind, 0, options.as_ptr().cast()) };
    assert_eq!(mounted, 0);
}

/// Leaves no `/proc`.
pub fn unmount_proc() {
    // SAFETY: a string that ends with NUL.
    assert_eq!(unsafe { libc::umount2(c"/proc".as_ptr(), libc::MNT_DETACH) }, 0);
}

/// Mounts the `/proc` of another pid namespace. The caller's next children are in that namespace.
pub fn mount_proc_of_another() {
    // SAFETY: system calls; the child exits by itself.
    unsafe {
        assert_eq!(libc::unshare(libc::CLONE_NEWPID), 0);
        let inner = libc::fork();
        if inner == 0 {
            mount_proc(c"");
            child::exit(0);
        }
        libc::waitpid(inner, std::ptr::null_mut(), 0);
    }
}
