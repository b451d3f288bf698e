//! What is opened is closed: descriptors, and the kernel's count of listeners.

use cnproc_parse::kernel;
use cnproc_sys::{Delivery, Error, EventData, EventMask, Listener, Resumed};
use std::collections::HashMap;
use std::ffi::c_int;
use std::time::Duration;
use support::trace::{self, Request};
use support::{child, live};

const NOW: Option<Duration> = Some(Duration::ZERO);

fn exit(status: c_int) -> ! {
    // SAFETY: ends the process.
    unsafe { libc::_exit(status) }
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
fn ten_thousand_times_opened_and_closed_leaks_no_descriptor_and_no_listener() {
    const TIMES: usize = 10_000;
    let options = Listener::options().events(EventMask::SID).acks(true).receive_buffer(64 << 20);
    let Some(mut witness) = live::open(options) else { return };
    let (requests, status) = trace::requests_of(|| {
        let before = next_descriptor();
        for _ in 0..TIMES {
            if Listener::options().receive_buffer(1 << 16).open().is_err() {
                exit(1);
            }
        }
        if next_descriptor() != before {
            exit(2);
        }
    });
    assert_eq!(status, 0);
    let (listens, ignores) = (
        count(&requests, kernel::PROC_CN_MCAST_LISTEN),
        count(&requests, kernel::PROC_CN_MCAST_IGNORE),
    );
    assert!(listens >= TIMES);
    assert_eq!(listens, ignores);

    let mut unanswered: HashMap<_, usize> = HashMap::new();
    for request in &requests {
        *unanswered.entry(request.ack.wrapping_add(1)).or_default() += 1;
    }
    // Of 20,000 random numbers of 32 bits two are the same in one run of twenty, and never so many.
    let repeated = requests.len() - unanswered.len();
    assert!(repeated < 8, "{repeated} requests bear a number that another has borne");
    while let Some(batch) = witness.recv(NOW).unwrap() {
        for delivery in batch {
            let Delivery::Event(event) = delivery else { panic!("{delivery:?}") };
            if let EventData::Ack(ack) = event.data()
                && let Some(count) = unanswered.get_mut(&event.ack)
            {
                assert_eq!(ack.err, 0);
                *count -= 1;
            }
        }
    }
    unanswered.retain(|_, count| *count > 0);
    assert_eq!(unanswered, HashMap::new());
}

#[test]
fn what_fails_to_open_leaks_nothing_either() {
    let before = next_descriptor();
    let outcome = support::namespace::run_in(libc::CLONE_NEWPID, || {
        let before = next_descriptor();
        for _ in 0..100 {
            if Listener::options().open().map(drop) != Err(Error::PidNamespace) {
                return 1;
            }
        }
        c_int::from(next_descriptor() != before) * 2
    });
    assert_eq!(outcome, 0);
    assert!(before > 0);
}

/// As a program ends on SIGINT.
#[test]
fn a_program_that_a_signal_interrupts_still_says_ignore() {
    if live::open(Listener::options()).is_none() {
        return;
    }
    extern "C" fn nothing(_: c_int) {}
    for flags in [0, libc::SA_RESTART] {
        let (requests, status) = trace::requests_of(|| {
            let options = Listener::options().events(EventMask::SID);
            let Ok(mut listener) = options.open() else { exit(1) };
            interrupt_after(flags, nothing);
            let interrupted = loop {
                match listener.recv(None) {
                    Ok(batch) => batch.into_iter().flatten().for_each(drop),
                    Err(error) => break error == Error::Interrupted,
                }
            };
            drop(listener);
            exit(if interrupted { 0 } else { 2 });
        });
        assert_eq!(status, 0);
        let operations: Vec<_> = requests.iter().map(|request| request.operation).collect();
        let (listen, ignore) = (kernel::PROC_CN_MCAST_LISTEN, kernel::PROC_CN_MCAST_IGNORE);
        assert_eq!(operations, [listen, ignore]);
    }
}

/// SIGALRM comes in 20 milliseconds, and every 20 after that.
fn interrupt_after(flags: c_int, handler: extern "C" fn(c_int)) {
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

/// Its IGNORE would silence the parent: they share the socket.
#[test]
fn a_childs_copy_says_nothing_when_it_is_closed_and_does_nothing_else() {
    let Some(mut listener) = live::open(Listener::options()) else { return };
    drop(listener);
    let (requests, status) = trace::requests_of(|| {
        let Ok(mut listener) = Listener::options().open() else { exit(1) };
        let child = child::fork(|| {
            // SAFETY: the original is not used any more, nor dropped: the child leaves by _exit.
            let mut copy = unsafe { std::ptr::read(&listener) };
            let refused = [
                copy.recv(NOW).map(drop),
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
        // The parent hears on, of this child and of the next.
        let next = child::fork(|| ());
        let (next_pid, _) = (next.pid(), next.wait());
        let mut ended = 0;
        while ended < 2 {
            let Ok(Some(batch)) = listener.recv(Some(live::PATIENCE)) else { exit(4) };
            ended += batch
                .filter(|delivery| {
                    matches!(delivery, Delivery::Event(event)
                        if matches!(event.data(), EventData::Exit(exit)
                            if exit.process_pid == pid || exit.process_pid == next_pid))
                })
                .count();
        }
    });
    assert_eq!(status, 0);
    let parent = requests.first().unwrap().pid;
    assert!(requests.iter().all(|request| request.pid == parent), "{requests:?}");
    assert_eq!(count(&requests, kernel::PROC_CN_MCAST_IGNORE), 1);
    listener = Listener::options().open().unwrap();
    assert_eq!(listener.resume(), Ok(Resumed::AlreadyOn));
}
