//! System calls that cause events and that the standard library does not offer.

use std::io::{self, PipeWriter, Read, Write};

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

/// Now, in nanoseconds of that clock.
pub fn now(clock: libc::clockid_t) -> u64 {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `now` is valid for writing.
    unsafe { libc::clock_gettime(clock, &mut now) };
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}

/// `struct clone_args` of Linux 5.5.
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

/// A process that changes its user when it is told to. Ended, and waited for, when it goes.
pub struct Child {
    pid: i32,
    tell: PipeWriter,
}

impl Child {
    /// Begins one: with that pid if one is given, which nobody has.
    pub fn begin(pid: Option<i32>) -> io::Result<Child> {
        let (mut told, tell) = io::pipe()?;
        let args = CloneArgs {
            exit_signal: libc::SIGCHLD as u64,
            set_tid: pid.as_ref().map_or(0, |pid| std::ptr::from_ref(pid) as u64),
            set_tid_size: pid.iter().count() as u64,
            ..CloneArgs::default()
        };
        // SAFETY: as fork; `args` and `pid` live until it returns. No other thread could hold a lock.
        match unsafe { libc::syscall(libc::SYS_clone3, &raw const args, size_of::<CloneArgs>()) } {
            -1 => Err(io::Error::last_os_error()),
            0 => {
                let mut user = [0];
                while told.read_exact(&mut user).is_ok() {
                    // The effective user, 0, lets it go on. SAFETY: no memory is involved.
                    unsafe { libc::setresuid(user[0].into(), 0, 0) };
                }
                // SAFETY: ends the process.
                unsafe { libc::_exit(0) }
            }
            pid => Ok(Child { pid: pid as i32, tell }),
        }
    }

    pub fn pid(&self) -> i32 {
        self.pid
    }

    /// Tells it to take that user: one UID event.
    pub fn change_user(&mut self, user: u8) -> io::Result<()> {
        self.tell.write_all(&[user])
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // SAFETY: the process is ours, and not waited for; its status is not asked for.
        unsafe {
            libc::kill(self.pid, libc::SIGKILL);
            libc::waitpid(self.pid, std::ptr::null_mut(), 0);
        }
    }
}
