//! The look-ahead: what the stream already contains behind the events that were handed over.
//!
//! Each datagram is looked at once, however often a process is asked for.

use super::index::{Index, Last};
use super::loss::{CPUS, Cpu, Losses};
use super::queue::Queue;
use crate::error::Error;
use crate::sys::mapping::Mapping;
use crate::sys::netlink::Slot;
use cnproc_parse::{Ack, Event, EventData, Message, messages, single_event};
use core::ops::DerefMut;

/// A run over the datagrams that are kept. It restarts when the caller has gone past it.
#[derive(Debug)]
pub(crate) struct LookAhead {
    index: Index,
    /// The position of the next datagram to look at; None to restart.
    next: Option<u64>,
    /// For each CPU, the run in which it was last seen, and the number of its first event in that run.
    firsts: Mapping<[u32; 2]>,
    run: u32,
    newest_ns: u64,
}

impl LookAhead {
    pub(crate) fn new() -> Result<Self, Error> {
        Ok(Self {
            index: Index::new()?,
            next: None,
            firsts: Mapping::new(CPUS)?,
            run: 0,
            newest_ns: 0,
        })
    }

    /// Restarts at the next look: what was seen before means nothing now.
    pub(crate) const fn restart(&mut self) {
        self.next = None;
    }

    /// Looks at what is kept and was not looked at before.
    pub(crate) fn look<C: DerefMut<Target = [Cpu]>>(
        &mut self,
        queue: &Queue,
        own_listen: Option<u64>,
        losses: &mut Losses<C>,
    ) {
        let (start, end) = queue.positions();
        let mut position = match self.next {
            Some(next) if next >= start && !self.index.is_full() => next,
            _ => {
                self.begin(losses);
                start
            }
        };
        while position < end {
            if let Some(slot) = queue.at(position).filter(|slot| slot.is_from_kernel()) {
                self.look_at(slot, own_listen == Some(position), losses);
            }
            position += 1;
        }
        self.next = Some(end);
    }

    fn begin<C: DerefMut<Target = [Cpu]>>(&mut self, losses: &mut Losses<C>) {
        self.index.clear();
        self.run = self.run.wrapping_add(1);
        if self.run == 0 {
            self.firsts.fill([0; 2]);
            self.run = 1;
        }
        losses.start_look_ahead();
    }

    fn look_at<C: DerefMut<Target = [Cpu]>>(
        &mut self,
        slot: &Slot,
        is_own_listen: bool,
        losses: &mut Losses<C>,
    ) {
        if let Some(event) = single_event(slot.datagram()) {
            self.note(&event, is_own_listen, losses);
            return;
        }
        let mut is_readable = !slot.is_truncated();
        for message in messages(slot.datagram()) {
            match message {
                Ok(Message::Event(event)) => self.note(&event, is_own_listen, losses),
                message => is_readable &= message.is_ok(),
            }
        }
        if !is_readable {
            losses.doubt_received();
        }
    }

    fn note<C: DerefMut<Target = [Cpu]>>(
        &mut self,
        event: &Event,
        is_own_listen: bool,
        losses: &mut Losses<C>,
    ) {
        self.newest_ns = self.newest_ns.max(event.timestamp_ns);
        if is_listen(event) && !is_own_listen {
            // Events may have been off before it.
            losses.doubt(event.timestamp_ns);
        }
        if let Some(first) = self.firsts.get_mut(event.cpu as usize) {
            if first[0] != self.run {
                *first = [self.run, event.seq];
            }
        }
        losses.look_at(event);
        self.index.note(event);
    }

    /// Whether everything received after the event has been looked at. The kernel sends each CPU's events
    /// in the order of their numbers, so that is shown by the event's own number.
    pub(crate) fn covers(&self, event: &Event) -> bool {
        let first = self.firsts.get(event.cpu as usize);
        first.is_some_and(|&[run, seq]| run == self.run && event.seq.wrapping_sub(seq) < 1 << 31)
    }

    pub(crate) const fn newest_ns(&self) -> u64 {
        self.newest_ns
    }

    pub(crate) fn last(&self, pid: i32) -> Last {
        self.index.last(pid)
    }
}

/// Whether it may be the acknowledgement of a LISTEN. A request that was refused changed nothing.
pub(crate) fn is_listen(event: &Event) -> bool {
    matches!(event.data(), EventData::Ack(Ack { err: 0 }))
}
