//! Floods: a child process that makes GID events as fast as it can, each with its number. Other programs
//! seldom make events of this type, so a listener for them hears the flood and little else.

use crate::child::{self, Child};
use cnproc_sys::{Event, EventData};
use std::ffi::c_int;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

/// What the flooding child and its parent share.
#[derive(Debug)]
struct Shared {
    /// How many events the parent has heard.
    heard: AtomicU32,
    over: AtomicBool,
}

/// A flood that runs, or is over.
#[derive(Debug)]
pub struct Flood {
    child: Child,
    shared: &'static Shared,
}

/// The first event's group id. Far from any in use.
const FIRST: u32 = 1 << 20;
/// The group ids of marks: this, and the one below.
const MARK: u32 = FIRST - 1;

/// Makes a GID event of the calling thread.
pub fn set_group(gid: u32) {
    // SAFETY: no memory is involved.
    unsafe { libc::syscall(libc::SYS_setresgid, gid, gid, gid) };
}

impl Flood {
    /// Begins a flood of `count` events. It never is more than `lead` events ahead of what
    /// [`heard`](Self::heard) was told, so that a quick listener with a large buffer loses none.
    pub fn start(count: u32, lead: u32) -> Self {
        let (protection, flags) =
            (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_SHARED | libc::MAP_ANONYMOUS);
        let size = size_of::<Shared>();
        // SAFETY: a new mapping, at an address of the kernel's choice.
        let page = unsafe { libc::mmap(std::ptr::null_mut(), size, protection, flags, -1, 0) };
        assert_ne!(page, libc::MAP_FAILED);
        // SAFETY: page-aligned, large enough, zeroed, which is a value; and never unmapped.
        let shared: &'static Shared = unsafe { &*page.cast() };
        let child = child::fork(|| {
            // Not longer than the test: a signal of the parent's end.
            // SAFETY: no memory is involved.
            unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) };
            for number in 0..count {
                while number.saturating_sub(shared.heard.load(Ordering::Relaxed)) >= lead {
                    // SAFETY: no memory is involved.
                    unsafe { libc::usleep(100) };
                }
                set_group(FIRST + number);
            }
            shared.over.store(true, Ordering::Relaxed);
        });
        Self { child, shared }
    }

    /// Its process.
    pub fn pid(&self) -> c_int {
        self.child.pid()
    }

    /// The group id that the event of that number tells.
    pub fn gid(&self, number: u32) -> u32 {
        FIRST + number
    }

    /// The number of the flood's event that this is.
    pub fn number(&self, event: &Event) -> Option<u32> {
        match event.data() {
            EventData::Gid(gid) if gid.process_tgid == self.child.pid() => {
                gid.rgid.checked_sub(FIRST)
            }
            _ => None,
        }
    }

    /// That so many of its events have been heard.
    pub fn heard(&self, count: u32) {
        self.shared.heard.store(count, Ordering::Relaxed);
    }

    /// Whether all its events have been made.
    pub fn is_over(&self) -> bool {
        self.shared.over.load(Ordering::Relaxed)
    }
}

/// Makes one GID event on that CPU, and no other event: the calling thread's group changes, not the
/// process's.
pub fn mark(cpu: usize) {
    let cpus = cpus();
    pin(&[cpu]);
    // SAFETY: takes no arguments.
    let gid = unsafe { libc::getegid() };
    set_group(if gid == MARK { MARK - 1 } else { MARK });
    pin(&cpus);
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
    // SAFETY: a cpu_set_t is integers only; the call reads it within its size.
    unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        cpus.iter().for_each(|cpu| libc::CPU_SET(*cpu, &mut set));
        assert_eq!(libc::sched_setaffinity(0, size_of_val(&set), &set), 0);
    }
}
