//! The stream: from datagrams to deliveries, with the losses where they happened. Makes no system call.
//!
//! A datagram enters by [`received`](Stream::received) and waits in the [`queue`]. [`next`](Stream::next)
//! takes it out, message by message: [`loss`] accounts for its number, the filter decides whether it is
//! wanted. The [`look_ahead`] reads what waits, in place.

mod index;
mod look_ahead;
mod loss;
mod queue;
mod waiting;

pub(crate) use index::Last;
pub(crate) use loss::{DropCounter, DropReading};

use crate::error::Error;
use crate::sys::mapping::Mapping;
use crate::sys::netlink::Slot;
use cnproc_parse::{
    Event, Filter, Message, ParseError, ParseErrorKind, kernel, messages, single_event,
};
use look_ahead::LookAhead;
use loss::{CPUS, Cpu, Losses};
use queue::Queue;
use waiting::Waiting;

/// What a listener hands over. No further kind will be added: match on both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// An event.
    Event(Event),
    /// The number of events lost. Without a filter they were lost exactly here, between the previous event
    /// and the next. With a filter they were lost here or later, among what was queued at the time.
    Lost(u64),
}

/// What a receiving call returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Received {
    /// That many datagrams; 0 if there was none.
    Datagrams(usize),
    /// Likewise, and the next is there but not complete.
    Unfinished(usize),
    /// ENOBUFS, and nothing else: something was dropped.
    Overrun,
}

/// What that means for the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Progress {
    /// How many datagrams were received.
    pub(crate) count: usize,
    /// The socket's queue was empty after the call.
    pub(crate) drained: bool,
    /// Something was dropped.
    pub(crate) overran: bool,
}

/// Counters of what the stream has seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) delivered: u64,
    pub(crate) forged: u64,
    pub(crate) malformed: u64,
    pub(crate) trimmed: u64,
    pub(crate) unknown: u64,
    pub(crate) acks: u64,
    pub(crate) maybe_muted: u64,
}

/// See the [module](self).
#[derive(Debug)]
pub(crate) struct Stream {
    queue: Queue,
    losses: Losses<Mapping<Cpu>>,
    look_ahead: LookAhead,
    /// None until it is used.
    waiting: Option<Waiting>,
    filter: Filter,
    /// Whether acknowledgements are delivered.
    acks: bool,
    /// How much of the front datagram has been read.
    offset: usize,
    /// The event read last, and whether it is yet to be handed over.
    event: Event,
    is_read: bool,
    counts: Counts,
    /// The position of the acknowledgement of this listener's own LISTEN.
    own_listen: Option<u64>,
}

impl Progress {
    /// Whether what is next is there but not complete: another process has to run on first.
    pub(crate) const fn is_stalled(&self) -> bool {
        self.count == 0 && !self.drained && !self.overran
    }
}

impl Stream {
    pub(crate) fn new(
        filter: Filter,
        acks: bool,
        drop_counter: DropCounter,
        receive_buffer: u32,
    ) -> Result<Self, Error> {
        let (cpus, is_everything) = (Mapping::new(CPUS)?, filter.is_everything());
        Ok(Self {
            queue: Queue::new()?,
            losses: Losses::new(cpus, is_everything, drop_counter, receive_buffer),
            look_ahead: LookAhead::new()?,
            waiting: None,
            filter,
            acks,
            offset: 0,
            event: Event::default(),
            is_read: false,
            counts: Counts::default(),
            own_listen: None,
        })
    }

    /// Slots for the next receiving call; none if the queue is full.
    pub(crate) fn vacancy(&mut self) -> &mut [Slot] {
        self.queue.vacancy()
    }

    /// Takes what a receiving call wrote into the [`vacancy`](Self::vacancy).
    pub(crate) fn received(&mut self, received: Received, now_ns: u64) -> Progress {
        let (count, is_finished) = match received {
            Received::Datagrams(count) => (count, true),
            Received::Unfinished(count) => (count, false),
            Received::Overrun => {
                self.losses.overran();
                return Progress { count: 0, drained: false, overran: true };
            }
        };
        let (slots, had_room) = self.queue.add(count);
        let drained = had_room && is_finished;
        let bytes = slots.iter().map(buffer_upper_bound).sum();
        self.losses.received(bytes, drained, now_ns);
        Progress { count, drained, overran: false }
    }

    /// Whether the drop counter is to be read now, and handed to [`read_drops`](Self::read_drops).
    pub(crate) const fn wants_drop_reading(&self) -> bool {
        self.losses.wants_reading()
    }

    /// The drop counter as it was last counted.
    pub(crate) const fn counted_drops(&self) -> u32 {
        self.losses.counted()
    }

    /// Takes a reading of the drop counter; None where there is none.
    pub(crate) fn read_drops(&mut self, reading: Option<DropReading>, now_ns: u64) {
        self.losses.read(reading, now_ns);
    }

    /// Events may be missing before `now_ns`, of which nothing has a count.
    pub(crate) const fn doubt(&mut self, now_ns: u64) {
        self.losses.doubt(now_ns);
    }

    /// Events may have been disabled globally before `now_ns`, as that many acknowledgements show.
    pub(crate) const fn may_have_been_muted(&mut self, count: u64, now_ns: u64) {
        self.counts.maybe_muted += count;
        self.losses.doubt(now_ns);
    }

    /// Counts acknowledgements that the filter kept from the stream.
    pub(crate) const fn count_acks(&mut self, count: u64) {
        self.counts.acks += count;
    }

    /// The datagram at that position is the acknowledgement of this listener's own LISTEN.
    pub(crate) const fn set_own_listen(&mut self, position: u64) {
        self.own_listen = Some(position);
    }

    /// Lets go of what was handed over before. The look-ahead covers what is received from now on.
    pub(crate) fn forget(&mut self) {
        // The next event's datagram may have been passed already.
        self.queue.forget(usize::from(self.is_read));
    }

    /// Whether there is something to hand over.
    #[inline]
    pub(crate) fn has_next(&mut self) -> bool {
        if !self.losses.is_pending() && !self.is_read {
            self.is_read = self.read_event();
        }
        self.losses.is_pending() || self.is_read
    }

    /// Takes the next delivery.
    #[inline]
    pub(crate) fn next(&mut self) -> Option<Delivery> {
        if !self.has_next() {
            return None;
        }
        if self.losses.is_pending() {
            return Some(Delivery::Lost(self.losses.take_pending()));
        }
        self.is_read = false;
        self.counts.delivered += 1;
        self.counts.unknown += u64::from(!self.event.is_known());
        Some(Delivery::Event(self.event))
    }

    /// Reads on to the next event that is wanted; whether there is one.
    fn read_event(&mut self) -> bool {
        while let Some(slot) = self.queue.front() {
            let is_whole = slot.is_from_kernel() && self.offset == 0;
            let (lost_before, datagram) = (slot.lost_before(), slot.datagram());
            let event = if is_whole { single_event(datagram) } else { None };
            let is_event = if let Some(event) = event {
                self.event = event;
                self.queue.pop();
                true
            } else {
                self.read_message()
            };
            if is_event && self.is_wanted(lost_before) {
                return true;
            }
        }
        self.losses.emptied();
        false
    }

    /// Reads the next message of a datagram that is not just one event of the kernel's; whether it is an
    /// event.
    #[cold]
    fn read_message(&mut self) -> bool {
        let Some(slot) = self.queue.front() else { return false };
        if !slot.is_from_kernel() {
            self.counts.forged += 1;
            self.queue.pop();
            return false;
        }
        let datagram = slot.datagram();
        let is_first = self.offset == 0;
        let mut messages = messages(datagram.get(self.offset..).unwrap_or_default());
        let message = messages.next();
        self.offset += messages.offset();
        let is_truncated = slot.is_truncated();
        if self.offset == datagram.len() {
            self.offset = 0;
            // Truncated between two messages: nothing else shows what is missing.
            let is_unseen = is_truncated && !matches!(message, Some(Err(_)));
            self.counts.malformed += u64::from(is_unseen);
            self.queue.pop();
        }
        match message {
            Some(Ok(Message::Event(event))) => {
                self.event = event;
                return true;
            }
            Some(Err(error)) if is_first && is_short(&error) && !is_truncated => {
                // The kernel sends each event whole: another socket's filter has cut this one.
                self.counts.trimmed += 1;
                self.losses.trimmed();
            }
            Some(_) => self.counts.malformed += 1,
            None => {}
        }
        false
    }

    /// Accounts for the event that was read. Whether it is to be delivered.
    #[inline]
    fn is_wanted(&mut self, lost_before: u32) -> bool {
        self.losses.observe(&self.event, lost_before);
        if self.event.what == kernel::PROC_EVENT_NONE {
            self.count_ack();
            return self.acks;
        }
        self.filter.matches(&self.event)
    }

    /// Counts an acknowledgement that was just read. The LISTEN of another process may have enabled events
    /// again.
    #[cold]
    fn count_ack(&mut self) {
        self.counts.acks += 1;
        let is_own = self.own_listen.is_some_and(|own| own + 1 == self.queue.head());
        if look_ahead::is_listen(&self.event) && !is_own && self.filter.is_everything() {
            self.may_have_been_muted(1, self.event.timestamp_ns);
        }
    }

    pub(crate) const fn filter(&self) -> &Filter {
        &self.filter
    }

    /// Another filter is in force for events generated at `since_ns` and later; before, the drop counter
    /// was read as `drops`.
    pub(crate) fn set_filter(&mut self, filter: Filter, drops: Option<u32>, since_ns: u64) {
        let is_everything = filter.is_everything();
        self.filter = filter;
        self.is_read &= filter.matches(&self.event) || self.event.what == kernel::PROC_EVENT_NONE;
        self.losses.filter_changed(is_everything, drops, since_ns);
        self.look_ahead.restart();
    }

    pub(crate) const fn counts(&self) -> &Counts {
        &self.counts
    }

    /// The sum of all losses, and whether it is only a lower bound.
    pub(crate) const fn lost(&self) -> (u64, bool) {
        (self.losses.total(), self.losses.is_lower_bound())
    }

    pub(crate) const fn is_full(&self) -> bool {
        self.queue.is_full()
    }

    /// The position of the next datagram that will be received.
    pub(crate) const fn end(&self) -> u64 {
        self.queue.positions().1
    }

    /// The kernel's datagrams that wait from a position on, and their positions.
    pub(crate) fn waiting_from(&self, position: u64) -> impl Iterator<Item = (u64, &[u8])> {
        let from = position.max(self.queue.head());
        (from..self.end())
            .filter_map(|position| Some((position, self.queue.at(position)?)))
            .filter(|(_, slot)| slot.is_from_kernel())
            .map(|(position, slot)| (position, slot.datagram()))
    }

    /// Makes everything that was received available to [`waiting_of`](Self::waiting_of).
    pub(crate) fn index_waiting(&mut self) -> Result<(), Error> {
        let Self { waiting, queue, .. } = self;
        let waiting = match waiting {
            Some(waiting) => waiting,
            None => waiting.insert(Waiting::new()?),
        };
        waiting.update(queue);
        Ok(())
    }

    /// Calls `visit` with each event about that process that was received and not handed over, newest first.
    pub(crate) fn waiting_of(&self, pid: i32, visit: &mut dyn FnMut(&Event)) {
        // The event of a datagram that has been read in part.
        let passed = Some(self.queue.head()).filter(|_| self.offset > 0);
        if let Some(waiting) = &self.waiting {
            waiting.visit(&self.queue, pid, &mut |position, event| {
                if passed != Some(position) {
                    visit(event);
                }
            });
        }
        if self.is_read && self.event.process_tgid() == Some(pid) {
            visit(&self.event);
        }
    }

    /// Looks at everything that was received.
    pub(crate) fn look_ahead(&mut self) {
        self.look_ahead.look(&self.queue, self.own_listen, &mut self.losses);
    }

    /// The time of the newest event among those looked at.
    pub(crate) const fn newest_ns(&self) -> u64 {
        self.look_ahead.newest_ns()
    }

    /// The last events of a pid among those looked at.
    pub(crate) fn last(&self, pid: i32) -> Last {
        self.look_ahead.last(pid)
    }

    /// Whether everything received since the event has been looked at, and nothing is missing in it, as far
    /// as is known.
    pub(crate) fn is_complete_since(&self, event: &Event) -> bool {
        self.look_ahead.covers(event) && self.losses.is_complete_since(event.timestamp_ns)
    }
}

/// An upper bound of the receive buffer that a datagram took: an event takes less than a KiB, a large
/// datagram whole pages.
fn buffer_upper_bound(slot: &Slot) -> u64 {
    4096 + 16 * u64::from(slot.length())
}

const fn is_short(error: &ParseError) -> bool {
    matches!(error.kind, ParseErrorKind::Truncated { .. })
}
