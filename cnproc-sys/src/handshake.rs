//! LISTEN, and the wait for the kernel's acknowledgement of it.
//!
//! The acknowledgement is multicast: every listener sees everybody's. Only `cn_msg.ack`, which is the
//! request's + 1, tells whose it is, so each request bears a random number. It is queued before
//! `send` returns, behind the events that came first; those stay queued, in order.

use crate::batch::Arena;
use crate::deadline::Deadline;
use crate::diagnosis;
use crate::error::Error;
use crate::fd::Fd;
use crate::syscall;
use cnproc_parse::{EventData, EventMask, Message, Operation, Request, messages};
use core::time::Duration;

/// How many IGNOREs are owed to the kernel: before Linux 6.6 it counts each LISTEN.
#[derive(Debug, Default)]
pub(crate) struct Listens(u32);

impl Listens {
    /// Sends LISTEN, and waits until it is acknowledged.
    pub(crate) fn listen(
        &mut self,
        fd: &Fd,
        arena: &mut Arena,
        timeout: Duration,
    ) -> Result<(), Error> {
        let deadline = Deadline::after(timeout);
        let mut nonce = self.send_listen(fd)?;
        let mut scanned = arena.queued().len();
        let mut step = Step::Take;
        loop {
            let until = match step {
                Step::Take => None,
                Step::Wait => Some(Deadline::after(PATIENCE.min(deadline.left()))),
                Step::WaitLonger => Some(deadline),
            };
            let drained = receive(fd, arena, until)?;
            match answer(arena, scanned, nonce) {
                Some(0) => return Ok(()),
                Some(err) => {
                    self.0 -= 1;
                    return Err(diagnosis::refused(err));
                }
                None => scanned = arena.queued().len(),
            }
            if !drained {
                continue;
            }
            let swallowed = syscall::drops(fd).is_ok_and(|drops| drops > 0);
            step = match step {
                Step::Take => match diagnosis::ignored() {
                    Some(error) => return Err(error),
                    None => Step::Wait,
                },
                Step::Wait if !swallowed && insist(fd, arena)? => return Ok(()),
                _ => Step::WaitLonger,
            };
            if deadline.left().is_zero() || arena.is_full() {
                return Err(Error::NoAnswer);
            }
            if swallowed {
                // A full queue may have swallowed the acknowledgement. Now it has room.
                nonce = self.send_listen(fd)?;
            }
        }
    }

    fn send_listen(&mut self, fd: &Fd) -> Result<u32, Error> {
        let nonce = send(fd, Operation::Listen, None)?;
        self.0 += 1;
        Ok(nonce)
    }

    /// Sends as many IGNOREs as LISTENs were sent.
    pub(crate) fn ignore(&mut self, fd: &Fd) {
        for _ in 0..core::mem::take(&mut self.0) {
            // Nobody is left to be told of an error, and the socket closes in any case.
            let _: Result<u32, Error> = send(fd, Operation::Ignore, None);
        }
    }
}

/// How the acknowledgement is come by: it is queued already, or comes late (before Linux 2.6.39 a
/// request was not handled at once), or events are switched off, or it was swallowed.
enum Step {
    Take,
    Wait,
    WaitLonger,
}

/// How long to wait before it is supposed that events are switched off.
const PATIENCE: Duration = Duration::from_millis(20);

/// How many IGNOREs too many are made up for. Others may send more all the time.
const MOST_STRAYS: u32 = 4096;

/// Makes the kernel resume events that others switched off: see [`Connector::check`]. Sends LISTEN,
/// as one more each time, until it is acknowledged; whether it was. Each that was not made up for an
/// IGNORE of others, so none is owed.
///
/// [`Connector::check`]: crate::Connector::check
pub(crate) fn insist(fd: &Fd, arena: &mut Arena) -> Result<bool, Error> {
    for _ in 0..MOST_STRAYS {
        send(fd, Operation::Invalid, Some(EVERYTHING))?;
        if is_answered(fd, arena, Operation::Listen, None)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The kernel's own filter that lets all pass, acknowledgements too.
pub(crate) const EVERYTHING: EventMask = EventMask::ALL.union(EventMask::NONZERO_EXIT);

/// Whether the kernel answers a request, even if only to refuse it. It does so while it makes events.
///
/// A drop in the meantime is an answer as well: then it makes events, more than there is room for.
pub(crate) fn is_answered(
    fd: &Fd,
    arena: &mut Arena,
    operation: Operation,
    events: Option<EventMask>,
) -> Result<bool, Error> {
    while !receive(fd, arena, None)? && !arena.is_full() {}
    let drops = syscall::drops(fd);
    let scanned = arena.queued().len();
    let nonce = send(fd, operation, events)?;
    while !receive(fd, arena, None)? && !arena.is_full() {}
    Ok(answer(arena, scanned, nonce).is_some() || syscall::drops(fd) != drops || arena.is_full())
}

/// Sends a request. Returns the number that its acknowledgement will bear, less 1.
fn send(fd: &Fd, operation: Operation, events: Option<EventMask>) -> Result<u32, Error> {
    let ack = nonce();
    let request = Request { operation, events, ack };
    syscall::send(fd, request.to_bytes().as_ref()).map_err(diagnosis::not_sent)?;
    Ok(ack)
}

/// What those queued after the first `scanned` answer to the request that bore `nonce`: 0, or an errno.
fn answer(arena: &Arena, scanned: usize, nonce: u32) -> Option<u32> {
    let slots = arena.queued().iter().skip(scanned).filter(|slot| slot.is_from_kernel());
    slots.filter_map(|slot| acknowledgement(slot.datagram(), nonce)).next()
}

/// Receives what there is; with a deadline, waits for it. Whether the queue is empty now.
fn receive(fd: &Fd, arena: &mut Arena, deadline: Option<Deadline>) -> Result<bool, Error> {
    let flags = if let Some(deadline) = deadline {
        let left = deadline.left().max(Duration::from_millis(1));
        syscall::set_receive_timeout(fd, left)
            .map_err(|errno| Error::System { call: "setsockopt(SO_RCVTIMEO)", errno })?;
        libc::MSG_WAITFORONE
    } else {
        libc::MSG_DONTWAIT
    };
    match arena.receive(fd, flags) {
        Ok((_, drained)) => Ok(drained),
        // The wait is bounded in any case, and a listener half opened is of no use to a handler.
        Err(errno) if matches!(errno.raw(), libc::EAGAIN | libc::EINTR | libc::ENOBUFS) => Ok(true),
        Err(errno) => Err(Error::System { call: "recvmmsg", errno }),
    }
}

/// What the datagram says of the request that bore `nonce`: 0, or an errno.
fn acknowledgement(datagram: &[u8], nonce: u32) -> Option<u32> {
    messages(datagram).find_map(|message| match message {
        Ok(Message::Event(event)) => match event.data {
            EventData::Ack(ack) if event.ack == nonce.wrapping_add(1) => Some(ack.err),
            _ => None,
        },
        _ => None,
    })
}

/// A number that no other listener's request is likely to bear.
fn nonce() -> u32 {
    syscall::random().unwrap_or_else(|| {
        let now = syscall::monotonic();
        (now ^ now >> 32) as u32 ^ syscall::getpid().cast_unsigned() << 8
    })
}
