//! A thread that calls execve takes the pid of its leader. A lookup of either in that moment can lead to the directory
//! of the other.

use super::exec_now;
use cnproc_sys::{Error, EventMask, Identity, Listener, Process};
use std::ffi::{c_int, c_void};
use std::fs;
use std::sync::atomic::{AtomicU32, Ordering};
use support::child::{self, Child, pause};
use support::task::{end_with_parent, start_thread, thread_id};
use support::{live, shared, wait};

/// How many processes: CNPROC_EXEC_ROUNDS, or so many that a library without a remedy fails.
fn rounds() -> usize {
    std::env::var("CNPROC_EXEC_ROUNDS").map_or(400, |rounds| rounds.parse().unwrap())
}

/// A process with a thread that is to call execve.
struct Execs {
    process: Child,
    /// The thread's id, once it has one; and not 0, once it is to call execve.
    shared: &'static [AtomicU32; 2],
}

/// Waits while the number is 0, or wakes who does.
fn futex(number: &AtomicU32, operation: c_int) {
    let (address, none) = (number.as_ptr(), std::ptr::null::<libc::timespec>());
    let value = c_int::from(operation == libc::FUTEX_WAKE);
    // SAFETY: the number is in memory that is never unmapped; there is no timeout.
    unsafe { libc::syscall(libc::SYS_futex, address, operation, value, none) };
}

extern "C" fn exec_when_asked(shared: *mut c_void) -> c_int {
    // SAFETY: it was started with a pointer to these numbers.
    let [id, is_asked] = unsafe { &*shared.cast::<[AtomicU32; 2]>() };
    id.store(thread_id() as u32, Ordering::Release);
    while is_asked.load(Ordering::Acquire) == 0 {
        futex(is_asked, libc::FUTEX_WAIT);
    }
    let arguments = [c"sleep".as_ptr(), c"100000".as_ptr(), std::ptr::null()];
    // SAFETY: the strings end with NUL, the array with NULL.
    unsafe { libc::execv(c"/bin/sleep".as_ptr(), arguments.as_ptr()) }
}

impl Execs {
    fn start() -> Self {
        let shared = shared();
        let process = child::fork(|| {
            end_with_parent();
            start_thread(exec_when_asked, shared);
            pause()
        });
        wait::until("the thread runs", || shared[0].load(Ordering::Acquire) != 0);
        Self { process, shared }
    }

    fn thread(&self) -> c_int {
        self.shared[0].load(Ordering::Relaxed) as c_int
    }

    /// Calls `ask` again and again until the thread's execve is complete.
    fn while_it_execs(&self, mut ask: impl FnMut()) {
        let comm = format!("/proc/{}/comm", self.process.pid());
        self.shared[1].store(1, Ordering::Release);
        futex(&self.shared[1], libc::FUTEX_WAKE);
        while !fs::read(&comm).is_ok_and(|name| name == b"sleep\n") {
            (0..20).for_each(|_| ask());
        }
    }
}

#[test]
fn process_is_never_gone_while_its_thread_execs() {
    live::with(Listener::options().events(EventMask::SID), |listener| {
        let (mut asked, mut gone) = (0, 0);
        for _ in 0..rounds() {
            let execs = Execs::start();
            let pid = execs.process.pid();
            execs.while_it_execs(|| {
                asked += 1;
                match listener.process_of_pid(pid) {
                    Ok(_) => {}
                    Err(Error::ProcessGone) => gone += 1,
                    Err(error) => panic!("{error}"),
                }
            });
        }
        println!("asked {asked} times: gone {gone} times");
        assert_eq!(gone, 0);
    });
}

/// Whether its leader has ended, and waits for a thread to take its place. For that time the kernel shows a zombie,
/// which runs no program.
fn has_no_leader(process: &Process) -> bool {
    process.status().unwrap().state == b'Z'
}

/// What is wrong with the facts of a process that runs.
fn is_wrong(process: &Process) -> Option<String> {
    let wrong = |what: &str, is_right: &dyn Fn(&mut [u8]) -> Result<bool, Error>| {
        let had_no_leader = has_no_leader(process);
        match is_right(&mut [0; 512]) {
            // An execve may take longer than the library waits.
            Ok(true) | Err(Error::ProcessExecuting) => None,
            Ok(false) | Err(Error::ProcessGone) if had_no_leader || has_no_leader(process) => None,
            other => Some(format!("{what}: {other:?}")),
        }
    };
    None.or_else(|| wrong("cmdline", &|text| Ok(process.read_cmdline(text)?.full_len() > 0)))
        .or_else(|| wrong("exe", &|text| Ok(process.read_exe(text)?.full_len() > 0)))
        .or_else(|| wrong("cwd", &|text| Ok(process.read_cwd(text)?.full_len() > 0)))
        .or_else(|| wrong("comm", &|text| Ok(process.read_comm(text)?.full_len() > 0)))
        .or_else(|| wrong("cgroup", &|text| process.read_cgroup(text).map(|_| true)))
        .or_else(|| wrong("environ", &|text| process.read_environ(text).map(|_| true)))
        .or_else(|| {
            wrong("status", &|_| process.status().map(|it| it.state != b'X' && it.threads > 0))
        })
        .or_else(|| wrong("exe_fd", &|_| process.exe_fd().map(|_| true)))
        .or_else(|| wrong("pidfd", &|_| process.pidfd().map(|_| true)))
}

/// Its files are looked up one by one, each as its directory is.
#[test]
fn facts_are_those_of_a_living_process_while_its_thread_execs() {
    live::with(Listener::options().events(EventMask::SID), |listener| {
        let (mut asked, mut wrong) = (0, Vec::new());
        for _ in 0..rounds() {
            let execs = Execs::start();
            let process = listener.process_of_pid(execs.process.pid()).unwrap();
            execs.while_it_execs(|| {
                asked += 1;
                // The time without a leader may begin and end between two looks of the test: then there is no command
                // line, as documented of a zombie. It is over at once.
                let mut answers = (0..8).map_while(|_| is_wrong(&process)).collect::<Vec<_>>();
                if answers.len() == 8 {
                    wrong.append(&mut answers);
                }
            });
        }
        println!("asked {asked} times: wrong {}", wrong.len());
        assert_eq!(wrong, Vec::<String>::new());
    });
}

/// No process has ever had the thread's id, so none is found: in particular not the thread's own, which is older than
/// the event.
#[test]
fn thread_that_execs_is_never_taken_for_a_process() {
    // Without FORK, whatever is found is proven by its start.
    live::with(Listener::options().events(EventMask::SID), |listener| {
        let (mut asked, mut found, mut proven, mut rest) = (0, 0, 0, rounds());
        while rest > 0 {
            let all: Vec<_> = (0..rest.min(50)).map(|_| Execs::start()).collect();
            rest -= all.len();
            // Older than the event by more than a tick.
            std::thread::sleep(std::time::Duration::from_millis(30));
            for execs in all {
                let event = exec_now(execs.thread());
                execs.while_it_execs(|| {
                    asked += 1;
                    match listener.process(&event) {
                        Ok(process) => {
                            found += 1;
                            proven += u32::from(process.identity() == Identity::Proven);
                        }
                        Err(Error::ProcessGone) => {}
                        Err(error) => panic!("{error}"),
                    }
                });
            }
        }
        println!("asked {asked} times: found {found}, of which proven {proven}");
        assert_eq!(found, 0);
    });
}
