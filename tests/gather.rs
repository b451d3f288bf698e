//! Gathering, on the live kernel. An hour's gathering stands for one that does not end by itself.
//!
//! The events are SID, which other programs seldom make, and the listeners hear no others; so one test runs at a time.

#![allow(clippy::unwrap_used, clippy::panic, reason = "for tests")]

use cnproc_sys::{Connector, Delivery, EventData, EventMask, Options};
use std::os::fd::AsRawFd;
use std::time::Duration;
use support::{alone, child, live};

const HOUR: Duration = Duration::from_secs(3600);
const SHORT: Duration = Duration::from_millis(20);
/// Long enough for what must not happen to happen.
const A_WHILE: Duration = Duration::from_millis(100);

fn options() -> Options {
    Connector::options().events(EventMask::SID)
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
fn hear(connector: &mut Connector, pids: &[i32]) {
    let mut heard = Vec::new();
    live::until(connector, |delivery| {
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
fn is_readable(connector: &Connector, timeout: Duration) -> bool {
    let mut polled = libc::pollfd { fd: connector.as_raw_fd(), events: libc::POLLIN, revents: 0 };
    // SAFETY: one pollfd, valid for reading and writing.
    let count = unsafe { libc::poll(&mut polled, 1, timeout.as_millis() as i32) };
    assert!(count >= 0, "{}", std::io::Error::last_os_error());
    count == 1
}

#[test]
fn a_buffer_that_is_a_quarter_full_does_not_wait() {
    let _alone = alone();
    // The kernel grants 1 MiB, 1260 events: a quarter is 315, and others may make some, too.
    let options = options().receive_buffer(512 << 10).gather(HOUR);
    let Some(mut connector) = live::open(options) else { return };
    let pids = make(400);
    hear(&mut connector, &pids);
    assert_eq!(connector.stats().lost, 0);
}

#[test]
fn they_are_handed_over_when_the_time_is_over_whether_few_or_many_and_again() {
    let _alone = alone();
    let Some(mut connector) = live::open(options().gather(SHORT)) else { return };
    for count in [1, 1, 50, 50, 1] {
        let pids = make(count);
        hear(&mut connector, &pids);
    }
}

#[test]
fn who_polls_is_woken_by_the_first_event_and_not_by_those_that_follow() {
    let _alone = alone();
    let Some(mut connector) = live::open(options().gather(HOUR)) else { return };
    assert!(!is_readable(&connector, Duration::ZERO));
    make(1);
    assert!(is_readable(&connector, live::PATIENCE));
    make(1);
    // A look or two whether the buffer fills makes it readable; the events do not.
    let looks = (0..9).take_while(|_| {
        assert!(connector.recv(Some(Duration::ZERO)).unwrap().is_none());
        is_readable(&connector, A_WHILE)
    });
    assert!(looks.count() < 9);
}

#[test]
fn who_polls_is_woken_again_when_the_time_is_over() {
    let _alone = alone();
    let Some(mut connector) = live::open(options().gather(SHORT)) else { return };
    for count in [1, 20, 20, 1] {
        let pids = make(count);
        let mut heard = 0;
        while heard < pids.len() {
            assert!(is_readable(&connector, live::PATIENCE), "{heard} of {count} came");
            while let Some(batch) = connector.recv(Some(Duration::ZERO)).unwrap() {
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
