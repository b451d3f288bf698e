//! A million events, and listeners that read slowly.

use super::log::{self, Log, Numbers, Witness};
use cnproc_sys::{EventMask, Listener, Options};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;
use support::alone;
use support::flood::{self, Flood};
use support::live;

/// Reads ahead all the time, to find out whether it is still heard.
const CHECKED: &str = "filtered, tiny buffer, checked";
const EVENTS: u32 = 1_000_000;
/// How far the flood may be ahead of the witness, whose buffer holds four times as many.
const LEAD: u32 = 40_000;

fn options(filtered: bool, receive_buffer: u32) -> Options {
    let options = Listener::options().receive_buffer(receive_buffer);
    if filtered { options.events(EventMask::GID) } else { options }
}

#[test]
fn of_a_million_events_each_is_delivered_or_counted() {
    let _alone = alone();
    if live::open(Listener::options()).is_some() {
        assert!((0..20).any(|_| is_exact()), "other programs make too many events");
    }
}

/// Floods them once, and asserts that nothing speaks against it. Whether all speaks for it.
fn is_exact() -> bool {
    let mut witness = options(true, 64 << 20).acks(true).open().unwrap();
    let slow = [
        ("unfiltered, tiny buffer", false, 1),
        ("unfiltered, large buffer", false, 1 << 20),
        (CHECKED, true, 1),
        ("filtered, large buffer", true, 1 << 20),
    ]
    .map(|(name, filtered, buffer)| {
        (name, filtered, log::open(options(filtered, buffer)).unwrap())
    });

    let flood = &Flood::start(EVENTS, LEAD);
    let (stop, stop_witness) = (&AtomicBool::new(false), &AtomicBool::new(false));
    thread::scope(|scope| {
        let witness = scope.spawn(move || {
            let (mut log, mut next, mut missed) = (Log::default(), 0, 0);
            let mut in_order = |event: &_| {
                if let Some(number) = flood.number(event) {
                    missed += number.checked_sub(next).expect("in order");
                    next = number + 1;
                    flood.heard(next);
                }
            };
            let wait = Duration::from_millis(10);
            while !stop_witness.load(Ordering::Relaxed) {
                log.receive(&mut witness, wait, &mut in_order);
            }
            while log.receive(&mut witness, Duration::ZERO, &mut in_order) {}
            assert!(log.told >= u64::from(missed + EVENTS - next), "missed, and not told");
            log
        });
        let slow = slow.map(|(name, filtered, (mut listener, mut log))| {
            let read = scope.spawn(move || {
                let mut heard_in_flood = None;
                loop {
                    let (is_over, last) = (flood.is_over(), stop.load(Ordering::Relaxed));
                    if name == CHECKED && !is_over {
                        listener.resume().unwrap();
                    }
                    log.receive_all(&mut listener);
                    if is_over && heard_in_flood.is_none() {
                        heard_in_flood = Some(log.heard.len());
                    }
                    if last {
                        break;
                    }
                    // Slow in the flood, quick after it.
                    thread::sleep(Duration::from_millis(if is_over { 1 } else { 15 }));
                }
                let stats = listener.stats();
                assert_eq!(stats.lost, log.told);
                (log, heard_in_flood.unwrap())
            });
            (name, filtered, read)
        });

        while !flood.is_over() && !witness.is_finished() {
            thread::sleep(Duration::from_millis(5));
        }
        // What follows a loss at the end shows it in the numbers. Others' events may be lost once more.
        for _ in 0..50 {
            thread::sleep(Duration::from_millis(10));
            flood::cpus().into_iter().for_each(flood::mark);
        }
        stop.store(true, Ordering::Relaxed);

        let slow = slow.map(|(name, filtered, read)| (name, filtered, read.join().unwrap()));
        stop_witness.store(true, Ordering::Relaxed);
        let witness = witness.join().unwrap();
        if witness.told > 0 {
            return false;
        }
        let witness = Witness::new(&witness.heard);
        for (name, filtered, (log, after)) in slow {
            let exact = if filtered {
                log::assert_exact(name, &log, &witness, after, EVENTS.into())
            } else {
                log::assert_exact(name, &log, &Numbers, after, EVENTS.into())
            };
            let Some((delivered, lost)) = exact else { return false };
            assert!(delivered + lost >= EVENTS.into());
            assert!(lost > u64::from(EVENTS) / 100, "{name}: it was not slow");
            println!("{name}: {delivered} delivered + {lost} lost = {}", delivered + lost);
        }
        true
    })
}
