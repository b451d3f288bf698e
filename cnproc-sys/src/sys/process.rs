//! This process and others, by pid.

use super::fd::Fd;
use super::value;
use crate::error::{Call, Error};
use core::ffi::{c_int, c_long};

pub(crate) fn getpid() -> c_int {
    // SAFETY: no arguments, cannot fail.
    unsafe { libc::getpid() }
}

/// Whether a process or thread with that id exists, even if it is hidden, or may not be signalled. `kill`
/// would also be refused by a sandbox.
pub(crate) fn exists(pid: c_int) -> bool {
    // SAFETY: no memory is involved.
    unsafe { libc::getpgid(pid) >= 0 }
}

/// Lets another process run.
pub(crate) fn yield_now() {
    // SAFETY: no arguments, cannot fail.
    unsafe { libc::sched_yield() };
}

/// Opens a pidfd of the process that has that id now. Linux 5.3.
pub(crate) fn pidfd_open(pid: c_int) -> Result<Fd, Error> {
    // SAFETY: no memory is involved.
    let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) };
    value(Call::PidfdOpen, fd as c_int).map(Fd::new)
}

/// 32 random bits; None before Linux 3.17, or early in boot.
pub(crate) fn random() -> Option<u32> {
    let mut bytes = [0; 4];
    // SAFETY: `bytes` is valid for writing of its length.
    let count = unsafe {
        libc::syscall(libc::SYS_getrandom, bytes.as_mut_ptr(), bytes.len(), libc::GRND_NONBLOCK)
    };
    (count == bytes.len() as c_long).then_some(u32::from_ne_bytes(bytes))
}

/// What `ask` returns in a forked child. It may make system calls, and nothing else.
#[cfg(test)]
pub(crate) fn in_child(ask: impl FnOnce() -> bool) -> bool {
    let mut status = 0;
    // SAFETY: the child calls `ask` and exits by _exit; `status` is valid for writing.
    unsafe {
        match libc::fork() {
            0 => libc::_exit(c_int::from(ask())),
            child => assert_eq!(libc::waitpid(child, &mut status, 0), child),
        }
    }
    libc::WEXITSTATUS(status) == 1
}
