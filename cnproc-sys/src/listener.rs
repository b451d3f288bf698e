//! The listener: open, change, adopt, close.

mod batch;
mod feed;
mod fork_guard;
mod handshake;
mod options;
mod receive;
mod resume;
mod stats;
mod waker;

pub use batch::{Batch, Deliveries};
pub use options::{DEFAULT_ACK_TIMEOUT, DEFAULT_RECEIVE_BUFFER, Options};
#[doc(hidden)]
pub use receive::Filled;
pub use resume::Resumed;
pub use stats::{Source, Stats};
pub use waker::Waker;

use crate::error::Error;
use crate::procfs::Procfs;
use crate::ring::Ring;
use crate::socket::Socket;
use crate::stream::Stream;
use crate::sys::clock::{self, Deadline, nanoseconds};
#[cfg(feature = "std")]
use crate::sys::fd;
use cnproc_parse::{EventMask, Filter};
use core::ffi::c_int;
use fork_guard::ForkGuard;
use handshake::Membership;
pub(crate) use handshake::{Probe, is_on};

/// A listener for process events. Dropping it sends IGNORE to the kernel, and closes it.
///
/// It is `Send` and `Sync`, and one thread at a time receives from it. A process may open many. After
/// `fork` the child's copy may only be dropped, which closes the child's descriptors and sends nothing
/// to the kernel, or [adopted](Self::adopt); any other call there fails with [`Error::Forked`].
#[derive(Debug)]
pub struct Listener {
    pub(crate) socket: Socket,
    pub(crate) stream: Stream,
    membership: Membership,
    guard: ForkGuard,
    pub(crate) procfs: Procfs,
    /// Why events do not come through a ring, if that was asked for.
    ring_error: Option<Error>,
}

impl Listener {
    /// Options for opening a listener: all events, unless they are changed.
    pub const fn options() -> Options {
        Options::DEFAULT
    }

    fn open(options: &Options) -> Result<Self, Error> {
        let deadline = Deadline::after(nanoseconds(options.ack_timeout));
        if !options.ring {
            return Self::open_source(options, Source::Socket, deadline);
        }
        Self::open_source(options, Source::Ring, deadline).or_else(|error| {
            let mut listener = Self::open_source(options, Source::Socket, deadline)?;
            listener.ring_error = Some(error);
            Ok(listener)
        })
    }

    fn open_source(options: &Options, source: Source, deadline: Deadline) -> Result<Self, Error> {
        let with_ring = source == Source::Ring;
        let socket =
            Socket::open(&options.filter, options.acks, options.receive_buffer, with_ring)?;
        let mut listener = Self::with_socket(socket, options)?;
        let Self { socket, stream, membership, .. } = &mut listener;
        // What comes before the acknowledgement stays in the stream, and what is lost is reported.
        let before = clock::monotonic();
        let clock_ahead = membership.listen(socket, stream, deadline.left())?;
        socket.set_clock_ahead(clock_ahead, clock::monotonic().saturating_sub(before));
        socket.read_drops(stream)?;
        if with_ring {
            listener.verify_ring()?;
        }
        let Self { socket, .. } = &mut listener;
        if !options.coalesce.is_zero() {
            socket.coalesce(nanoseconds(options.coalesce))?;
        }
        Ok(listener)
    }

    /// Checks that events come through the ring, and go on to come. Some releases of 6.6.y and 6.7.y disable
    /// events globally as soon as no socket queues one.
    fn verify_ring(&mut self) -> Result<(), Error> {
        let is_sound = self.socket.ring().is_some_and(Ring::is_sound);
        if is_sound && self.resume()? != Resumed::Restored { Ok(()) } else { Err(Error::NoRing) }
    }

    fn with_socket(socket: Socket, options: &Options) -> Result<Self, Error> {
        let (counter, buffer) = (socket.drop_counter(), socket.receive_buffer());
        Ok(Self {
            stream: Stream::new(options.filter, options.acks, counter, buffer)?,
            socket,
            membership: Membership::default(),
            guard: ForkGuard::new()?,
            procfs: Procfs::new(),
            ring_error: None,
        })
    }

    /// A listener on the other end of a test's socket.
    #[cfg(test)]
    pub(crate) fn with_fd(fd: crate::sys::fd::Fd, options: Options) -> Self {
        Self::with_test_socket(Socket::with_fd(fd).unwrap(), options)
    }

    #[cfg(test)]
    pub(crate) fn with_test_socket(socket: Socket, options: Options) -> Self {
        Self::with_socket(socket, &options).unwrap()
    }

    /// Changes the types of events wanted. Events that are already queued are checked against the new mask,
    /// too. After an error the old mask is in force.
    ///
    /// # Errors
    /// [`Error::Forked`], and [`Error::System`]. A listener for all events that gets its first filter opens a
    /// second socket, for the acknowledgements: that may be refused with [`Error::Sandboxed`],
    /// [`Error::NotPermitted`] or [`Error::UserNamespace`].
    pub fn set_events(&mut self, events: EventMask) -> Result<(), Error> {
        self.check_owner()?;
        let filter = Filter::new(events, self.stream.filter().skip_threads);
        if filter == *self.stream.filter() {
            return Ok(());
        }
        // Read before anything is changed: this may fail.
        self.socket.look_at_acks(&mut self.stream, None)?;
        let before = self.socket.drops()?;
        self.socket.set_filter(&filter)?;
        let drops = self.socket.drops().unwrap_or(before);
        self.stream.set_filter(filter, drops, self.socket.now());
        Ok(())
    }

    /// What the listener has seen so far.
    pub fn stats(&self) -> Stats {
        let (counts, filter) = (self.stream.counts(), self.stream.filter());
        let (lost, lost_is_lower_bound) = self.stream.lost();
        Stats {
            delivered: counts.delivered,
            lost,
            lost_is_lower_bound,
            trimmed: counts.trimmed,
            forged: counts.forged + self.socket.ring().map_or(0, Ring::forged),
            malformed: counts.malformed,
            unknown: counts.unknown,
            acks: counts.acks,
            maybe_muted: counts.maybe_muted,
            events: filter.events,
            skip_threads: filter.skip_threads,
            receive_buffer: self.socket.receive_buffer(),
            source: if self.socket.ring().is_some() { Source::Ring } else { Source::Socket },
            ring_error: self.ring_error,
        }
    }

    /// Checks that the calling process owns the listener, and is no forked child of the owner.
    ///
    /// # Errors
    /// [`Error::Forked`]
    #[doc(hidden)]
    pub fn check_owner(&self) -> Result<(), Error> {
        if self.guard.is_owner() { Ok(()) } else { Err(Error::Forked) }
    }

    /// Makes the calling process the owner: a forked child takes the listener over.
    ///
    /// For a daemon that opens the listener first, so that errors reach the terminal, and forks then; or
    /// for a worker process that its parent opened it for. From now on all calls in the former owner fail
    /// with [`Error::Forked`], and dropping it there sends nothing to the kernel. What had been received
    /// before the fork and not handed over is in both; what comes later only in the process that receives
    /// it: the former owner must not be receiving meanwhile.
    ///
    /// # Errors
    /// [`Error::Forked`] if the owner has dropped it: nothing would be received any more. An owner that exits
    /// without that does no harm.
    pub fn adopt(&mut self) -> Result<(), Error> {
        if !self.guard.adopt() {
            return Err(Error::Forked);
        }
        self.socket.restart();
        Ok(())
    }

    /// The descriptor, to wait on with `poll` or epoll. The listener keeps owning it.
    ///
    /// Before polling, call [`recv`](Self::recv) with a zero timeout until it returns `None`: events
    /// already received do not make the descriptor readable. That applies to edge- and level-triggered
    /// polling.
    pub fn raw_fd(&self) -> c_int {
        self.socket.pollable().raw()
    }

    /// A handle by which other threads, and signal handlers, end the wait of a [`recv`](Self::recv).
    ///
    /// # Errors
    /// [`Error::System`]
    pub fn waker(&self) -> Result<Waker, Error> {
        Waker::new(self.socket.wake())
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        // A child's IGNORE would silence the parent.
        if self.guard.close() {
            self.membership.ignore(&self.socket);
        }
    }
}

#[cfg(feature = "std")]
impl std::os::fd::AsFd for Listener {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        fd::borrow(self.socket.pollable())
    }
}

#[cfg(feature = "std")]
impl std::os::fd::AsRawFd for Listener {
    fn as_raw_fd(&self) -> std::os::fd::RawFd {
        self.raw_fd()
    }
}

#[cfg(test)]
const _: () = {
    const fn is_send_and_sync<T: Send + Sync>() {}
    is_send_and_sync::<Listener>();
    is_send_and_sync::<Waker>();
};
