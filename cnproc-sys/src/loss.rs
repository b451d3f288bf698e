//! The account of losses, pure.
//!
//! Two witnesses tell of losses. Gaps in the CPUs' sequence numbers see every loss, and where it
//! happened, but only once the next event of that CPU arrives, and only where no filter takes
//! numbers away. The socket's drop counter sees what a full queue refused at once, filtered or not,
//! but not where in the stream it was. Neither counts what was not lost, and all but two kinds of loss
//! are seen by both in the end: of the gaps' view alone are events for which the kernel had no memory,
//! of the counter's alone losses before the first event of their CPU. Unless one socket suffers both,
//! what was lost since the two last started together is the larger of their counts.

use cnproc_parse::{Event, Sequence, Step};
use core::ops::DerefMut;

/// As many CPUs as x86's NR_CPUS may be. Only those that exist take room. The losses of one beyond
/// are left to the drop counter.
pub(crate) const CPUS: usize = 8192;

/// The numbers of one CPU: those observed, and those looked at ahead.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub(crate) struct Cpu {
    observed: Sequence,
    ahead: Sequence,
}

/// The account of one socket.
#[derive(Debug)]
pub(crate) struct Account<C> {
    cpus: C,
    /// One more than the highest CPU seen.
    cpus_seen: usize,
    /// Whether gaps are losses: no filter is in force.
    by_sequence: bool,
    /// Events made before this may have been queued under an earlier filter.
    since_ns: u64,
    /// The last reading of the drop counter, which has 32 bits and wraps around; and the one up to which it
    /// has been counted.
    seen: u32,
    counted: u32,
    /// What either witness has counted since they last started together.
    gaps: u64,
    drops: u64,
    /// How much of that has been told.
    told: u64,
}

impl<C: DerefMut<Target = [Cpu]>> Account<C> {
    pub(crate) const fn new(cpus: C, by_sequence: bool) -> Self {
        Self {
            cpus,
            cpus_seen: 0,
            by_sequence,
            since_ns: 0,
            seen: 0,
            counted: 0,
            gaps: 0,
            drops: 0,
            told: 0,
        }
    }

    /// Whether gaps tell where in the stream a loss was.
    pub(crate) const fn by_sequence(&self) -> bool {
        self.by_sequence
    }

    /// Notes a reading of the drop counter. Whether it is another than the last.
    pub(crate) const fn see_drops(&mut self, counter: u32) -> bool {
        core::mem::replace(&mut self.seen, counter) != counter
    }

    /// Whether the last reading is yet to be taken into the account: where its loss was is not known.
    pub(crate) const fn has_uncounted_drops(&self) -> bool {
        self.seen != self.counted
    }

    /// Takes a message's number. Returns how many losses it makes known.
    #[inline]
    pub(crate) fn observe(&mut self, event: &Event) -> u64 {
        if !self.by_sequence {
            return 0;
        }
        let index = event.cpu as usize;
        let Some(cpu) = self.cpus.get_mut(index) else { return 0 };
        if cpu.observed.is_new() {
            // The kernel takes the time a moment before the number: after a first event that is late
            // enough, another may bear an earlier time.
            if event.timestamp_ns < self.since_ns {
                return 0;
            }
            self.cpus_seen = self.cpus_seen.max(index + 1);
        }
        match cpu.observed.observe(event.seq) {
            Step::First | Step::Next => return 0,
            Step::Gap(count) => self.gaps += u64::from(count),
            Step::Late => self.gaps = self.gaps.saturating_sub(1),
        }
        self.tell()
    }

    /// Begins to look ahead of what was observed.
    pub(crate) fn look_ahead(&mut self) {
        self.cpus.iter_mut().take(self.cpus_seen).for_each(|cpu| cpu.ahead = cpu.observed);
    }

    /// Whether an event ahead, the next after those looked at so far, shows a loss.
    ///
    /// Behind a filter gaps tell nothing, and only want of memory in the kernel loses what the drop
    /// counter doesn't see.
    pub(crate) fn shows_loss(&mut self, event: &Event) -> bool {
        let index = event.cpu as usize;
        let Some(cpu) = self.cpus.get_mut(index).filter(|_| self.by_sequence) else { return false };
        self.cpus_seen = self.cpus_seen.max(index + 1);
        matches!(cpu.ahead.observe(event.seq), Step::Gap(_))
    }

    /// Takes the last reading of the drop counter. Returns how many losses it makes known.
    pub(crate) const fn observe_drops(&mut self, counter: u32) -> u64 {
        self.drops += counter.wrapping_sub(self.counted) as u64;
        (self.seen, self.counted) = (counter, counter);
        self.tell()
    }

    /// At least one more event was dropped: the socket said so by ENOBUFS. For want of a drop counter.
    ///
    /// If the drop and the next event's number both fell into one receiving call, it is told by both, and
    /// one too much until the numbers show another loss.
    pub(crate) const fn observe_overrun(&mut self) -> u64 {
        self.drops = self.told + 1;
        self.tell()
    }

    /// Another filter is in force for events made at `since_ns` and later. The drop counter must have
    /// been observed after it came into force and before `since_ns`: both witnesses start anew, and no
    /// loss after the first number is left out of the counter's new count, nor one in it told before.
    pub(crate) fn filter_changed(&mut self, by_sequence: bool, since_ns: u64) {
        // CPUs that do not exist stay untouched, and take no room.
        self.cpus.iter_mut().take(self.cpus_seen).for_each(|cpu| cpu.observed.reset());
        (self.by_sequence, self.since_ns) = (by_sequence, since_ns);
        (self.gaps, self.drops, self.told) = (0, 0, 0);
    }

    const fn tell(&mut self) -> u64 {
        let counted = if self.gaps > self.drops { self.gaps } else { self.drops };
        let news = counted.saturating_sub(self.told);
        self.told += news;
        news
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(by_sequence: bool) -> Account<Vec<Cpu>> {
        Account::new(vec![Cpu::default(); 4], by_sequence)
    }

    fn event(cpu: u32, seq: u32, timestamp_ns: u64) -> Event {
        Event { what: 0, cpu, timestamp_ns, event_data: [0; 24], seq, ack: 0, size: 40 }
    }

    #[test]
    fn a_loss_seen_by_both_witnesses_is_told_once() {
        let mut gap_first = account(true);
        assert_eq!(gap_first.observe(&event(0, 1, 0)), 0);
        assert_eq!(gap_first.observe(&event(0, 5, 0)), 3);
        assert_eq!(gap_first.observe_drops(3), 0);

        let mut counter_first = account(true);
        assert_eq!(counter_first.observe(&event(0, 1, 0)), 0);
        assert_eq!(counter_first.observe_drops(3), 3);
        assert_eq!(counter_first.observe(&event(0, 3, 0)), 0);
        assert_eq!(counter_first.observe(&event(0, 6, 0)), 0);
        assert_eq!(counter_first.observe(&event(0, 8, 0)), 1, "a failed allocation");
    }

    #[test]
    fn each_cpu_counts_for_itself_and_the_first_sight_of_one_is_no_loss() {
        let mut account = account(true);
        assert_eq!(account.observe(&event(0, 100, 0)), 0);
        assert_eq!(account.observe(&event(3, 7, 0)), 0);
        assert_eq!(account.observe(&event(0, 101, 0)), 0);
        assert_eq!(account.observe(&event(3, 9, 0)), 1);
        assert_eq!(account.observe(&event(4, 9, 0)), 0, "no such CPU in the table");
    }

    #[test]
    fn what_is_ahead_shows_losses_and_changes_no_count() {
        let mut account = account(true);
        assert_eq!(account.observe(&event(0, 1, 0)), 0);
        for _ in 0..2 {
            account.look_ahead();
            assert!(!account.shows_loss(&event(0, 2, 0)));
            assert!(!account.shows_loss(&event(3, 9, 0)), "the first of its CPU");
            assert!(account.shows_loss(&event(3, 11, 0)));
            assert!(account.shows_loss(&event(0, 4, 0)));
            assert!(!account.shows_loss(&event(4, 9, 0)), "no such CPU in the table");
        }
        assert_eq!(account.observe(&event(0, 4, 0)), 2);
        assert_eq!(account.observe(&event(3, 11, 0)), 0, "the first that is observed");
        account.filter_changed(false, 0);
        account.look_ahead();
        assert!(!account.shows_loss(&event(0, 2, 0)));
        assert!(!account.shows_loss(&event(0, 9, 0)), "behind a filter");
    }

    #[test]
    fn behind_a_filter_gaps_are_no_losses_and_drops_are() {
        let mut account = account(false);
        assert_eq!(account.observe(&event(0, 1, 0)), 0);
        assert_eq!(account.observe(&event(0, 50, 0)), 0);
        assert_eq!(account.observe_drops(2), 2);
        assert_eq!(account.observe_drops(2), 0);
    }

    #[test]
    fn a_reading_may_be_noted_before_it_is_counted() {
        let mut account = account(false);
        assert!(!account.see_drops(0));
        assert!(account.see_drops(2) && !account.see_drops(2));
        assert!(account.has_uncounted_drops());
        assert_eq!(account.observe_drops(2), 2);
        assert!(!account.has_uncounted_drops());
        assert_eq!(account.observe_drops(3), 1);
        assert!(!account.see_drops(3), "it was the last");
    }

    #[test]
    fn the_drop_counter_wraps_around() {
        let mut account = account(false);
        assert_eq!(account.observe_drops(u32::MAX), u64::from(u32::MAX));
        assert_eq!(account.observe_drops(4), 5);
    }

    #[test]
    fn a_late_event_takes_back_its_gap() {
        let mut account = account(true);
        assert_eq!(account.observe(&event(0, 1, 0)), 0);
        assert_eq!(account.observe(&event(0, 4, 0)), 2);
        assert_eq!(account.observe(&event(0, 2, 0)), 0);
        assert_eq!(account.observe(&event(0, 6, 0)), 0, "two in all, and two were told");
        assert_eq!(account.observe(&event(0, 8, 0)), 1);
    }

    #[test]
    fn after_a_change_of_filter_earlier_events_and_numbers_say_nothing() {
        let mut account = account(true);
        assert_eq!(account.observe(&event(1, 1, 10)), 0);
        assert_eq!(account.observe_drops(1), 1);
        account.filter_changed(false, 20);
        assert_eq!(account.observe(&event(1, 9, 25)), 0);
        account.filter_changed(true, 30);
        assert_eq!(account.observe(&event(1, 20, 29)), 0, "queued under the filter");
        assert_eq!(account.observe(&event(1, 22, 30)), 0, "the first one without");
        assert_eq!(account.observe(&event(1, 25, 31)), 2);
        assert_eq!(account.observe_drops(3), 0, "the same two");
        assert_eq!(account.observe(&event(1, 26, 29)), 0, "numbered after its time was taken");
        assert_eq!(account.observe(&event(1, 27, 32)), 0);
    }

    #[test]
    fn without_a_counter_an_overrun_is_at_least_one() {
        let mut account = account(true);
        assert_eq!(account.observe(&event(0, 1, 0)), 0);
        assert_eq!(account.observe_overrun(), 1);
        assert_eq!(account.observe(&event(0, 12, 0)), 9);
        assert_eq!(account.observe_overrun(), 1, "another, though the gaps are ahead");
        assert_eq!(account.observe(&event(0, 15, 0)), 1);
    }
}
