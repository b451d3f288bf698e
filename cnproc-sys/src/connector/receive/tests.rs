//! Receiving from a kernel that says what no live one can be made to.

use super::*;
use crate::fake_kernel::{EXEC, FakeKernel, HastyKernel, Says};
use crate::options::Options;
use cnproc_parse::EventMask;
use std::vec::Vec;

const NOW: Option<Duration> = Some(Duration::ZERO);

fn listener(options: Options) -> (FakeKernel, Connector) {
    let (kernel, fd) = FakeKernel::pair();
    (kernel, Connector::of(fd, &options).unwrap())
}

/// All there is: an event as its CPU and number, a loss as its count.
fn received(connector: &mut Connector) -> Vec<Result<(u32, u32), u64>> {
    let mut all = Vec::new();
    while let Some(batch) = connector.recv(NOW).unwrap() {
        all.extend(batch.map(|delivery| match delivery {
            Delivery::Event(event) => Ok((event.cpu, event.seq)),
            Delivery::Lost(count) => Err(count),
        }));
    }
    all
}

#[test]
fn a_loss_stands_before_the_first_event_after_it_and_only_there() {
    let (kernel, mut connector) = listener(Connector::options());
    for (cpu, seq) in [(0, u32::MAX), (1, 70), (0, 0), (0, 4), (1, 71), (1, 73), (0, 5)] {
        kernel.say(Says { cpu, seq, ..EXEC });
    }
    assert_eq!(
        received(&mut connector),
        [
            Ok((0, u32::MAX)),
            Ok((1, 70)),
            Ok((0, 0)),
            Err(3),
            Ok((0, 4)),
            Ok((1, 71)),
            Err(1),
            Ok((1, 73)),
            Ok((0, 5)),
        ]
    );
    assert_eq!((connector.stats().delivered, connector.stats().lost), (7, 4));
}

#[test]
fn acknowledgements_bear_numbers_too_and_are_delivered_only_where_asked_for() {
    let ack = |seq| Says { seq, ..Says::ack_of(9, 0) };
    let (kernel, mut connector) = listener(Connector::options());
    let says = [Says { seq: 1, ..EXEC }, ack(2), Says { seq: 3, ..EXEC }, ack(5)];
    assert!(says.iter().all(|says| kernel.say(*says)));
    assert_eq!(received(&mut connector), [Ok((0, 1)), Ok((0, 3)), Err(1)]);
    assert_eq!((connector.stats().acks, connector.stats().delivered), (2, 2));

    let (kernel, mut connector) = listener(Connector::options().acks(true));
    assert!(says.iter().all(|says| kernel.say(*says)));
    assert_eq!(received(&mut connector), [Ok((0, 1)), Ok((0, 2)), Ok((0, 3)), Err(1), Ok((0, 5))]);
    assert_eq!((connector.stats().acks, connector.stats().delivered), (2, 4));
}

#[test]
fn what_is_no_event_is_counted_once_and_what_stands_beside_it_is_delivered() {
    let (kernel, mut connector) = listener(Connector::options());
    let event = EXEC.bytes();
    let mut foreign = EXEC.bytes();
    foreign[16..20].copy_from_slice(&5_u32.to_ne_bytes());
    let noop = [16_u32.to_ne_bytes(), 1_u32.to_ne_bytes(), [0; 4], [0; 4]].concat();
    for (datagram, malformed) in [
        (event.clone(), 0),
        (Vec::new(), 0),
        (foreign, 1),
        (noop.clone(), 1),
        ([&noop[..], &event[..]].concat(), 1),
        (event[..75].to_vec(), 1),
        (event[..7].to_vec(), 1),
        // The second is cut off: 112 bytes fit.
        ([&event[..], &event[..]].concat(), 1),
        // Cut off between two.
        ([&event[..], &noop[..], &noop[..], &[0; 4]].concat(), 3),
    ] {
        let before = connector.stats();
        let events = u64::from(datagram.starts_with(&event) || datagram.ends_with(&event));
        assert!(kernel.send(&datagram));
        received(&mut connector);
        let after = connector.stats();
        assert_eq!(after.malformed - before.malformed, malformed, "{datagram:?}");
        assert_eq!(after.delivered - before.delivered, events, "{datagram:?}");
    }
    assert_eq!(connector.stats().lost, 0);
}

#[test]
fn types_yet_to_be_invented_are_delivered_and_counted_where_all_are_wanted() {
    let says = Says { what: 0x400, ..EXEC };
    let (kernel, mut connector) = listener(Connector::options());
    kernel.say(says);
    assert_eq!(received(&mut connector), [Ok((0, 1))]);
    assert_eq!((connector.stats().unknown, connector.stats().delivered), (1, 1));

    let (kernel, mut connector) = listener(Connector::options().events(EventMask::EXEC));
    kernel.say(says);
    assert_eq!(received(&mut connector), []);
    assert_eq!(connector.stats().unknown, 0);
}

#[test]
fn what_a_batch_is_not_asked_for_stays_for_the_next_call() {
    let (kernel, mut connector) = listener(Connector::options());
    for seq in [1, 2, 5] {
        kernel.say(Says { seq, ..EXEC });
    }
    for expected in [Ok(1), Ok(2), Err(2), Ok(5)] {
        let delivery = connector.recv(NOW).unwrap().unwrap().next().unwrap();
        let found = match delivery {
            Delivery::Event(event) => Ok(event.seq),
            Delivery::Lost(count) => Err(count),
        };
        assert_eq!(found, expected);
    }
    assert!(connector.recv(NOW).unwrap().is_none());
}

/// The queue never runs empty, and nothing in it is wanted.
#[test]
fn a_time_out_is_honoured_under_a_flow_of_what_is_not_wanted() {
    let (kernel, mut connector) = listener(Connector::options());
    std::thread::scope(|scope| {
        scope.spawn(|| while kernel.say(Says::ack_of(1, 0)) {});
        assert!(connector.recv(Some(Duration::from_millis(20))).unwrap().is_none());
        assert!(connector.stats().acks > 0);
        drop(connector);
    });
}

/// No number follows that would show the loss, and the queue is far from full when it is empty next.
#[test]
fn a_loss_that_was_counted_when_the_queue_was_not_empty_again_is_told_when_it_is() {
    const SAID: u32 = 200;
    let (kernel, fd) = HastyKernel::pair(16 << 10);
    let mut connector = Connector::of(fd, &Connector::options()).unwrap();
    (0..SAID).for_each(|seq| kernel.say(Says { seq, ..EXEC }));
    // As `fill` does, and more comes in between.
    while connector.arena.receive(&connector.fd, libc::MSG_DONTWAIT).unwrap().came > 0 {}
    kernel.say(Says { cpu: 1, ..EXEC });
    connector.check_drops().unwrap();

    let came = connector.arena.queued().len() as u32;
    assert!(came < SAID, "the queue held all");
    let mut expected: Vec<_> = (0..came).map(|seq| Ok((0, seq))).collect();
    expected.extend([Ok((1, 1)), Err(u64::from(SAID - came))]);
    assert_eq!(received(&mut connector), expected);
    assert_eq!(connector.stats().lost, u64::from(SAID - came));
}
