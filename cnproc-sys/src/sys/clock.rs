//! Clocks and deadlines, in nanoseconds. Numbers instead of `Duration`, because sums of `Duration` are
//! larger and bring panicking code into the C library.

use core::time::Duration;

/// CLOCK_MONOTONIC, the clock of the events' timestamps.
pub fn monotonic() -> u64 {
    now(libc::CLOCK_MONOTONIC)
}

/// CLOCK_BOOTTIME, the clock of processes' start times.
pub(crate) fn boottime() -> u64 {
    now(libc::CLOCK_BOOTTIME)
}

fn now(clock: libc::clockid_t) -> u64 {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `now` is valid for writing.
    unsafe { libc::clock_gettime(clock, &mut now) };
    #[allow(clippy::unnecessary_cast, reason = "32 bits wide on some architectures")]
    let (seconds, nanoseconds) = (now.tv_sec as u64, now.tv_nsec as u64);
    seconds.saturating_mul(1_000_000_000).saturating_add(nanoseconds)
}

/// USER_HZ: start times are counted in these ticks.
pub(crate) fn ticks_per_second() -> u64 {
    // SAFETY: no memory is involved.
    let ticks = unsafe { libc::sysconf(libc::_SC_CLK_TCK) };
    u64::try_from(ticks).unwrap_or_default().max(1)
}

/// A time as the kernel reads it; the largest that its 32-bit form can hold, if it is longer.
pub(super) fn timespec(time_ns: u64) -> libc::timespec {
    const LONGEST_S: u64 = i32::MAX as u64;
    libc::timespec {
        tv_sec: (time_ns / 1_000_000_000).min(LONGEST_S) as _,
        tv_nsec: (time_ns % 1_000_000_000) as _,
    }
}

/// Sleeps for about that long, or until a signal handler has run.
pub fn pause(time_ns: u64) {
    let time = timespec(time_ns);
    // SAFETY: `time` is valid for reading; what is left of it is not asked for.
    unsafe { libc::nanosleep(&time, core::ptr::null_mut()) };
}

/// A moment, as nanoseconds of CLOCK_MONOTONIC.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadline(u64);

impl Deadline {
    /// That time from now; the end of time, if that is sooner.
    pub(crate) fn after(timeout_ns: u64) -> Self {
        Self(monotonic().saturating_add(timeout_ns))
    }

    /// The time left: 0 once the deadline has passed.
    pub(crate) fn left(self) -> u64 {
        self.0.saturating_sub(monotonic())
    }
}

/// A duration in nanoseconds: some 580 years, if it is longer.
pub(crate) const fn nanoseconds(time: Duration) -> u64 {
    time.as_secs().saturating_mul(1_000_000_000).saturating_add(time.subsec_nanos() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deadline_leaves_no_more_than_was_asked() {
        assert_eq!(Deadline::after(0).left(), 0);
        let hour = nanoseconds(Duration::from_secs(3600));
        let left = Deadline::after(hour).left();
        assert!(left <= hour && left > hour / 2, "{left}");
        assert!(Deadline::after(nanoseconds(Duration::MAX)).left() > hour);
    }

    #[test]
    fn duration_saturates_in_nanoseconds_and_in_a_timespec() {
        assert_eq!(nanoseconds(Duration::new(2, 345)), 2_000_000_345);
        assert_eq!(nanoseconds(Duration::MAX), u64::MAX);
        let longest = timespec(u64::MAX);
        assert_eq!(longest.tv_sec, libc::time_t::from(i32::MAX));
        assert_eq!(timespec(2_000_000_345).tv_nsec, 345);
    }
}
