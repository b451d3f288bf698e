//! Tokens: when the program sends one, and what the listener makes of it.

use super::*;
use crate::fake_kernel::{EXEC, FakeKernel};
use crate::sys::wait;

const HOUR_NS: u64 = 3_600_000_000_000;

/// A ring, the kernel that fills it, and the socket with the kernel's end of it.
struct Machine {
    kernel: Kernel,
    queue: FakeKernel,
    socket: Fd,
    ring: Ring,
}

fn machine() -> Option<Machine> {
    let (kernel, ring) = everything()?;
    let (queue, socket) = FakeKernel::pair();
    Some(Machine { kernel, queue, socket, ring })
}

impl Machine {
    /// As the kernel does: what the program does not drop is queued.
    fn say(&self, seq: u32) {
        let datagram = Contents { seq, ..EXEC }.bytes();
        if self.kernel.send(&datagram) == Fate::Queued {
            assert!(self.queue.send(&datagram));
        }
    }

    fn receive(&mut self, room: usize) -> Received {
        self.ring.receive(&self.socket, &mut slots(room)).unwrap()
    }

    fn is_readable(&self) -> bool {
        let wake = wait::eventfd().unwrap();
        let fd = self.ring.pollable().unwrap_or(&self.socket);
        wait::readable(fd, &wake, Some(0)).unwrap().source
    }

    fn is_token_queued(&self) -> bool {
        let wake = wait::eventfd().unwrap();
        wait::readable(&self.socket, &wake, Some(0)).unwrap().source
    }
}

fn is_delaying(ring: &Ring) -> bool {
    ring.is_draining() == Some(false)
}

#[test]
fn first_event_after_the_ring_was_empty_sends_one_token() {
    let Some(mut machine) = machine() else { return };
    for round in 0..10 {
        assert!(!machine.is_readable(), "{round}");
        for seq in 0..5 {
            machine.say(seq);
            assert!(machine.is_readable());
        }
        let mut taken = slots(8);
        assert_eq!(netlink::recvmmsg(&machine.socket, &mut taken).unwrap(), 1);
        assert_eq!(machine.receive(64), Received::Datagrams(5));
        assert_eq!(machine.receive(64), Received::Datagrams(0));
    }
}

#[test]
fn token_is_taken_with_the_last_event_and_not_earlier() {
    let Some(mut machine) = machine() else { return };
    (0..10).for_each(|seq| machine.say(seq));
    assert_eq!(machine.receive(4), Received::Datagrams(4));
    assert!(machine.is_readable(), "more is there");
    assert_eq!(machine.receive(6), Received::Datagrams(6));
    assert!(machine.is_readable(), "nobody knows yet whether more is there");
    assert_eq!(machine.receive(4), Received::Datagrams(0));
    assert!(!machine.is_readable());
    machine.say(10);
    assert_eq!(machine.receive(4), Received::Datagrams(1));
    assert!(!machine.is_readable());
}

/// Two CPUs may both see that the listener sleeps.
#[test]
fn any_number_of_tokens_is_taken_and_none_is_an_event() {
    let Some(mut machine) = machine() else { return };
    for tokens in 0..20 {
        let token = EXEC.bytes();
        (0..tokens).for_each(|_| assert!(machine.queue.send(&token)));
        assert_eq!(machine.receive(4), Received::Datagrams(0), "{tokens}");
        assert!(!machine.is_readable(), "{tokens}");
    }
    // Another socket's filter has cut it short.
    for length in [1, 20, 75] {
        assert!(machine.queue.send(&EXEC.bytes()[..length]));
        assert_eq!(machine.receive(4), Received::Datagrams(0), "{length}");
    }
}

#[test]
fn message_that_is_no_token_is_received_among_tokens_and_events() {
    let Some(mut machine) = machine() else { return };
    let two = [EXEC.bytes(), EXEC.bytes()].concat();
    machine.say(1);
    for datagram in [&EXEC.bytes(), &two, &EXEC.bytes(), &two] {
        assert!(machine.queue.send(datagram));
    }
    let mut received = slots(8);
    assert_eq!(
        machine.ring.receive(&machine.socket, &mut received).unwrap(),
        Received::Datagrams(3)
    );
    let lengths: Vec<_> = received.iter().take(3).map(Slot::length).collect();
    assert_eq!(lengths, [76, 152, 152]);
    // Where there is room for one only, the rest stays.
    (0..3).for_each(|_| assert!(machine.queue.send(&two)));
    assert_eq!(machine.receive(1), Received::Datagrams(1));
    assert_eq!(machine.receive(8), Received::Datagrams(2));
    assert_eq!(machine.receive(8), Received::Datagrams(0));
}

/// Looking ahead leaves everything as it is: the listener is still woken for what was taken.
#[test]
fn taking_without_waiting_leaves_the_token() {
    let Some(mut machine) = machine() else { return };
    (0..3).for_each(|seq| machine.say(seq));
    assert_eq!(machine.ring.take_ready(&mut slots(8)), Received::Datagrams(3));
    assert!(machine.is_token_queued());
    machine.say(3);
    assert_eq!(machine.receive(8), Received::Datagrams(1));
    assert!(!machine.is_token_queued());
}

#[test]
fn failed_call_keeps_what_was_read_and_leaves_the_listener_awake() {
    let Some(mut machine) = machine() else { return };
    machine.say(1);
    let closed = Fd::new(-1);
    let received = machine.ring.receive(&closed, &mut slots(8)).unwrap();
    assert_eq!(received, Received::Unfinished(1));
    assert!(!machine.ring.is_armed(), "so that nobody waits");
    assert!(machine.ring.receive(&closed, &mut slots(8)).is_err());
    assert_eq!(machine.receive(8), Received::Datagrams(0));
    assert!(machine.ring.is_armed());
}

#[test]
fn full_ring_wakes_a_listener_that_sleeps() {
    let Some((kernel, ring)) = ring(&Filter::EVERYTHING, false, 1) else { return };
    let capacity = ring.records.buffer().capacity();
    ring.arm(u64::MAX);
    (0..capacity).for_each(|_| assert_eq!(kernel.say(EXEC), Fate::Dropped));
    ring.arm(AT_FIRST_EVENT);
    assert_eq!(kernel.say(EXEC), Fate::Queued);
    assert_eq!(ring.lost(), 1);
    assert_eq!(kernel.say(EXEC), Fate::Dropped, "once");
}

#[test]
fn coalescing_delays_all_but_the_first_event_until_a_quarter_is_full() {
    let Some(mut machine) = machine() else { return };
    machine.ring.coalesce(&machine.socket, HOUR_NS).unwrap();
    assert!(is_delaying(&machine.ring) && !machine.is_readable());
    machine.say(0);
    assert!(machine.is_readable());
    assert!(!machine.ring.on_ready().unwrap(), "the delay begins");
    let quarter = crate::DEFAULT_RECEIVE_BUFFER as usize / 832 / 4;
    for seq in 1..quarter as u32 {
        assert!(!machine.is_readable(), "{seq} of {quarter}");
        machine.say(seq);
    }
    assert!(machine.is_readable());
    assert!(machine.ring.on_ready().unwrap(), "the delay is over");
    let mut count = 0;
    while let Received::Datagrams(more @ 1..) = machine.receive(64) {
        count += more;
    }
    assert_eq!(count, quarter);
    // Many came, so the next delay has begun; what comes now wakes nobody.
    assert!(is_delaying(&machine.ring));
    machine.say(0);
    assert!(!machine.is_readable());
}

#[test]
fn coalescing_ends_by_its_timer_and_waits_for_the_next_event() {
    let Some(mut machine) = machine() else { return };
    machine.ring.coalesce(&machine.socket, 1).unwrap();
    for round in 0..5 {
        machine.say(round);
        let mut steps = 0;
        while is_delaying(&machine.ring) {
            assert!(machine.is_readable() || steps > 0);
            machine.ring.on_ready().unwrap();
            steps += 1;
        }
        assert_eq!(machine.receive(64), Received::Datagrams(1));
        // One event only: the next wakes at once.
        assert_eq!(machine.ring.shared.wake_at.load(Ordering::Relaxed), AT_FIRST_EVENT);
        assert!(!machine.is_readable());
    }
}

#[test]
fn delay_does_not_begin_if_a_quarter_is_already_full() {
    let Some(mut machine) = machine() else { return };
    machine.ring.coalesce(&machine.socket, HOUR_NS).unwrap();
    let quarter = crate::DEFAULT_RECEIVE_BUFFER as usize / 832 / 4;
    (0..quarter as u32).for_each(|seq| machine.say(seq));
    assert!(machine.ring.on_ready().unwrap());
}

/// Then nothing is delayed, and every event still wakes the listener.
#[test]
fn failed_timer_ends_no_wake_up() {
    let Some(mut machine) = machine() else { return };
    machine.ring.coalesce(&machine.socket, HOUR_NS).unwrap();
    machine.ring.delay.as_mut().unwrap().replace_timer(Fd::new(-1));
    for count in [1, 5, 1] {
        (0..count).for_each(|seq| machine.say(seq));
        assert!(machine.is_readable());
        assert!(machine.ring.on_ready().unwrap(), "no delay");
        assert_eq!(machine.receive(64), Received::Datagrams(count as usize));
        assert!(is_delaying(&machine.ring) && !machine.is_readable());
    }
}
