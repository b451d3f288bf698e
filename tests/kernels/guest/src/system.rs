//! System calls that cause events and that the standard library does not offer.

use std::io::{self, PipeWriter, Read, Write};
use support::task;

fn check(status: libc::c_int) -> io::Result<()> {
    if status < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

pub fn is_root() -> bool {
    // SAFETY: no memory is involved.
    unsafe { libc::geteuid() == 0 }
}

pub fn unshare(flags: libc::c_int) -> io::Result<()> {
    // SAFETY: no memory is involved.
    check(unsafe { libc::unshare(flags) })
}

pub fn setsid() -> io::Result<()> {
    // SAFETY: no memory is involved.
    check(unsafe { libc::setsid() })
}

/// Real and effective group id, then user id.
pub fn set_ids(gids: (u32, u32), uids: (u32, u32)) -> io::Result<()> {
    // SAFETY: no memory is involved.
    check(unsafe { libc::setregid(gids.0, gids.1) })?;
    // SAFETY: no memory is involved.
    check(unsafe { libc::setreuid(uids.0, uids.1) })
}

/// Attaches to a process and detaches again.
pub fn attach_and_detach(pid: u32) -> io::Result<()> {
    let pid = pid as libc::pid_t;
    let none = std::ptr::null_mut::<libc::c_void>();
    // SAFETY: the addresses are not used by these requests.
    unsafe {
        if libc::ptrace(libc::PTRACE_ATTACH, pid, none, none) < 0 {
            return Err(io::Error::last_os_error());
        }
        check(libc::waitpid(pid, std::ptr::null_mut(), libc::__WALL))?;
        if libc::ptrace(libc::PTRACE_DETACH, pid, none, none) < 0 {
            return Err(io::Error::last_os_error());
        }
    }
    Ok(())
}

/// A process that changes its user on request. Killed, and waited for, when it goes.
pub struct Child {
    pid: i32,
    requests: PipeWriter,
}

impl Child {
    /// Starts one: with that pid if one is given, which no process has.
    pub fn start(pid: Option<i32>) -> io::Result<Child> {
        let (mut requested, requests) = io::pipe()?;
        match task::fork_as(pid) {
            -1 => Err(io::Error::last_os_error()),
            0 => {
                let mut user = [0];
                while requested.read_exact(&mut user).is_ok() {
                    // With the effective user 0 it may go on. SAFETY: no memory is involved.
                    unsafe { libc::setresuid(user[0].into(), 0, 0) };
                }
                support::child::exit(0)
            }
            pid => Ok(Child { pid: pid as i32, requests }),
        }
    }

    pub fn pid(&self) -> i32 {
        self.pid
    }

    /// Requests that it takes that user: one UID event.
    pub fn change_user(&mut self, user: u8) -> io::Result<()> {
        self.requests.write_all(&[user])
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // SAFETY: the process is ours, and has not been waited for; its status is not read.
        unsafe {
            libc::kill(self.pid, libc::SIGKILL);
            libc::waitpid(self.pid, std::ptr::null_mut(), 0);
        }
    }
}
