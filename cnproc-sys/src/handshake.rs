//! LISTEN, and the wait for the kernel's acknowledgement of it.
//!
//! The acknowledgement is multicast: every listener sees everybody's. Only `cn_msg.ack`, which is the
//! request's + 1, tells whose it is, so each request bears a random number. It is queued before
//! `send` returns, behind the events that came first; those stay queued, in order. So an event made
//! after `send` returned, or an empty queue, shows that it will not come: it found no room, or the
//! kernel ignored the request.

use crate::batch::{Arena, Received};
use crate::call::Call;
use crate::deadline::Deadline;
use crate::diagnosis;
use crate::error::Error;
use crate::fd::Fd;
use crate::syscall;
use cnproc_parse::{Ack, EventData, EventMask, Message, Operation, Request, messages};

/// How many IGNOREs are owed to the kernel: before Linux 6.6 it counts each LISTEN.
#[derive(Debug, Default)]
pub(crate) struct Listens(u32);

/// A request that was sent.
#[derive(Clone, Copy)]
struct Sent {
    nonce: u32,
    /// Just before it was sent, and just after.
    before_ns: u64,
    after_ns: u64,
    /// The drop counter before.
    drops: Option<u32>,
}

/// What a datagram says of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    Acknowledged {
        err: u32,
        timestamp_ns: u64,
    },
    /// It was made after the request was sent, so no acknowledgement stands behind it.
    Passed,
    Nothing,
}

/// How the acknowledgement is come by: it is queued already, or comes late (before Linux 2.6.39 a
/// request was not handled at once), or events are switched off, or it was swallowed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    Take,
    Wait,
    WaitLonger,
}

/// How long to wait before it is supposed that events are switched off.
const PATIENCE_NS: u64 = 20_000_000;

impl Listens {
    /// Sends LISTEN, and waits until it is acknowledged.
    ///
    /// Returns how far the clock of the events is ahead of this process's, at most, in nanoseconds
    /// modulo 2^64: less than the handshake took, but in a time namespace.
    pub(crate) fn listen(
        &mut self,
        fd: &Fd,
        arena: &mut Arena,
        timeout_ns: u64,
    ) -> Result<u64, Error> {
        let deadline = Deadline::after(timeout_ns);
        let mut sent = self.send_listen(fd)?;
        let mut scanned = arena.queued().len();
        let mut step = Step::Take;
        let mut overran = false;
        loop {
            let until = match step {
                Step::Take => None,
                Step::Wait => Some(Deadline::after(PATIENCE_NS.min(deadline.left()))),
                Step::WaitLonger => Some(deadline),
            };
            // Insisting may have received it by now.
            let until = until.filter(|_| arena.queued().len() == scanned);
            let received = receive(fd, arena, until)?;
            overran |= received.overran;
            let passed = match answer(arena, scanned, &sent) {
                Answer::Acknowledged { err: 0, timestamp_ns } => {
                    return Ok(timestamp_ns.wrapping_sub(sent.before_ns));
                }
                Answer::Acknowledged { err, .. } => {
                    self.0 -= 1;
                    return Err(diagnosis::refused(err));
                }
                // After ENOBUFS all is refused until the queue has been drained.
                Answer::Passed => received.drained || !overran,
                Answer::Nothing => received.drained,
            };
            scanned = arena.queued().len();
            let late = deadline.left() == 0 || arena.is_full();
            if !passed && !late {
                continue;
            }
            if step == Step::Take
                && let Some(error) = diagnosis::ignored()
            {
                return Err(error);
            }
            if late {
                return Err(Error::NoAnswer);
            }
            // A full queue may have swallowed the acknowledgement. Now it has room.
            let swallowed = overran || drops(fd) != sent.drops;
            if swallowed || step == Step::Wait && insist(fd, arena)? {
                overran = false;
                scanned = arena.queued().len();
                sent = self.send_listen(fd)?;
            }
            step = if step == Step::Take { Step::Wait } else { Step::WaitLonger };
        }
    }

    fn send_listen(&mut self, fd: &Fd) -> Result<Sent, Error> {
        let sent = send(fd, Operation::Listen, None)?;
        self.0 += 1;
        Ok(sent)
    }

    /// Sends as many IGNOREs as LISTENs were sent.
    pub(crate) fn ignore(&mut self, fd: &Fd) {
        for _ in 0..core::mem::take(&mut self.0) {
            // Nobody is left to be told of an error, and the socket closes in any case.
            let _: Result<Sent, Error> = send(fd, Operation::Ignore, None);
        }
    }
}

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
    receive_all(fd, arena)?;
    let scanned = arena.queued().len();
    let sent = send(fd, operation, events)?;
    let overran = receive_all(fd, arena)?;
    let acknowledged = matches!(answer(arena, scanned, &sent), Answer::Acknowledged { .. });
    Ok(acknowledged || overran || drops(fd) != sent.drops || arena.is_full())
}

fn send(fd: &Fd, operation: Operation, events: Option<EventMask>) -> Result<Sent, Error> {
    let (nonce, drops) = (nonce(), drops(fd));
    let request = Request { operation, events, ack: nonce };
    let before_ns = syscall::monotonic();
    syscall::send(fd, request.to_bytes().as_ref()).map_err(diagnosis::not_sent)?;
    Ok(Sent { nonce, before_ns, after_ns: syscall::monotonic(), drops })
}

/// The drop counter; None where there is none.
fn drops(fd: &Fd) -> Option<u32> {
    syscall::memory(fd).ok().map(|memory| memory.drops)
}

/// Receives what there is; with a deadline, waits for it.
fn receive(fd: &Fd, arena: &mut Arena, until: Option<Deadline>) -> Result<Received, Error> {
    let flags = if let Some(until) = until {
        let left = until.left().max(1_000_000);
        syscall::set_receive_timeout(fd, left)
            .map_err(|errno| Error::System { call: Call::SetReceiveTimeout, errno })?;
        libc::MSG_WAITFORONE
    } else {
        libc::MSG_DONTWAIT
    };
    match arena.receive(fd, flags) {
        // The wait is bounded in any case, and a listener half opened is of no use to a handler.
        Err(errno) if errno.raw() == libc::EINTR => Ok(Received::NOTHING),
        received => received.map_err(|errno| Error::System { call: Call::Recvmmsg, errno }),
    }
}

/// Receives till nothing is left. Whether the socket said ENOBUFS.
fn receive_all(fd: &Fd, arena: &mut Arena) -> Result<bool, Error> {
    let mut overran = false;
    loop {
        let received = receive(fd, arena, None)?;
        overran |= received.overran;
        if received.drained || arena.is_full() {
            return Ok(overran);
        }
    }
}

/// What those queued after the first `scanned` say of the request.
fn answer(arena: &Arena, scanned: usize, sent: &Sent) -> Answer {
    let mut found = Answer::Nothing;
    for slot in arena.queued().iter().skip(scanned).filter(|slot| slot.is_from_kernel()) {
        match answer_in(slot.datagram(), sent) {
            Answer::Nothing => {}
            Answer::Passed => found = Answer::Passed,
            acknowledged => return acknowledged,
        }
    }
    found
}

/// What the datagram says of the request.
fn answer_in(datagram: &[u8], sent: &Sent) -> Answer {
    let mut answer = Answer::Nothing;
    for message in messages(datagram) {
        let Ok(Message::Event(event)) = message else { continue };
        if let EventData::Ack(Ack { err }) = event.data()
            && event.ack == sent.nonce.wrapping_add(1)
        {
            return Answer::Acknowledged { err, timestamp_ns: event.timestamp_ns };
        }
        if event.timestamp_ns > sent.after_ns {
            answer = Answer::Passed;
        }
    }
    answer
}

/// A number that no other listener's request is likely to bear.
fn nonce() -> u32 {
    syscall::random().unwrap_or_else(|| {
        let now = syscall::monotonic();
        (now ^ now >> 32) as u32 ^ syscall::getpid().cast_unsigned() << 8
    })
}

#[cfg(test)]
mod tests;
