//! Datagrams received and not yet handed over.

use crate::error::Error;
use crate::sys::mapping::Mapping;
use crate::sys::netlink::{BATCH, Slot};

/// How many datagrams may be received ahead of the caller. Only used slots take up memory.
pub(super) const CAPACITY: usize = 16384;

/// What is asked for after a call that emptied the socket's queue: few headers are quick to write.
const FEW: usize = 4;

/// Datagrams in the order in which they were received. Those before `head` have been handed over and stay
/// for the look-ahead until they are forgotten.
///
/// ```text
/// 0 ..... start ........... head ............ tail ..... CAPACITY
///         | handed over     | queued          | vacant
/// ```
#[derive(Debug)]
pub(crate) struct Queue {
    slots: Mapping<Slot>,
    start: usize,
    head: usize,
    tail: usize,
    /// How many datagrams to ask for.
    batch_size: usize,
    /// The number of datagrams before slot 0, since the queue was created.
    before: u64,
}

impl Queue {
    pub(crate) fn new() -> Result<Self, Error> {
        let slots = Mapping::new(CAPACITY)?;
        Ok(Self { slots, start: 0, head: 0, tail: 0, batch_size: FEW, before: 0 })
    }

    /// Slots for the next receiving call; none if the queue is full.
    pub(crate) fn vacancy(&mut self) -> &mut [Slot] {
        self.make_room();
        let end = self.tail.saturating_add(self.batch_size).min(CAPACITY);
        self.slots.get_mut(self.tail..end).unwrap_or_default()
    }

    /// Adds the datagrams that were received into the [`vacancy`](Self::vacancy). Returns them, and whether
    /// there was room for more.
    pub(crate) fn add(&mut self, count: usize) -> (&[Slot], bool) {
        let vacant = self.batch_size.min(CAPACITY - self.tail);
        let drained = count < vacant;
        self.batch_size = if drained { FEW } else { BATCH };
        let from = self.tail;
        self.tail += count.min(vacant);
        (self.slots.get(from..self.tail).unwrap_or_default(), drained)
    }

    pub(crate) fn front(&self) -> Option<&Slot> {
        if self.head < self.tail { self.slots.get(self.head) } else { None }
    }

    /// Moves past the front. It stays until it is forgotten.
    pub(crate) fn pop(&mut self) {
        self.head += usize::from(self.head < self.tail);
    }

    /// Forgets what was handed over, except the last `keep`. An empty queue starts again at its first slot,
    /// and so uses few pages.
    pub(crate) fn forget(&mut self, keep: usize) {
        self.start = self.start.max(self.head.saturating_sub(keep));
        if self.start == self.tail {
            self.before += self.tail as u64;
            (self.start, self.head, self.tail) = (0, 0, 0);
        }
    }

    /// The position of the oldest datagram that is kept, and of the next that will be received.
    pub(crate) const fn positions(&self) -> (u64, u64) {
        (self.before + self.start as u64, self.before + self.tail as u64)
    }

    /// The position of the next datagram to be handed over.
    pub(crate) const fn head(&self) -> u64 {
        self.before + self.head as u64
    }

    /// The datagram at that position, if it is kept.
    pub(crate) fn at(&self, position: u64) -> Option<&Slot> {
        let index = usize::try_from(position.checked_sub(self.before)?).ok()?;
        if index < self.start || index >= self.tail { None } else { self.slots.get(index) }
    }

    pub(crate) const fn is_full(&self) -> bool {
        self.tail == CAPACITY
    }

    /// If the queue is full, moves its contents to the first slot, where that makes much room.
    fn make_room(&mut self) {
        const QUARTER: usize = CAPACITY / 4;
        if self.is_full() && self.head > 2 * QUARTER {
            self.forget(QUARTER);
            let shift = self.start;
            for from in shift..self.tail {
                let Some((low, high)) = self.slots.split_at_mut_checked(from) else { return };
                if let (Some(to), Some(from)) = (low.get_mut(from - shift), high.first_mut()) {
                    core::mem::swap(to, from);
                }
            }
            self.before += shift as u64;
            self.head -= shift;
            self.tail -= shift;
            self.start = 0;
        }
    }
}
