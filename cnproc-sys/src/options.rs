//! How a listener is to be opened.

use crate::connector::Connector;
use crate::error::Error;
use cnproc_parse::{EventMask, Filter};
use core::time::Duration;

/// What [`Options::receive_buffer`] is if it is not set: 16 MiB. The kernel grants twice that, and
/// an event takes 832 bytes of it: 40,329 events.
pub const DEFAULT_RECEIVE_BUFFER: u32 = 16 << 20;

/// What [`Options::ack_timeout`] is if it is not set.
pub const DEFAULT_ACK_TIMEOUT: Duration = Duration::from_secs(2);

/// How a listener is to be opened. See [`Connector::options`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "call open()"]
pub struct Options {
    pub(crate) filter: Filter,
    pub(crate) acks: bool,
    pub(crate) receive_buffer: u32,
    pub(crate) ack_timeout: Duration,
    pub(crate) gather: Duration,
}

impl Options {
    pub(crate) const DEFAULT: Self = Self {
        filter: Filter::EVERYTHING,
        acks: false,
        receive_buffer: DEFAULT_RECEIVE_BUFFER,
        ack_timeout: DEFAULT_ACK_TIMEOUT,
        gather: Duration::ZERO,
    };

    /// The types of events wanted. All, if it is not set. The others are refused in the kernel, and
    /// cost the listener nothing.
    pub const fn events(mut self, events: EventMask) -> Self {
        self.filter.events = events;
        self
    }

    /// Leave out what concerns a thread only: see
    /// [`Event::is_thread`](cnproc_parse::Event::is_thread). Refused in the kernel as well.
    pub const fn processes(mut self, processes: bool) -> Self {
        self.filter.processes = processes;
        self
    }

    /// Deliver acknowledgements, too: this listener's own, and those of all others.
    pub const fn acks(mut self, acks: bool) -> Self {
        self.acks = acks;
        self
    }

    /// The receive buffer asked of the kernel, in bytes. Without CAP_NET_ADMIN the kernel grants no
    /// more than the sysctl `net.core.rmem_max` allows. [`Stats`](crate::Stats) tells what it granted.
    pub const fn receive_buffer(mut self, bytes: u32) -> Self {
        self.receive_buffer = bytes;
        self
    }

    /// How long to wait for the kernel's acknowledgement. It comes at once or, as a rule, never.
    pub const fn ack_timeout(mut self, timeout: Duration) -> Self {
        self.ack_timeout = timeout;
        self
    }

    /// Gathering: how long events may wait so that one awakening serves many. Zero, which is the
    /// default, hands over each at once.
    ///
    /// The first event starts the time, and when it is over all that came are handed over: a listener
    /// at 10,000 events a second is woken 100 times with ten milliseconds, and 10,000 times without,
    /// and being woken is what costs. It ends early when the receive buffer is a quarter full. The
    /// buffer should hold what comes in that time; the default does, for up to 10 ms of any flow.
    ///
    /// [`recv`](Connector::recv)'s time-out goes on meanwhile: if it ends first, there is nothing yet.
    /// It works with `poll` alike: the descriptor is then an epoll instance, readable when something is
    /// to be done. When [`recv`](Connector::recv) with a time-out of zero has nothing, wait again.
    pub const fn gather(mut self, longest: Duration) -> Self {
        self.gather = longest;
        self
    }

    /// Opens the listener.
    ///
    /// # Errors
    /// Whatever keeps events from coming, by its reason: see [`Error`].
    pub fn open(self) -> Result<Connector, Error> {
        Connector::open(&self)
    }
}
