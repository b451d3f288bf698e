//! Gathering, on the live kernel. An hour's gathering stands for one that does not end by itself.
//!
//! The events are SID, which other programs seldom make, and the listeners hear no others; so one test runs at a time.

use cnproc_sys::{Delivery, EventData, EventMask, Listener, Options};
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};
use support::{alone, child, live};

const HOUR: Duration = Duration::from_secs(3600);
const SHORT: Duration = Duration::from_millis(20);
/// With the default buffer the listener looks no sooner whether it fills.
const SOONEST_LOOK: Duration = Duration::from_millis(10);

fn options() -> Options {
    Listener::options().events(EventMask::SID)
}

/// Makes that many SID events, one a child. Returns the children's pids.
fn make(count: usize) -> Vec<i32> {
    let session = || {
        // SAFETY: no memory is involved.
        unsafe { libc::setsid() };
    };
    let made = (0..count).map(|_| {
        let child = child::fork(session);
        let pid = child.pid();
        assert_eq!(child.wait(), 0);
        pid
    });
    made.collect()
}

/// Receives until it has heard of all `pids`, and asserts that they came in that order.
fn hear(listener: &mut Listener, pids: &[i32]) {
    let mut heard = Vec::new();
    live::until(listener, |delivery| {
        let Delivery::Event(event) = delivery else { panic!("{delivery:?}") };
        if let EventData::Sid(sid) = event.data()
            && pids.contains(&sid.process_tgid)
        {
            heard.push(sid.process_tgid);
        }
        (heard.len() == pids.len()).then_some(())
    });
    assert_eq!(heard, pids);
}

/// Whether the listener's descriptor becomes readable in that time.
fn is_readable(listener: &Listener, timeout: Duration) -> bool {
    let mut polled = libc::pollfd { fd: listener.as_raw_fd(), events: libc::POLLIN, revents: 0 };
    // SAFETY: one pollfd, valid for reading and writing.
    let count = unsafe { libc::poll(&mut polled, 1, timeout.as_millis() as i32) };
    assert!(count >= 0, "{}", std::io::Error::last_os_error());
    count == 1
}

#[test]
fn a_buffer_that_is_a_quarter_full_does_not_wait() {
    let _alone = alone();
    // The kernel grants 1 MiB, 1260 events: a quarter is 315, and others may make some, too.
    let options = options().receive_buffer(512 << 10).coalesce(HOUR);
    let Some(mut listener) = live::open(options) else { return };
    let pids = make(400);
    hear(&mut listener, &pids);
    assert_eq!(listener.stats().lost, 0);
}

#[test]
fn they_are_handed_over_when_the_time_is_over_whether_few_or_many_and_again() {
    let _alone = alone();
    let Some(mut listener) = live::open(options().coalesce(SHORT)) else { return };
    for count in [1, 1, 50, 50, 1] {
        let pids = make(count);
        hear(&mut listener, &pids);
    }
}

#[test]
fn who_polls_is_woken_by_the_first_event_and_not_by_those_that_follow() {
    let _alone = alone();
    let Some(mut listener) = live::open(options().coalesce(HOUR)) else { return };
    assert!(!is_readable(&listener, Duration::ZERO));
    make(1);
    assert!(is_readable(&listener, live::PATIENCE));
    make(1);
    // The listener looks now and then whether the buffer fills; that makes it readable, events do not. So it
    // is asked only while no look can be due.
    let mut count = 0;
    while count < 5 {
        assert!(is_readable(&listener, live::PATIENCE), "a look is due");
        let before = Instant::now();
        assert!(listener.recv(Some(Duration::ZERO)).unwrap().is_none());
        make(1);
        let readable = is_readable(&listener, Duration::ZERO);
        if before.elapsed() < SOONEST_LOOK {
            assert!(!readable);
            count += 1;
        }
    }
}

#[test]
fn who_polls_is_woken_again_when_the_time_is_over() {
    let _alone = alone();
    let Some(mut listener) = live::open(options().coalesce(SHORT)) else { return };
    for count in [1, 20, 20, 1] {
        let pids = make(count);
        let mut heard = 0;
        while heard < pids.len() {
            assert!(is_readable(&listener, live::PATIENCE), "{heard} of {count} came");
            while let Some(batch) = listener.recv(Some(Duration::ZERO)).unwrap() {
                heard += batch
                    .filter(|delivery| match delivery {
                        Delivery::Event(event) => {
                            event.process_tgid().is_some_and(|pid| pids.contains(&pid))
                        }
                        Delivery::Lost(_) => panic!("{delivery:?}"),
                    })
                    .count();
            }
        }
    }
}
