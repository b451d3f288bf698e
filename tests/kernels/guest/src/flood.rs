//! Under a flood, every event that the kernel made is delivered or counted as lost. How many it made is
//! known from a listener written by hand, with room for all of them.

use crate::Outcome;
use crate::kernel::Kernel;
use crate::raw::{COMM, RawEvent, RawListener};
use crate::system;
use cnproc_sys::{Delivery, Error, EventData, EventMask, Listener, Options};
use std::collections::HashSet;
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use std::{io, thread};

const THREADS: usize = 2;
const EVENTS_PER_THREAD: usize = 10_000;

/// Room for some thirty events. The kernel grants twice that.
const TINY: u32 = 16 << 10;
/// Room for 80,000.
const LARGE: u32 = 32 << 20;
/// Of the listener that must lose nothing.
const ORACLE: libc::c_int = 64 << 20;

/// What a listener handed over.
#[derive(Default)]
struct Delivered {
    events: Vec<(u32, u32)>,
    lost: u64,
    /// Where among the numbers its own acknowledgement stands.
    opened: Option<(u32, u32)>,
}

impl Delivered {
    /// Takes what comes until nothing has come for a while; slowly, if there is a pause after each batch.
    fn take(&mut self, listener: &mut Listener, pause: Duration) -> Result<(), Error> {
        loop {
            let batch = match listener.recv(Some(Duration::from_millis(300))) {
                Ok(Some(batch)) => batch,
                Ok(None) => return Ok(()),
                // To suspend the machine, the kernel wakes whoever waits.
                Err(Error::Interrupted) => continue,
                Err(error) => return Err(error),
            };
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
    }

    /// Takes the rest, and all that the oracle has: both until nothing comes to either. Returns what the
    /// kernel made.
    fn settle(
        &mut self,
        listener: &mut Listener,
        oracle: &RawListener,
    ) -> Result<Vec<RawEvent>, Box<dyn std::error::Error>> {
        let mut made = Vec::new();
        loop {
            let before = (self.events.len(), made.len());
            self.take(listener, Duration::ZERO)?;
            made.extend(oracle.drain()?);
            if before == (self.events.len(), made.len()) {
                assert_eq!(oracle.drops()?, 0, "the oracle lost events");
                return Ok(made);
            }
        }
    }

    /// Holds it against the events that the kernel made after the listener's acknowledgement.
    fn assert_complete(&self, made: &[RawEvent]) {
        let opened = self.opened.expect("the listener's own acknowledgement");
        let start =
            made.iter().position(|event| (event.cpu, event.seq) == opened).expect("in the oracle");
        let numbers = |events: &[RawEvent]| -> HashSet<_> {
            let events = events.iter().filter(|event| event.what != 0);
            events.map(|event| (event.cpu, event.seq)).collect()
        };
        let (before, wanted) = (numbers(&made[..start]), numbers(&made[start..]));
        let unique: HashSet<_> = self.events.iter().copied().collect();
        assert_eq!(unique.len(), self.events.len(), "an event was delivered twice");
        // It hears what comes between bind and the acknowledgement, too.
        let early: HashSet<_> = unique.difference(&wanted).copied().collect();
        assert!(early.is_subset(&before), "an event was delivered that the kernel did not make");
        let delivered = (unique.len() - early.len()) as u64;
        assert_eq!(wanted.len() as u64, delivered + self.lost, "made, delivered + lost");
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
    let mut listener = options.acks(true).open()?;
    let mut delivered = Delivered::default();
    let flooding = thread::spawn(flood);
    delivered.take(&mut listener, pause)?;
    flooding.join().expect("the flood");
    let mut made = delivered.settle(&mut listener, &oracle)?;
    made.retain(|event| event.what == 0 || wanted(event));
    assert!(made.len() >= THREADS * EVENTS_PER_THREAD, "the flood made {} events", made.len());
    delivered.assert_complete(&made);
    assert_eq!(listener.stats().lost, delivered.lost, "the statistics");
    Ok(delivered.lost)
}

const SLOWLY: Duration = Duration::from_millis(1);

pub fn unfiltered_tiny_buffer(_: &Kernel) -> Outcome {
    let lost = lost_under_flood(Listener::options().receive_buffer(TINY), SLOWLY, |_| true)?;
    assert!(lost > 0, "the flood was too small to lose anything");
    Ok(())
}

pub fn unfiltered_large_buffer(_: &Kernel) -> Outcome {
    let lost = lost_under_flood(Listener::options().receive_buffer(LARGE), SLOWLY, |_| true)?;
    assert_eq!(lost, 0, "there was room for all");
    Ok(())
}

pub fn filtered_tiny_buffer(_: &Kernel) -> Outcome {
    let options = Listener::options().events(EventMask::COMM).receive_buffer(TINY);
    let lost = lost_under_flood(options, SLOWLY, |event| event.what == COMM)?;
    assert!(lost > 0, "the flood was too small to lose anything");
    Ok(())
}

/// An ordinary user cannot have an oracle with room for all. But here nobody else names threads.
pub fn as_user(_: &Kernel) -> Outcome {
    let mut listener = Listener::options().events(EventMask::COMM).receive_buffer(TINY).open()?;
    let mut delivered = Delivered::default();
    let flooding = thread::spawn(flood);
    delivered.take(&mut listener, SLOWLY)?;
    flooding.join().expect("the flood");
    delivered.take(&mut listener, Duration::ZERO)?;
    assert!(delivered.lost > 0, "the flood was too small to lose anything");
    let told = delivered.events.len() as u64 + delivered.lost;
    assert_eq!(told, (THREADS * EVENTS_PER_THREAD) as u64, "delivered + lost, made");
    Ok(())
}

/// So many that the oracle has room for all.
const EVENTS_PER_DISTURBED_THREAD: usize = 60_000;

/// Names the thread until told to stop, and then on each CPU.
fn flood_until(stop: &AtomicBool) {
    let mut made = 0;
    while !stop.load(Ordering::Relaxed) {
        system::set_name("flood");
        made += 1;
        assert!(made < EVENTS_PER_DISTURBED_THREAD, "the flood was over before the disturbance");
    }
    name_on_each_cpu(100, "flood again");
}

fn name_on_each_cpu(times: usize, name: &str) {
    for cpu in [0, 1] {
        system::run_on(cpu).expect("both CPUs are there");
        (0..times).for_each(|_| system::set_name(name));
    }
}

/// Floods while something happens to the machine, and asserts that every event is accounted for: with room
/// for all, and in a tiny buffer.
pub fn assert_complete_during(disturb: fn() -> io::Result<()>) -> Outcome {
    assert_eq!(lost_during(disturb, LARGE, Duration::ZERO)?, 0, "there was room for all");
    let lost = lost_during(disturb, TINY, SLOWLY)?;
    assert!(lost > 0, "the flood was too small to lose anything");
    Ok(())
}

fn lost_during(
    disturb: fn() -> io::Result<()>,
    receive_buffer: u32,
    pause: Duration,
) -> Result<u64, Box<dyn std::error::Error>> {
    let oracle = RawListener::bind(ORACLE)?;
    let mut listener = Listener::options().receive_buffer(receive_buffer).acks(true).open()?;
    // Losses before a CPU's first event make no gap, nor those after its last.
    let mark = |name| thread::spawn(move || name_on_each_cpu(1, name)).join();
    mark("first").unwrap_or_else(|panic| resume_unwind(panic));
    let mut delivered = Delivered::default();
    let stop = AtomicBool::new(false);
    thread::scope(|scope| -> Outcome {
        let floods = [(); THREADS].map(|()| scope.spawn(|| flood_until(&stop)));
        let disturbing = scope.spawn(|| {
            let disturbed = disturb();
            stop.store(true, Ordering::Relaxed);
            disturbed
        });
        delivered.take(&mut listener, pause)?;
        // Its failure first: without it the floods do not end in time.
        disturbing.join().unwrap_or_else(|panic| resume_unwind(panic))?;
        floods
            .into_iter()
            .for_each(|flood| flood.join().unwrap_or_else(|panic| resume_unwind(panic)));
        Ok(())
    })?;
    delivered.take(&mut listener, pause)?;
    mark("last").unwrap_or_else(|panic| resume_unwind(panic));

    let made = delivered.settle(&mut listener, &oracle)?;
    for cpu in [0, 1] {
        let again = made
            .iter()
            .filter(|event| event.cpu == cpu && event.data[8..].starts_with(b"flood again"));
        assert!(again.count() >= THREADS * 100, "CPU {cpu} made events after it");
    }
    delivered.assert_complete(&made);
    Ok(delivered.lost)
}
