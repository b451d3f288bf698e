//! Under a flood, every event that the kernel generated is delivered or counted as lost. How many it generated is known
//! from a listener written by hand, with room for all of them.

use crate::Outcome;
use crate::kernel::Kernel;
use crate::raw::{COMM, RawEvent, RawListener};
use cnproc_sys::{Delivery, Error, EventData, EventMask, Listener, Options};
use std::collections::HashSet;
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;
use std::{io, thread};
use support::{live, task};

const THREADS: usize = 2;
const EVENTS_PER_THREAD: usize = 10_000;

/// Room for some thirty events. The kernel grants twice that.
const TINY: u32 = 16 << 10;
/// Room for 80,000.
const LARGE: u32 = 32 << 20;
/// The buffer of the listener that must lose nothing.
const ORACLE: libc::c_int = 64 << 20;

/// What a listener delivered.
#[derive(Default)]
struct Delivered {
    events: Vec<(u32, u32)>,
    lost: u64,
    /// CPU and number of its own acknowledgement.
    opened: Option<(u32, u32)>,
}

impl Delivered {
    /// Receives until nothing has come for a while, at that pace.
    fn take(&mut self, listener: &mut Listener, pace: Pace) -> Result<(), Error> {
        loop {
            let batch = match listener.recv(Some(Duration::from_millis(300))) {
                Ok(Some(batch)) => batch,
                Ok(None) => return Ok(()),
                // The kernel interrupts waits to suspend the machine.
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
            pace.wait();
        }
    }

    /// Receives the rest, and everything that the oracle has, until nothing comes to either. Returns what the kernel
    /// generated.
    fn settle(
        &mut self,
        listener: &mut Listener,
        oracle: &RawListener,
    ) -> Result<Vec<RawEvent>, Box<dyn std::error::Error>> {
        let mut generated = Vec::new();
        loop {
            let before = (self.events.len(), generated.len());
            self.take(listener, Pace::Fast)?;
            generated.extend(oracle.drain()?);
            if before == (self.events.len(), generated.len()) {
                assert_eq!(oracle.drops()?, 0, "the oracle lost events");
                return Ok(generated);
            }
        }
    }

    /// Compares it with the events that the kernel generated after the listener's acknowledgement.
    fn assert_complete(&self, generated: &[RawEvent]) {
        let opened = self.opened.expect("the listener's own acknowledgement");
        let is_own = |event: &RawEvent| (event.cpu, event.seq) == opened;
        let start = generated.iter().position(is_own).expect("the oracle has it, too");
        let numbers = |events: &[RawEvent]| -> HashSet<_> {
            let events = events.iter().filter(|event| event.what != 0);
            events.map(|event| (event.cpu, event.seq)).collect()
        };
        let (before, wanted) = (numbers(&generated[..start]), numbers(&generated[start..]));
        let unique: HashSet<_> = self.events.iter().copied().collect();
        assert_eq!(unique.len(), self.events.len(), "an event was delivered twice");
        // It receives what comes between bind and the acknowledgement, too.
        let early: HashSet<_> = unique.difference(&wanted).copied().collect();
        assert!(
            early.is_subset(&before),
            "an event was delivered that the kernel did not generate"
        );
        let delivered = (unique.len() - early.len()) as u64;
        assert_eq!(wanted.len() as u64, delivered + self.lost, "generated, delivered + lost");
    }
}

/// How many events all floods have generated.
static GENERATED: AtomicUsize = AtomicUsize::new(0);

fn generate() {
    task::set_name("flood");
    GENERATED.fetch_add(1, Ordering::Relaxed);
}

/// What a listener does between two batches.
#[derive(Clone, Copy)]
enum Pace {
    /// Nothing.
    Fast,
    /// Waits until more events have been generated than a tiny buffer has room for, or none are any more.
    Slow,
}

impl Pace {
    fn wait(self) {
        let count = || GENERATED.load(Ordering::Relaxed);
        let (begin, mut last) = (count(), 0);
        while matches!(self, Self::Slow) && count() < begin + 200 && count() != last {
            last = count();
            thread::sleep(Duration::from_millis(20));
        }
    }
}

/// Threads that take a name again and again.
pub fn flood() {
    let threads: Vec<_> = (0..THREADS)
        .map(|_| thread::spawn(|| (0..EVENTS_PER_THREAD).for_each(|_| generate())))
        .collect();
    threads.into_iter().for_each(|thread| thread.join().expect("a thread of the flood"));
}

fn lost_under_flood(
    options: Options,
    pace: Pace,
    wanted: fn(&RawEvent) -> bool,
) -> Result<u64, Box<dyn std::error::Error>> {
    let oracle = RawListener::bind(ORACLE)?;
    let mut listener = options.acks(true).open()?;
    let mut delivered = Delivered::default();
    let flooding = thread::spawn(flood);
    delivered.take(&mut listener, pace)?;
    flooding.join().expect("the flood");
    let mut generated = delivered.settle(&mut listener, &oracle)?;
    generated.retain(|event| event.what == 0 || wanted(event));
    assert!(generated.len() >= THREADS * EVENTS_PER_THREAD, "only {} events", generated.len());
    delivered.assert_complete(&generated);
    assert_eq!(listener.stats().lost, delivered.lost, "the statistics");
    Ok(delivered.lost)
}

pub fn unfiltered_tiny_buffer(_: &Kernel) -> Outcome {
    let lost = lost_under_flood(live::options().receive_buffer(TINY), Pace::Slow, |_| true)?;
    assert!(lost > 0, "the flood was too small to lose anything");
    Ok(())
}

pub fn unfiltered_large_buffer(_: &Kernel) -> Outcome {
    let lost = lost_under_flood(live::options().receive_buffer(LARGE), Pace::Slow, |_| true)?;
    assert_eq!(lost, 0, "there was room for all");
    Ok(())
}

pub fn filtered_tiny_buffer(_: &Kernel) -> Outcome {
    let options = live::options().events(EventMask::COMM).receive_buffer(TINY);
    let lost = lost_under_flood(options, Pace::Slow, |event| event.what == COMM)?;
    assert!(lost > 0, "the flood was too small to lose anything");
    Ok(())
}

/// An ordinary user cannot have an oracle with room for all. But here no other process names threads.
pub fn as_user(_: &Kernel) -> Outcome {
    let mut listener = live::options().events(EventMask::COMM).receive_buffer(TINY).open()?;
    let mut delivered = Delivered::default();
    let flooding = thread::spawn(flood);
    delivered.take(&mut listener, Pace::Slow)?;
    flooding.join().expect("the flood");
    delivered.take(&mut listener, Pace::Fast)?;
    assert!(delivered.lost > 0, "the flood was too small to lose anything");
    let sum = delivered.events.len() as u64 + delivered.lost;
    assert_eq!(sum, (THREADS * EVENTS_PER_THREAD) as u64, "delivered + lost, generated");
    Ok(())
}

/// The oracle has room for so many.
const EVENTS_PER_DISTURBED_THREAD: usize = 60_000;

/// Generates events until it is stopped, as many as the oracle has room for, and then some on each CPU.
fn flood_until(stop: &AtomicBool) {
    let mut left = EVENTS_PER_DISTURBED_THREAD;
    while !stop.load(Ordering::Relaxed) {
        if left > 0 {
            generate();
            left -= 1;
        } else {
            thread::sleep(Duration::from_millis(1));
        }
    }
    name_on_each_cpu(100, "flood again");
}

fn name_on_each_cpu(times: usize, name: &str) {
    for cpu in [0, 1] {
        while !task::try_pin(&[cpu]) {
            thread::sleep(Duration::from_millis(1));
        }
        (0..times).for_each(|_| task::set_name(name));
    }
}

/// Floods while something happens to the machine, and asserts that every event is delivered or counted: with room for all,
/// and in a tiny buffer.
pub fn assert_complete_during(disturb: fn() -> io::Result<()>) -> Outcome {
    assert_eq!(lost_during(disturb, LARGE, Pace::Fast)?, 0, "there was room for all");
    let lost = lost_during(disturb, TINY, Pace::Slow)?;
    assert!(lost > 0, "the flood was too small to lose anything");
    Ok(())
}

fn lost_during(
    disturb: fn() -> io::Result<()>,
    receive_buffer: u32,
    pace: Pace,
) -> Result<u64, Box<dyn std::error::Error>> {
    let oracle = RawListener::bind(ORACLE)?;
    let mut listener = live::options().receive_buffer(receive_buffer).acks(true).open()?;
    // Losses before a CPU's first event show no gap, and neither do those after its last.
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
        delivered.take(&mut listener, pace)?;
        // Its failure first, because that is the cause of others.
        disturbing.join().unwrap_or_else(|panic| resume_unwind(panic))?;
        floods
            .into_iter()
            .for_each(|flood| flood.join().unwrap_or_else(|panic| resume_unwind(panic)));
        Ok(())
    })?;
    delivered.take(&mut listener, pace)?;
    mark("last").unwrap_or_else(|panic| resume_unwind(panic));

    let generated = delivered.settle(&mut listener, &oracle)?;
    for cpu in [0, 1] {
        let again = generated
            .iter()
            .filter(|event| event.cpu == cpu && event.data[8..].starts_with(b"flood again"));
        assert!(again.count() >= THREADS * 100, "CPU {cpu} generated no events afterwards");
    }
    delivered.assert_complete(&generated);
    Ok(delivered.lost)
}
