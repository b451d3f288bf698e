//! Times and deadlines, in nanoseconds of the clock of the events' timestamps. Numbers, and not sums of
//! `Duration`: those are larger, and drag the means to panic into the C library.

use crate::syscall;
use core::time::Duration;

/// A moment, as nanoseconds of CLOCK_MONOTONIC.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadline(u64);

impl Deadline {
    /// So long from now; the end of time, if that is sooner.
    pub(crate) fn after(timeout_ns: u64) -> Self {
        Self(syscall::monotonic().saturating_add(timeout_ns))
    }

    /// How long it is till then: 0, once it has passed.
    pub(crate) fn left(self) -> u64 {
        self.0.saturating_sub(syscall::monotonic())
    }
}

/// A time in nanoseconds: some 580 years, if it is longer.
pub(crate) const fn nanoseconds(time: Duration) -> u64 {
    time.as_secs().saturating_mul(1_000_000_000).saturating_add(time.subsec_nanos() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_time_is_left_after_it_and_never_more_than_asked_before() {
        assert_eq!(Deadline::after(0).left(), 0);
        let hour = nanoseconds(Duration::from_secs(3600));
        let left = Deadline::after(hour).left();
        assert!(left <= hour && left > hour / 2, "{left}");
        assert!(Deadline::after(nanoseconds(Duration::MAX)).left() > hour);
    }

    #[test]
    fn a_time_is_counted_in_nanoseconds() {
        assert_eq!(nanoseconds(Duration::new(2, 345)), 2_000_000_345);
        assert_eq!(nanoseconds(Duration::MAX), u64::MAX);
    }
}
