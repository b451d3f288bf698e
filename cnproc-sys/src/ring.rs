//! The ring: a second source of events, in addition to the socket's queue.
//!
//! A BPF [`program`] on the listener's own socket copies each event into a ring buffer that is mapped here,
//! and drops the datagram: reading an event takes no system call, and a waiting event 64 bytes instead of the
//! 832 of a datagram. The [`records`] become datagrams again in the stream's slots, so that nothing from
//! the stream on depends on the source.
//!
//! # Waking
//!
//! The listener waits for the socket, as it does without a ring. Before it waits it stores in the shared
//! [`wake_at`](crate::sys::ring::Shared::wake_at) that it sleeps. The program reads that after each record,
//! and if the listener sleeps it lets the datagram pass: queued on the socket, it is a *token* that wakes the
//! listener, and is thrown away. So at any time either the program is asked for a token, or one is queued, or
//! about to be.
//!
//! # What it relies on
//!
//! Two offsets in the kernel's structures. The kernel shows them ([`offsets`]), and they are verified each time
//! a listener opens: a message of our own must be counted as forged ([`Ring::verify`]), and the acknowledgement
//! of LISTEN recognized ([`Ring::is_sound`]). Otherwise the listener is opened without the ring.

mod assembler;
mod delay;
mod offsets;
mod program;
mod records;

use crate::error::Error;
use crate::stream::{DropReading, Received};
use crate::sys;
use crate::sys::bpf::{self, ProgramType};
use crate::sys::fd::Fd;
use crate::sys::netlink::{self, Slot};
use crate::sys::ring::{RECORD_SIZE, Read, RingBuffer, SharedValue};
use cnproc_parse::{EventMask, Filter};
use core::sync::atomic::{Ordering, fence};
use delay::{AT_FIRST_EVENT, Delay};
use offsets::Offsets;
use program::{ACKS, DATAGRAM, NONZERO_EXITS_ONLY, Parameters, SKIP_THREADS, program};
use records::Records;

/// See the [module](self).
#[derive(Debug)]
pub(crate) struct Ring {
    records: Records,
    shared: SharedValue,
    delay: Option<Delay>,
    /// A quarter of the receive buffer, as bytes of the ring.
    quarter: u64,
    /// The program is asked for a token, or has sent one that was not taken.
    is_armed: bool,
    /// The socket's own drop counter, as it was last read.
    socket_drops: u32,
}

/// What an event takes of a receive buffer: see [`DEFAULT_RECEIVE_BUFFER`](crate::DEFAULT_RECEIVE_BUFFER).
const DATAGRAM_IN_QUEUE: u32 = 832;

impl Ring {
    /// Makes a ring, and attaches its program to the socket, which is not bound yet.
    pub(crate) fn open(
        socket: &Fd,
        filter: &Filter,
        acks: bool,
        receive_buffer: u32,
    ) -> Result<Self, Error> {
        let (ring, program) = Self::with_program(filter, acks, receive_buffer)?;
        bpf::attach(socket, &program)?;
        Ok(ring)
    }

    /// A ring that holds at least as many events as the receive buffer would, and its program.
    fn with_program(filter: &Filter, acks: bool, receive_buffer: u32) -> Result<(Self, Fd), Error> {
        let Offsets { port, data } = Offsets::find()?;
        let records = (receive_buffer / DATAGRAM_IN_QUEUE) as usize;
        let (buffer, buffer_map) = RingBuffer::new(records)?;
        let (shared, shared_map) = SharedValue::new()?;
        let ring = Self {
            records: Records::new(buffer)?,
            shared,
            delay: None,
            quarter: (records / 4 * RECORD_SIZE) as u64,
            is_armed: true,
            socket_drops: 0,
        };
        ring.set_filter(filter, acks);
        ring.arm(AT_FIRST_EVENT);
        let (shared, ring_buffer) = (shared_map.raw(), buffer_map.raw());
        let program = program(&Parameters { port, data, shared, ring: ring_buffer });
        Ok((ring, bpf::load(ProgramType::SocketFilter, &program, &mut [])?))
    }

    /// Verifies that the program recognizes a message that is not the kernel's. The socket is bound, and not
    /// connected yet.
    pub(crate) fn verify(&self, socket: &Fd) -> Result<(), Error> {
        let sender = netlink::netlink_socket()?;
        netlink::send_to(&sender, netlink::port(socket)?, &[0; 5])?;
        // The program runs before the call returns.
        match self.shared.forged.swap(0, Ordering::Relaxed) {
            0 => Err(Error::NoRing),
            _ => Ok(()),
        }
    }

    /// Whether the program has recognized the acknowledgement of LISTEN, and every other message of the kernel.
    pub(crate) fn is_sound(&self) -> bool {
        self.shared.acks.load(Ordering::Relaxed) > 0 && self.shared.odd.load(Ordering::Relaxed) == 0
    }

    /// Lets the program drop what the filter does not want. With `acks`, all acknowledgements pass it.
    pub(crate) fn set_filter(&self, filter: &Filter, acks: bool) {
        self.shared.wanted.store(wanted(filter, acks), Ordering::SeqCst);
        // Events generated after this call see it.
        fence(Ordering::SeqCst);
    }

    /// Messages of other processes that the program dropped.
    pub(crate) fn forged(&self) -> u64 {
        self.shared.forged.load(Ordering::Relaxed)
    }

    /// Coalesces wake-ups from now on: delays events by up to `longest_ns`.
    pub(crate) fn coalesce(&mut self, socket: &Fd, longest_ns: u64) -> Result<(), Error> {
        self.delay = Some(Delay::new(socket, longest_ns, self.quarter.max(AT_FIRST_EVENT))?);
        Ok(())
    }

    /// Starts over after another process may have received: what it left is to be drained first.
    pub(crate) fn restart(&mut self) {
        self.is_armed = false;
        self.delay.as_mut().map(Delay::end);
    }

    /// The descriptor that a user polls, if it is not the socket.
    pub(crate) fn pollable(&self) -> Option<&Fd> {
        self.delay.as_ref().map(Delay::fd)
    }

    /// With coalescing: whether the ring is to be drained now.
    pub(crate) fn is_draining(&self) -> Option<bool> {
        self.delay.as_ref().map(Delay::is_draining)
    }

    /// Whether an event would wake the listener.
    pub(crate) const fn is_armed(&self) -> bool {
        self.is_armed
    }

    /// The [`pollable`](Self::pollable) descriptor may be readable: takes the next step. Whether the ring is to
    /// be drained now.
    pub(crate) fn on_ready(&mut self) -> Result<bool, Error> {
        let Some(delay) = &mut self.delay else { return Ok(true) };
        if let Some(wake_at) = delay.on_ready()? {
            self.arm(wake_at);
            if self.records.buffer().pending() >= wake_at {
                self.delay.as_mut().map(Delay::end);
            }
        }
        Ok(self.is_draining() == Some(true))
    }

    /// Receives into the slots, without waiting. If that empties the ring, the next event will wake the
    /// listener.
    pub(crate) fn receive(&mut self, socket: &Fd, slots: &mut [Slot]) -> Result<Received, Error> {
        let mut count = self.take(slots).count;
        if count == slots.len() {
            return Ok(Received::Datagrams(count));
        }
        let rest = slots.get_mut(count..).unwrap_or_default();
        match self.fall_asleep(socket, rest) {
            Ok(others) => count += others,
            // What has been read from the ring is not lost: the error will be met again.
            Err(_) if count > 0 => return Ok(Received::Unfinished(count)),
            Err(error) => return Err(error),
        }
        // What was written before the program could see that the listener sleeps.
        let read = self.take(slots.get_mut(count..).unwrap_or_default());
        count += read.count;
        Ok(if read.is_unfinished {
            Received::Unfinished(count)
        } else {
            Received::Datagrams(count)
        })
    }

    /// Receives into the slots what is in the ring, and changes nothing else.
    pub(crate) fn take_ready(&mut self, slots: &mut [Slot]) -> Received {
        let read = self.take(slots);
        if read.is_unfinished {
            Received::Unfinished(read.count)
        } else {
            Received::Datagrams(read.count)
        }
    }

    fn take(&mut self, slots: &mut [Slot]) -> Read {
        let read = self.records.take(slots);
        if let Some(delay) = &mut self.delay {
            delay.received(read.count);
        }
        read
    }

    /// Takes the tokens off the socket, and asks for the next. Returns how many slots were filled with
    /// something else.
    fn fall_asleep(&mut self, socket: &Fd, slots: &mut [Slot]) -> Result<usize, Error> {
        self.is_armed = false;
        let others = take_tokens(socket, slots).inspect_err(|_| {
            self.delay.as_mut().map(Delay::end);
        })?;
        let wake_at = match &mut self.delay {
            Some(delay) => delay.on_drained(),
            None => AT_FIRST_EVENT,
        };
        self.arm(wake_at);
        self.is_armed = true;
        Ok(others)
    }

    /// Asks for a token once that many bytes are in the ring. Look at the ring afterwards.
    fn arm(&self, wake_at: u64) {
        self.shared.wake_at.store(wake_at, Ordering::SeqCst);
        // Against the barrier in the program: see there.
        fence(Ordering::SeqCst);
    }

    /// How many events were lost, modulo 2^32: those for which the ring had no room, and those that never
    /// reached the program because the kernel had no memory for the socket's copy.
    pub(crate) fn drops(&self, socket: &Fd) -> Result<u32, Error> {
        Ok(self.lost().wrapping_add(netlink::memory(socket)?.drops))
    }

    /// A reading for the stream. The socket's own counter is needed only behind a filter, where no number
    /// shows what it counts.
    pub(crate) fn read_drops(
        &mut self,
        socket: &Fd,
        is_filtered: bool,
    ) -> Result<DropReading, Error> {
        if is_filtered && self.is_empty() {
            self.socket_drops = netlink::memory(socket)?.drops;
        }
        let drops = self.lost().wrapping_add(self.socket_drops);
        Ok(DropReading { drops, queue_is_empty: self.is_empty() })
    }

    fn lost(&self) -> u32 {
        self.shared.lost.load(Ordering::SeqCst) as u32
    }

    fn is_empty(&self) -> bool {
        self.records.buffer().pending() == 0
    }
}

/// How many messages are received from the socket in one call. As a rule there is one token at most.
const TOKENS: usize = 4;

/// Takes what the socket has queued, as far as there are slots. Returns how many of them were filled with
/// messages that are no tokens.
fn take_tokens(socket: &Fd, slots: &mut [Slot]) -> Result<usize, Error> {
    let mut others = 0;
    loop {
        let free = slots.get_mut(others..).unwrap_or_default();
        let asked = free.len().min(TOKENS);
        let free = free.get_mut(..asked).unwrap_or_default();
        let received = match netlink::recvmmsg(socket, free) {
            Err(error) if sys::is(&error, libc::EAGAIN) => 0,
            received => received?,
        };
        let first = others;
        for index in first..first + received {
            let Some((kept, rest)) = slots.split_at_mut_checked(index) else { break };
            let Some(slot) = rest.first_mut().filter(|slot| !is_token(slot)) else { continue };
            if let Some(free) = kept.get_mut(others) {
                core::mem::swap(free, slot);
            }
            others += 1;
        }
        if received < asked || asked == 0 {
            return Ok(others);
        }
    }
}

/// Whether the ring has the event, too. All that the program leaves to the socket is larger: an event that
/// another listener's filter has cut short is in the ring, and shorter here.
const fn is_token(slot: &Slot) -> bool {
    slot.is_from_kernel() && slot.length() as usize <= DATAGRAM
}

/// The filter as the program reads it: types in the lower half, flags in the upper.
fn wanted(filter: &Filter, acks: bool) -> u64 {
    let events = filter.events;
    let exits = events.contains(EventMask::NONZERO_EXIT);
    let types = if events.contains(EventMask::ALL) {
        // Those that are yet to be invented, too.
        u32::MAX
    } else if exits {
        events.union(EventMask::EXIT).bits() & !EventMask::NONZERO_EXIT.bits()
    } else {
        events.bits()
    };
    let mut flags = 0;
    if exits && !events.contains(EventMask::EXIT) {
        flags |= NONZERO_EXITS_ONLY;
    }
    if filter.skip_threads {
        flags |= SKIP_THREADS;
    }
    if acks || filter.is_everything() {
        flags |= ACKS;
    }
    u64::from(flags) << 32 | u64::from(types)
}

#[cfg(test)]
mod fake;
#[cfg(test)]
mod tests;
