//! Wake-up coalescing. A delay of an hour stands for one that does not end by itself.
//!
//! The events are of type SID, which other programs seldom generate.

use cnproc_sys::{EventData, EventMask, Listener, Options};
use std::ffi::c_int;
use std::time::{Duration, Instant};
use support::disturbance::disturbed;
use support::flood::Flood;
use support::live::NOW;
use support::wait::HANG_LIMIT;
use support::{child, live, require};

const HOUR: Duration = Duration::from_secs(3600);
const SHORT: Duration = Duration::from_millis(20);
/// With the default buffer the listener looks no sooner whether it is filling up.
const SOONEST_LOOK: Duration = Duration::from_millis(10);

fn options() -> Options {
    live::options().events(EventMask::SID)
}

/// Generates so many SID events, each in a child. Returns the children's pids.
fn generate(count: usize) -> Vec<c_int> {
    let new_session = || {
        // SAFETY: no memory is involved.
        unsafe { libc::setsid() };
    };
    let pids = (0..count).map(|_| {
        let child = child::fork(new_session);
        let pid = child.pid();
        assert_eq!(child.exit_status(), 0);
        pid
    });
    pids.collect()
}

/// Receives until the events of all `pids` have come, and asserts that they came in that order.
fn assert_delivered(listener: &mut Listener, pids: &[c_int]) {
    let mut delivered = Vec::new();
    live::find(listener, |event| {
        if let EventData::Sid(sid) = event.data() {
            delivered.extend(pids.contains(&sid.process_tgid).then_some(sid.process_tgid));
        }
        (delivered.len() == pids.len()).then_some(())
    });
    assert_eq!(delivered, pids);
}

#[test]
fn quarter_full_buffer_ends_the_delay() {
    // The kernel grants 1 MiB, which holds 1,260 events: a quarter is 315.
    let options = options().receive_buffer(512 << 10).coalesce(HOUR);
    if !require::root() {
        return;
    }
    live::with(options, |listener| {
        let pids = generate(400);
        assert_delivered(listener, &pids);
    });
}

/// In bursts of half of what the buffer holds, each after a lull, in which the listener has looked at an empty queue.
/// A delay that lasted as long as the lull suggests would never end: the flood waits until its last burst has arrived.
#[test]
fn burst_after_a_lull_ends_the_delay() {
    const BURST: u32 = 20_000;
    const ALL: u32 = 4 * BURST;
    if !support::require::root() {
        return;
    }
    live::with(Listener::options().events(EventMask::GID).coalesce(HOUR), |listener| {
        // So many are always on their way: what a delay leaves of a burst is a part of the next.
        let flood = Flood::start(ALL + BURST, BURST);
        let (mut received, mut reported) = (0, 0);
        let begin = Instant::now();
        while received < ALL {
            assert!(begin.elapsed() < HANG_LIMIT, "the delay did not end: {received} received");
            // Others may generate events of this type, and for long: then there is no lull.
            let mut foreign = 0;
            while let Some(batch) = listener.recv(Some(5 * SOONEST_LOOK)).unwrap() {
                for event in batch.map(live::event) {
                    if let Some(number) = flood.number(&event) {
                        assert_eq!(number, received);
                        received += 1;
                    } else {
                        foreign += 1;
                    }
                }
                if foreign >= BURST {
                    break;
                }
            }
            if received > reported {
                flood.received(received);
                reported = received;
            }
        }
        live::assert_nothing_lost(listener);
    });
}

#[test]
fn events_are_delivered_when_the_delay_ends() {
    live::with(options().coalesce(SHORT), |listener| {
        for count in [1, 1, 50, 50, 1] {
            let pids = generate(count);
            assert_delivered(listener, &pids);
        }
    });
}

#[test]
fn first_event_makes_readable_and_later_ones_do_not() {
    // Only root is granted the default buffer.
    if !require::root() {
        return;
    }
    live::with(options(), |witness| {
        let mut listener = options().coalesce(HOUR).open().unwrap();
        if live::is_readable(&listener, Duration::ZERO) {
            assert!(live::drain(witness) > 0, "readable without an event");
            disturbed("a SID event of another program");
        }
        generate(1);
        assert!(live::is_readable(&listener, HANG_LIMIT));
        generate(1);
        // The listener looks at intervals whether the buffer is filling up. That makes it readable, events do not, so
        // only tries count that begin right after a look and end before the next can be due.
        let begin = Instant::now();
        let mut count = 0;
        while count < 5 {
            assert!(begin.elapsed() < HANG_LIMIT, "each try took longer than {SOONEST_LOOK:?}");
            // A ring is not looked at: the program notices that it is filling up.
            let is_looked_at = live::is_with_ring() || live::is_readable(&listener, HANG_LIMIT);
            assert!(is_looked_at, "a look is due");
            let before = Instant::now();
            assert!(listener.recv(NOW).unwrap().is_none());
            generate(1);
            let is_readable = live::is_readable(&listener, Duration::ZERO);
            if before.elapsed() < SOONEST_LOOK {
                assert!(!is_readable);
                count += 1;
            }
        }
    });
}

#[test]
fn end_of_delay_makes_readable_again() {
    live::with(options().coalesce(SHORT), |listener| {
        for count in [1, 20, 20, 1] {
            let pids = generate(count);
            let mut delivered = 0;
            while delivered < pids.len() {
                assert!(live::is_readable(listener, HANG_LIMIT), "{delivered} of {count} came");
                while let Some(batch) = listener.recv(NOW).unwrap() {
                    for event in batch.map(live::event) {
                        let is_own = event.process_tgid().is_some_and(|pid| pids.contains(&pid));
                        delivered += usize::from(is_own);
                    }
                }
            }
        }
    });
}
