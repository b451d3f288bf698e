//! Start times compared with the times of events.
//!
//! `/proc/PID/stat` has the start on CLOCK_BOOTTIME, in ticks, rounded down. Events have times of
//! CLOCK_MONOTONIC, which stands still in suspend: BOOTTIME is ahead of it, and never less than before.

use crate::error::Call;
use crate::sys::clock as system;
use crate::sys::fd::Fd;
use crate::sys::file;

/// When a process started, compared with an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Start {
    /// Before it.
    Before,
    /// In the same tick, or the clocks cannot be compared.
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
        let before = system::boottime();
        let monotonic = system::monotonic();
        let after = system::boottime();
        Self {
            at_least: before.saturating_sub(monotonic),
            at_most: after.saturating_sub(monotonic),
        }
    }
}

/// The clocks, while a listener is open.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clocks {
    /// The lead at that time, on MONOTONIC, and since.
    since: u64,
    lead: Lead,
    tick_ns: u64,
    /// The time namespace that the listener was opened in.
    namespace: Namespace,
}

/// The name of a time namespace, whose clocks are its own (Linux 5.6). Events have the times of the initial
/// one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Namespace([u8; 32]);

impl Namespace {
    const INITIAL: Self = Self(*b"time:[4026531834]\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0");
    /// The kernel has no time namespaces, or `/proc` is not mounted.
    const UNKNOWN: Self = Self([0; 32]);

    /// That of this process, by its `/proc`, which may be out of reach by its path.
    pub(crate) fn here(procfs: Option<&Fd>) -> Self {
        let mut name = [0; 32];
        let result = procfs.map(|procfs| {
            file::readlink(Call::OpenProc, Some(procfs), c"self/ns/time", &mut name).is_ok()
        });
        if result == Some(true) { Self(name) } else { Self::UNKNOWN }
    }

    fn is_initial(self) -> bool {
        self == Self::INITIAL || self == Self::UNKNOWN
    }
}

impl Clocks {
    pub(crate) fn new(namespace: Namespace) -> Self {
        Self {
            since: system::monotonic(),
            lead: Lead::now(),
            tick_ns: 1_000_000_000 / system::ticks_per_second(),
            namespace,
        }
    }

    /// Whether they are the initial time namespace's, as those of the events.
    pub(crate) fn are_initial(&self) -> bool {
        self.namespace.is_initial()
    }

    /// Whether the clocks are those of that namespace. Otherwise no time that is read there can be compared
    /// with one of before.
    pub(crate) fn are_of(&self, namespace: Namespace) -> bool {
        namespace == self.namespace
    }

    /// When a process started that started in that tick.
    pub(crate) fn start(&mut self, ticks: u64, event_ns: u64) -> Start {
        if !self.namespace.is_initial() {
            return Start::Unclear;
        }
        let now = Lead::now();
        if now.at_least > self.lead.at_most {
            // Suspended meanwhile. For earlier events the lead is unknown.
            (self.since, self.lead) = (system::monotonic(), now);
        }
        self.compare(ticks, event_ns, now)
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
    /// is suspended, so that repeated calls return the same start time.
    pub(crate) const fn lead_ns(&self) -> u64 {
        self.lead.at_least
    }
}

/// A start in that tick, at the earliest: CLOCK_BOOTTIME.
pub(crate) fn boot_ns(ticks: u64) -> u64 {
    ticks.saturating_mul(1_000_000_000 / system::ticks_per_second())
}

/// A start in that tick, on a clock behind BOOTTIME by that much.
pub(crate) fn monotonic(ticks: u64, lead_ns: u64) -> u64 {
    boot_ns(ticks).saturating_sub(lead_ns)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TICK: u64 = 10_000_000;
    const LEAD: Lead = Lead { at_least: 5 * TICK, at_most: 5 * TICK + 100 };

    fn clocks(since: u64) -> Clocks {
        Clocks { since, lead: LEAD, tick_ns: TICK, namespace: Namespace::INITIAL }
    }

    #[test]
    fn start_is_before_or_after_only_by_a_whole_tick() {
        let start = |ticks, event_ns| clocks(0).compare(ticks, event_ns, LEAD);
        // Tick 7 is from 2 to 3 on the events' clock.
        assert_eq!(start(7, 3 * TICK), Start::Before);
        assert_eq!(start(7, 3 * TICK - 1), Start::Unclear);
        assert_eq!(start(7, 2 * TICK), Start::Unclear);
        assert_eq!(start(7, 2 * TICK - 100), Start::Unclear, "by as much as the lead is uncertain");
        assert_eq!(start(7, 2 * TICK - 101), Start::After);
    }

    #[test]
    fn suspend_makes_earlier_events_unclear() {
        let resumed = Lead { at_least: 9 * TICK, at_most: 9 * TICK + 100 };
        let clocks = Clocks { lead: resumed, ..clocks(100 * TICK) };
        let start = |ticks, event_ns| clocks.compare(ticks, event_ns, resumed);
        assert_eq!(start(20, 99 * TICK), Start::Unclear);
        assert_eq!(start(20, 100 * TICK), Start::Before);
        assert_eq!(start(109, 99 * TICK), Start::After);
        assert_eq!(start(105, 99 * TICK), Start::Unclear, "perhaps in suspend");
    }

    #[test]
    fn another_time_namespace_makes_every_start_unclear() {
        let elsewhere = Namespace([b'x'; 32]);
        let mut clocks = Clocks::new(elsewhere);
        assert!(clocks.are_of(elsewhere) && !clocks.are_of(Namespace::INITIAL));
        assert_eq!(clocks.start(0, system::monotonic()), Start::Unclear);
        let procfs = file::open_directory(Call::OpenProc, None, c"/proc").unwrap();
        assert_eq!(Namespace::here(Some(&procfs)), Namespace::INITIAL);
        assert_eq!(Namespace::here(None), Namespace::UNKNOWN);
    }

    #[test]
    fn start_is_compared_with_the_present() {
        let mut clocks = Clocks::new(Namespace::INITIAL);
        assert_eq!(clocks.start(0, system::monotonic()), Start::Before);
        assert_eq!(clocks.start(u64::MAX, system::monotonic()), Start::After);
    }
}
