//! Gathering: to be woken once for many events.
//!
//! At everyday rates most of a listener's cost is waking up for each event. With gathering the first
//! event wakes it, and a timer when the events of a while are there. Both stand behind one epoll
//! descriptor, which is what a user polls: the socket is watched for one event only
//! (EPOLLONESHOT), so that those which follow wake nobody.

use crate::fd::Fd;
use crate::syscall::{self, Result, Woken};

#[derive(Debug)]
pub(crate) struct Gather {
    epoll: Fd,
    timer: Fd,
    longest_ns: u64,
    /// A quarter of the receive buffer: as much is not kept waiting.
    quarter: u64,
    state: State,
    /// How many events this gathering has given so far.
    given: usize,
    pace: Pace,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// The socket is watched.
    Idle,
    /// The timer runs. The socket is not watched.
    Gathering { since: u64 },
    /// Until the socket's queue is empty.
    Draining,
}

/// How fast the queue grew when it was last looked at: bytes in a time.
#[derive(Clone, Copy, Debug)]
struct Pace {
    bytes: u64,
    micros: u64,
}

impl Pace {
    /// As fast as can be.
    const UNKNOWN: Self = Self { bytes: u64::MAX, micros: 0 };
}

impl Gather {
    pub(crate) fn new(socket: &Fd, longest_ns: u64, receive_buffer: u32) -> Result<Self> {
        let epoll = syscall::epoll()?;
        let timer = syscall::timer()?;
        syscall::watch_timer(&epoll, &timer)?;
        syscall::watch_once(&epoll, socket, libc::EPOLL_CTL_ADD)?;
        let quarter = u64::from(receive_buffer / 4);
        let pace = Pace::UNKNOWN;
        Ok(Self { epoll, timer, longest_ns, quarter, state: State::Idle, given: 0, pace })
    }

    /// What a user polls.
    pub(crate) const fn fd(&self) -> &Fd {
        &self.epoll
    }

    /// Waits at most `timeout` for the next thing to happen. Whether the queue is now to be drained.
    pub(crate) fn wait(&mut self, socket: &Fd, timeout_ns: Option<u64>) -> Result<bool> {
        if self.state == State::Draining {
            return Ok(true);
        }
        match (syscall::wait(&self.epoll, timeout_ns)?, self.state) {
            (Woken { socket: true, .. }, State::Idle) => self.begin()?,
            (Woken { timer: true, .. }, State::Gathering { since }) => self.look(socket, since)?,
            _ => {}
        }
        Ok(self.state == State::Draining)
    }

    /// The queue was drained of `count` events, wholly if `empty`.
    pub(crate) fn drained(&mut self, socket: &Fd, count: usize, empty: bool) -> Result<()> {
        self.given += count;
        if !empty {
            return Ok(());
        }
        // Events follow each other closely: the next will come before long, and need not wake us.
        if core::mem::take(&mut self.given) > 1 {
            return self.begin();
        }
        self.state = State::Idle;
        syscall::watch_once(&self.epoll, socket, libc::EPOLL_CTL_MOD)
    }

    fn begin(&mut self) -> Result<()> {
        self.state = State::Gathering { since: syscall::monotonic() };
        self.set_timer(0, 0)
    }

    /// Ends the gathering if it is time to, or the queue is a quarter full.
    fn look(&mut self, socket: &Fd, since: u64) -> Result<()> {
        let passed = syscall::monotonic().saturating_sub(since);
        // Without SO_MEMINFO, before Linux 4.12, whatever is there may be a quarter.
        let queued = syscall::memory(socket).map_or(self.quarter, |memory| memory.queued.into());
        self.pace = Pace { bytes: queued, micros: passed / 1000 };
        if passed >= self.longest_ns || queued >= self.quarter {
            self.state = State::Draining;
            return Ok(());
        }
        self.set_timer(passed, queued)
    }

    /// Sets the timer to the end of the gathering, or to when the queue might be too full before it.
    fn set_timer(&self, passed: u64, queued: u64) -> Result<()> {
        let next_look = next_look(self.quarter, queued, self.pace).saturating_mul(1000);
        let after = self.longest_ns.saturating_sub(passed).min(next_look);
        syscall::set_timer(&self.timer, after)
    }
}

/// Bytes a microsecond: two events, as many as the kernel can queue on one socket, roughly.
const FASTEST: u64 = 2 * 832;

/// A sooner look would cost more than the gathering saves.
const SOONEST_LOOK: u64 = 1000;

/// After how many microseconds the queue, which holds `queued` bytes, must be looked at again: before
/// the fastest flow of events could fill it from a quarter to three, or one four times as fast as the
/// last fill a quarter, whichever takes longer.
const fn next_look(quarter: u64, queued: u64, pace: Pace) -> u64 {
    let onset = 2 * quarter / FASTEST;
    let room = quarter.saturating_sub(queued).saturating_mul(pace.micros);
    let look = match room.checked_div(pace.bytes.saturating_mul(4)) {
        Some(steady) if steady < onset => onset,
        Some(steady) => steady,
        // Nothing came at all.
        None => u64::MAX,
    };
    if look > SOONEST_LOOK { look } else { SOONEST_LOOK }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEFAULT_QUARTER: u64 = 8 << 20;

    #[test]
    fn with_the_default_buffer_ten_milliseconds_need_no_look() {
        assert!(next_look(DEFAULT_QUARTER, 0, Pace::UNKNOWN) >= 10_000);
    }

    #[test]
    fn a_slow_flow_is_not_looked_at_before_its_time_and_a_fast_one_is() {
        // 512 events of room; a thousand events a second, then a hundred thousand.
        let quarter = 106_496;
        let slow = Pace { bytes: 832, micros: 1000 };
        assert!(next_look(quarter, 832, slow) > 30_000);
        let fast = Pace { bytes: 83_200, micros: 1000 };
        assert_eq!(next_look(quarter, 83_200, fast), SOONEST_LOOK);
    }

    #[test]
    fn extremes_do_not_overflow() {
        let never = Pace { bytes: 0, micros: u64::MAX };
        assert_eq!(next_look(u64::from(u32::MAX), 0, never), u64::MAX);
        assert_eq!(next_look(0, 1, Pace::UNKNOWN), SOONEST_LOOK);
    }
}
