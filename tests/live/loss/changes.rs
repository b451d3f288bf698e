//! Changes of the mask: the account stays exact from one to the other.

use super::log::{self, Log};
use super::place::make;
use cnproc_parse::kernel;
use cnproc_sys::{EventMask, Listener};
use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;
use support::alone;
use support::flood::Flood;
use support::live;

/// What both witnesses saw before a change is told once. Each time the queue is filled twice, and so has
/// a gap in its midst.
#[test]
fn a_change_tells_no_loss_a_second_time() {
    let _alone = alone();
    let witness = Listener::options().receive_buffer(64 << 20).acks(true);
    for (receive_buffer, received_before) in [(1, 1), (1, 4), (1 << 15, 120)] {
        for (from, to) in [(EventMask::ALL, EventMask::GID), (EventMask::GID, EventMask::ALL)] {
            let Some(mut witness) = live::open(witness) else { return };
            let options = Listener::options().receive_buffer(receive_buffer).events(from);
            let Some(mut listener) = live::open(options) else { return };
            let mut log = Log::default();
            log.receive_all(&mut listener);
            make(2000);
            log.receive_some(&mut listener, 1);
            make(2000);
            log.receive_some(&mut listener, received_before);
            listener.set_events(to).unwrap();
            make(2000);
            log.receive_all(&mut listener);

            let mut all = Log::default();
            all.receive_all(&mut witness);
            assert_eq!(all.told, 0);
            let (heard, made) = (log.heard.len() as u64, all.heard.len() as u64);
            assert!(log.told > 3000, "{} told", log.told);
            assert!(heard + log.told <= made, "{heard} + {} > {made}", log.told);
        }
    }
}

/// What was queued under the earlier mask, or read already, is held against the new one.
#[test]
fn a_change_holds_for_what_is_queued_too() {
    let _alone = alone();
    let Some(mut listener) = live::open(Listener::options()) else { return };
    let mut log = Log::default();
    log.receive_all(&mut listener);
    log.heard.clear();
    make(200);
    // The first is read, and not taken.
    assert!(listener.recv(Some(Duration::ZERO)).unwrap().is_some());
    listener.set_events(EventMask::SID).unwrap();
    assert_eq!(listener.stats().events, EventMask::SID);
    log.receive_all(&mut listener);
    assert!(log.heard.iter().all(|heard| heard.what == kernel::PROC_EVENT_SID), "{log:?}");
    listener.set_events(EventMask::GID).unwrap();
    make(200);
    log.receive_all(&mut listener);
    let me = std::process::id().cast_signed();
    assert_eq!(log.heard.iter().filter(|heard| heard.is_gid_of(me)).count(), 200);
    assert_eq!(listener.stats().lost, 0);
}

/// A listener that hears the flood whatever its mask, and changes it all the time, while it loses events
/// and while it does not. Of other programs' events those made under a mask that leaves them out are
/// not lost; which ones that were can't be told to the event, so they are what the result may be off by.
#[test]
fn made_is_delivered_and_lost_across_changes_of_the_mask() {
    let _alone = alone();
    for attempt in 1.. {
        let witness = Listener::options().receive_buffer(256 << 20).acks(true);
        let Some(mut witness) = live::open(witness) else { return };
        let options = Listener::options().receive_buffer(1 << 19);
        let (mut listener, mut log) = log::open(options).unwrap();
        let flood = &Flood::start(300_000, 40_000);
        let (stop, stop_witness) = (&AtomicBool::new(false), &AtomicBool::new(false));
        let (witness, log, changes) = thread::scope(|scope| {
            let witness = scope.spawn(move || {
                let mut log = Log::default();
                let mut heard = 0;
                let mut count = |event: &_| {
                    if let Some(number) = flood.number(event) {
                        heard = number;
                        flood.heard(heard);
                    }
                };
                let wait = Duration::from_millis(10);
                while !stop_witness.load(Ordering::Relaxed) {
                    log.receive(&mut witness, wait, &mut count);
                }
                log.receive_all(&mut witness);
                log
            });
            let changing = scope.spawn(move || {
                let masks = [EventMask::GID, EventMask::ALL, EventMask::GID | EventMask::EXIT];
                // With a part of a batch still to be handed over, with nothing, or with a gap passed.
                let amounts = [40, usize::MAX, 1000, 3];
                let mut changes = 0;
                for (mask, amount) in masks.into_iter().cycle().zip(amounts.into_iter().cycle()) {
                    let last = stop.load(Ordering::Relaxed);
                    listener.set_events(if last { EventMask::ALL } else { mask }).unwrap();
                    changes += 1;
                    log.receive_some(&mut listener, if last { usize::MAX } else { amount });
                    if last {
                        break;
                    } else if changes % 5 == 0 {
                        thread::sleep(Duration::from_millis(5));
                    }
                }
                (log, changes)
            });
            while !flood.is_over() {
                thread::sleep(Duration::from_millis(5));
            }
            thread::sleep(Duration::from_millis(50));
            stop.store(true, Ordering::Relaxed);
            let (log, changes) = changing.join().unwrap();
            stop_witness.store(true, Ordering::Relaxed);
            (witness.join().unwrap(), log, changes)
        });
        if witness.told > 0 {
            // Then it proves nothing. Other programs' floods do that.
            assert!(attempt < 20, "the witness never heard all");
            continue;
        }

        let heard: HashSet<_> = log.heard.iter().map(|heard| (heard.cpu, heard.seq)).collect();
        assert_eq!(heard.len(), log.heard.len(), "none came twice");
        let (mut first, mut last) = (HashMap::new(), HashMap::new());
        for heard in &log.heard {
            first.entry(heard.cpu).or_insert(heard.seq);
            last.insert(heard.cpu, heard.seq);
        }
        // What is behind the last that was heard may have been lost or not yet.
        let is_before = |a: u32, b: u32| a.wrapping_sub(b) >= 1 << 31;
        let (mut missing, mut others) = (0, 0);
        for made in &witness.heard {
            let Some((first, last)) = first.get(&made.cpu).zip(last.get(&made.cpu)) else {
                continue;
            };
            if is_before(made.seq, *first) || heard.contains(&(made.cpu, made.seq)) {
            } else if made.is_gid_of(flood.pid()) && is_before(made.seq, *last) {
                missing += 1;
            } else {
                others += 1;
            }
        }
        let told = log.told;
        println!("{changes} changes: {missing} events missing, {told} told, of others' {others}");
        assert!(changes > 20 && missing > 1000, "there was nothing to count");
        assert!(missing <= told, "{missing} events are missing, and {told} losses told");
        assert!(told <= missing + others, "{told} > {missing} + {others}");
        return;
    }
}
