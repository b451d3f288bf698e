//! What was opened is closed: descriptors, and the kernel's count of listeners.

use cnproc_parse::kernel;
use cnproc_sys::{Delivery, Error, EventData, EventMask, Resumed};
use std::collections::HashMap;
use std::ffi::c_int;
use support::child::{self, exit, exit_status};
use support::trace::{self, Request};
use support::wait::HANG_LIMIT;
use support::{disturbance, exit_code, live, namespace, require};

/// The requests except those by which a ring is tried out. The kernel refuses them.
fn without_trials(requests: Vec<Request>) -> Vec<Request> {
    let is_trial = |request: &Request| live::is_with_ring() && request.operation == 0;
    requests.into_iter().filter(|request| !is_trial(request)).collect()
}

fn count(requests: &[Request], operation: u32) -> usize {
    requests.iter().filter(|request| request.operation == operation).count()
}

/// The lowest descriptor that is not in use.
fn next_descriptor() -> c_int {
    // SAFETY: no memory is involved; the descriptor is closed where it was made.
    unsafe {
        let fd = libc::dup(0);
        libc::close(fd);
        fd
    }
}

/// Each LISTEN has its IGNORE, and the kernel has acknowledged both.
#[test]
fn ten_thousand_listeners_leak_nothing() {
    const TIMES: usize = 10_000;
    // For a buffer that has room for all acknowledgements.
    if !require::root() {
        return;
    }
    let options = live::options().events(EventMask::SID).acks(true).receive_buffer(64 << 20);
    live::with(options, |witness| {
        let (requests, status) = trace::requests_of(|| {
            let before = next_descriptor();
            for _ in 0..TIMES {
                if live::options().receive_buffer(1 << 16).open().is_err() {
                    exit(1);
                }
            }
            exit(if next_descriptor() == before { 0 } else { 2 });
        });
        assert_eq!(exit_status(status), 0);
        let listens = count(&requests, kernel::PROC_CN_MCAST_LISTEN);
        let ignores = count(&requests, kernel::PROC_CN_MCAST_IGNORE);
        assert!(listens >= TIMES);
        assert_eq!(listens, ignores);

        let mut unanswered: HashMap<_, usize> = HashMap::new();
        let requests = without_trials(requests);
        for request in &requests {
            *unanswered.entry(request.ack.wrapping_add(1)).or_default() += 1;
        }
        // Of 20,000 random numbers of 32 bits two are equal in one run of twenty, and never so many.
        let repeated = requests.len() - unanswered.len();
        assert!(repeated < 8, "{repeated} requests have the number of an earlier one");
        while let Some(batch) = witness.recv(live::NOW).unwrap() {
            for event in batch.map(live::event) {
                if let EventData::Ack(ack) = event.data() {
                    let Some(count) = unanswered.get_mut(&event.ack) else { continue };
                    assert_eq!(ack.err, 0);
                    *count -= 1;
                }
            }
        }
        unanswered.retain(|_, count| *count > 0);
        assert_eq!(unanswered, HashMap::new());
    });
}

#[test]
fn failed_open_leaks_nothing() {
    if !require::root() {
        return;
    }
    live::run(|| {
        let outcome = namespace::run_in(libc::CLONE_NEWPID, || {
            let before = next_descriptor();
            for _ in 0..100 {
                match live::options().open() {
                    Ok(_) => return 1,
                    Err(Error::PidNamespace) => {}
                    Err(error) => return exit_code::of(&error),
                }
            }
            if next_descriptor() == before { 0 } else { 2 }
        });
        assert!(matches!(outcome, None | Some(0)), "{outcome:?}");
    });
}

/// As in a program that exits on SIGINT.
#[test]
fn interrupted_program_sends_ignore() {
    extern "C" fn nothing(_: c_int) {}
    live::run(|| {
        for flags in [0, libc::SA_RESTART] {
            let (requests, status) = trace::requests_of(|| {
                let options = live::options().events(EventMask::SID);
                let Ok(mut listener) = options.open() else { exit(1) };
                interrupt_repeatedly(flags, nothing);
                let is_interrupted = loop {
                    match listener.recv(None) {
                        Ok(batch) => batch.into_iter().flatten().for_each(drop),
                        Err(error) => break error == Error::Interrupted,
                    }
                };
                drop(listener);
                exit(if is_interrupted { 0 } else { 2 });
            });
            assert_eq!(exit_status(status), 0);
            let requests = without_trials(requests);
            let operations: Vec<_> = requests.iter().map(|request| request.operation).collect();
            let (listen, ignore) = (kernel::PROC_CN_MCAST_LISTEN, kernel::PROC_CN_MCAST_IGNORE);
            assert_eq!(operations, [listen, ignore]);
        }
    });
}

/// SIGALRM every 20 milliseconds: one comes before the wait begins, or another during it.
fn interrupt_repeatedly(flags: c_int, handler: extern "C" fn(c_int)) {
    // SAFETY: the structs are of integers and pointers, which may be null; they are valid for reading.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = handler as *const () as usize;
        action.sa_flags = flags;
        libc::sigaction(libc::SIGALRM, &action, std::ptr::null_mut());
        let every = libc::timeval { tv_sec: 0, tv_usec: 20_000 };
        let timer = libc::itimerval { it_interval: every, it_value: every };
        libc::setitimer(libc::ITIMER_REAL, &timer, std::ptr::null_mut());
    }
}

/// An IGNORE from the child would silence the parent: they share the socket.
#[test]
fn forked_childs_copy_is_refused_and_sends_nothing() {
    live::with(live::options(), |listener| {
        let (requests, status) = trace::requests_of(in_parent_and_child);
        assert_eq!(exit_status(status), 0);
        let parent = requests.first().unwrap().pid;
        assert!(requests.iter().all(|request| request.pid == parent), "{requests:?}");
        assert_eq!(count(&requests, kernel::PROC_CN_MCAST_IGNORE), 1);
        assert_eq!(listener.resume(), Ok(Resumed::AlreadyOn));
    });
}

fn in_parent_and_child() {
    let Ok(mut listener) = live::options().open() else { exit(1) };
    let child = child::fork(|| {
        // SAFETY: the original is not used any more, nor dropped: the child leaves by _exit.
        let mut copy = unsafe { std::ptr::read(&listener) };
        let refused = [
            copy.recv(live::NOW).map(drop),
            copy.set_events(EventMask::EXEC),
            copy.resume().map(drop),
            copy.check_owner(),
        ];
        if refused != [Err(Error::Forked); 4] {
            exit(3);
        }
        drop(copy);
    });
    let pid = child.pid();
    if child.wait() != 0 {
        exit(2);
    }
    // The parent still receives: the EXIT of this child, and of the next.
    let next = child::fork(|| ());
    let (next_pid, _) = (next.pid(), next.wait());
    let mut exited = 0;
    while exited < 2 {
        let Ok(Some(batch)) = listener.recv(Some(HANG_LIMIT)) else { exit(4) };
        for delivery in batch {
            let Delivery::Event(event) = delivery else { exit(disturbance::STATUS) };
            if let EventData::Exit(exit) = event.data() {
                exited += i32::from([pid, next_pid].contains(&exit.process_pid));
            }
        }
    }
}
