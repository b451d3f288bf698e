//! Changes of the mask: loss accounting stays exact from one to the other.

use super::generate;
use super::log::{self, Log};
use cnproc_parse::kernel;
use cnproc_sys::{EventMask, Listener};
use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;
use std::time::Duration;
use support::disturbance::disturbed;
use support::flood::Flood;
use support::{live, require, task};

/// What both loss sources showed before a change is reported once. Each time the queue is filled twice, and so has a gap
/// in the middle.
#[test]
fn loss_before_a_mask_change_is_reported_once() {
    if !require::root() {
        return;
    }
    for (receive_buffer, received_before) in [(1, 1), (1, 4), (1 << 15, 120)] {
        for (from, to) in [(EventMask::ALL, EventMask::GID), (EventMask::GID, EventMask::ALL)] {
            live::with(live::options().receive_buffer(64 << 20).acks(true), |witness| {
                let options = live::options().receive_buffer(receive_buffer).events(from);
                let mut listener = options.open().unwrap();
                let mut log = Log::default();
                log.receive_all(&mut listener);
                generate(2000);
                log.receive_some(&mut listener, 1);
                generate(2000);
                log.receive_some(&mut listener, received_before);
                listener.set_events(to).unwrap();
                generate(2000);
                log.receive_all(&mut listener);

                let mut all = Log::default();
                all.receive_all(witness);
                if all.reported > 0 {
                    disturbed("the witness lost events");
                }
                let (delivered, generated) = (log.entries.len() as u64, all.entries.len() as u64);
                let lost = log.reported;
                assert!(lost > 3000, "{lost} lost");
                assert!(delivered + lost <= generated, "{delivered} + {lost} > {generated}");
            });
        }
    }
}

/// Events that were queued under the earlier mask, or received already, are checked against the new one.
#[test]
fn mask_change_applies_to_queued_events_too() {
    if !require::root() {
        return;
    }
    live::with(live::options(), |listener| {
        let mut log = Log::default();
        log.receive_all(listener);
        log.entries.clear();
        generate(200);
        // The first is received, and not taken.
        assert!(listener.recv(live::NOW).unwrap().is_some());
        listener.set_events(EventMask::SID).unwrap();
        assert_eq!(listener.stats().events, EventMask::SID);
        log.receive_all(listener);
        assert!(log.entries.iter().all(|entry| entry.what == kernel::PROC_EVENT_SID), "{log:?}");
        listener.set_events(EventMask::GID).unwrap();
        generate(200);
        log.receive_all(listener);
        live::assert_nothing_lost(listener);
        let thread = task::thread_id();
        assert_eq!(log.entries.iter().filter(|entry| entry.is_gid_of(thread)).count(), 200);
    });
}

/// A listener that receives the flood whatever its mask, and changes it all the time, while it loses events and while it
/// does not. Events of other programs, generated under a mask that leaves them out, are not lost; which ones those were
/// cannot be determined to the event, so the result may be off by them.
#[test]
fn loss_is_exact_across_mask_changes() {
    if require::root() {
        live::with(
            live::options().receive_buffer(256 << 20).acks(true),
            flood_while_the_mask_changes,
        );
    }
}

fn flood_while_the_mask_changes(witness: &mut Listener) {
    let (mut listener, mut log) = log::open(live::options().receive_buffer(1 << 19));
    let flood = &Flood::start(300_000, 40_000);
    let (stop_witness, changes) = (&AtomicBool::new(false), &AtomicU32::new(0));
    let (witness, log) = thread::scope(|scope| {
        let witness = scope.spawn(move || {
            let (mut log, mut received) = (Log::default(), 0);
            while !stop_witness.load(Ordering::Relaxed) {
                log.receive(witness, Duration::from_millis(10), |event| {
                    received = flood.number(event).unwrap_or(received);
                });
                // The flood waits for the changes, too.
                flood.received(received.min(changes.load(Ordering::Relaxed) * 10_000));
            }
            log.receive_all(witness);
            log
        });
        let changing = scope.spawn(move || {
            let masks = [EventMask::GID, EventMask::ALL, EventMask::GID | EventMask::EXIT];
            // With a part of a batch still to be delivered, with nothing, or after a gap.
            let amounts = [40, usize::MAX, 1000, 3];
            for (mask, amount) in masks.into_iter().cycle().zip(amounts.into_iter().cycle()) {
                let is_last = flood.is_over();
                listener.set_events(if is_last { EventMask::ALL } else { mask }).unwrap();
                let change = changes.fetch_add(1, Ordering::Relaxed);
                log.receive_some(&mut listener, if is_last { usize::MAX } else { amount });
                if is_last {
                    break;
                } else if change % 5 == 0 {
                    // More than the queue has room for.
                    flood.await_more(2000);
                }
            }
            log
        });
        let log = changing.join().unwrap();
        stop_witness.store(true, Ordering::Relaxed);
        (witness.join().unwrap(), log)
    });
    let changes = changes.load(Ordering::Relaxed);
    if witness.reported > 0 {
        disturbed("the witness lost events");
    }

    let delivered: HashSet<_> = log.entries.iter().map(|entry| (entry.cpu, entry.seq)).collect();
    assert_eq!(delivered.len(), log.entries.len(), "an event was delivered twice");
    let (mut first, mut last) = (HashMap::new(), HashMap::new());
    for entry in &log.entries {
        first.entry(entry.cpu).or_insert(entry.seq);
        last.insert(entry.cpu, entry.seq);
    }
    // What came after the last delivery may have been lost, or not yet delivered.
    let is_before = |a: u32, b: u32| a.wrapping_sub(b) >= 1 << 31;
    let (mut missing, mut others) = (0, 0);
    for made in &witness.entries {
        let Some((first, last)) = first.get(&made.cpu).zip(last.get(&made.cpu)) else {
            continue;
        };
        if is_before(made.seq, *first) || delivered.contains(&(made.cpu, made.seq)) {
        } else if made.is_gid_of(flood.pid()) && is_before(made.seq, *last) {
            missing += 1;
        } else {
            others += 1;
        }
    }
    let lost = log.reported;
    println!("{changes} changes: {missing} events missing, {lost} reported, of others' {others}");
    assert!(changes > 20 && missing > 1000, "{changes} changes, {missing} missing");
    assert!(missing <= lost, "{missing} events are missing, and {lost} losses reported");
    assert!(lost <= missing + others, "{lost} > {missing} + {others}");
}
