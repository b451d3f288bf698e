//! The waiting events of one process: found by a chain, not by a walk over all that wait.

use super::queue::{CAPACITY, Queue};
use crate::error::Error;
use crate::sys::mapping::Mapping;
use crate::sys::netlink::Slot;
use cnproc_parse::{Event, Message, messages, single_event};

/// The number of chains. A pid belongs to one, which it shares with few others.
const CHAINS: usize = 4096;

/// An index of the datagrams in the queue, by the process that their event is about. Datagrams are named by
/// their positions; those before the queue's head are still in it, and are skipped.
#[derive(Debug)]
pub(crate) struct Waiting {
    /// For each chain, the position behind its newest datagram.
    newest: Mapping<u64>,
    /// For each datagram, how far back the next older one of its chain is; 0 if there is none in the queue.
    /// The place of a datagram is its position modulo the queue's capacity.
    older: Mapping<u16>,
    /// The position behind the datagrams that are in the index.
    end: u64,
}

impl Waiting {
    pub(crate) fn new() -> Result<Self, Error> {
        Ok(Self { newest: Mapping::new(CHAINS)?, older: Mapping::new(CAPACITY)?, end: 0 })
    }

    /// Adds what has been received since the last call.
    pub(crate) fn update(&mut self, queue: &Queue) {
        let (_, end) = queue.positions();
        for position in self.end.max(queue.head())..end {
            let event = queue.at(position).and_then(event);
            if let Some(pid) = event.and_then(|event| event.process_tgid()) {
                self.add(pid, position);
            }
        }
        self.end = end;
    }

    fn add(&mut self, pid: i32, position: u64) {
        let Some(newest) = self.newest.get_mut(chain(pid)) else { return };
        let distance = position + 1 - core::mem::replace(newest, position + 1);
        if let Some(older) = self.older.get_mut(place(position)) {
            // One that is too far away to be named has left the queue.
            *older = u16::try_from(distance).unwrap_or(0);
        }
    }

    /// Calls `visit` with the position of each datagram that waits and may be about that process, newest first.
    pub(crate) fn visit(&self, queue: &Queue, pid: i32, visit: &mut dyn FnMut(u64, &Event)) {
        let newest = self.newest.get(chain(pid)).copied().unwrap_or(0);
        let mut next = newest.checked_sub(1);
        while let Some(position) = next.filter(|position| *position >= queue.head()) {
            let event = queue.at(position).and_then(event);
            if let Some(event) = event.filter(|event| event.process_tgid() == Some(pid)) {
                visit(position, &event);
            }
            let distance = self.older.get(place(position)).copied().unwrap_or(0);
            next = position.checked_sub(u64::from(distance)).filter(|_| distance > 0);
        }
    }
}

const fn chain(pid: i32) -> usize {
    // Pids are handed out in sequence: neighbours are in different chains.
    pid as u32 as usize % CHAINS
}

const fn place(position: u64) -> usize {
    (position % CAPACITY as u64) as usize
}

/// The event of a datagram: a slot has no space for two.
pub(super) fn event(slot: &Slot) -> Option<Event> {
    const { assert!(Slot::SPACE < 2 * SHORTEST_EVENT && CAPACITY <= u16::MAX as usize) };
    let datagram = Some(slot).filter(|slot| slot.is_from_kernel())?.datagram();
    single_event(datagram).or_else(|| {
        messages(datagram).find_map(|message| match message {
            Ok(Message::Event(event)) => Some(event),
            _ => None,
        })
    })
}

/// `struct nlmsghdr`, `struct cn_msg`, and the event of the first kernels.
const SHORTEST_EVENT: usize = 16 + 20 + 32;
