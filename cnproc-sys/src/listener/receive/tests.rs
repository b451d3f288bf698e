//! Receiving from a kernel that sends what no live one can be made to send.

use super::*;
use crate::fake_kernel::{Contents, EXEC, FakeKernel, HastyKernel};
use crate::listener::Options;
use crate::stream::{Progress, Received};
use crate::sys::netlink;
use cnproc_parse::EventMask;
use std::vec::Vec;

const NOW: Option<Duration> = Some(Duration::ZERO);

fn open(options: Options) -> (FakeKernel, Listener) {
    let (kernel, fd) = FakeKernel::pair();
    (kernel, Listener::with_fd(fd, options))
}

/// All there is: an event as its CPU and number, a loss as its count.
fn received(listener: &mut Listener) -> Vec<Result<(u32, u32), u64>> {
    let mut all = Vec::new();
    while let Some(batch) = listener.recv(NOW).unwrap() {
        all.extend(batch.map(|delivery| match delivery {
            Delivery::Event(event) => Ok((event.cpu, event.seq)),
            Delivery::Lost(count) => Err(count),
        }));
    }
    all
}

#[test]
fn loss_is_delivered_before_the_first_event_after_it() {
    let (kernel, mut listener) = open(Listener::options());
    for (cpu, seq) in [(0, u32::MAX), (1, 70), (0, 0), (0, 4), (1, 71), (1, 73), (0, 5)] {
        kernel.emit(Contents { cpu, seq, ..EXEC });
    }
    assert_eq!(
        received(&mut listener),
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
    assert_eq!((listener.stats().delivered, listener.stats().lost), (7, 4));
}

#[test]
fn acks_consume_numbers_and_are_delivered_on_request() {
    let ack = |seq| Contents { seq, ..Contents::ack_of(9, 0) };
    let (kernel, mut listener) = open(Listener::options());
    let contents = [Contents { seq: 1, ..EXEC }, ack(2), Contents { seq: 3, ..EXEC }, ack(5)];
    assert!(contents.iter().all(|contents| kernel.emit(*contents)));
    assert_eq!(received(&mut listener), [Ok((0, 1)), Ok((0, 3)), Err(1)]);
    assert_eq!((listener.stats().acks, listener.stats().delivered), (2, 2));

    let (kernel, mut listener) = open(Listener::options().acks(true));
    assert!(contents.iter().all(|contents| kernel.emit(*contents)));
    assert_eq!(received(&mut listener), [Ok((0, 1)), Ok((0, 2)), Ok((0, 3)), Err(1), Ok((0, 5))]);
    assert_eq!((listener.stats().acks, listener.stats().delivered), (2, 4));
}

#[test]
fn malformed_message_is_counted_and_its_neighbours_delivered() {
    let (kernel, mut listener) = open(Listener::options());
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
        // The second is cut off: 112 bytes fit.
        ([&event[..], &event[..]].concat(), 1),
        // Cut off between two.
        ([&event[..], &noop[..], &noop[..], &[0; 4]].concat(), 3),
    ] {
        let before = listener.stats();
        let events = u64::from(datagram.starts_with(&event) || datagram.ends_with(&event));
        assert!(kernel.send(&datagram));
        received(&mut listener);
        let after = listener.stats();
        assert_eq!(after.malformed - before.malformed, malformed, "{datagram:?}");
        assert_eq!(after.delivered - before.delivered, events, "{datagram:?}");
    }
    assert_eq!(listener.stats().lost, 0);
}

#[test]
fn unknown_type_is_delivered_where_all_are_wanted() {
    let contents = Contents { what: 0x400, ..EXEC };
    let (kernel, mut listener) = open(Listener::options());
    kernel.emit(contents);
    assert_eq!(received(&mut listener), [Ok((0, 1))]);
    assert_eq!((listener.stats().unknown, listener.stats().delivered), (1, 1));

    let (kernel, mut listener) = open(Listener::options().events(EventMask::EXEC));
    kernel.emit(contents);
    assert_eq!(received(&mut listener), []);
    assert_eq!(listener.stats().unknown, 0);
}

#[test]
fn deliveries_not_taken_stay_for_the_next_call() {
    let (kernel, mut listener) = open(Listener::options());
    for seq in [1, 2, 5] {
        kernel.emit(Contents { seq, ..EXEC });
    }
    for expected in [Ok(1), Ok(2), Err(2), Ok(5)] {
        let delivery = listener.recv(NOW).unwrap().unwrap().next().unwrap();
        let found = match delivery {
            Delivery::Event(event) => Ok(event.seq),
            Delivery::Lost(count) => Err(count),
        };
        assert_eq!(found, expected);
    }
    assert!(listener.recv(NOW).unwrap().is_none());
}

/// The queue never runs empty, and nothing in it is wanted.
#[test]
fn timeout_expires_under_a_flow_of_unwanted_events() {
    let (kernel, mut listener) = open(Listener::options());
    std::thread::scope(|scope| {
        scope.spawn(|| while kernel.emit(Contents::ack_of(1, 0)) {});
        assert!(listener.recv(Some(Duration::from_millis(20))).unwrap().is_none());
        assert!(listener.stats().acks > 0);
        drop(listener);
    });
}

/// No number follows that would show the loss, and the queue is far from full when it is empty next.
#[test]
fn trailing_loss_is_reported_once_the_queue_is_empty() {
    const SENT: u32 = 200;
    let Some((kernel, fd)) = HastyKernel::pair(16 << 10) else { return };
    let mut listener = Listener::with_fd(fd, Listener::options());
    (0..SENT).for_each(|seq| kernel.emit(Contents { seq, ..EXEC }));
    // The queue is drained, and before the counter is read one event more arrives.
    let Listener { socket, stream, .. } = &mut listener;
    let fd = socket.fd();
    loop {
        let count = netlink::recvmmsg(fd, stream.vacancy()).unwrap_or_default();
        if !matches!(stream.received(Received::Datagrams(count), 0), Progress { count: 1.., .. }) {
            break;
        }
    }
    kernel.emit(Contents { cpu: 1, ..EXEC });
    socket.read_drops(stream).unwrap();

    let came = listener.stream.end() as u32;
    assert!(came < SENT, "the queue held all");
    let mut expected: Vec<_> = (0..came).map(|seq| Ok((0, seq))).collect();
    expected.extend([Ok((1, 1)), Err(u64::from(SENT - came))]);
    assert_eq!(received(&mut listener), expected);
    assert_eq!(listener.stats().lost, u64::from(SENT - came));
}

/// A neighbour's socket filter cuts events for everybody. Each is lost, and its number missing afterwards.
#[test]
fn trimmed_event_is_one_loss_in_its_place() {
    let (kernel, mut listener) = open(Listener::options());
    let event = |seq| Contents { seq, ..EXEC }.bytes();
    for length in [1, 7, 20, 36, 75] {
        let before = listener.stats();
        let from = before.delivered as u32;
        assert!(kernel.send(&event(2 * from)));
        assert!(kernel.send(&event(2 * from + 1)[..length]));
        let trailing = received(&mut listener);
        assert_eq!(trailing, [Ok((0, 2 * from)), Err(1)], "{length}");
        assert_eq!(listener.stats().trimmed, before.trimmed + 1);
    }
    assert!(kernel.send(&event(10)));
    assert_eq!(received(&mut listener), [Ok((0, 10))], "the gap was reported");
    assert_eq!(listener.stats().lost, 5);
}

/// Losses before the first event of a CPU are in no gap. They must not hide the place of a later gap.
#[test]
fn loss_is_delivered_in_its_gap_after_losses_without_a_gap() {
    let Some((kernel, fd)) = HastyKernel::pair(16 << 10) else { return };
    let mut listener = Listener::with_fd(fd, Listener::options());
    let overflow = |cpu| (0..200).for_each(|seq| kernel.emit(Contents { cpu, seq, ..EXEC }));
    overflow(0);
    let first = received(&mut listener);
    let Some(Err(lost)) = first.last() else { panic!("{first:?}") };
    // Another CPU's events, the first of which were among the lost.
    kernel.emit(Contents { cpu: 1, seq: 0, ..EXEC });
    assert_eq!(received(&mut listener), [Ok((1, 0))]);
    (1..200).for_each(|seq| kernel.emit(Contents { cpu: 1, seq, ..EXEC }));
    let Progress { count, .. } = {
        let Listener { socket, stream, .. } = &mut listener;
        socket.drain(stream).unwrap()
    };
    kernel.emit(Contents { cpu: 1, seq: 200, ..EXEC });
    let second = received(&mut listener);
    let gap = 199 - count as u64;
    assert!(gap > 0 && gap <= *lost, "{gap} of {lost}");
    let place = second.iter().position(|delivery| *delivery == Ok((1, 200))).unwrap();
    assert_eq!(second[place - 1], Err(gap), "{second:?}");
    assert_eq!(listener.stats().lost, lost + gap);
}
