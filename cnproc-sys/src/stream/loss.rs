//! Loss accounting: everything that is known of lost events, without system calls.
//!
//! Losses are detected from two sources and merged into one count.
//!
//! - *Gaps* in the CPUs' sequence numbers show every loss, and where it happened, but only once the
//!   next event of that CPU arrives, and only where no filter consumes numbers.
//! - The *drop counter* shows at once what a full queue refused, with a filter or without. That of a socket
//!   does not show where in the stream; that of a ring is also kept for each CPU, and each event carries
//!   what its CPU had lost directly before it, so that a filter does not matter. A *trimmed* datagram, an
//!   event that a neighbour's filter cut, is counted with the drops: its number, too, is missing afterwards.
//!
//! Neither source counts what was not lost, and both see all but two kinds of loss in the end: only
//! gaps show events for which the kernel had no memory, and only the counter shows losses before the
//! first event of their CPU. Unless one socket suffers both, what was lost since both sources were last
//! reset together is the larger of their counts.

use cnproc_parse::{Event, Sequence, SequenceStep};
use core::ops::DerefMut;

/// As many CPUs as x86's NR_CPUS may be. Only those that exist take up memory. The losses of one beyond
/// are left to the drop counter.
pub(crate) const CPUS: usize = 8192;

/// The sequence numbers of one CPU: those observed, and those that the look-ahead has seen.
pub(crate) type Cpu = [Sequence; 2];

/// What counts drops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DropCounter {
    /// Nothing: a socket before Linux 4.12.
    Absent,
    /// A socket's counter.
    Total,
    /// A ring's counters: the total, and for each CPU.
    EachCpu,
}

/// A reading of the drop counter.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DropReading {
    /// The counter: 32 bits, wrapping.
    pub(crate) drops: u32,
    /// The socket's queue was empty before the counter was read and after.
    pub(crate) queue_is_empty: bool,
}

/// What is known of the losses of one socket.
#[derive(Debug)]
pub(crate) struct Losses<C> {
    cpus: C,
    /// One more than the highest CPU seen.
    cpus_seen: usize,
    /// Whether gaps are losses: no filter is in force.
    by_sequence: bool,
    counter: DropCounter,
    /// Events generated before this may have been queued under an earlier filter.
    filter_since_ns: u64,
    /// The last reading of the drop counter; and the one up to which it has been counted.
    seen: u32,
    counted: u32,
    /// The losses that either source has counted since both were last reset together.
    gaps: u64,
    drops: u64,
    /// How many of them have been reported.
    reported: u64,
    /// The reading of an empty queue: what it counts was dropped after all that was received.
    trailing: Option<u32>,
    /// The socket returned ENOBUFS, and that is not counted yet.
    overran: bool,
    /// An upper bound of the receive buffer in use, at any time since the queue was last empty.
    bytes_upper_bound: u64,
    /// The last receiving call emptied the queue.
    drained: bool,
    /// The queue may have been full, and the drop counter has not been read since.
    may_have_been_full: bool,
    receive_buffer: u32,
    /// To be delivered before the next event.
    pending: u64,
    total: u64,
    /// When the last datagrams were received, on the events' clock.
    received_ns: u64,
    /// All known losses happened before this.
    lossless_since_ns: u64,
}

impl<C: DerefMut<Target = [Cpu]>> Losses<C> {
    pub(crate) const fn new(cpus: C, by_sequence: bool, counter: DropCounter, buffer: u32) -> Self {
        Self {
            cpus,
            cpus_seen: 0,
            by_sequence,
            counter,
            filter_since_ns: 0,
            seen: 0,
            counted: 0,
            gaps: 0,
            drops: 0,
            reported: 0,
            trailing: None,
            overran: false,
            bytes_upper_bound: 0,
            drained: true,
            may_have_been_full: false,
            receive_buffer: buffer,
            pending: 0,
            total: 0,
            received_ns: 0,
            lossless_since_ns: 0,
        }
    }

    /// The sum of all losses reported.
    pub(crate) const fn total(&self) -> u64 {
        self.total
    }

    /// Whether the total is only a lower bound.
    pub(crate) const fn is_lower_bound(&self) -> bool {
        matches!(self.counter, DropCounter::Absent)
    }

    /// Whether a loss is to be delivered before the next event.
    pub(crate) const fn is_pending(&self) -> bool {
        self.pending > 0
    }

    /// Takes the loss that is to be delivered now; 0 if there is none.
    pub(crate) const fn take_pending(&mut self) -> u64 {
        core::mem::replace(&mut self.pending, 0)
    }

    /// Whether nothing is missing since a moment, as far as is known: no loss, and no other filter.
    pub(crate) const fn is_complete_since(&self, event_ns: u64) -> bool {
        self.lossless_since_ns < event_ns && self.filter_since_ns <= event_ns
    }

    /// Events may be missing before `now_ns` of which no source has a count.
    pub(crate) const fn doubt(&mut self, now_ns: u64) {
        if now_ns > self.lossless_since_ns {
            self.lossless_since_ns = now_ns;
        }
    }

    /// As [`doubt`](Self::doubt), before the last receiving call returned.
    pub(crate) const fn doubt_received(&mut self) {
        self.doubt(self.received_ns);
    }

    /// Notes what a receiving call took from the socket's queue, and whether that emptied it.
    pub(crate) const fn received(&mut self, bytes: u64, drained: bool, now_ns: u64) {
        self.received_ns = now_ns;
        self.trailing = None;
        let before = if self.drained { 0 } else { self.bytes_upper_bound };
        (self.bytes_upper_bound, self.drained) = (before + bytes, drained);
        self.may_have_been_full |= self.bytes_upper_bound >= self.receive_buffer as u64;
    }

    /// Notes that the socket returned ENOBUFS: something was dropped.
    pub(crate) const fn overran(&mut self) {
        self.overran = true;
    }

    /// Whether the drop counter is to be read after a receiving call: the queue may have been full, or it
    /// has counted what gaps do not show yet.
    pub(crate) const fn wants_reading(&self) -> bool {
        self.may_have_been_full
            || self.overran
            || self.is_uncounted()
            || !self.by_sequence
            || self.drops > self.gaps
    }

    /// The counter as it was last counted. A reading of the same needs no second look.
    pub(crate) const fn counted(&self) -> u32 {
        self.counted
    }

    /// Whether the last reading is not counted yet, because it is unknown where its losses happened.
    const fn is_uncounted(&self) -> bool {
        self.seen != self.counted
    }

    /// Takes a reading of the drop counter; None where there is none.
    pub(crate) fn read(&mut self, reading: Option<DropReading>, now_ns: u64) {
        (self.trailing, self.may_have_been_full) = (None, false);
        if core::mem::take(&mut self.overran) && self.is_lower_bound() {
            // At least one more was dropped. If the drop and the next event's number both fell into one
            // receiving call, both sources report it, and one is too many until the numbers show another.
            self.drops = self.reported + 1;
            self.report(now_ns);
        }
        let Some(DropReading { drops, queue_is_empty }) = reading else { return };
        if core::mem::replace(&mut self.seen, drops) != drops {
            self.doubt(now_ns);
        }
        if !self.is_uncounted() {
            return;
        }
        if !self.by_sequence && self.counter != DropCounter::EachCpu {
            // The gap cannot be located; the first event after it is in this batch or still queued.
            self.count_drops(drops, now_ns);
        } else if queue_is_empty {
            self.trailing = Some(drops);
        }
    }

    /// Everything received has been handed over: reports trailing losses, which no later number shows.
    pub(crate) const fn emptied(&mut self) {
        if let Some(drops) = self.trailing.take() {
            self.count_drops(drops, self.received_ns);
        }
    }

    /// Counts the drops up to a reading of the counter.
    const fn count_drops(&mut self, counter: u32, now_ns: u64) {
        self.drops += counter.wrapping_sub(self.counted) as u64;
        (self.seen, self.counted) = (counter, counter);
        self.report(now_ns);
    }

    /// Counts an event that was cut short: it cannot be delivered, and shows as a gap later.
    pub(crate) const fn trimmed(&mut self) {
        self.drops += 1;
        self.report(self.received_ns);
    }

    /// Takes a message's number, and how many events its CPU is known to have lost directly before it.
    #[inline]
    pub(crate) fn observe(&mut self, event: &Event, lost_before: u32) {
        let missing = if self.by_sequence { self.missing_before(event) } else { 0 };
        if missing | lost_before != 0 {
            // The numbers also show events for which the kernel had no memory.
            self.gap(missing.max(lost_before).into());
        }
    }

    /// How many numbers are missing before the event's.
    #[inline]
    fn missing_before(&mut self, event: &Event) -> u32 {
        let index = event.cpu as usize;
        let Some([observed, _]) = self.cpus.get_mut(index) else { return 0 };
        if observed.is_new() {
            // The kernel takes the time a moment before the number: after a first event that is late
            // enough, another may have an earlier time.
            if event.timestamp_ns < self.filter_since_ns {
                return 0;
            }
            self.cpus_seen = self.cpus_seen.max(index + 1);
        }
        match observed.observe(event.seq) {
            SequenceStep::First | SequenceStep::Next => 0,
            SequenceStep::Gap(count) => count,
            SequenceStep::Late => {
                self.gaps = self.gaps.saturating_sub(1);
                0
            }
        }
    }

    /// Counts a gap. Of drops that are counted in a reading but not reported, as many as the gap is wide
    /// happened here, even where earlier drops, which no gap will ever show, keep the count of drops ahead
    /// of the count of gaps.
    #[cold]
    const fn gap(&mut self, width: u64) {
        self.gaps += width;
        let dropped = self.drops + self.seen.wrapping_sub(self.counted) as u64;
        let unreported = dropped.saturating_sub(self.reported);
        let here = if unreported < width { unreported } else { width };
        let before = self.reported;
        self.report(self.received_ns);
        self.add(here.saturating_sub(self.reported - before), self.received_ns);
    }

    /// Reports what the larger count has and was not reported yet.
    const fn report(&mut self, now_ns: u64) {
        let counted = if self.gaps > self.drops { self.gaps } else { self.drops };
        self.add(counted.saturating_sub(self.reported), now_ns);
    }

    const fn add(&mut self, count: u64, now_ns: u64) {
        if count > 0 {
            self.reported += count;
            self.pending += count;
            self.total += count;
            self.doubt(now_ns);
        }
    }

    /// Starts to look ahead of what was observed.
    pub(crate) fn start_look_ahead(&mut self) {
        for [observed, ahead] in self.cpus.iter_mut().take(self.cpus_seen) {
            *ahead = *observed;
        }
    }

    /// Looks at an event that is ahead, the next after those looked at before. A gap means that events are
    /// missing.
    ///
    /// Behind a filter gaps mean nothing, and the drop counter misses only events for which the kernel had
    /// no memory.
    pub(crate) fn look_at(&mut self, event: &Event) {
        let index = event.cpu as usize;
        if !self.by_sequence {
            return;
        }
        let Some([_, ahead]) = self.cpus.get_mut(index) else { return };
        self.cpus_seen = self.cpus_seen.max(index + 1);
        if matches!(ahead.observe(event.seq), SequenceStep::Gap(_)) {
            self.doubt(self.received_ns);
        }
    }

    /// Another filter is in force since the drop counter had the value `drops`, for events generated at
    /// `since_ns` and later. Both sources are reset: no loss after the first number is left out of the
    /// counter's new count, and none in it was reported before. Not so if each CPU's losses are counted:
    /// filters do not concern those counts, and they go on.
    pub(crate) fn filter_changed(&mut self, by_sequence: bool, drops: Option<u32>, since_ns: u64) {
        if self.by_sequence && by_sequence {
            return;
        }
        if self.counter != DropCounter::EachCpu {
            if let Some(drops) = drops {
                self.trailing = None;
                self.count_drops(drops, since_ns);
            }
            (self.gaps, self.drops, self.reported) = (0, 0, 0);
        }
        // CPUs that do not exist stay untouched, and take up no memory.
        for [observed, _] in self.cpus.iter_mut().take(self.cpus_seen) {
            observed.reset();
        }
        self.by_sequence = by_sequence;
        self.filter_since_ns = since_ns;
    }
}

#[cfg(test)]
mod tests;
