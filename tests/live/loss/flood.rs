//! A million events, and listeners that read slowly.

use super::log::{self, Log, SequenceNumbers, Witness};
use cnproc_sys::{EventMask, Options};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;
use support::disturbance::disturbed;
use support::flood::{self, Flood};
use support::{live, require, task};

/// Probes all the time whether events are enabled, for which it reads ahead.
const PROBING: &str = "filtered, tiny buffer, probing";
const EVENTS: u32 = 1_000_000;
/// How far the flood may be ahead of the witness, whose buffer has room for four times as many.
const LEAD: u32 = 40_000;
/// How many events are generated between two reads of a slow listener: more than the largest buffer has room for.
const BETWEEN_READS: u32 = 5_000;

fn options(filtered: bool, receive_buffer: u32) -> Options {
    let options = live::options().receive_buffer(receive_buffer);
    if filtered { options.events(EventMask::GID) } else { options }
}

#[test]
fn each_of_a_million_events_is_delivered_or_counted() {
    if require::root() {
        live::run(flood_witness_and_slow_listeners);
    }
}

fn flood_witness_and_slow_listeners() {
    let mut witness = options(true, 64 << 20).acks(true).open().unwrap();
    let slow = [
        ("unfiltered, tiny buffer", false, 1),
        ("unfiltered, large buffer", false, 1 << 20),
        (PROBING, true, 1),
        ("filtered, large buffer", true, 1 << 20),
    ]
    .map(|(name, filtered, buffer)| (name, filtered, log::open(options(filtered, buffer))));

    let flood = &Flood::start(EVENTS, LEAD);
    let (stop, stop_witness) = (&AtomicBool::new(false), &AtomicBool::new(false));
    let done_with_flood = &AtomicUsize::new(0);
    thread::scope(|scope| {
        let witness = scope.spawn(move || {
            let (mut log, mut next, mut missed) = (Log::default(), 0, 0);
            let mut in_order = |event: &_| {
                if let Some(number) = flood.number(event) {
                    missed += number.checked_sub(next).expect("in order");
                    next = number + 1;
                    flood.received(next);
                }
            };
            let wait = Duration::from_millis(10);
            while !stop_witness.load(Ordering::Relaxed) {
                log.receive(&mut witness, wait, &mut in_order);
            }
            while log.receive(&mut witness, Duration::ZERO, &mut in_order) {}
            assert!(log.reported >= u64::from(missed + EVENTS - next), "a loss is not reported");
            log
        });
        let slow = slow.map(|(name, filtered, (mut listener, mut log))| {
            let read = scope.spawn(move || {
                while !flood.is_over() {
                    flood.await_more(BETWEEN_READS);
                    if name == PROBING {
                        listener.resume().unwrap();
                    }
                    log.receive_all(&mut listener);
                }
                log.receive_all(&mut listener);
                let in_flood = log.entries.len();
                done_with_flood.fetch_add(1, Ordering::Relaxed);
                while !stop.load(Ordering::Relaxed) {
                    log.receive(&mut listener, Duration::from_millis(1), |_| ());
                }
                log.receive_all(&mut listener);
                assert_eq!(listener.stats().lost, log.reported);
                (log, in_flood)
            });
            (name, filtered, read)
        });

        while done_with_flood.load(Ordering::Relaxed) < slow.len() {
            // A thread whose assertion failed will not count itself.
            if witness.is_finished() || slow.iter().any(|(_, _, read)| read.is_finished()) {
                break;
            }
            thread::sleep(Duration::from_millis(5));
        }
        // The events after a loss at the end show it in their numbers. Others' events may be lost once more.
        for _ in 0..50 {
            task::cpus().into_iter().for_each(flood::mark);
            thread::sleep(Duration::from_millis(1));
        }
        stop.store(true, Ordering::Relaxed);

        let slow = slow.map(|(name, filtered, read)| (name, filtered, read.join().unwrap()));
        stop_witness.store(true, Ordering::Relaxed);
        let witness = witness.join().unwrap();
        if witness.reported > 0 {
            disturbed("the witness lost events");
        }
        let witness = Witness::new(&witness.entries);
        for (name, filtered, (log, after)) in slow {
            let (delivered, lost) = if filtered {
                log::assert_exact(name, &log, &witness, after, EVENTS.into())
            } else {
                log::assert_exact(name, &log, &SequenceNumbers, after, EVENTS.into())
            };
            assert!(delivered + lost >= EVENTS.into());
            assert!(lost > u64::from(EVENTS) / 100, "{name}: only {lost} lost");
            println!("{name}: {delivered} delivered + {lost} lost = {}", delivered + lost);
        }
    });
}
