//! System calls that cause events and that the standard library does not offer.

use std::io;

fn check(status: libc::c_int) -> io::Result<()> {
    if status < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

pub fn is_root() -> bool {
    // SAFETY: no memory is involved.
    unsafe { libc::geteuid() == 0 }
}

/// Names the calling thread: one COMM event.
pub fn set_name(name: &str) {
    let mut bytes = [0u8; 16];
    let length = name.len().min(15);
    bytes[..length].copy_from_slice(&name.as_bytes()[..length]);
    // SAFETY: the name is 16 bytes and ends with NUL.
    unsafe { libc::prctl(libc::PR_SET_NAME, bytes.as_ptr()) };
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

/// Attaches to a process and lets go of it again.
pub fn trace_and_let_go(pid: u32) -> io::Result<()> {
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

/// Binds the calling thread to one CPU.
pub fn run_on(cpu: usize) -> io::Result<()> {
    // SAFETY: zeros are an empty set, and the set lives through the call.
    check(unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        libc::CPU_SET(cpu, &mut set);
        libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &raw const set)
    })
}
