//! What a listener delivered, and what it should have delivered.

use cnproc_sys::{Delivery, Event, EventData, Listener, Options};
use std::collections::HashMap;
use std::time::Duration;
use support::disturbance::disturbed;
use support::{flood, live, task};

/// An event, and how many losses had been reported when it came.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    pub(super) cpu: u32,
    pub(super) seq: u32,
    pub(super) reported: u64,
    /// Its type, as the kernel's bit.
    pub(super) what: u32,
    /// The thread that a GID event is about.
    gid_of: Option<i32>,
}

impl Entry {
    /// Whether it is a GID event of that thread.
    pub(super) fn is_gid_of(&self, thread: i32) -> bool {
        self.gid_of == Some(thread)
    }
}

#[derive(Debug, Default)]
pub(super) struct Log {
    pub(super) entries: Vec<Entry>,
    /// The sum of the losses reported.
    pub(super) reported: u64,
}

impl Log {
    /// Receives whatever is queued, and waits for it up to the timeout. Whether there was anything.
    pub(super) fn receive(
        &mut self,
        listener: &mut Listener,
        timeout: Duration,
        mut also: impl FnMut(&Event),
    ) -> bool {
        let Some(batch) = listener.recv(Some(timeout)).unwrap() else { return false };
        for delivery in batch {
            self.take(delivery);
            if let Delivery::Event(event) = delivery {
                also(&event);
            }
        }
        true
    }

    /// Receives no more than `count`, and leaves the rest in the listener.
    pub(super) fn receive_some(&mut self, listener: &mut Listener, count: usize) {
        for _ in 0..count {
            let Some(mut batch) = listener.recv(live::NOW).unwrap() else { return };
            batch.next().into_iter().for_each(|delivery| self.take(delivery));
        }
    }

    pub(super) fn receive_all(&mut self, listener: &mut Listener) {
        while self.receive(listener, Duration::ZERO, |_| ()) {}
    }

    fn take(&mut self, delivery: Delivery) {
        match delivery {
            Delivery::Event(event) => {
                let Event { what, cpu, seq, .. } = event;
                let gid_of = match event.data() {
                    EventData::Gid(gid) => Some(gid.process_pid),
                    _ => None,
                };
                self.entries.push(Entry { cpu, seq, reported: self.reported, what, gid_of });
            }
            Delivery::Lost(0) => panic!("a loss of nothing"),
            Delivery::Lost(count) => self.reported += count,
        }
    }
}

/// A listener that has lost nothing yet, and has received an event of every CPU, so that what it loses from then on shows
/// in the sequence numbers. With what it has received.
pub(super) fn open(options: Options) -> (Listener, Log) {
    let cpus = task::cpus();
    let (mut listener, mut log) = (options.acks(true).open().unwrap(), Log::default());
    for cpu in &cpus {
        log.receive_all(&mut listener);
        flood::mark(*cpu);
    }
    log.receive_all(&mut listener);
    if listener.stats().lost > 0 {
        disturbed("events were lost before the first of each CPU");
    }
    let has_event = |cpu: &usize| log.entries.iter().any(|entry| entry.cpu as usize == *cpu);
    assert!(cpus.iter().all(has_event));
    (listener, log)
}

/// The place of an event in the order of its CPU. Every message that was generated for the listener has a place, without
/// gaps.
pub(super) trait Places {
    fn place(&self, entry: &Entry) -> u32;
}

/// The kernel's own numbers: of an unfiltered listener.
#[derive(Debug)]
pub(super) struct SequenceNumbers;

impl Places for SequenceNumbers {
    fn place(&self, entry: &Entry) -> u32 {
        entry.seq
    }
}

/// A witness that received everything that passes the filter.
#[derive(Debug)]
pub(super) struct Witness(HashMap<(u32, u32), u32>);

impl Witness {
    pub(super) fn new(entries: &[Entry]) -> Self {
        let mut counts = HashMap::<u32, u32>::new();
        let place = |entry: &Entry| {
            let count = counts.entry(entry.cpu).or_default();
            *count += 1;
            ((entry.cpu, entry.seq), *count)
        };
        Self(entries.iter().map(place).collect())
    }
}

impl Places for Witness {
    fn place(&self, entry: &Entry) -> u32 {
        self.0[&(entry.cpu, entry.seq)]
    }
}

/// How many messages are missing before each entry, all CPUs together.
pub(super) fn missing(entries: &[Entry], places: &impl Places) -> Vec<u64> {
    let mut last = HashMap::new();
    let mut missing = 0;
    let count = |entry| {
        let place = places.place(entry);
        if let Some(last) = last.insert(entry.cpu, place) {
            missing += u64::from(place.wrapping_sub(last).wrapping_sub(1));
        }
        missing
    };
    entries.iter().map(count).collect()
}

/// Asserts that no loss was reported late and that, once the events after `after` have shown every loss, as many were
/// reported as are missing. Returns the number delivered and the number lost by then.
///
/// A disturbance if others generated so many events that some loss was always still to be shown.
pub(super) fn assert_exact(
    name: &str,
    log: &Log,
    places: &impl Places,
    after: usize,
    generated: u64,
) -> (u64, u64) {
    let missing = missing(&log.entries, places);
    for (entry, missing) in log.entries.iter().zip(&missing) {
        assert!(entry.reported >= *missing, "{name}: {entry:?}, but {missing} are missing before");
    }
    let is_exact = |index: &usize| log.entries[*index].reported == missing[*index];
    let Some(index) = (after..log.entries.len()).rev().find(is_exact) else {
        let (delivered, missing) = (log.entries.len() as u64, missing.last().unwrap());
        let of_others = (delivered + missing).saturating_sub(generated);
        assert!(of_others > 10_000, "{name}: {} reported, {missing} missing", log.reported);
        disturbed(format!("{of_others} events of others"));
    };
    (index as u64 + 1, missing[index])
}
