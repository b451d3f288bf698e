//! Floods by one and by two processes: each event is delivered, or reported as lost in its place.

use super::scaled;
use cnproc_sys::{Delivery, Listener, Options};
use std::collections::HashMap;
use std::time::Duration;
use support::disturbance::disturbed;
use support::flood::{Flood, mark};
use support::task::cpus;

/// What an unfiltered listener has delivered, checked against the kernel's own numbers.
#[derive(Default)]
struct Account {
    /// The last number of each CPU.
    last: HashMap<u32, u32>,
    /// Numbers that are missing before the last event of their CPU.
    missing: u64,
    lost: u64,
    /// The number that each flood's next event has at least.
    next: Vec<u32>,
    /// How many of the floods' events were delivered.
    delivered: u64,
}

impl Account {
    fn add(&mut self, delivery: Delivery, floods: &[Flood]) {
        let event = match delivery {
            Delivery::Lost(count) => {
                self.lost += count;
                return;
            }
            Delivery::Event(event) => event,
        };
        if let Some(last) = self.last.insert(event.cpu, event.seq) {
            self.missing += u64::from(event.seq.wrapping_sub(last).wrapping_sub(1));
        }
        // A loss that no number shows yet may have been reported; none is reported late.
        let (missing, lost) = (self.missing, self.lost);
        assert!(lost >= missing, "{event:?}: {missing} are missing, {lost} were reported");
        self.next.resize(floods.len(), 0);
        for (next, flood) in self.next.iter_mut().zip(floods) {
            let Some(number) = flood.number(&event) else { continue };
            assert!(number >= *next, "{number} after {next}");
            *next = number + 1;
            self.delivered += 1;
        }
    }

    /// Receives until nothing comes for a moment, with a pause after each batch.
    fn receive(&mut self, listener: &mut Listener, floods: &[Flood], pause: Duration) {
        while let Some(batch) = listener.recv(Some(Duration::from_millis(10))).unwrap() {
            batch.for_each(|delivery| self.add(delivery, floods));
            std::thread::sleep(pause);
        }
    }
}

/// Floods a listener. Returns how many events it lost.
fn lost(options: Options, processes: usize, count: u32, pause: Duration) -> u64 {
    // Acknowledgements have numbers, too.
    let mut listener = super::open(options.acks(true));
    let mut account = Account::default();
    // With one number of each CPU, every later loss shows as a gap.
    cpus().into_iter().for_each(mark);
    account.receive(&mut listener, &[], Duration::ZERO);
    let floods: Vec<_> = (0..processes).map(|_| Flood::start(count, u32::MAX)).collect();
    while !floods.iter().all(Flood::is_over) {
        account.receive(&mut listener, &floods, pause);
    }
    account.receive(&mut listener, &floods, Duration::ZERO);
    // The next event of its CPU shows a loss. Other programs' events may be lost meanwhile.
    for _ in 0..1000 {
        if account.lost == account.missing {
            break;
        }
        cpus().into_iter().for_each(mark);
        account.receive(&mut listener, &floods, Duration::ZERO);
    }
    let Account { delivered, lost, missing, .. } = account;
    if lost != missing {
        disturbed(format!("{lost} reported, {missing} missing"));
    }
    let generated = u64::from(count) * processes as u64;
    println!("{processes} of {count}: {delivered} delivered, {lost} of all events lost");
    assert!(delivered + lost >= generated);
    assert_eq!(listener.stats().lost, lost);
    lost
}

#[test]
fn flood_is_delivered_or_reported_as_lost_in_its_place() {
    super::run(|| {
        for processes in [1, 2] {
            for coalesce in [Duration::ZERO, Duration::from_millis(1), Duration::from_millis(10)] {
                let options = Listener::options().coalesce(coalesce);
                lost(options, processes, scaled(20_000), Duration::ZERO);
            }
        }
    });
}

/// A small ring, which a slow listener leaves full for most of the time.
#[test]
fn losses_of_a_slow_listener_are_exact() {
    super::run(|| {
        for processes in [1, 2] {
            let (options, count) = (Listener::options().receive_buffer(1), scaled(20_000));
            let lost = lost(options, processes, count, Duration::from_millis(2));
            assert!(lost > u64::from(count) / 2, "{lost} lost");
        }
    });
}
