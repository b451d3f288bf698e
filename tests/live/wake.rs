//! Ending a wait from another thread and from a signal handler, with and without coalescing.

use cnproc_sys::{Error, EventMask, Listener, Options, Waker};
use std::ffi::c_int;
use std::ptr;
use std::sync::atomic::{AtomicPtr, AtomicU32, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};
use support::live;

const ROUNDS: usize = 500;

/// Types of which other programs seldom generate any.
fn options() -> [Options; 2] {
    let options = Listener::options().events(EventMask::SID);
    [options, options.coalesce(Duration::from_millis(1))]
}

/// Waits indefinitely for what is not an event. Whether a signal handler ended the wait.
fn wait_for_wake(listener: &mut Listener) -> bool {
    loop {
        match listener.recv(None) {
            Ok(Some(batch)) => batch.for_each(drop),
            Ok(None) => return false,
            Err(error) => {
                assert_eq!(error, Error::Interrupted);
                return true;
            }
        }
    }
}

#[test]
fn wakes_before_a_wait_end_it_once() {
    for options in options() {
        live::with(options, |listener| {
            let waker = listener.waker().unwrap();
            waker.wake();
            waker.wake();
            assert!(!wait_for_wake(listener));
            assert_lasts(listener);
        });
    }
}

/// Before the wait or during it, as it happens.
#[test]
fn wake_by_another_thread_ends_each_wait() {
    for options in options() {
        live::with(options, |listener| {
            let waker = listener.waker().unwrap();
            let both = Arc::new(Barrier::new(2));
            let other = Arc::clone(&both);
            let thread = thread::spawn(move || {
                for _ in 0..ROUNDS {
                    waker.wake();
                    other.wait();
                }
            });
            for _ in 0..ROUNDS {
                assert!(!wait_for_wake(listener));
                both.wait();
            }
            thread.join().unwrap();
        });
    }
}

#[test]
fn wake_ends_the_iterator_over_deliveries() {
    for options in options() {
        live::with(options, |listener| {
            let waker = listener.waker().unwrap();
            waker.wake();
            assert!(listener.deliveries().all(|delivery| delivery.is_ok()));
        });
    }
}

/// A waker may outlive its listener. Another listener, which gets the same descriptors, does not notice it.
#[test]
fn waker_of_a_closed_listener_does_nothing() {
    live::run(|| {
        let [options, _] = options();
        let waker = options.open().unwrap().waker().unwrap();
        let mut listener = options.open().unwrap();
        waker.wake();
        assert_lasts(&mut listener);
    });
}

/// Asserts that a wait lasts as long as its timeout.
fn assert_lasts(listener: &mut Listener) {
    let (begin, timeout) = (Instant::now(), Duration::from_millis(20));
    while listener.recv(Some(timeout)).unwrap().is_some_and(|batch| batch.count() > 0) {}
    assert!(begin.elapsed() >= timeout);
}

static WAKER: AtomicPtr<Waker> = AtomicPtr::new(ptr::null_mut());
static HANDLED: AtomicU32 = AtomicU32::new(0);

extern "C" fn wake(_: c_int) {
    HANDLED.fetch_add(1, Ordering::SeqCst);
    // SAFETY: the waker outlives the timer whose signals are handled here.
    if let Some(waker) = unsafe { WAKER.load(Ordering::SeqCst).as_ref() } {
        waker.wake();
    }
}

/// Raises SIGUSR2 for the calling thread after that time.
fn signal_after(timer: libc::timer_t, nanoseconds: i64) {
    // SAFETY: the struct is of integers, and valid for reading.
    unsafe {
        let mut once: libc::itimerspec = std::mem::zeroed();
        once.it_value.tv_nsec = nanoseconds as _;
        assert_eq!(libc::timer_settime(timer, 0, &once, ptr::null_mut()), 0);
    }
}

/// The loop of a program that a signal is to end: none of many signals comes at the wrong moment, and each wait ends,
/// by the handler or by the wake in it.
#[test]
fn wake_by_a_handler_is_never_missed() {
    for options in options() {
        live::with(options, |listener| {
            let waker = listener.waker().unwrap();
            WAKER.store(ptr::from_ref(&waker).cast_mut(), Ordering::SeqCst);
            // SAFETY: the structs are of integers and pointers, and valid for reading and writing.
            let timer = unsafe {
                let mut action: libc::sigaction = std::mem::zeroed();
                action.sa_sigaction = wake as *const () as usize;
                action.sa_flags = libc::SA_RESTART;
                assert_eq!(libc::sigaction(libc::SIGUSR2, &action, ptr::null_mut()), 0);
                let mut event: libc::sigevent = std::mem::zeroed();
                event.sigev_notify = libc::SIGEV_THREAD_ID;
                event.sigev_signo = libc::SIGUSR2;
                event.sigev_notify_thread_id = libc::gettid();
                let mut timer: libc::timer_t = ptr::null_mut();
                assert_eq!(libc::timer_create(libc::CLOCK_MONOTONIC, &mut event, &mut timer), 0);
                timer
            };
            for round in 0..ROUNDS {
                let before = HANDLED.load(Ordering::SeqCst);
                signal_after(timer, 1 + (round % 100) as i64 * 1000);
                while HANDLED.load(Ordering::SeqCst) == before {
                    wait_for_wake(listener);
                }
            }
            // SAFETY: it is this test's.
            assert_eq!(unsafe { libc::timer_delete(timer) }, 0);
            WAKER.store(ptr::null_mut(), Ordering::SeqCst);
        });
    }
}
