//! The queue of datagrams received and not yet handed over: a fixed arena that recvmmsg fills.

use crate::fd::Fd;
use crate::syscall::{self, BATCH, Mapping, Result, Slot};
use cnproc_parse::Event;
use core::ffi::c_int;

/// What a listener hands over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// An event.
    Event(Event),
    /// So many events were lost before the next event. Where no filter is in force: after the one before
    /// it, exactly here. Behind a filter the gap may also be further on: as far as the queue reached.
    Lost(u64),
}

/// How many datagrams may be received ahead. Only what is used takes room.
const CAPACITY: usize = 16384;

/// What is asked for after a call that emptied the socket's queue.
const FEW: usize = 4;

/// Datagrams in the order in which they came. The front is handed over, the back is received, and what
/// was handed over lately stays for whoever looks back.
#[derive(Debug)]
pub(crate) struct Arena {
    slots: Mapping<Slot>,
    kept: usize,
    front: usize,
    back: usize,
    /// How many datagrams to ask for: where few come, few headers are worth writing.
    wanted: usize,
    /// The socket said ENOBUFS, and it has not been told yet.
    overran: bool,
    /// As [`Received::taken`].
    taken: u64,
}

/// What a receiving call came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Received {
    /// How many datagrams.
    pub(crate) came: usize,
    /// There was room for more: the socket's queue was empty then.
    pub(crate) drained: bool,
    /// The socket said ENOBUFS, and nothing else: something was dropped.
    pub(crate) overran: bool,
    /// How much of the receive buffer was taken at most, at any time since the queue was last empty.
    pub(crate) taken: u64,
}

impl Received {
    pub(crate) const NOTHING: Self = Self { came: 0, drained: true, overran: false, taken: 0 };
}

impl Arena {
    pub(crate) fn new() -> Result<Self> {
        Ok(Self {
            slots: Mapping::new(CAPACITY)?,
            kept: 0,
            front: 0,
            back: 0,
            wanted: FEW,
            overran: false,
            taken: 0,
        })
    }

    /// Receives a batch after those that are queued.
    pub(crate) fn receive(&mut self, fd: &Fd, flags: c_int) -> Result<Received> {
        self.make_room();
        let room = self.slots.get_mut(self.back..).unwrap_or_default();
        let wanted = room.len().min(self.wanted);
        let room = room.get_mut(..wanted).unwrap_or_default();
        match syscall::recvmmsg(fd, room, flags) {
            Ok(came) => {
                self.back += came;
                self.taken += room.iter().take(came).map(Slot::buffer_at_most).sum::<u64>();
                let (drained, taken) = (came < wanted, self.taken);
                self.wanted = if drained { FEW } else { BATCH };
                if drained {
                    self.taken = 0;
                }
                Ok(Received { came, drained, overran: false, taken })
            }
            Err(errno) if errno.raw() == libc::EAGAIN => {
                Ok(Received { taken: core::mem::take(&mut self.taken), ..Received::NOTHING })
            }
            Err(errno) if errno.raw() == libc::ENOBUFS => {
                self.overran = true;
                Ok(Received { came: 0, drained: false, overran: true, taken: self.taken })
            }
            Err(errno) => Err(errno),
        }
    }

    /// Whether the socket has said ENOBUFS since this was asked last.
    pub(crate) const fn take_overrun(&mut self) -> bool {
        core::mem::replace(&mut self.overran, false)
    }

    /// The datagrams handed over lately and those queued, oldest first.
    pub(crate) fn kept(&self) -> &[Slot] {
        self.slots.get(self.kept..self.back).unwrap_or_default()
    }

    /// The datagrams queued, oldest first.
    pub(crate) fn queued(&self) -> &[Slot] {
        self.slots.get(self.front..self.back).unwrap_or_default()
    }

    pub(crate) fn front(&self) -> Option<&Slot> {
        if self.front < self.back { self.slots.get(self.front) } else { None }
    }

    /// Lets go of the front. It stays until it is forgotten.
    pub(crate) fn pop(&mut self) {
        self.front += usize::from(self.front < self.back);
    }

    /// Forgets what was handed over, but for the last `keep`. An empty arena begins anew at its start,
    /// and so stays small.
    pub(crate) fn forget(&mut self, keep: usize) {
        self.kept = self.kept.max(self.front.saturating_sub(keep));
        if self.kept == self.back {
            (self.kept, self.front, self.back) = (0, 0, 0);
        }
    }

    /// If the arena is full, moves what is in it to its start, where that makes much room.
    fn make_room(&mut self) {
        const QUARTER: usize = CAPACITY / 4;
        if self.is_full() && self.front > 2 * QUARTER {
            self.forget(QUARTER);
            for (to, from) in (self.kept..self.back).enumerate() {
                if let Ok([to, from]) = self.slots.get_disjoint_mut([to, from]) {
                    core::mem::swap(to, from);
                }
            }
            self.front -= self.kept;
            self.back -= self.kept;
            self.kept = 0;
        }
    }

    pub(crate) fn is_full(&self) -> bool {
        self.back == CAPACITY
    }
}

impl Slot {
    /// The datagram, as far as there was room for it.
    pub(crate) fn datagram(&self) -> &[u8] {
        self.bytes.get(..self.length as usize).unwrap_or(&self.bytes)
    }

    /// Whether the kernel sent it.
    pub(crate) const fn is_from_kernel(&self) -> bool {
        self.nl_pid() == 0
    }

    /// How much of the receive buffer it took, at most: an event takes 832 bytes, a large datagram whole
    /// pages.
    fn buffer_at_most(&self) -> u64 {
        4096 + 16 * u64::from(self.length)
    }

    pub(crate) const fn is_cut_off(&self) -> bool {
        self.length as usize > self.bytes.len()
    }
}
