//! The socket: opening, receiving into the stream, waiting, the drop counter.

mod coalesce;
pub(crate) mod diagnosis;
pub(crate) mod listeners;
mod witness;

use crate::error::Error;
use crate::ring::Ring;
use crate::stream::{DropCounter, DropReading, Progress, Received, Stream};
use crate::sys::fd::Fd;
use crate::sys::netlink::Slot;
use crate::sys::{self, clock, netlink, wait};
use cnproc_parse::{Acks, Filter, kernel};
use coalesce::Coalesce;
use witness::{Seen, Witness};

/// A bound netlink socket, and what a thread that waits for it waits on.
#[derive(Debug)]
pub(crate) struct Socket {
    fd: Fd,
    /// Events come through it instead of the socket's queue.
    ring: Option<Ring>,
    coalesce: Option<Coalesce>,
    /// Receives the acknowledgements, which the filter keeps from `fd`.
    witness: Option<Witness>,
    /// When the witness was last asked.
    asked_ns: u64,
    /// Whether all acknowledgements pass the filter, too.
    acks: bool,
    /// Made readable by [`wake`](Self::wake).
    wake: Fd,
    receive_buffer: u32,
    /// Of the socket itself.
    has_drop_counter: bool,
    /// How far the clock of the events is ahead of this process's: see [`Membership::listen`].
    clock_ahead_ns: u64,
    /// By how much less it may be ahead.
    clock_uncertainty_ns: u64,
    /// The last receiving call did not empty the queue: the next need not wait.
    has_more: bool,
}

impl Socket {
    /// Opens the socket and joins the group, with the filter in force. With `acks`, all acknowledgements
    /// pass it. With a ring, or not at all.
    pub(crate) fn open(
        filter: &Filter,
        acks: bool,
        receive_buffer: u32,
        with_ring: bool,
    ) -> Result<Self, Error> {
        let fd = netlink::netlink_socket().map_err(diagnosis::no_socket)?;
        netlink::set_receive_buffer(&fd, receive_buffer)?;
        let mut socket = Self { acks, ..Self::with_fd(fd)? };
        if socket.has_drop_counter {
            // A full queue then refuses what there is no room for, and no more than that. Without the
            // drop counter it would do so silently.
            netlink::set_no_enobufs(&socket.fd)?;
        }
        // Before bind: nothing unwanted ever enters the queue.
        if with_ring {
            socket.ring = Some(socket.open_ring(filter).map_err(diagnosis::no_ring)?);
        } else {
            socket.attach(filter)?;
        }
        netlink::bind(&socket.fd, kernel::CN_IDX_PROC).map_err(diagnosis::not_bound)?;
        if let Some(ring) = &socket.ring {
            ring.verify(&socket.fd).map_err(diagnosis::no_ring)?;
        }
        netlink::connect_to_kernel(&socket.fd)?;
        if !filter.is_everything() {
            socket.witness = Some(Witness::open()?);
        }
        Ok(socket)
    }

    fn open_ring(&self, filter: &Filter) -> Result<Ring, Error> {
        // Only tokens are queued now. There is always room for them, so that the socket's drop counter does
        // not count any.
        netlink::set_receive_buffer(&self.fd, (self.receive_buffer / 2).max(1 << 20))?;
        Ring::open(&self.fd, filter, self.acks, self.receive_buffer)
    }

    /// Takes over an open socket.
    pub(crate) fn with_fd(fd: Fd) -> Result<Self, Error> {
        let has_drop_counter = match netlink::memory(&fd) {
            Ok(_) => true,
            Err(error) if sys::is(&error, libc::ENOPROTOOPT) => false,
            Err(error) => return Err(error),
        };
        Ok(Self {
            ring: None,
            coalesce: None,
            witness: None,
            asked_ns: 0,
            acks: false,
            wake: wait::eventfd()?,
            receive_buffer: netlink::receive_buffer(&fd)?,
            has_drop_counter,
            clock_ahead_ns: 0,
            clock_uncertainty_ns: 0,
            has_more: false,
            fd,
        })
    }

    /// A socket with a ring for tests.
    #[cfg(test)]
    pub(crate) fn with_ring(fd: Fd, ring: Ring) -> Self {
        Self { ring: Some(ring), ..Self::with_fd(fd).unwrap() }
    }

    /// Coalesces wake-ups from now on: delays events by up to `longest_ns`.
    pub(crate) fn coalesce(&mut self, longest_ns: u64) -> Result<(), Error> {
        if let Some(ring) = &mut self.ring {
            return ring.coalesce(&self.fd, longest_ns);
        }
        self.coalesce = Some(Coalesce::new(&self.fd, longest_ns, self.receive_buffer)?);
        Ok(())
    }

    /// Starts over after another process may have received, and shares what wakes this one.
    pub(crate) fn restart(&mut self) {
        self.ring.as_mut().map(Ring::restart);
        self.coalesce.as_mut().map(Coalesce::restart);
    }

    pub(crate) const fn receive_buffer(&self) -> u32 {
        self.receive_buffer
    }

    /// What counts drops besides gaps.
    pub(crate) const fn drop_counter(&self) -> DropCounter {
        match (&self.ring, self.has_drop_counter) {
            (Some(_), _) => DropCounter::EachCpu,
            (None, true) => DropCounter::Total,
            (None, false) => DropCounter::Absent,
        }
    }

    pub(crate) const fn fd(&self) -> &Fd {
        &self.fd
    }

    pub(crate) const fn ring(&self) -> Option<&Ring> {
        self.ring.as_ref()
    }

    /// The descriptor that a user polls.
    pub(crate) fn pollable(&self) -> &Fd {
        let of_ring = self.ring.as_ref().and_then(Ring::pollable);
        of_ring.or(self.coalesce.as_ref().map(Coalesce::fd)).unwrap_or(&self.fd)
    }

    /// The descriptor that ends a wait once it is readable.
    pub(crate) const fn wake(&self) -> &Fd {
        &self.wake
    }

    pub(crate) const fn set_clock_ahead(&mut self, ahead_ns: u64, uncertainty_ns: u64) {
        (self.clock_ahead_ns, self.clock_uncertainty_ns) = (ahead_ns, uncertainty_ns);
    }

    /// Now, on the events' clock, or a moment later.
    pub(crate) fn now(&self) -> u64 {
        clock::monotonic().wrapping_add(self.clock_ahead_ns)
    }

    /// Now, on the events' clock, or earlier by what its lead is uncertain.
    pub(crate) fn now_at_least(&self) -> u64 {
        self.now().wrapping_sub(self.clock_uncertainty_ns)
    }

    /// Lets the kernel drop what the filter does not want.
    fn attach(&self, filter: &Filter) -> Result<(), Error> {
        if let Some(ring) = &self.ring {
            ring.set_filter(filter, self.acks);
            Ok(())
        } else if filter.is_everything() {
            netlink::detach_filter(&self.fd)
        } else {
            let acks = if self.acks { Acks::All } else { Acks::None };
            netlink::attach_filter(&self.fd, &filter.program_with(acks))
        }
    }

    /// Replaces the filter. An error changes nothing.
    pub(crate) fn set_filter(&mut self, filter: &Filter) -> Result<(), Error> {
        if filter.is_everything() {
            self.attach(filter)?;
            // Without a filter the acknowledgements are in the stream.
            self.witness = None;
        } else if self.witness.is_some() {
            self.attach(filter)?;
        } else {
            let witness = Witness::open()?;
            self.attach(filter)?;
            self.witness = Some(witness);
        }
        Ok(())
    }

    /// The number of sockets in the group that this one stands for.
    pub(crate) fn bound_sockets(&self) -> u32 {
        1 + u32::from(self.witness.is_some())
    }

    /// Reads the acknowledgements that the filter keeps from the stream. Events may have been off before
    /// that of another process's LISTEN: the stream is doubtful then.
    pub(crate) fn look_at_acks(
        &mut self,
        stream: &mut Stream,
        own: Option<u32>,
    ) -> Result<Option<Seen>, Error> {
        let Some(witness) = &mut self.witness else { return Ok(None) };
        let seen = witness.look(own)?;
        let now = self.now();
        self.asked_ns = now;
        if !self.acks {
            stream.count_acks(seen.acks);
        }
        if seen.may_have_been_muted() {
            let until = if seen.overran { now } else { seen.last_listen_ns };
            stream.may_have_been_muted(seen.listens.max(1), until);
        }
        Ok(Some(seen))
    }

    /// Waits for something that may be an acknowledgement, until the timeout expires.
    pub(crate) fn wait_for_ack(&mut self, timeout_ns: u64) -> Result<(), Error> {
        let fd = self.witness.as_ref().map_or(&self.fd, Witness::fd);
        wait::readable(fd, &self.wake, Some(timeout_ns)).map(drop)
    }

    /// The drop counter of the socket that receives the acknowledgements; None where there is none.
    pub(crate) fn ack_drops(&self) -> Result<Option<u32>, Error> {
        // A witness compares its own.
        if self.witness.is_some() { Ok(None) } else { self.drops() }
    }

    /// Waits until there may be something to receive, or the timeout expires; without one, indefinitely.
    pub(crate) fn wait(&mut self, timeout_ns: Option<u64>) -> Result<Waited, Error> {
        // While a source is drained, or after an error in that, nothing else causes a wake-up.
        if self.is_draining().unwrap_or(self.has_more() || timeout_ns == Some(0)) {
            // Events that never run out must not keep a wake from ending the call.
            let is_woken = timeout_ns != Some(0) && wait::take_signal(&self.wake);
            return Ok(if is_woken { Waited::Woken } else { Waited::Receive });
        }
        if timeout_ns != Some(0) {
            let ready = wait::readable(self.pollable(), &self.wake, timeout_ns)?;
            if ready.wake && wait::take_signal(&self.wake) {
                return Ok(Waited::Woken);
            }
            if !ready.source {
                return Ok(Waited::Nothing);
            }
        }
        let is_due = match (&mut self.ring, &mut self.coalesce) {
            (Some(ring), _) => ring.on_ready()?,
            (None, Some(coalesce)) => coalesce.on_ready(&self.fd)?,
            (None, None) => true,
        };
        Ok(if is_due { Waited::Receive } else { Waited::Nothing })
    }

    /// With coalescing: whether the source is to be drained now.
    fn is_draining(&self) -> Option<bool> {
        match &self.ring {
            Some(ring) => ring.is_draining(),
            None => self.coalesce.as_ref().map(Coalesce::is_draining),
        }
    }

    /// Whether there may be something to receive that causes no wake-up.
    fn has_more(&self) -> bool {
        self.has_more || self.ring.as_ref().is_some_and(|ring| !ring.is_armed())
    }

    /// Receives one batch into the stream, without waiting; reads the drop counter where the stream needs
    /// it.
    pub(crate) fn receive(&mut self, stream: &mut Stream) -> Result<Progress, Error> {
        let received = match &mut self.ring {
            Some(ring) => ring.receive(&self.fd, stream.vacancy())?,
            None => receive(&self.fd, stream.vacancy())?,
        };
        self.received(received, stream)
    }

    /// Hands over to the stream what was received into it.
    fn received(&mut self, received: Received, stream: &mut Stream) -> Result<Progress, Error> {
        let now = self.now();
        let progress = stream.received(received, now);
        // What is not complete causes a wake-up once it is.
        self.has_more = !progress.drained && !matches!(received, Received::Unfinished(_));
        if let Some(coalesce) = &mut self.coalesce {
            coalesce.on_drained(&self.fd, progress.count, progress.drained)?;
        }
        if self.ring.is_some() || stream.wants_drop_reading() {
            self.read_drops(stream)?;
        }
        if now.saturating_sub(self.asked_ns) > ASK_WITNESS_NS {
            self.look_at_acks(stream, None)?;
        }
        Ok(progress)
    }

    /// Receives until the source is empty, the next of it is not complete, or the stream is full. From a ring
    /// it takes no system call.
    pub(crate) fn drain(&mut self, stream: &mut Stream) -> Result<Progress, Error> {
        let mut sum = Progress { count: 0, drained: false, overran: false };
        while !sum.drained && !stream.is_full() {
            let received = match &mut self.ring {
                Some(ring) => ring.take_ready(stream.vacancy()),
                None => receive(&self.fd, stream.vacancy())?,
            };
            let progress = self.received(received, stream)?;
            sum.count += progress.count;
            sum.overran |= progress.overran;
            sum.drained = progress.drained;
            if matches!(received, Received::Unfinished(_)) {
                break;
            }
        }
        Ok(sum)
    }

    /// Reads the drop counter into the stream.
    pub(crate) fn read_drops(&mut self, stream: &mut Stream) -> Result<(), Error> {
        let reading = if let Some(ring) = &mut self.ring {
            Some(ring.read_drops(&self.fd, !stream.filter().is_everything())?)
        } else if self.has_drop_counter {
            let memory = netlink::memory(&self.fd)?;
            // The counter is read after the size of the queue, so the queue must be looked at again.
            let queue_is_empty = memory.queued == 0
                && memory.drops != stream.counted_drops()
                && netlink::memory(&self.fd)?.queued == 0;
            Some(DropReading { drops: memory.drops, queue_is_empty })
        } else {
            None
        };
        stream.read_drops(reading, self.now());
        Ok(())
    }

    /// The drop counter; None where there is none.
    pub(crate) fn drops(&self) -> Result<Option<u32>, Error> {
        if let Some(ring) = &self.ring {
            return ring.drops(&self.fd).map(Some);
        }
        if !self.has_drop_counter {
            return Ok(None);
        }
        netlink::memory(&self.fd).map(|memory| Some(memory.drops))
    }
}

/// How long the statistics may lag behind the acknowledgements.
const ASK_WITNESS_NS: u64 = 100_000_000;

/// Receives one batch from the socket's queue.
fn receive(fd: &Fd, slots: &mut [Slot]) -> Result<Received, Error> {
    match netlink::recvmmsg(fd, slots) {
        Ok(count) => Ok(Received::Datagrams(count)),
        Err(error) if sys::is(&error, libc::EAGAIN) => Ok(Received::Datagrams(0)),
        Err(error) if sys::is(&error, libc::ENOBUFS) => Ok(Received::Overrun),
        Err(error) => Err(error),
    }
}

/// Why a wait ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Waited {
    /// There may be something to receive.
    Receive,
    /// Another thread asked for it.
    Woken,
    /// Time passed; or events are delayed to be delivered together.
    Nothing,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake_kernel::FakeKernel;

    #[test]
    fn wake_ends_a_wait_while_the_queue_never_runs_empty() {
        let (_kernel, fd) = FakeKernel::pair();
        let mut socket = Socket { has_more: true, ..Socket::with_fd(fd).unwrap() };
        assert_eq!(socket.wait(None), Ok(Waited::Receive));
        wait::signal(socket.wake());
        assert_eq!(socket.wait(Some(0)), Ok(Waited::Receive), "a call that does not wait");
        assert_eq!(socket.wait(None), Ok(Waited::Woken));
        assert_eq!(socket.wait(None), Ok(Waited::Receive));
    }
}
