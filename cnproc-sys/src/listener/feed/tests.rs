//! The waiting events of one process, compared with a walk over all that wait.

use super::*;
use crate::fake_kernel::{FakeKernel, exec, exit, fork};
use std::collections::VecDeque;
use std::vec::Vec;

/// Pids of which some share a chain.
const PIDS: [u32; 6] = [7, 7 + 4096, 7 + 8192, 8, 4095, 4096];

struct Feed {
    kernel: FakeKernel,
    listener: Listener,
    /// What waits: number and pid of each event.
    waiting: VecDeque<(u32, u32)>,
    sent: u32,
}

impl Feed {
    fn new() -> Self {
        let (kernel, fd) = FakeKernel::pair();
        let listener = Listener::with_fd(fd, Listener::options());
        Self { kernel, listener, waiting: VecDeque::new(), sent: 0 }
    }

    fn send(&mut self, pid: u32) {
        self.sent += 1;
        let mut datagram = exec(self.sent, pid);
        let noop = [16_u32.to_ne_bytes(), 1_u32.to_ne_bytes(), [0; 4], [0; 4]].concat();
        match self.sent % 7 {
            0 => datagram = [noop, datagram].concat(),
            1 => datagram.extend(noop),
            _ => {}
        }
        assert!(self.kernel.send(&datagram));
        self.waiting.push_back((self.sent, pid));
    }

    fn next(&mut self) {
        let expected = self.waiting.pop_front().map(|(seq, _)| seq);
        let next = self.listener.next_received();
        let seq = next.map(|delivery| match delivery {
            Delivery::Event(event) => event.seq,
            Delivery::Lost(_) => 0,
        });
        assert_eq!(seq, expected);
    }

    fn check(&self, pid: u32) {
        let expected: Vec<_> =
            self.waiting.iter().rev().filter(|(_, of)| *of == pid).map(|(seq, _)| *seq).collect();
        let mut found = Vec::new();
        self.listener.waiting_of(pid as i32, &mut |event| found.push(event.seq));
        assert_eq!(found, expected, "pid {pid} after {} events", self.sent);
    }
}

#[test]
fn waiting_events_of_a_process_are_visited_newest_first() {
    let mut feed = Feed::new();
    let mut state = 1_u32;
    let mut random = |below: u32| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 16) % below
    };
    // More than the queue has places, so that each is used again; at times it runs empty.
    for round in 0..20_000 {
        for _ in 0..random(4) {
            feed.send(PIDS[random(6) as usize]);
        }
        assert!(feed.listener.receive_all().unwrap());
        if random(3) == 0 {
            assert_eq!(feed.listener.has_received(), !feed.waiting.is_empty());
        }
        feed.check(PIDS[random(6) as usize]);
        let taken = if round % 500 == 0 { u32::MAX } else { random(4) };
        for _ in 0..taken.min(feed.waiting.len() as u32) {
            feed.next();
            feed.check(PIDS[random(6) as usize]);
        }
    }
    assert!(feed.sent > 25_000);
}

#[test]
fn full_queue_is_visited_from_end_to_end() {
    let mut feed = Feed::new();
    let mut is_drained = true;
    while is_drained {
        feed.send(PIDS[feed.sent as usize % 6]);
        is_drained = feed.listener.receive_all().unwrap();
    }
    assert_eq!(feed.waiting.len(), 16_384, "the queue is full");
    for _ in 0..3 {
        PIDS.iter().for_each(|pid| feed.check(*pid));
        feed.next();
    }
}

#[test]
fn event_is_visited_for_the_process_it_is_about() {
    let (kernel, fd) = FakeKernel::pair();
    let mut listener = Listener::with_fd(fd, Listener::options());
    // A FORK is about the child, that of a thread about its process.
    for datagram in [fork(1, 7, 7), fork(2, 8, 7), exit(3, 8), exit(4, 7)] {
        assert!(kernel.send(&datagram));
    }
    assert!(listener.receive_all().unwrap());
    let visited = |listener: &Listener, pid| {
        let mut found = Vec::new();
        listener.waiting_of(pid, &mut |event| found.push(event.seq));
        found
    };
    assert_eq!(visited(&listener, 7), [4, 3, 2, 1]);
    assert_eq!(visited(&listener, 8), []);
    assert_eq!(visited(&listener, 1), []);
}
