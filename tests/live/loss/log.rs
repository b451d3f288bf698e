//! What a listener was told, and what it should have been told.

use cnproc_parse::kernel;
use cnproc_sys::{Delivery, Event, Listener, Options};
use std::collections::HashMap;
use std::time::Duration;
use support::{flood, live};

/// An event, and how many losses had been told when it came.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Heard {
    pub(crate) cpu: u32,
    pub(crate) seq: u32,
    pub(crate) told: u64,
    /// Its type, as the kernel's bit.
    pub(crate) what: u32,
    /// The process that it is about.
    pub(crate) tgid: Option<i32>,
}

impl Heard {
    /// Whether it is a GID event of that process.
    pub(crate) fn is_gid_of(&self, tgid: i32) -> bool {
        self.what == kernel::PROC_EVENT_GID && self.tgid == Some(tgid)
    }
}

#[derive(Debug, Default)]
pub(crate) struct Log {
    pub(crate) heard: Vec<Heard>,
    pub(crate) told: u64,
}

impl Log {
    /// Receives all that is there, waiting for it as long as that. Whether there was anything.
    pub(crate) fn receive(
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

    /// Receives no more than `count`, and leaves the rest in the connector.
    pub(crate) fn receive_some(&mut self, listener: &mut Listener, count: usize) {
        for _ in 0..count {
            let Some(mut batch) = listener.recv(Some(Duration::ZERO)).unwrap() else { return };
            batch.next().into_iter().for_each(|delivery| self.take(delivery));
        }
    }

    fn take(&mut self, delivery: Delivery) {
        match delivery {
            Delivery::Event(event) => {
                let Event { what, cpu, seq, .. } = event;
                let (told, tgid) = (self.told, event.process_tgid());
                self.heard.push(Heard { cpu, seq, told, what, tgid });
            }
            Delivery::Lost(0) => panic!("nothing was lost"),
            Delivery::Lost(count) => self.told += count,
        }
    }

    pub(crate) fn receive_all(&mut self, listener: &mut Listener) {
        while self.receive(listener, Duration::ZERO, |_| ()) {}
    }
}

/// A listener that has lost nothing yet, and has heard of every CPU: what it loses from then on shows in
/// the numbers. With what it has heard.
pub(crate) fn open(options: Options) -> Option<(Listener, Log)> {
    let cpus = flood::cpus();
    for _ in 0..1000 {
        let (mut listener, mut log) = (live::open(options.acks(true))?, Log::default());
        for cpu in &cpus {
            log.receive_all(&mut listener);
            flood::mark(*cpu);
        }
        log.receive_all(&mut listener);
        if listener.stats().lost == 0 {
            let has_heard = |cpu: &usize| log.heard.iter().any(|heard| heard.cpu as usize == *cpu);
            assert!(cpus.iter().all(has_heard));
            return Some((listener, log));
        }
    }
    panic!("other programs make so many events that there is no beginning");
}

/// Where in the order of its CPU an event stands. Every message that was made for the listener has a
/// place, with none between.
pub(crate) trait Places {
    fn place(&self, heard: &Heard) -> u32;
}

/// The kernel's own numbers: of an unfiltered listener.
#[derive(Debug)]
pub(crate) struct Numbers;

impl Places for Numbers {
    fn place(&self, heard: &Heard) -> u32 {
        heard.seq
    }
}

/// A witness that heard all that passes the filter.
#[derive(Debug)]
pub(crate) struct Witness(HashMap<(u32, u32), u32>);

impl Witness {
    pub(crate) fn new(heard: &[Heard]) -> Self {
        let mut counts = HashMap::<u32, u32>::new();
        let place = |heard: &Heard| {
            let count = counts.entry(heard.cpu).or_default();
            *count += 1;
            ((heard.cpu, heard.seq), *count)
        };
        Self(heard.iter().map(place).collect())
    }
}

impl Places for Witness {
    fn place(&self, heard: &Heard) -> u32 {
        self.0[&(heard.cpu, heard.seq)]
    }
}

/// How many messages are missing before each that was heard, all together.
pub(crate) fn missing(heard: &[Heard], places: &impl Places) -> Vec<u64> {
    let mut last = HashMap::new();
    let mut missing = 0;
    let count = |heard| {
        let place = places.place(heard);
        if let Some(last) = last.insert(heard.cpu, place) {
            missing += u64::from(place.wrapping_sub(last).wrapping_sub(1));
        }
        missing
    };
    heard.iter().map(count).collect()
}

/// Asserts that of the log's events `made` = `delivered` + `lost`: no loss was told late, and once the
/// events that follow have shown every loss, none was told that was not. Returns the delivered and the
/// lost by then; None if other programs made so many events that some loss was always still to be shown.
pub(crate) fn assert_exact(
    name: &str,
    log: &Log,
    places: &impl Places,
    after: usize,
    made: u64,
) -> Option<(u64, u64)> {
    let missing = missing(&log.heard, places);
    for (heard, missing) in log.heard.iter().zip(&missing) {
        assert!(heard.told >= *missing, "{name}: {heard:?}, but {missing} are missing before it");
    }
    let exact = |index: &usize| log.heard[*index].told == missing[*index];
    let Some(index) = (after..log.heard.len()).rev().find(exact) else {
        let (heard, missing) = (log.heard.len() as u64, missing.last().unwrap());
        let of_others = (heard + missing).saturating_sub(made);
        assert!(of_others > 10_000, "{name}: told {}, missing {missing}", log.told);
        return None;
    };
    Some((index as u64 + 1, missing[index]))
}
