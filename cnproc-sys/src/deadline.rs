//! Deadlines, on the clock of the events' timestamps. Numbers, and not sums of `Duration`: those drag
//! the means to panic into the C library.

use crate::syscall;
use core::time::Duration;

/// A moment, as nanoseconds of CLOCK_MONOTONIC.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadline(u64);

impl Deadline {
    /// So long from now; the end of time, if that is sooner.
    pub(crate) fn after(timeout: Duration) -> Self {
        let timeout = u64::try_from(timeout.as_nanos()).unwrap_or(u64::MAX);
        Self(syscall::monotonic().saturating_add(timeout))
    }

    /// How long it is till then: zero, once it has passed.
    pub(crate) fn left(self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(syscall::monotonic()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_time_is_left_after_it_and_never_more_than_asked_before() {
        assert_eq!(Deadline::after(Duration::ZERO).left(), Duration::ZERO);
        let hour = Duration::from_secs(3600);
        let left = Deadline::after(hour).left();
        assert!(left <= hour && left > hour / 2, "{left:?}");
        assert!(Deadline::after(Duration::MAX).left() > hour);
    }
}
