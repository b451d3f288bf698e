//! Wake-up coalescing: one wake-up for many events.
//!
//! At everyday rates most of a listener's cost is waking up for each event. With coalescing the first
//! event wakes it, and then a timer when the events of a while have arrived. Both are behind one epoll
//! instance, which is what a user polls. The socket is watched for one event only (EPOLLONESHOT), so
//! that those that follow wake nobody.

use crate::error::Error;
use crate::sys::fd::Fd;
use crate::sys::{clock, epoll, netlink};

#[derive(Debug)]
pub(crate) struct Coalesce {
    epoll: Fd,
    timer: Fd,
    longest_ns: u64,
    /// A quarter of the receive buffer: that much is not delayed any longer.
    quarter: u64,
    state: State,
    /// The number of events received since the delay began.
    received: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// The socket is watched.
    Idle,
    /// The timer runs. The socket is not watched.
    Delaying { since_ns: u64 },
    /// Until the socket's queue is empty.
    Draining,
}

impl Coalesce {
    pub(crate) fn new(socket: &Fd, longest_ns: u64, receive_buffer: u32) -> Result<Self, Error> {
        let epoll = epoll::epoll()?;
        let timer = epoll::timer()?;
        epoll::watch_timer(&epoll, &timer)?;
        epoll::watch_once(&epoll, socket, libc::EPOLL_CTL_ADD)?;
        let quarter = u64::from(receive_buffer / 4);
        Ok(Self { epoll, timer, longest_ns, quarter, state: State::Idle, received: 0 })
    }

    /// Starts over after another process may have received: what it left is to be drained first.
    pub(crate) const fn restart(&mut self) {
        self.state = State::Draining;
    }

    /// The descriptor that a user polls.
    pub(crate) const fn fd(&self) -> &Fd {
        &self.epoll
    }

    /// Whether the socket's queue is to be drained now.
    pub(crate) fn is_draining(&self) -> bool {
        self.state == State::Draining
    }

    /// The epoll instance may be readable: takes the next step. Whether the queue is to be drained now.
    pub(crate) fn on_ready(&mut self, socket: &Fd) -> Result<bool, Error> {
        let result = match (epoll::ready(&self.epoll)?, self.state) {
            (epoll::Ready { socket: true, .. }, State::Idle) => self.delay(),
            (epoll::Ready { timer: true, .. }, State::Delaying { since_ns }) => {
                self.on_timer(socket, since_ns)
            }
            _ => Ok(()),
        };
        if result.is_err() {
            // Without a timer nothing is delayed.
            self.state = State::Draining;
        }
        Ok(self.is_draining())
    }

    /// `count` events were received; the queue is empty if `drained`.
    pub(crate) fn on_drained(
        &mut self,
        socket: &Fd,
        count: usize,
        drained: bool,
    ) -> Result<(), Error> {
        self.received += count;
        if !drained || !self.is_draining() {
            return Ok(());
        }
        // Each stands in for the other. If both fail, the queue is still to be drained, because no wake-up
        // would follow.
        if self.received > 1 {
            // Events follow each other closely: the next will soon arrive, and need not cause a wake-up.
            self.delay().or_else(|_| self.watch(socket))?;
        } else {
            self.watch(socket).or_else(|_| self.delay())?;
        }
        self.received = 0;
        Ok(())
    }

    fn watch(&mut self, socket: &Fd) -> Result<(), Error> {
        epoll::watch_once(&self.epoll, socket, libc::EPOLL_CTL_MOD)?;
        self.state = State::Idle;
        Ok(())
    }

    fn delay(&mut self) -> Result<(), Error> {
        self.set_timer(0, 0)?;
        self.state = State::Delaying { since_ns: clock::monotonic() };
        Ok(())
    }

    /// Ends the delay if its time is over, or the queue is a quarter full.
    fn on_timer(&mut self, socket: &Fd, since_ns: u64) -> Result<(), Error> {
        let passed = clock::monotonic().saturating_sub(since_ns);
        // Without SO_MEMINFO, before Linux 4.12, the queue may be a quarter full at any time.
        let queued = netlink::memory(socket).map_or(self.quarter, |memory| memory.queued.into());
        if passed >= self.longest_ns || queued >= self.quarter {
            self.state = State::Draining;
            return Ok(());
        }
        self.set_timer(passed, queued)
    }

    /// Sets the timer to the end of the delay, or to when the queue might be too full before it.
    fn set_timer(&self, passed: u64, queued: u64) -> Result<(), Error> {
        let next_look = next_look_us(self.quarter, queued).saturating_mul(1000);
        let after = self.longest_ns.saturating_sub(passed).min(next_look);
        epoll::set_timer(&self.timer, after)
    }
}

/// Bytes a microsecond: two events, about as many as the kernel can queue on one socket.
const FASTEST: u64 = 2 * 832;

/// A sooner look would cost more than coalescing saves.
const SOONEST_LOOK_US: u64 = 1000;

/// After how many microseconds the queue, which holds `queued` bytes, must be looked at again: before the
/// fastest flow of events could fill it to three quarters. A slow flow does not predict the next burst.
const fn next_look_us(quarter: u64, queued: u64) -> u64 {
    let look = (3 * quarter).saturating_sub(queued) / FASTEST;
    if look > SOONEST_LOOK_US { look } else { SOONEST_LOOK_US }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake_kernel::{EXEC, FakeKernel};

    const DEFAULT_QUARTER: u64 = 8 << 20;

    #[test]
    fn default_buffer_needs_no_look_within_10_ms() {
        assert!(next_look_us(DEFAULT_QUARTER, 0) >= 10_000);
        assert!(next_look_us(DEFAULT_QUARTER, DEFAULT_QUARTER) >= 10_000);
    }

    #[test]
    fn small_or_full_buffer_is_looked_at_soonest() {
        assert_eq!(next_look_us(53_248, 0), SOONEST_LOOK_US);
        assert_eq!(next_look_us(0, 1), SOONEST_LOOK_US);
        assert_eq!(next_look_us(DEFAULT_QUARTER, u64::MAX), SOONEST_LOOK_US);
    }

    /// A listener whose socket and timer have an event each.
    fn ready() -> (FakeKernel, Fd, Coalesce) {
        let (kernel, socket) = FakeKernel::pair();
        let coalesce = Coalesce::new(&socket, 1_000_000, 1 << 20).unwrap();
        kernel.emit(EXEC);
        (kernel, socket, coalesce)
    }

    #[test]
    fn events_are_not_delayed_without_a_timer() {
        let (_kernel, socket, mut coalesce) = ready();
        coalesce.timer = Fd::new(-1);
        assert_eq!(coalesce.on_ready(&socket), Ok(true));
        coalesce.on_drained(&socket, 2, true).unwrap();
        assert_eq!(coalesce.state, State::Idle);
        assert_eq!(coalesce.on_ready(&socket), Ok(true));
    }

    #[test]
    fn timer_stands_in_for_a_socket_that_cannot_be_watched() {
        let (_kernel, socket, mut coalesce) = ready();
        assert_eq!(coalesce.on_ready(&socket), Ok(false));
        coalesce.state = State::Draining;
        coalesce.on_drained(&Fd::new(-1), 1, true).unwrap();
        assert!(matches!(coalesce.state, State::Delaying { .. }));
    }

    /// Otherwise nothing would cause a wake-up.
    #[test]
    fn without_timer_and_watch_the_queue_is_drained_again() {
        let (_kernel, socket, mut coalesce) = ready();
        let timer = core::mem::replace(&mut coalesce.timer, Fd::new(-1));
        assert_eq!(coalesce.on_ready(&socket), Ok(true));
        for count in [1, 2] {
            assert!(coalesce.on_drained(&Fd::new(-1), count, true).is_err());
            assert!(coalesce.is_draining());
        }
        coalesce.timer = timer;
        coalesce.on_drained(&socket, 0, true).unwrap();
        assert!(!coalesce.is_draining());
    }
}
