//! How a listener is to be opened.

use super::Listener;
use crate::error::Error;
use cnproc_parse::{EventMask, Filter};
use core::time::Duration;

/// The default of [`Options::receive_buffer`]: 16 MiB. The kernel grants twice that. An event takes about
/// 0.8 KiB of it (832 bytes on Linux 6.18), so it holds 40,329 events there.
pub const DEFAULT_RECEIVE_BUFFER: u32 = 16 << 20;

/// The default of [`Options::ack_timeout`].
pub const DEFAULT_ACK_TIMEOUT: Duration = Duration::from_secs(2);

/// How a listener is to be opened. See [`Listener::options`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "call open()"]
pub struct Options {
    pub(super) filter: Filter,
    pub(super) acks: bool,
    pub(super) receive_buffer: u32,
    pub(super) ack_timeout: Duration,
    pub(super) coalesce: Duration,
    pub(super) ring: bool,
}

impl Options {
    pub(super) const DEFAULT: Self = Self {
        filter: Filter::EVERYTHING,
        acks: false,
        receive_buffer: DEFAULT_RECEIVE_BUFFER,
        ack_timeout: DEFAULT_ACK_TIMEOUT,
        coalesce: Duration::ZERO,
        ring: false,
    };

    /// The types of events wanted; all by default. A filter in the kernel drops the others before they are
    /// queued, so they do not wake the listener.
    pub const fn events(mut self, events: EventMask) -> Self {
        self.filter.events = events;
        self
    }

    /// Leaves out events that concern only a thread: see
    /// [`Event::is_thread`](cnproc_parse::Event::is_thread). The filter in the kernel drops them, too.
    pub const fn skip_threads(mut self, skip_threads: bool) -> Self {
        self.filter.skip_threads = skip_threads;
        self
    }

    /// Delivers acknowledgements, too: this listener's own, and those of all others.
    pub const fn acks(mut self, acks: bool) -> Self {
        self.acks = acks;
        self
    }

    /// The receive buffer to ask for, in bytes. Without CAP_NET_ADMIN the kernel grants no more than the
    /// sysctl `net.core.rmem_max` allows. [`Stats`](crate::Stats) has what it granted.
    pub const fn receive_buffer(mut self, bytes: u32) -> Self {
        self.receive_buffer = bytes;
        self
    }

    /// How long to wait for the kernel's acknowledgement. It comes at once or, as a rule, never.
    pub const fn ack_timeout(mut self, timeout: Duration) -> Self {
        self.ack_timeout = timeout;
        self
    }

    /// Wake-up coalescing: how long to delay events so that one wake-up delivers many. By default events
    /// are not delayed.
    ///
    /// The first event starts the delay, and when it ends all events received meanwhile are delivered: at
    /// 10,000 events a second a delay of 10 ms causes 100 wake-ups instead of 10,000, and wake-ups are most
    /// of a listener's cost. The delay ends early when the receive buffer is a quarter full. The buffer
    /// should hold what arrives in that time; the default does for up to 10 ms of any flow.
    ///
    /// [`recv`](Listener::recv)'s timeout is independent: if it expires first, nothing is delivered yet.
    /// With `poll` it works likewise: the descriptor is then an epoll instance, readable when there is a
    /// step to take. When [`recv`](Listener::recv) with a timeout of zero returns nothing, poll again.
    pub const fn coalesce(mut self, longest: Duration) -> Self {
        self.coalesce = longest;
        self
    }

    /// Receives events through a ring buffer instead of the socket's queue, where that is possible.
    ///
    /// A BPF program on the socket copies each event into memory that is mapped here, so that receiving takes
    /// no system call for each batch, and a waiting event takes 64 bytes instead of 832. That saves CPU time
    /// with [`coalesce`](Self::coalesce), and losses in storms. Everything else stays as it is: guarantees,
    /// statistics, the descriptor to poll.
    ///
    /// It requires a 64-bit program, Linux 5.10 or later, CAP_BPF, CAP_PERFMON and CAP_NET_ADMIN, and before
    /// Linux 5.11 a higher RLIMIT_MEMLOCK. Where it is not available the listener uses the socket's queue:
    /// [`Stats::source`](crate::Stats::source) is the source in use, and
    /// [`Stats::ring_error`](crate::Stats::ring_error) the reason. But a seccomp filter that kills the process
    /// for `bpf(2)` kills it, as systemd's `SystemCallFilter=` does by default.
    ///
    /// The ring is allocated at once. It has room for as many events as the
    /// [`receive_buffer`](Self::receive_buffer), 4 MiB by default. A `fork` takes longer with it
    /// (docs/performance.md).
    pub const fn ring(mut self, ring: bool) -> Self {
        self.ring = ring;
        self
    }

    /// Opens the listener, and waits until the kernel has acknowledged it.
    ///
    /// # Errors
    /// Whatever keeps events from coming, by its reason: see [`Error`].
    pub fn open(self) -> Result<Listener, Error> {
        Listener::open(&self)
    }
}
