//! Start times against the times of events.
//!
//! `/proc/PID/stat` tells the start on CLOCK_BOOTTIME, in ticks, rounded down. Events bear
//! CLOCK_MONOTONIC, which stands still in suspend: so BOOTTIME runs ahead of it, and never less than before.

use crate::diagnosis;
use crate::syscall;

/// When a process started, as seen from an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Start {
    /// Before it.
    Before,
    /// In the same tick, or the clocks can't be compared.
    Unclear,
    /// After it.
    After,
}

/// How far BOOTTIME is ahead of MONOTONIC, in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Lead {
    at_least: u64,
    at_most: u64,
}

impl Lead {
    fn now() -> Self {
        let before = syscall::boottime();
        let monotonic = syscall::monotonic();
        let after = syscall::boottime();
        Self {
            at_least: before.saturating_sub(monotonic),
            at_most: after.saturating_sub(monotonic),
        }
    }
}

/// The clocks, as long as a listener is open.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clocks {
    /// The lead at that time, on MONOTONIC, and since.
    since: u64,
    lead: Lead,
    tick_ns: u64,
    /// A time namespace has clocks of its own. Events do not know of it.
    comparable: bool,
}

/// What the initial time namespace is called. Linux 5.6.
const INITIAL_TIME: &[u8] = b"time:[4026531834]";

impl Clocks {
    pub(crate) fn new() -> Self {
        Self {
            since: syscall::monotonic(),
            lead: Lead::now(),
            tick_ns: 1_000_000_000 / syscall::ticks_per_second(),
            comparable: !diagnosis::is_elsewhere(c"/proc/self/ns/time", INITIAL_TIME),
        }
    }

    /// When a process started that started in that tick.
    pub(crate) fn start(&mut self, ticks: u64, event_ns: u64) -> Start {
        let now = Lead::now();
        if now.at_least > self.lead.at_most {
            // Suspended meanwhile. Of events before now the lead is not known.
            (self.since, self.lead) = (syscall::monotonic(), now);
        }
        if self.comparable { self.compare(ticks, event_ns, now) } else { Start::Unclear }
    }

    fn compare(&self, ticks: u64, event_ns: u64, now: Lead) -> Start {
        let start = ticks.saturating_mul(self.tick_ns);
        if start > event_ns.saturating_add(now.at_most) {
            // The lead at the event was now's, or less.
            Start::After
        } else if event_ns >= self.since
            && start.saturating_add(self.tick_ns) <= event_ns.saturating_add(self.lead.at_least)
        {
            Start::Before
        } else {
            Start::Unclear
        }
    }

    /// How far BOOTTIME is ahead of this process's CLOCK_MONOTONIC, at least: the same until the machine
    /// is suspended, so that a start has one time, however often it is asked for.
    pub(crate) const fn lead_ns(&self) -> u64 {
        self.lead.at_least
    }
}

/// A start in that tick, on a clock behind BOOTTIME by that much.
pub(crate) fn monotonic(ticks: u64, lead_ns: u64) -> u64 {
    let start = ticks.saturating_mul(1_000_000_000 / syscall::ticks_per_second());
    start.saturating_sub(lead_ns)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TICK: u64 = 10_000_000;
    const LEAD: Lead = Lead { at_least: 5 * TICK, at_most: 5 * TICK + 100 };

    fn clocks(since: u64) -> Clocks {
        Clocks { since, lead: LEAD, tick_ns: TICK, comparable: true }
    }

    #[test]
    fn a_start_is_before_or_after_only_by_a_whole_tick() {
        let start = |ticks, event_ns| clocks(0).compare(ticks, event_ns, LEAD);
        // Tick 7 is from 2 to 3 on the events' clock.
        assert_eq!(start(7, 3 * TICK), Start::Before);
        assert_eq!(start(7, 3 * TICK - 1), Start::Unclear);
        assert_eq!(start(7, 2 * TICK), Start::Unclear);
        assert_eq!(start(7, 2 * TICK - 100), Start::Unclear, "by as much as the lead is uncertain");
        assert_eq!(start(7, 2 * TICK - 101), Start::After);
    }

    #[test]
    fn after_a_suspend_earlier_events_prove_nothing() {
        let resumed = Lead { at_least: 9 * TICK, at_most: 9 * TICK + 100 };
        let clocks = Clocks { lead: resumed, ..clocks(100 * TICK) };
        let start = |ticks, event_ns| clocks.compare(ticks, event_ns, resumed);
        assert_eq!(start(20, 99 * TICK), Start::Unclear);
        assert_eq!(start(20, 100 * TICK), Start::Before);
        assert_eq!(start(109, 99 * TICK), Start::After);
        assert_eq!(start(105, 99 * TICK), Start::Unclear, "perhaps in suspend");
    }

    #[test]
    fn in_a_time_namespace_nothing_is_compared() {
        let mut clocks = Clocks { comparable: false, ..Clocks::new() };
        assert_eq!(clocks.start(0, u64::MAX), Start::Unclear);
        let mut clocks = Clocks::new();
        assert_eq!(clocks.start(0, syscall::monotonic()), Start::Before);
        assert_eq!(clocks.start(u64::MAX, syscall::monotonic()), Start::After);
    }
}
