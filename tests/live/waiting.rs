//! A listener in a program: waiting, with others, among signals, in threads.

use cnproc_sys::{Delivery, Error, EventData, EventMask, Listener, Options};
use std::ffi::c_int;
use std::os::fd::{AsFd, AsRawFd};
use std::thread;
use std::time::{Duration, Instant};
use support::{child, flood, live};

const NOW: Option<Duration> = Some(Duration::ZERO);

/// GID events, of which other programs seldom make any.
fn options() -> Options {
    Listener::options().events(EventMask::GID)
}

/// Makes an event of a child. Returns its pid.
fn make() -> c_int {
    let child = child::fork(|| flood::set_group(4711));
    let pid = child.pid();
    assert_eq!(child.wait(), 0);
    pid
}

fn hears(listener: &mut Listener, pid: c_int) {
    live::until(listener, |delivery| match delivery {
        Delivery::Event(event) => (event.process_tgid() == Some(pid)).then_some(()),
        Delivery::Lost(_) => panic!("{delivery:?}"),
    });
}

#[test]
fn many_listeners_in_one_process_each_hear_everything() {
    let Some(first) = live::open(options()) else { return };
    let mut listeners: Vec<_> = (0..50).map(|_| options().open().unwrap()).collect();
    listeners.push(first);
    let pid = make();
    for listener in &mut listeners {
        hears(listener, pid);
    }
    // One that goes does not take the others' events with it.
    listeners.truncate(25);
    let pid = make();
    for listener in &mut listeners {
        hears(listener, pid);
    }
}

fn is_readable(listener: &Listener, timeout_ms: c_int) -> bool {
    let mut poll = libc::pollfd { fd: listener.as_raw_fd(), events: libc::POLLIN, revents: 0 };
    // SAFETY: the struct is valid for writing.
    let count = unsafe { libc::poll(&mut poll, 1, timeout_ms) };
    assert!(count >= 0);
    poll.revents == libc::POLLIN
}

#[test]
fn poll_tells_when_there_is_something_and_when_not() {
    let Some(mut listener) = live::open(options()) else { return };
    assert_eq!(listener.as_fd().as_raw_fd(), listener.as_raw_fd());
    for _ in 0..10 {
        while let Some(batch) = listener.recv(NOW).unwrap() {
            batch.for_each(drop);
        }
        let pid = make();
        assert!(is_readable(&listener, 20_000));
        hears(&mut listener, pid);
    }
    while listener.recv(NOW).unwrap().is_some_and(|batch| batch.count() > 0) {}
    assert!(!is_readable(&listener, 0));
}

/// As event loops use epoll: woken at edges, read until nothing is left.
#[test]
fn who_waits_for_edges_misses_nothing() {
    let Some(mut listener) = live::open(options().receive_buffer(1 << 16)) else { return };
    while listener.recv(NOW).unwrap().is_some_and(|batch| batch.count() > 0) {}
    // SAFETY: the event is valid for reading.
    let epoll = unsafe {
        let epoll = libc::epoll_create1(libc::EPOLL_CLOEXEC);
        let mut event =
            libc::epoll_event { events: (libc::EPOLLIN | libc::EPOLLET).cast_unsigned(), u64: 0 };
        assert_eq!(
            libc::epoll_ctl(epoll, libc::EPOLL_CTL_ADD, listener.as_raw_fd(), &mut event),
            0
        );
        epoll
    };
    for count in [1, 63, 64, 65, 1000, 1] {
        let (mut seen, mut last) = (0, 0);
        thread::spawn(move || (0..count).for_each(|gid| flood::set_group(gid + 1))).join().unwrap();
        while seen < count {
            let mut event = libc::epoll_event { events: 0, u64: 0 };
            // SAFETY: the event is valid for writing.
            assert_eq!(unsafe { libc::epoll_wait(epoll, &mut event, 1, 20_000) }, 1, "{last}");
            while let Some(batch) = listener.recv(NOW).unwrap() {
                for delivery in batch {
                    match delivery {
                        Delivery::Event(event) => {
                            let EventData::Gid(gid) = event.data() else { panic!("{event}") };
                            last = gid.rgid;
                            seen += 1;
                        }
                        Delivery::Lost(lost) => seen += lost as u32,
                    }
                }
            }
        }
    }
    // SAFETY: it is this test's.
    unsafe { libc::close(epoll) };
}

#[test]
fn a_wait_lasts_as_long_as_asked_and_ends() {
    let Some(mut listener) = live::open(Listener::options().events(EventMask::SID)) else {
        return;
    };
    for timeout in [Duration::from_micros(1), Duration::from_millis(3), Duration::from_millis(40)] {
        let begin = Instant::now();
        while let Some(batch) = listener.recv(Some(timeout)).unwrap() {
            batch.for_each(drop);
        }
        assert!(begin.elapsed() >= timeout);
    }
}

extern "C" fn nothing(_: c_int) {}

/// A child that is interrupted every millisecond while it waits. The kernel would restart its calls.
#[test]
fn signals_interrupt_a_wait_and_do_not_lengthen_it() {
    if live::open(Listener::options()).is_none() {
        return;
    }
    for flags in [0, libc::SA_RESTART] {
        for timeout in [None, Some(Duration::from_millis(200))] {
            let child = child::fork(|| {
                let status = count_interruptions(flags, timeout);
                // SAFETY: ends the process.
                unsafe { libc::_exit(status) }
            });
            assert_eq!(child.wait(), 0, "{flags} {timeout:?}");
        }
    }
}

/// 0 if a wait was interrupted, and, if it has an end, one begun anew with what is left of the time ended.
fn count_interruptions(flags: c_int, timeout: Option<Duration>) -> c_int {
    let options = Listener::options().events(EventMask::SID);
    let Ok(mut listener) = options.open() else { return 1 };
    // SAFETY: the structs are of integers and pointers, which may be null; they are valid for reading.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = nothing as *const () as usize;
        action.sa_flags = flags;
        libc::sigaction(libc::SIGALRM, &action, std::ptr::null_mut());
        let every = libc::timeval { tv_sec: 0, tv_usec: 1000 };
        let timer = libc::itimerval { it_interval: every, it_value: every };
        libc::setitimer(libc::ITIMER_REAL, &timer, std::ptr::null_mut());
    }
    let begin = Instant::now();
    let mut interruptions = 0_u32;
    loop {
        let left = timeout.map(|timeout| timeout.saturating_sub(begin.elapsed()));
        match listener.recv(left) {
            Err(Error::Interrupted) => interruptions += 1,
            Err(_) => return 2,
            Ok(Some(batch)) => batch.for_each(drop),
            Ok(None) => break,
        }
        if timeout.is_none() && interruptions == 10 {
            return 0;
        }
    }
    let Some(timeout) = timeout else { return 3 };
    match (begin.elapsed() >= timeout, interruptions) {
        (true, 1..) => 0,
        (true, 0) => 4,
        (false, _) => 5,
    }
}

#[test]
fn a_listener_moves_between_threads() {
    let Some(mut listener) = live::open(options()) else { return };
    for _ in 0..3 {
        let pid = make();
        listener = thread::spawn(move || {
            hears(&mut listener, pid);
            listener
        })
        .join()
        .unwrap();
    }
    // Closed elsewhere than opened.
    thread::spawn(move || drop(listener)).join().unwrap();
}
