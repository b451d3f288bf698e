//! Wake-up coalescing for the ring: one wake-up for many events.
//!
//! As with a socket's queue, the first event wakes the listener, and then a timer when the events of a while
//! have arrived. But the program itself notices when the ring is a quarter full, so no look is needed, and
//! the socket, on which only tokens arrive, can be watched all the time.

use crate::error::Error;
use crate::sys::epoll;
use crate::sys::fd::Fd;

#[derive(Debug)]
pub(super) struct Delay {
    epoll: Fd,
    timer: Fd,
    longest_ns: u64,
    /// A quarter of the ring, in bytes: that much is not delayed any longer.
    quarter: u64,
    state: State,
    /// The number of events received since the delay began.
    received: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// The first event is to wake the listener.
    Idle,
    /// The timer runs; a ring that is a quarter full wakes the listener earlier.
    Delaying,
    /// Until the ring is empty.
    Draining,
}

/// The first event wakes the listener: there is at least one byte.
pub(super) const AT_FIRST_EVENT: u64 = 1;

impl Delay {
    pub(super) fn new(socket: &Fd, longest_ns: u64, quarter: u64) -> Result<Self, Error> {
        let epoll = epoll::epoll()?;
        let timer = epoll::timer()?;
        epoll::watch_timer(&epoll, &timer)?;
        epoll::watch_arrivals(&epoll, socket)?;
        Ok(Self { epoll, timer, longest_ns, quarter, state: State::Idle, received: 0 })
    }

    /// The descriptor that a user polls.
    pub(super) const fn fd(&self) -> &Fd {
        &self.epoll
    }

    /// Whether the ring is to be drained now.
    pub(super) fn is_draining(&self) -> bool {
        self.state == State::Draining
    }

    pub(super) const fn received(&mut self, count: usize) {
        self.received += count;
    }

    /// The epoll instance may be readable: takes the next step. Returns how full the ring must be for the next
    /// wake-up, if a delay begins.
    pub(super) fn on_ready(&mut self) -> Result<Option<u64>, Error> {
        match (epoll::ready(&self.epoll)?, self.state) {
            (epoll::Ready { socket: true, .. }, State::Idle) => {
                if self.delay() {
                    return Ok(Some(self.quarter));
                }
                self.state = State::Draining;
            }
            (
                epoll::Ready { socket: true, .. } | epoll::Ready { timer: true, .. },
                State::Delaying,
            ) => self.state = State::Draining,
            _ => {}
        }
        Ok(None)
    }

    /// The ring was empty. Returns how full it must be for the next wake-up.
    pub(super) fn on_drained(&mut self) -> u64 {
        if self.is_draining() {
            self.state = State::Idle;
            if core::mem::take(&mut self.received) > 1 {
                // Events follow each other closely: the next will soon arrive, and need not cause a wake-up.
                self.delay();
            }
        }
        if self.state == State::Idle { AT_FIRST_EVENT } else { self.quarter }
    }

    /// Ends a delay.
    pub(super) const fn end(&mut self) {
        self.state = State::Draining;
    }

    /// Begins a delay. Without a timer there is none.
    fn delay(&mut self) -> bool {
        let is_set = epoll::set_timer(&self.timer, self.longest_ns).is_ok();
        if is_set {
            self.state = State::Delaying;
        }
        is_set
    }
}

#[cfg(test)]
impl Delay {
    pub(super) fn replace_timer(&mut self, timer: Fd) -> Fd {
        core::mem::replace(&mut self.timer, timer)
    }
}
