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

/// The first two numbers of the kernel's release; zeros if they cannot be read.
pub(crate) fn kernel_version() -> (u32, u32) {
    // SAFETY: a utsname is bytes only.
    let mut name: libc::utsname = unsafe { core::mem::zeroed() };
    // SAFETY: `name` is valid for writing.
    if unsafe { libc::uname(&mut name) } != 0 {
        return (0, 0);
    }
    let mut numbers = [0_u32; 2];
    let mut bytes = name.release.iter().map(|byte| *byte as u8);
    for number in &mut numbers {
        for byte in bytes.by_ref().take_while(u8::is_ascii_digit) {
            *number = number.wrapping_mul(10).wrapping_add(u32::from(byte - b'0'));
        }
    }
    (numbers[0], numbers[1])
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

/// A namespace of this process, as `linux/pidfd.h` numbers it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Namespace {
    Pid = 5,
    User = 9,
}

/// The inode number of the namespace, found without `/proc`. Linux 6.11.
pub(crate) fn namespace_inode(namespace: Namespace) -> Result<u64, Error> {
    // _IO(PIDFS_IOCTL_MAGIC, namespace): on these architectures an ioctl without data has a bit for that.
    const NONE: u32 = if cfg!(any(
        target_arch = "mips",
        target_arch = "mips32r6",
        target_arch = "mips64",
        target_arch = "mips64r6",
        target_arch = "powerpc",
        target_arch = "powerpc64",
        target_arch = "sparc",
        target_arch = "sparc64"
    )) {
        1 << 29
    } else {
        0
    };
    let request = NONE | 0xff << 8 | namespace as u32;
    let pidfd = pidfd_open(getpid())?;
    // SAFETY: the request takes no argument, and returns a new descriptor.
    let fd = unsafe { libc::ioctl(pidfd.raw(), request as _, 0) };
    let fd = Fd::new(value(Call::PidfdOpen, fd)?);
    super::file::inode(Call::PidfdOpen, &fd)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kernel_version_is_that_of_the_release() {
        let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap();
        let mut numbers = release.split(['.', '-']).map(|number| number.parse().unwrap());
        let expected = (numbers.next().unwrap(), numbers.next().unwrap());
        assert_eq!(kernel_version(), expected);
        assert!(expected >= (2, 6));
    }
}
