//! LISTEN, and the wait for the kernel's acknowledgement of it.
//!
//! The acknowledgement is multicast: every listener receives everybody's. Only `cn_msg.ack`, which is
//! the request's + 1, shows whose it is, so each request carries a random number. The kernel queues it
//! before `send` returns, behind the events that came first; those stay queued, in order. So an event
//! generated after `send` returned, or an empty queue, shows that the acknowledgement will not come:
//! there was no room for it, or the kernel ignored the request.

use crate::error::Error;
use crate::socket::{Socket, Waited, diagnosis};
use crate::stream::Stream;
use crate::sys::clock::{self, Deadline};
use crate::sys::{netlink, process};
use cnproc_parse::{Ack, EventData, EventMask, Message, Operation, Request, messages};

/// The number of IGNOREs owed to the kernel: before Linux 6.6 it counts each LISTEN.
#[derive(Debug, Default)]
pub(super) struct Membership(u32);

/// A request that was sent.
#[derive(Clone, Copy)]
struct Sent {
    nonce: u32,
    /// Just before it was sent, and just after.
    before_ns: u64,
    after_ns: u64,
    /// The drop counter before.
    drops: Option<u32>,
    /// The position of the first datagram that may be the answer.
    position: u64,
}

/// What a datagram means for a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    Acknowledged {
        err: u32,
        timestamp_ns: u64,
    },
    /// It was generated after the request was sent, so no acknowledgement is behind it.
    Passed,
    Nothing,
}

/// Stages of waiting for the acknowledgement: already queued; late (before Linux 2.6.39 a request was
/// not handled at once), or events are disabled globally; or dropped by a full queue.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Queued,
    Late,
    Last,
}

/// How long to wait before events are taken to be disabled globally.
const PATIENCE_NS: u64 = 20_000_000;

impl Membership {
    /// Sends LISTEN, and waits until it is acknowledged.
    ///
    /// Returns how far the clock of the events is ahead of this process's, at most, in nanoseconds
    /// modulo 2^64: less than the handshake took, except in a time namespace.
    pub(super) fn listen(
        &mut self,
        socket: &mut Socket,
        stream: &mut Stream,
        timeout_ns: u64,
    ) -> Result<u64, Error> {
        let deadline = Deadline::after(timeout_ns);
        let mut sent = self.send_listen(socket, stream)?;
        let mut scanned = sent.position;
        let mut stage = Stage::Queued;
        let mut overran = false;
        loop {
            let until = match stage {
                Stage::Queued => None,
                Stage::Late => Some(Deadline::after(PATIENCE_NS.min(deadline.left()))),
                Stage::Last => Some(deadline),
            };
            // `force_resume` may have received it meanwhile.
            if stream.end() == scanned {
                if let Some(until) = until {
                    await_answer(socket, until)?;
                }
            }
            let received = socket.receive(stream)?;
            overran |= received.overran;
            let passed = match answer(stream, scanned, &sent) {
                Answer::Acknowledged { err: 0, timestamp_ns } => {
                    return Ok(timestamp_ns.wrapping_sub(sent.before_ns));
                }
                Answer::Acknowledged { err, .. } => {
                    self.0 -= 1;
                    return Err(diagnosis::refused(err));
                }
                // After ENOBUFS everything is refused until the queue has been drained.
                Answer::Passed => received.drained || !overran,
                Answer::Nothing => received.drained,
            };
            scanned = stream.end();
            let is_late = deadline.left() == 0 || stream.is_full();
            if !passed && !is_late {
                continue;
            }
            if stage == Stage::Queued {
                if let Some(error) = diagnosis::ignored() {
                    return Err(error);
                }
            }
            if is_late {
                return Err(Error::NoAck);
            }
            // A full queue may have dropped the acknowledgement. Now it has room.
            let may_be_dropped = overran || socket.drops()? != sent.drops;
            if may_be_dropped || stage == Stage::Late && force_resume(socket, stream)? {
                overran = false;
                sent = self.send_listen(socket, stream)?;
                scanned = sent.position;
            }
            stage = if stage == Stage::Queued { Stage::Late } else { Stage::Last };
        }
    }

    fn send_listen(&mut self, socket: &Socket, stream: &Stream) -> Result<Sent, Error> {
        let sent = send(socket, stream, Operation::Listen, None)?;
        self.0 += 1;
        Ok(sent)
    }

    /// Sends as many IGNOREs as LISTENs were sent.
    pub(super) fn ignore(&mut self, socket: &Socket) {
        for _ in 0..core::mem::take(&mut self.0) {
            // Nobody could act on an error any more, and the socket is closed in any case.
            let _: Result<(), Error> = request(socket, Operation::Ignore, None, nonce());
        }
    }
}

/// The upper bound of surplus IGNOREs that are compensated; other processes may keep sending more.
const MOST_STRAYS: u32 = 4096;

/// Makes the kernel resume events that other processes disabled: see [`Listener::resume`]. Sends LISTEN,
/// as a new one each time, until it is acknowledged; whether it was. Each LISTEN before that compensated
/// for a surplus IGNORE, so no IGNORE is owed for it.
///
/// [`Listener::resume`]: crate::Listener::resume
pub(super) fn force_resume(socket: &mut Socket, stream: &mut Stream) -> Result<bool, Error> {
    for _ in 0..MOST_STRAYS {
        request(socket, Operation::Invalid, Some(EVERYTHING), nonce())?;
        if probe(socket, stream, Operation::Listen, None)? == Probe::Answered {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The kernel's own filter that lets everything pass, acknowledgements too.
pub(super) const EVERYTHING: EventMask = EventMask::ALL.union(EventMask::NONZERO_EXIT);

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Probe {
    /// The kernel acknowledged it, even if only to refuse it: it generates events. So it does if something
    /// was dropped meanwhile.
    Answered,
    /// The queue was read to its end, and there is no acknowledgement.
    Ignored,
    /// The stream had no room for the answer.
    Unknown,
}

/// Sends a request, and looks whether the kernel acknowledges it. It does while it generates events.
pub(super) fn probe(
    socket: &mut Socket,
    stream: &mut Stream,
    operation: Operation,
    events: Option<EventMask>,
) -> Result<Probe, Error> {
    socket.drain(stream)?;
    let sent = send(socket, stream, operation, events)?;
    let received = socket.drain(stream)?;
    let is_acknowledged =
        matches!(answer(stream, sent.position, &sent), Answer::Acknowledged { .. });
    Ok(if is_acknowledged || received.overran || socket.drops()? != sent.drops {
        Probe::Answered
    } else if received.drained {
        Probe::Ignored
    } else {
        Probe::Unknown
    })
}

fn send(
    socket: &Socket,
    stream: &Stream,
    operation: Operation,
    events: Option<EventMask>,
) -> Result<Sent, Error> {
    let (nonce, drops) = (nonce(), socket.drops()?);
    let before_ns = clock::monotonic();
    request(socket, operation, events, nonce)?;
    let after_ns = clock::monotonic();
    Ok(Sent { nonce, before_ns, after_ns, drops, position: stream.end() })
}

fn request(
    socket: &Socket,
    operation: Operation,
    events: Option<EventMask>,
    ack: u32,
) -> Result<(), Error> {
    let request = Request { operation, events, ack };
    netlink::send(socket.fd(), request.to_bytes().as_ref()).map_err(diagnosis::not_sent)
}

/// Waits for something to receive, until the deadline.
fn await_answer(socket: &mut Socket, until: Deadline) -> Result<(), Error> {
    match socket.wait(Some(until.left().max(1_000_000))) {
        // The wait is bounded in any case, and a listener half opened is of no use to a handler.
        Ok(Waited::Receive | Waited::Woken | Waited::Nothing) | Err(Error::Interrupted) => Ok(()),
        Err(error) => Err(error),
    }
}

/// What the datagrams that wait from a position on mean for the request.
fn answer(stream: &Stream, position: u64, sent: &Sent) -> Answer {
    let mut found = Answer::Nothing;
    for datagram in stream.waiting_from(position) {
        match answer_in(datagram, sent) {
            Answer::Nothing => {}
            Answer::Passed => found = Answer::Passed,
            acknowledged => return acknowledged,
        }
    }
    found
}

fn answer_in(datagram: &[u8], sent: &Sent) -> Answer {
    let mut answer = Answer::Nothing;
    for message in messages(datagram) {
        let Ok(Message::Event(event)) = message else { continue };
        match event.data() {
            EventData::Ack(Ack { err }) if event.ack == sent.nonce.wrapping_add(1) => {
                return Answer::Acknowledged { err, timestamp_ns: event.timestamp_ns };
            }
            _ if event.timestamp_ns > sent.after_ns => answer = Answer::Passed,
            _ => {}
        }
    }
    answer
}

/// A number that no other listener's request is likely to carry.
fn nonce() -> u32 {
    process::random().unwrap_or_else(|| {
        let now = clock::monotonic();
        (now ^ now >> 32) as u32 ^ (process::getpid() as u32) << 8
    })
}

#[cfg(test)]
mod tests;
