//! A sleeping listener is woken by the next event, at whatever moment that comes.

use super::scaled;
use cnproc_sys::{EventMask, Listener};
use std::time::Duration;
use support::flood::Flood;
use support::live;
use support::task::{cpus, pin};
use support::wait::HANG_LIMIT;

/// Each event is generated about when the listener goes to sleep, because the one before has just been received:
/// while the listener looks at the ring for the last time, the program looks whether the listener sleeps.
#[test]
fn each_event_wakes_a_listener_that_goes_to_sleep() {
    super::run(|| {
        for on_one_cpu in [false, true] {
            for lead in [1, 2, 3] {
                let mut listener = super::open(Listener::options().events(EventMask::GID));
                let cpus = cpus();
                pin(if on_one_cpu { &cpus[..1] } else { &cpus });
                receive(&mut listener, scaled(2_000), lead);
                pin(&cpus);
            }
        }
    });
}

#[test]
fn coalescing_listener_is_woken_again_and_again() {
    super::run(|| {
        for lead in [1, 20] {
            let options = Listener::options().events(EventMask::GID);
            let mut listener = super::open(options.coalesce(Duration::from_micros(50)));
            receive(&mut listener, scaled(2_000), lead);
        }
    });
}

/// Receives that many events of one process, which is never more than `lead` events ahead.
fn receive(listener: &mut Listener, count: u32, lead: u32) {
    let flood = Flood::start(count, lead);
    let mut next = 0;
    while next < count {
        let batch = listener.recv(Some(HANG_LIMIT)).unwrap();
        for event in batch.expect("a wake-up was missed").map(live::event) {
            if let Some(number) = flood.number(&event) {
                assert_eq!(number, next);
                next += 1;
                flood.received(next);
            }
        }
    }
}
