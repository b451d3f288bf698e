//! Under a flood, every event that the kernel made is delivered or counted as lost. How many it made is
//! known from a listener written by hand, with room for all of them.

use crate::Outcome;
use crate::kernel::Kernel;
use crate::raw::{COMM, RawEvent, RawListener};
use crate::system;
use cnproc_sys::{Connector, Delivery, EventData, EventMask, Options};
use std::collections::HashSet;
use std::thread;
use std::time::Duration;

const THREADS: usize = 2;
const EVENTS_PER_THREAD: usize = 10_000;

/// Room for some thirty events. The kernel grants twice that.
const TINY: u32 = 16 << 10;
/// Room for 80,000.
const LARGE: u32 = 32 << 20;
/// Of the listener that must lose nothing.
pub const ORACLE: libc::c_int = 64 << 20;

/// What a listener handed over.
#[derive(Default)]
pub struct Delivered {
    pub events: Vec<(u32, u32)>,
    pub lost: u64,
    /// Where among the numbers its own acknowledgement stands.
    opened: Option<(u32, u32)>,
}

impl Delivered {
    /// Takes what comes until nothing has come for a while; slowly, if there is a pause after each batch.
    pub fn take(
        &mut self,
        connector: &mut Connector,
        pause: Duration,
    ) -> Result<(), cnproc_sys::Error> {
        while let Some(batch) = connector.recv(Some(Duration::from_millis(300)))? {
            for delivery in batch {
                match delivery {
                    Delivery::Event(event) if matches!(event.data(), EventData::Ack(_)) => {
                        self.opened.get_or_insert((event.cpu, event.seq));
                    }
                    Delivery::Event(event) => self.events.push((event.cpu, event.seq)),
                    Delivery::Lost(count) => self.lost += count,
                }
            }
            thread::sleep(pause);
        }
        Ok(())
    }

    /// Takes the rest, and all that the oracle has: both until nothing comes to either. Returns what the
    /// kernel made.
    pub fn settle(
        &mut self,
        connector: &mut Connector,
        oracle: &RawListener,
    ) -> Result<Vec<RawEvent>, Box<dyn std::error::Error>> {
        let mut made = Vec::new();
        loop {
            let before = (self.events.len(), made.len());
            self.take(connector, Duration::ZERO)?;
            made.extend(oracle.drain()?);
            if before == (self.events.len(), made.len()) {
                assert_eq!(oracle.drops()?, 0, "the oracle lost events");
                return Ok(made);
            }
        }
    }

    /// Holds it against the events that the kernel made after the listener's acknowledgement.
    pub fn assert_complete(&self, made: &[RawEvent]) {
        let opened = self.opened.expect("the listener's own acknowledgement");
        let start =
            made.iter().position(|event| (event.cpu, event.seq) == opened).expect("in the oracle");
        let wanted: HashSet<_> = made[start..]
            .iter()
            .filter(|event| event.what != 0)
            .map(|event| (event.cpu, event.seq))
            .collect();
        let unique: HashSet<_> = self.events.iter().copied().collect();
        assert_eq!(unique.len(), self.events.len(), "an event was delivered twice");
        assert!(unique.is_subset(&wanted), "an event was delivered that the kernel did not make");
        assert_eq!(wanted.len() as u64, unique.len() as u64 + self.lost, "made, delivered + lost");
    }
}

/// Threads that name themselves over and over.
pub fn flood() {
    let threads: Vec<_> = (0..THREADS)
        .map(|_| thread::spawn(|| (0..EVENTS_PER_THREAD).for_each(|_| system::set_name("flood"))))
        .collect();
    threads.into_iter().for_each(|thread| thread.join().expect("a thread of the flood"));
}

fn lost_under_flood(
    options: Options,
    pause: Duration,
    wanted: fn(&RawEvent) -> bool,
) -> Result<u64, Box<dyn std::error::Error>> {
    let oracle = RawListener::bind(ORACLE)?;
    let mut connector = options.acks(true).open()?;
    let mut delivered = Delivered::default();
    let flooding = thread::spawn(flood);
    delivered.take(&mut connector, pause)?;
    flooding.join().expect("the flood");
    let mut made = delivered.settle(&mut connector, &oracle)?;
    made.retain(|event| event.what == 0 || wanted(event));
    assert!(made.len() >= THREADS * EVENTS_PER_THREAD, "the flood made {} events", made.len());
    delivered.assert_complete(&made);
    assert_eq!(connector.stats().lost, delivered.lost, "the statistics");
    Ok(delivered.lost)
}

const SLOWLY: Duration = Duration::from_millis(1);

pub fn unfiltered_tiny_buffer(_: &Kernel) -> Outcome {
    let lost = lost_under_flood(Connector::options().receive_buffer(TINY), SLOWLY, |_| true)?;
    assert!(lost > 0, "the flood was too small to lose anything");
    Ok(())
}

pub fn unfiltered_large_buffer(_: &Kernel) -> Outcome {
    let lost = lost_under_flood(Connector::options().receive_buffer(LARGE), SLOWLY, |_| true)?;
    assert_eq!(lost, 0, "there was room for all");
    Ok(())
}

pub fn filtered_tiny_buffer(_: &Kernel) -> Outcome {
    let options = Connector::options().events(EventMask::COMM).receive_buffer(TINY);
    let lost = lost_under_flood(options, SLOWLY, |event| event.what == COMM)?;
    assert!(lost > 0, "the flood was too small to lose anything");
    Ok(())
}

/// An ordinary user cannot have an oracle with room for all. But here nobody else names threads.
pub fn as_user(_: &Kernel) -> Outcome {
    let mut connector = Connector::options().events(EventMask::COMM).receive_buffer(TINY).open()?;
    let mut delivered = Delivered::default();
    let flooding = thread::spawn(flood);
    delivered.take(&mut connector, SLOWLY)?;
    flooding.join().expect("the flood");
    delivered.take(&mut connector, Duration::ZERO)?;
    assert!(delivered.lost > 0, "the flood was too small to lose anything");
    let told = delivered.events.len() as u64 + delivered.lost;
    assert_eq!(told, (THREADS * EVENTS_PER_THREAD) as u64, "delivered + lost, made");
    Ok(())
}
