//! A listener in a program: waiting, by itself or with others, among signals, in threads.

use cnproc_sys::{Delivery, Error, EventMask, Listener, Options};
use std::ffi::c_int;
use std::os::fd::{AsFd, AsRawFd};
use std::thread;
use std::time::{Duration, Instant};
use support::live::NOW;
use support::wait::HANG_LIMIT;
use support::{child, disturbance, live, require, task};

const HANG_LIMIT_MS: c_int = HANG_LIMIT.as_millis() as c_int;

/// SID events, which other programs seldom generate.
fn options() -> Options {
    live::options().events(EventMask::SID)
}

/// Generates a SID event in a child. Returns its pid.
fn generate() -> c_int {
    let child = child::fork(|| {
        // SAFETY: no memory is involved.
        unsafe { libc::setsid() };
    });
    let pid = child.pid();
    assert_eq!(child.exit_status(), 0);
    pid
}

fn assert_delivered(listener: &mut Listener, pid: c_int) {
    live::find(listener, |event| (event.process_tgid() == Some(pid)).then_some(()));
}

#[test]
fn many_listeners_in_one_process_receive_each_event() {
    live::with(options(), |first| {
        let mut others: Vec<_> = (0..50).map(|_| options().open().unwrap()).collect();
        // Some are closed after the first event, which must not mute the rest.
        for count in [50, 25] {
            others.truncate(count);
            let pid = generate();
            assert_delivered(first, pid);
            for listener in &mut others {
                assert_delivered(listener, pid);
            }
        }
    });
}

#[test]
fn descriptor_is_readable_while_events_are_queued() {
    live::with(options(), |listener| {
        assert_eq!(listener.as_fd().as_raw_fd(), listener.as_raw_fd());
        live::drain(listener);
        for _ in 0..10 {
            let pid = generate();
            assert!(live::is_readable(listener, HANG_LIMIT));
            assert_delivered(listener, pid);
            live::drain(listener);
            // Where it is still readable, another program has generated an event.
            while live::is_readable(listener, Duration::ZERO) {
                assert!(live::drain(listener) > 0, "readable, but there is nothing to receive");
            }
        }
    });
}

/// As event loops use epoll: woken at edges, they read until nothing is left.
#[test]
fn edge_triggered_caller_misses_nothing() {
    if !require::root() {
        return;
    }
    let options = live::options().events(EventMask::GID).receive_buffer(1 << 16);
    live::with(options, |listener| {
        live::drain(listener);
        // SAFETY: the event is valid for reading.
        let epoll = unsafe {
            let epoll = libc::epoll_create1(libc::EPOLL_CLOEXEC);
            let events = (libc::EPOLLIN | libc::EPOLLET) as u32;
            let mut event = libc::epoll_event { events, u64: 0 };
            let added =
                libc::epoll_ctl(epoll, libc::EPOLL_CTL_ADD, listener.as_raw_fd(), &mut event);
            assert_eq!(added, 0);
            epoll
        };
        for count in [1, 63, 64, 65, 1000, 1] {
            let child = child::fork(|| (0..count).for_each(|gid| task::set_group(gid + 1)));
            let pid = child.pid();
            assert_eq!(child.exit_status(), 0);
            let mut seen = 0;
            while seen < u64::from(count) {
                let mut event = libc::epoll_event { events: 0, u64: 0 };
                // SAFETY: the event is valid for writing.
                let woken = unsafe { libc::epoll_wait(epoll, &mut event, 1, HANG_LIMIT_MS) };
                assert_eq!(woken, 1, "{seen} of {count} came");
                while let Some(batch) = listener.recv(NOW).unwrap() {
                    for delivery in batch {
                        seen += match delivery {
                            Delivery::Event(event) => u64::from(event.process_tgid() == Some(pid)),
                            Delivery::Lost(lost) => lost,
                        };
                    }
                }
            }
        }
        // SAFETY: it is this test's.
        unsafe { libc::close(epoll) };
    });
}

#[test]
fn wait_lasts_as_long_as_its_timeout() {
    live::with(options(), |listener| {
        for milliseconds in [0, 3, 40] {
            let timeout = Duration::from_millis(milliseconds) + Duration::from_micros(1);
            let begin = Instant::now();
            while let Some(batch) = listener.recv(Some(timeout)).unwrap() {
                batch.for_each(drop);
            }
            assert!(begin.elapsed() >= timeout);
        }
    });
}

extern "C" fn nothing(_: c_int) {}

/// A child that a signal interrupts every millisecond while it waits; the kernel would restart its calls.
#[test]
fn signals_interrupt_a_wait_and_do_not_extend_it() {
    live::run(|| {
        for options in [options(), options().coalesce(Duration::from_millis(1))] {
            for flags in [0, libc::SA_RESTART] {
                for timeout in [None, Some(Duration::from_millis(200))] {
                    let child =
                        child::fork(|| child::exit(wait_among_signals(options, flags, timeout)));
                    assert_eq!(child.exit_status(), 0, "{options:?} {flags} {timeout:?}");
                }
            }
        }
    });
}

/// 0 if a wait was interrupted and, if it has a timeout, ended in time although it was begun again each time with the
/// time left.
fn wait_among_signals(options: Options, flags: c_int, timeout: Option<Duration>) -> c_int {
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
        // The machine was so busy that the child hardly ran.
        (true, 0) => disturbance::STATUS,
        (false, _) => 5,
    }
}

#[test]
fn listener_moves_between_threads() {
    live::run(|| {
        let mut listener = options().open().unwrap();
        for _ in 0..3 {
            let pid = generate();
            let moved = thread::spawn(move || {
                assert_delivered(&mut listener, pid);
                listener
            });
            listener = moved.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        }
        // Closed in another thread than opened.
        thread::spawn(move || drop(listener)).join().unwrap();
    });
}
