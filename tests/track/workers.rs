//! Processes that make children, and report their pids and wait statuses through a pipe.

use std::ffi::{CStr, c_char, c_int};
use support::child::{self, Child};
use support::{Gate, task};

/// A process that makes children when its gate is opened.
pub(crate) struct Worker {
    pub(crate) child: Child,
    pub(crate) gate: Gate,
    pipe: [c_int; 2],
}

/// The name of a worker, which its children inherit.
pub(crate) const NAME: &str = "worker";

/// What a worker reports of each child: its pid, and its wait status.
pub(crate) type Report = (i32, u32);

/// What a worker's child does, with its number. It takes no locks, and does not return.
pub(crate) type Body = fn(u32) -> !;

impl Worker {
    /// Forks a worker on this CPU that makes that many children, one after the other.
    pub(crate) fn new(cpu: usize, count: u32, body: Body) -> Self {
        let gate = Gate::new();
        let mut pipe = [-1; 2];
        // SAFETY: `pipe` is valid for writing of two descriptors.
        assert_eq!(unsafe { libc::pipe2(pipe.as_mut_ptr(), libc::O_CLOEXEC) }, 0);
        let child = child::fork(|| {
            task::end_with_parent();
            task::set_name(NAME);
            task::pin(&[cpu]);
            gate.wait();
            for number in 0..count {
                report(pipe[1], make(number, body));
            }
            // Ends when it is killed: so its own end does not come between its children's.
            child::pause();
        });
        // SAFETY: it is this worker's.
        unsafe { libc::close(pipe[1]) };
        Self { child, gate, pipe }
    }

    /// One for each of two CPUs, if there are as many.
    pub(crate) fn two(count: u32, body: Body) -> [Self; 2] {
        let cpus = task::cpus();
        [0, 1].map(|number| Self::new(cpus[number % cpus.len()], count, body))
    }

    /// Waits until it has made and reported that many children.
    pub(crate) fn reports(&self, count: u32) -> Vec<Report> {
        (0..count).map(|_| self.report()).collect()
    }

    pub(crate) fn report(&self) -> Report {
        let mut bytes = [0_u8; 8];
        let mut length = 0;
        while length < bytes.len() {
            let rest = &mut bytes[length..];
            // SAFETY: `rest` is valid for writing of its length.
            let count = unsafe { libc::read(self.pipe[0], rest.as_mut_ptr().cast(), rest.len()) };
            assert!(count > 0, "the worker has ended");
            length += count as usize;
        }
        let [pid, status] = [0, 4]
            .map(|at| i32::from_ne_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]));
        (pid, status as u32)
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // SAFETY: it is this worker's.
        unsafe { libc::close(self.pipe[0]) };
    }
}

/// Makes a child, and waits for it.
fn make(number: u32, body: Body) -> Report {
    // SAFETY: the child makes system calls only.
    match unsafe { libc::fork() } {
        0 => body(number),
        -1 => child::exit(102),
        pid => {
            let mut status = 0;
            // SAFETY: `status` is valid for writing.
            while unsafe { libc::waitpid(pid, &mut status, 0) } != pid {}
            (pid, status as u32)
        }
    }
}

fn report(pipe: c_int, (pid, status): Report) {
    let mut bytes = [0_u8; 8];
    bytes[..4].copy_from_slice(&pid.to_ne_bytes());
    bytes[4..].copy_from_slice(&status.to_ne_bytes());
    // SAFETY: `bytes` is valid for reading; so few are written at once.
    if unsafe { libc::write(pipe, bytes.as_ptr().cast(), bytes.len()) } != bytes.len() as isize {
        child::exit(103);
    }
}

/// Executes a shell command in place of the calling process, with these arguments, the first of which is `$0`.
pub(crate) fn shell<const N: usize>(command: &CStr, arguments: [&CStr; N]) -> ! {
    const ROOM: usize = 8;
    let mut argv = [std::ptr::null::<c_char>(); ROOM];
    let all = [c"sh", c"-c", command].into_iter().chain(arguments);
    for (to, from) in argv.iter_mut().take(ROOM - 1).zip(all) {
        *to = from.as_ptr();
    }
    // SAFETY: strings that end with NUL, and an array that ends with a null pointer.
    unsafe { libc::execv(c"/bin/sh".as_ptr(), argv.as_ptr()) };
    child::exit(104)
}
