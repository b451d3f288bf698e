//! Acknowledgements, on a socket of their own.
//!
//! Every request to the connector is acknowledged to all listeners, and any user may send requests (Linux
//! 6.6), as many as he likes. Behind a filter they would fill a queue that is meant for few events. So a
//! filtered listener's own socket receives none; this one receives nothing else. It is small: if it
//! overflows, that is known, and nothing else is lost.
//!
//! What acknowledgements show: events that are disabled globally come back by a LISTEN only, and the
//! kernel acknowledges it. So events that were off and are on again leave the acknowledgement of another
//! process's LISTEN, which is the only trace.

use super::diagnosis;
use crate::error::Error;
use crate::sys;
use crate::sys::fd::Fd;
use crate::sys::mapping::Mapping;
use crate::sys::netlink::{self, BATCH, Slot};
use cnproc_parse::{Ack, Event, EventData, Message, Program, kernel, messages};

/// A socket that receives acknowledgements only.
#[derive(Debug)]
pub(crate) struct Witness {
    fd: Fd,
    slots: Mapping<Slot>,
    /// The drop counter as it was last read.
    drops: Option<u32>,
}

/// What the witness has seen since it was last asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Seen {
    /// The acknowledgement with the number asked for: its error, and its time.
    pub(crate) own: Option<(u32, u64)>,
    /// The acknowledgements of other processes' LISTENs. Before each, events may have been off.
    pub(crate) listens: u64,
    /// The time of the last of them.
    pub(crate) last_listen_ns: u64,
    /// All acknowledgements.
    pub(crate) acks: u64,
    /// Acknowledgements were dropped, or cannot be read.
    pub(crate) overran: bool,
}

/// Holds some 70 acknowledgements: enough, because it is emptied before each request.
const RECEIVE_BUFFER: u32 = 64 << 10;

impl Witness {
    pub(crate) fn open() -> Result<Self, Error> {
        let fd = netlink::netlink_socket().map_err(diagnosis::no_socket)?;
        netlink::set_receive_buffer(&fd, RECEIVE_BUFFER)?;
        netlink::attach_filter(&fd, &Program::acks_only())?;
        netlink::bind(&fd, kernel::CN_IDX_PROC).map_err(diagnosis::not_bound)?;
        netlink::connect_to_kernel(&fd)?;
        Self::with_fd(fd)
    }

    /// Takes over an open socket.
    pub(crate) fn with_fd(fd: Fd) -> Result<Self, Error> {
        let drops = netlink::memory(&fd).ok().map(|memory| memory.drops);
        Ok(Self { fd, slots: Mapping::new(BATCH)?, drops })
    }

    pub(crate) const fn fd(&self) -> &Fd {
        &self.fd
    }

    /// Reads all that waits. `own` is the number of the acknowledgement that answers the caller's request.
    ///
    /// An error means that nothing was read: what has been seen is not read again.
    pub(crate) fn look(&mut self, own: Option<u32>) -> Result<Seen, Error> {
        let mut seen = Seen::default();
        loop {
            let count = match netlink::recvmmsg(&self.fd, &mut self.slots) {
                Ok(count) => count,
                Err(error) if sys::is(&error, libc::EAGAIN) => 0,
                Err(error) if sys::is(&error, libc::ENOBUFS) => {
                    seen.overran = true;
                    continue;
                }
                Err(error) => return seen.or_overran(error),
            };
            for slot in self.slots.iter().take(count).filter(|slot| slot.is_from_kernel()) {
                seen.add(slot, own);
            }
            if count < BATCH {
                break;
            }
        }
        if self.drops.is_some() {
            let drops = match netlink::memory(&self.fd) {
                Ok(memory) => Some(memory.drops),
                Err(error) => return seen.or_overran(error),
            };
            seen.overran |= core::mem::replace(&mut self.drops, drops) != drops;
        }
        Ok(seen)
    }
}

impl Seen {
    /// The error if nothing has been seen; otherwise what has been seen, and possibly more is missing.
    fn or_overran(self, error: Error) -> Result<Self, Error> {
        if self == Self::default() { Err(error) } else { Ok(Self { overran: true, ..self }) }
    }

    /// Whether events may have been off since the witness was last asked.
    pub(crate) const fn may_have_been_muted(&self) -> bool {
        self.listens > 0 || self.overran
    }

    fn add(&mut self, slot: &Slot, own: Option<u32>) {
        let mut is_readable = !slot.is_truncated();
        for message in messages(slot.datagram()) {
            match message {
                Ok(Message::Event(event)) => self.add_event(&event, own),
                message => is_readable &= message.is_ok(),
            }
        }
        // Cut short by another socket's filter: it may have been a LISTEN's.
        self.overran |= !is_readable;
    }

    fn add_event(&mut self, event: &Event, own: Option<u32>) {
        let EventData::Ack(Ack { err }) = event.data() else { return };
        self.acks += 1;
        if Some(event.ack) == own && self.own.is_none() {
            self.own = Some((err, event.timestamp_ns));
        } else if err == 0 {
            // One that was refused changed nothing.
            self.listens += 1;
            self.last_listen_ns = self.last_listen_ns.max(event.timestamp_ns);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake_kernel::{Contents, FakeKernel, HastyKernel};

    #[test]
    fn own_ack_is_distinguished_from_others() {
        let (kernel, fd) = FakeKernel::pair();
        let mut witness = Witness::with_fd(fd).unwrap();
        for (nonce, err) in [(4, 0), (5, 0), (6, libc::EINVAL as u32), (5, 0)] {
            assert!(kernel.emit(Contents::ack_of(nonce, err)));
        }
        let seen = witness.look(Some(6)).unwrap();
        assert_eq!(seen.own.map(|(err, _)| err), Some(0));
        assert_eq!((seen.listens, seen.overran), (2, false), "a second one is another's");
        assert!(seen.may_have_been_muted());
        assert_eq!(witness.look(Some(6)).unwrap(), Seen::default());
    }

    #[test]
    fn refused_request_changes_nothing() {
        let (kernel, fd) = FakeKernel::pair();
        let mut witness = Witness::with_fd(fd).unwrap();
        assert!(kernel.emit(Contents::ack_of(4, libc::EINVAL as u32)));
        assert!(!witness.look(None).unwrap().may_have_been_muted());
    }

    #[test]
    fn overflow_and_a_trimmed_ack_are_doubts() {
        let Some((kernel, fd)) = HastyKernel::pair(4096) else { return };
        let mut witness = Witness::with_fd(fd).unwrap();
        (0..200).for_each(|_| kernel.emit(Contents::ack_of(4, libc::EINVAL as u32)));
        let seen = witness.look(None).unwrap();
        assert!(seen.overran && seen.may_have_been_muted());
        assert!(!witness.look(None).unwrap().may_have_been_muted());

        let (kernel, fd) = FakeKernel::pair();
        let mut witness = Witness::with_fd(fd).unwrap();
        assert!(kernel.send(&Contents::ack_of(4, 0).bytes()[..20]));
        assert!(witness.look(None).unwrap().may_have_been_muted());
    }
}
