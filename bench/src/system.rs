//! The system calls that std lacks. All of the harness's unsafe code.

use std::io::{Error, Result};
use std::mem::{size_of, zeroed};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::process::CommandExt;
use std::process::Command;

fn check(result: i64) -> Result<i64> {
    if result < 0 { Err(Error::last_os_error()) } else { Ok(result) }
}

/// A second descriptor of what is `fd` in process `pid`.
pub fn borrow_descriptor(pid: u32, fd: RawFd) -> Result<OwnedFd> {
    // SAFETY: plain numbers; what they return is a new descriptor, owned by nobody else.
    unsafe {
        let process = check(libc::syscall(libc::SYS_pidfd_open, pid, 0))?;
        let process = OwnedFd::from_raw_fd(process as RawFd);
        let copy = check(libc::syscall(libc::SYS_pidfd_getfd, process.as_raw_fd(), fd, 0))?;
        Ok(OwnedFd::from_raw_fd(copy as RawFd))
    }
}

/// Bytes of `socket`'s receive buffer that are taken, and the number of datagrams it has dropped.
pub fn backlog_and_drops(socket: &OwnedFd) -> Result<(u32, u32)> {
    let mut info = [0u32; 9]; // SK_MEMINFO_VARS
    let mut len = size_of::<[u32; 9]>() as libc::socklen_t;
    // SAFETY: `info` has `len` bytes.
    check(i64::from(unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_MEMINFO,
            info.as_mut_ptr().cast(),
            &mut len,
        )
    }))?;
    Ok((info[0], info[8])) // SK_MEMINFO_RMEM_ALLOC, SK_MEMINFO_DROPS
}

/// Gives `socket` a receive buffer of twice `bytes`, whatever the limit.
pub fn enlarge_buffer(socket: &OwnedFd, bytes: i32) -> Result<()> {
    // SAFETY: the option's value is that one int.
    check(i64::from(unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_RCVBUFFORCE,
            (&raw const bytes).cast(),
            size_of::<i32>() as libc::socklen_t,
        )
    }))?;
    Ok(())
}

/// User and system time of all threads of process `pid`, by the scheduler's own account, in nanoseconds.
pub fn cpu_ns(pid: u32) -> Result<u64> {
    // SAFETY: both write to locals; the clock's id comes from the first.
    unsafe {
        let mut clock = zeroed();
        let error = libc::clock_getcpuclockid(pid as libc::pid_t, &mut clock);
        if error != 0 {
            return Err(Error::from_raw_os_error(error));
        }
        let mut t: libc::timespec = zeroed();
        check(i64::from(libc::clock_gettime(clock, &mut t)))?;
        Ok(t.tv_sec as u64 * 1_000_000_000 + t.tv_nsec as u64)
    }
}

/// User and system time of this process's children that have ended, in nanoseconds.
pub fn children_cpu_ns() -> u64 {
    // SAFETY: writes to a local, and cannot fail with these arguments.
    let usage = unsafe {
        let mut usage: libc::rusage = zeroed();
        libc::getrusage(libc::RUSAGE_CHILDREN, &mut usage);
        usage
    };
    let ns = |t: libc::timeval| t.tv_sec as u64 * 1_000_000_000 + t.tv_usec as u64 * 1000;
    ns(usage.ru_utime) + ns(usage.ru_stime)
}

pub fn signal(pid: u32, signal: i32) {
    // SAFETY: plain numbers; the caller names a child of its own that it has not reaped.
    unsafe { libc::kill(pid as libc::pid_t, signal) };
}

/// The command's process will run on `processor` alone.
pub fn pin(command: &mut Command, processor: usize) {
    // SAFETY: between fork and exec only sched_setaffinity runs, which is async-signal-safe; CPU_SET writes to a local and
    // ignores a number that is too large.
    unsafe {
        command.pre_exec(move || {
            let mut set: libc::cpu_set_t = zeroed();
            libc::CPU_SET(processor, &mut set);
            check(i64::from(libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &set)))
                .map(drop)
        });
    }
}

/// The command's process will have `fd` as its descriptor 3.
pub fn pass_as_3(command: &mut Command, fd: OwnedFd) {
    // SAFETY: between fork and exec only dup2 runs, which is async-signal-safe.
    unsafe {
        command.pre_exec(move || check(i64::from(libc::dup2(fd.as_raw_fd(), 3))).map(drop));
    }
}
