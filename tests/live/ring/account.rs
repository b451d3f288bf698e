//! Loss accounting where a socket's queue cannot locate a loss: behind a filter, and before the first event of a CPU.

use crate::loss::generate;
use cnproc_sys::{Delivery, EventData, EventMask, Listener, Options};
use support::disturbance::disturbed;
use support::live::NOW;
use support::require;
use support::task::{Pinned, cpus, pin, thread_id};

/// A small ring.
fn options() -> Options {
    Listener::options().events(EventMask::GID).receive_buffer(1)
}

/// An own event as the number of its group, a loss as its count; `None` for events of others.
fn entry(delivery: Delivery) -> Option<Result<u32, u64>> {
    match delivery {
        Delivery::Lost(count) => Some(Err(count)),
        Delivery::Event(event) => match event.data() {
            EventData::Gid(gid) if gid.process_pid == thread_id() => Some(Ok(gid.rgid)),
            _ => None,
        },
    }
}

fn received(listener: &mut Listener) -> Vec<Result<u32, u64>> {
    let mut all = Vec::new();
    while let Some(batch) = listener.recv(NOW).unwrap() {
        all.extend(batch.filter_map(entry));
    }
    all
}

/// Two losses of different size in one ring, each before the event that follows it.
#[test]
fn filtered_losses_are_located() {
    super::run(|| {
        let mut listener = super::open(options());
        let pinned = Pinned::to(&cpus()[..1]);
        let mut log = Vec::new();
        for count in [500, 700, 1] {
            generate(count);
            // Some are read, so that there is room for a few behind the gap.
            log.extend(listener.recv(NOW).unwrap().unwrap().take(10).filter_map(entry));
        }
        log.extend(received(&mut listener));
        drop(pinned);

        let (mut next, mut lost, mut gaps) = (None, 0, 0);
        for entry in &log {
            match *entry {
                Err(count) => lost += count,
                Ok(number) => {
                    let gap = u64::from(number - next.unwrap_or(number));
                    assert!(lost >= gap, "{lost} reported before {number}, {gap} missing: {log:?}");
                    if lost > gap {
                        disturbed("events of other programs were lost");
                    }
                    gaps += u32::from(gap > 0);
                    (next, lost) = (Some(number + 1), 0);
                }
            }
        }
        assert!(gaps > 0, "{log:?}");
    });
}

/// The ring is full before the CPU has generated any event. The first record of the CPU, which comes later, shows the
/// same losses again.
#[test]
fn losses_before_the_first_event_of_a_cpu_are_counted_once() {
    super::run(|| {
        let cpus = cpus();
        let [first, .., last] = cpus[..] else { return require::skip("one CPU only") };
        let mut listener = super::open(options());
        let pinned = Pinned::to(&[first]);
        generate(2000);
        pin(&[last]);
        generate(100);
        let before = received(&mut listener);
        generate(1);
        let after = received(&mut listener);
        drop(pinned);
        let delivered = before.iter().filter(|entry| entry.is_ok()).count() as u64;
        let lost = before.iter().filter_map(|entry| entry.err()).sum::<u64>();
        assert!(delivered + lost >= 2100, "{before:?}");
        if listener.stats().delivered > delivered + 1 {
            disturbed("other programs generated events");
        }
        assert!(matches!(after[..], [Ok(_)]), "{after:?}");
        assert_eq!(listener.stats().lost, lost);
    });
}
