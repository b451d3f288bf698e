//! The table's slots, one for each process, used again and again; ids, never.

use crate::entry::{Entry, Id};
use crate::memory::Array;
use crate::pids::MAX_SLOTS;
use core::marker::PhantomData;
use core::num::NonZeroU64;

/// An entry and what only the table needs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Slot<U> {
    pub(crate) entry: Entry<U>,
    pub(crate) state: State,
    /// What its EXITs are judged by: see `exit.rs`.
    pub(crate) life: Life,
    /// The program's texts: a block, plus 1.
    pub(crate) texts: u32,
    /// The latest comparison with `/proc` that it passed.
    pub(crate) checked: u32,
    /// It was found, and that is yet to be reported.
    pub(crate) unreported: bool,
    /// The next slot in the same list, plus 1.
    next: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Free,
    Live,
    Ended,
}

/// What is known of a process's threads and of its start.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Life {
    /// When its present leader was alive: its FORK, or the last look at it. An EXIT that was made before
    /// is not this leader's; one made while the look lasted may be.
    pub(crate) alive_ns: u64,
    pub(crate) alive_until_ns: u64,
    /// When it started: CLOCK_BOOTTIME, at the latest; if a scan has seen it, the tick, exactly.
    pub(crate) started_by: u64,
    pub(crate) start_is_exact: bool,
    /// It has run: it sent an event, or a look showed it.
    pub(crate) has_run: bool,
    /// It has, or had, threads besides its leader since its last exec.
    pub(crate) had_threads: bool,
    /// Its leader has ended: its EXIT has come, or a look showed a zombie.
    pub(crate) leaderless: bool,
    /// Whether an EXIT of its leader has come.
    pub(crate) exit: LeaderExit,
    /// `threads` counts every thread, as none can have been missed.
    pub(crate) counted: bool,
    pub(crate) threads: u32,
    /// The last exit code of its threads, and the last that was not 0; whether there were different ones.
    pub(crate) last_code: u32,
    pub(crate) code: u32,
    pub(crate) codes_differ: bool,
    /// Threads may have names, or ids, that differ from the leader's.
    pub(crate) names_differ: bool,
    pub(crate) ids_differ: bool,
}

/// Whether the EXIT of a process's leader has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LeaderExit {
    Missing,
    /// One has come that may be a former owner's.
    Unclear,
    Seen,
}

impl Life {
    /// Of a process with one thread whose FORK, or start, has been seen.
    pub(crate) const fn new(alive_ns: u64, started_by: u64) -> Self {
        Self {
            alive_ns,
            alive_until_ns: alive_ns,
            started_by,
            start_is_exact: false,
            has_run: false,
            had_threads: false,
            leaderless: false,
            exit: LeaderExit::Missing,
            counted: true,
            threads: 1,
            last_code: 0,
            code: 0,
            codes_differ: false,
            names_differ: false,
            ids_differ: false,
        }
    }
}

/// The list of slots that are not live: free ones, or those that ended.
#[derive(Clone, Copy, Debug, Default)]
struct List {
    first: u32,
    last: u32,
    length: usize,
}

#[derive(Debug)]
pub(crate) struct Slots<U, A> {
    slots: A,
    free: List,
    ended: List,
    live: usize,
    /// How many may be live, and how many that ended are kept.
    max: usize,
    keep: usize,
    /// An id is a count in its high bits, a slot in its low ones.
    slot_bits: u32,
    last_count: u64,
    user: PhantomData<U>,
}

/// Why there is no slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoSlot<E> {
    Full,
    Memory(E),
}

impl<U: Copy, A: Array<Slot<U>>> Slots<U, A> {
    pub(crate) fn new(slots: A, max: usize, keep: usize) -> Self {
        let keep = keep.clamp(1, MAX_SLOTS - 1);
        let max = max.clamp(1, MAX_SLOTS - keep);
        let slot_bits = usize::BITS - (max + keep).leading_zeros();
        let (free, ended) = (List::default(), List::default());
        Self { slots, free, ended, live: 0, max, keep, slot_bits, last_count: 0, user: PhantomData }
    }

    pub(crate) fn get(&self, slot: usize) -> Option<&Slot<U>> {
        self.slots.get(slot).filter(|slot| slot.state != State::Free)
    }

    pub(crate) fn get_mut(&mut self, slot: usize) -> Option<&mut Slot<U>> {
        self.slots.get_mut(slot).filter(|slot| slot.state != State::Free)
    }

    /// The slot of that process, live or ended.
    pub(crate) fn find(&self, id: Id) -> Option<usize> {
        let slot = usize::try_from(id.get() & ((1_u64 << self.slot_bits) - 1)).ok()?;
        self.get(slot).filter(|slot| slot.entry.id == id).map(|_| slot)
    }

    pub(crate) fn is_live(&self, id: Id) -> bool {
        let slot = self.find(id).and_then(|slot| self.get(slot));
        slot.is_some_and(|slot| slot.state == State::Live)
    }

    /// Every slot that was ever used.
    pub(crate) fn all(&self) -> &[Slot<U>] {
        &self.slots
    }

    pub(crate) const fn live(&self) -> usize {
        self.live
    }

    /// Whether an eighth is free.
    pub(crate) fn has_ample_room(&self) -> bool {
        self.live <= self.max - (self.max / 8).max(1)
    }

    /// Makes the next id: that of `slot`.
    fn id(&mut self, slot: usize) -> Option<Id> {
        let count = self.last_count + 1;
        let number = count.checked_mul(1_u64 << self.slot_bits)?.checked_add(slot as u64)?;
        self.last_count = count;
        NonZeroU64::new(number).map(Id)
    }

    /// A slot for one more process, and its id. After an error nothing has changed, except that one
    /// that ended may have been dropped.
    pub(crate) fn add(
        &mut self,
        make: impl FnOnce(Id) -> (Entry<U>, Life),
    ) -> Result<(usize, Dropped), NoSlot<A::Error>> {
        if self.live >= self.max {
            return Err(NoSlot::Full);
        }
        let (reused, dropped) = match self.pop(Which::Free) {
            Some(slot) => (Some(slot), Dropped::NONE),
            None if self.slots.len() < self.max + self.keep => (None, Dropped::NONE),
            None => self.drop_oldest(),
        };
        let slot = reused.unwrap_or(self.slots.len());
        let Some(id) = self.id(slot) else {
            if reused.is_some() {
                self.push(Which::Free, slot);
            }
            return Err(NoSlot::Full);
        };
        let (entry, life) = make(id);
        let value = Slot {
            entry,
            state: State::Live,
            life,
            texts: 0,
            checked: 0,
            unreported: false,
            next: 0,
        };
        match self.slots.get_mut(slot) {
            Some(place) => *place = value,
            None => self.slots.grow(1, value).map_err(NoSlot::Memory)?,
        }
        self.live += 1;
        Ok((slot, dropped))
    }

    /// Keeps the slot of a process that has ended, instead of the oldest that did.
    pub(crate) fn end(&mut self, slot: usize) -> Dropped {
        let Some(ended) = self.slots.get_mut(slot).filter(|slot| slot.state == State::Live) else {
            return Dropped::NONE;
        };
        ended.state = State::Ended;
        self.live -= 1;
        self.push(Which::Ended, slot);
        if self.ended.length <= self.keep {
            return Dropped::NONE;
        }
        let (slot, dropped) = self.drop_oldest();
        if let Some(slot) = slot {
            self.push(Which::Free, slot);
        }
        dropped
    }

    fn drop_oldest(&mut self) -> (Option<usize>, Dropped) {
        let Some(slot) = self.pop(Which::Ended) else { return (None, Dropped::NONE) };
        let Some(oldest) = self.slots.get_mut(slot) else { return (None, Dropped::NONE) };
        oldest.state = State::Free;
        (Some(slot), Dropped { texts: oldest.texts })
    }

    fn list(&mut self, which: Which) -> &mut List {
        match which {
            Which::Free => &mut self.free,
            Which::Ended => &mut self.ended,
        }
    }

    fn push(&mut self, which: Which, slot: usize) {
        let number = slot as u32 + 1;
        if let Some(slot) = self.slots.get_mut(slot) {
            slot.next = 0;
        }
        let list = self.list(which);
        let last = core::mem::replace(&mut list.last, number);
        list.length += 1;
        if last == 0 {
            list.first = number;
        } else if let Some(last) = self.slots.get_mut(last as usize - 1) {
            last.next = number;
        }
    }

    fn pop(&mut self, which: Which) -> Option<usize> {
        let slot = self.list(which).first.checked_sub(1)? as usize;
        let next = self.slots.get(slot).map_or(0, |slot| slot.next);
        let list = self.list(which);
        list.first = next;
        list.length -= 1;
        if next == 0 {
            list.last = 0;
        }
        Some(slot)
    }
}

#[derive(Clone, Copy)]
enum Which {
    Free,
    Ended,
}

/// What a slot that is dropped still held.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Dropped {
    pub(crate) texts: u32,
}

impl Dropped {
    const NONE: Self = Self { texts: 0 };
}

#[cfg(test)]
mod tests;
