//! LISTEN, and the wait for the kernel's acknowledgement of it.
//!
//! The acknowledgement is multicast: every listener receives everybody's. Only `cn_msg.ack`, which is
//! the request's + 1, shows whose it is, so each request carries a random number. The kernel queues it
//! before `send` returns, behind the events that came first; those stay queued, in order. So an event
//! generated after `send` returned, or an empty queue, shows that the acknowledgement will not come:
//! there was no room for it, or the kernel ignored the request.

use crate::error::Error;
use crate::socket::{Socket, diagnosis, listeners};
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
    /// ENOBUFS was returned since: everything is refused until the queue has been drained.
    overran: bool,
    /// The position of the first datagram that may be the answer and was not looked at.
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
        let mut stage = Stage::Queued;
        loop {
            let look = look(socket, stream, &mut sent)?;
            match look.answer {
                Answer::Acknowledged { err: 0, timestamp_ns } => {
                    return Ok(timestamp_ns.wrapping_sub(sent.before_ns));
                }
                Answer::Acknowledged { err, .. } => {
                    self.0 -= 1;
                    return Err(diagnosis::refused(err));
                }
                Answer::Passed | Answer::Nothing => {}
            }
            let is_late = deadline.left() == 0 || stream.is_full();
            if !look.is_last && !is_late {
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
            let send_again = look.may_be_dropped
                || stage == Stage::Late && force_resume(socket, stream, deadline.left())?;
            if send_again {
                sent = self.send_listen(socket, stream)?;
            }
            let until = match stage {
                Stage::Queued => Deadline::after(PATIENCE_NS.min(deadline.left())),
                Stage::Late | Stage::Last => deadline,
            };
            stage = if stage == Stage::Queued { Stage::Late } else { Stage::Last };
            // `force_resume` may have received it meanwhile.
            if !send_again && stream.end() == sent.position {
                await_answer(socket, until)?;
            }
        }
    }

    fn send_listen(&mut self, socket: &Socket, stream: &Stream) -> Result<Sent, Error> {
        let sent = send(socket, stream, Operation::Listen)?;
        self.0 += 1;
        Ok(sent)
    }

    /// Sends as many IGNOREs as LISTENs were sent.
    pub(super) fn ignore(&mut self, socket: &Socket) {
        for _ in 0..core::mem::take(&mut self.0) {
            // Nobody could act on an error any more, and the socket is closed in any case. But the kernel
            // counts a LISTEN without its IGNORE until it is rebooted.
            let _is_sent =
                (0..TRIES).any(|_| request(socket, Operation::Ignore, None, nonce()).is_ok());
        }
    }
}

/// How often an IGNORE is sent if that fails.
const TRIES: u32 = 3;

/// The upper bound of surplus IGNOREs that are compensated, and of the time for that; other processes may
/// keep sending more.
const MOST_STRAYS: u32 = 1 << 16;
const MOST_NS: u64 = 2_000_000_000;

/// The upper bound of other listeners for which the count is raised.
const MOST_LISTENERS: u32 = 64;

/// Makes the kernel resume events that other processes disabled: see [`Listener::resume`]. Sends LISTEN,
/// as a new one each time, until it is acknowledged; whether it was. Each LISTEN before that compensated
/// for a surplus IGNORE, so no IGNORE is owed for it.
///
/// Then the count is 1, however many listen, and the next listener that closes would disable events
/// again. So it is raised by one for each that there may be. A count that is too high harms nobody.
///
/// [`Listener::resume`]: crate::Listener::resume
pub(super) fn force_resume(
    socket: &mut Socket,
    stream: &mut Stream,
    timeout_ns: u64,
) -> Result<bool, Error> {
    let deadline = Deadline::after(timeout_ns.min(MOST_NS));
    for _ in 0..MOST_STRAYS {
        if deadline.left() == 0 {
            break;
        }
        request(socket, Operation::Invalid, Some(EVERYTHING), nonce())?;
        if probe(socket, stream, Operation::Listen)? == Probe::Answered {
            let sockets = listeners::count().unwrap_or_default();
            for _ in 0..sockets.saturating_sub(socket.bound_sockets()).min(MOST_LISTENERS) {
                request(socket, Operation::Invalid, Some(EVERYTHING), nonce())?;
                request(socket, Operation::Listen, None, nonce())?;
            }
            return Ok(true);
        }
    }
    Ok(false)
}

/// The kernel's own filter that lets everything pass, acknowledgements too.
const EVERYTHING: EventMask = EventMask::ALL.union(EventMask::NONZERO_EXIT);

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Probe {
    /// The kernel acknowledged it, even if only to refuse it: it generates events. So it does if something
    /// was dropped meanwhile.
    Answered,
    /// The queue was read to its end, and there is no acknowledgement.
    Ignored,
    /// The stream had no room for the answer.
    Unknown,
}

/// Whether the kernel generates events: it acknowledges a request while it does, and refuses an invalid one
/// without any effect on other listeners.
pub(crate) fn is_on(socket: &mut Socket, stream: &mut Stream) -> Result<Probe, Error> {
    probe(socket, stream, Operation::Invalid)
}

/// Sends a request, and looks whether the kernel acknowledges it.
fn probe(socket: &mut Socket, stream: &mut Stream, operation: Operation) -> Result<Probe, Error> {
    // So that there is room for the answer.
    socket.drain(stream)?;
    socket.look_at_acks(stream, None)?;
    let mut sent = send(socket, stream, operation)?;
    loop {
        let look = look(socket, stream, &mut sent)?;
        if matches!(look.answer, Answer::Acknowledged { .. }) {
            return Ok(Probe::Answered);
        }
        if stream.is_full() && !look.is_last {
            return Ok(Probe::Unknown);
        }
        if look.is_last {
            return Ok(if look.may_be_dropped { Probe::Answered } else { Probe::Ignored });
        }
    }
}

/// What a look for the answer to a request has found.
#[derive(Clone, Copy, Debug)]
struct Look {
    answer: Answer,
    /// Everything that was sent up to now has been looked at.
    is_last: bool,
    /// The queue was full: it may have dropped the answer.
    may_be_dropped: bool,
}

/// Looks for the answer to a request: on the witness, if there is one; otherwise in the stream.
fn look(socket: &mut Socket, stream: &mut Stream, sent: &mut Sent) -> Result<Look, Error> {
    if let Some(seen) = socket.look_at_acks(stream, Some(sent.nonce.wrapping_add(1)))? {
        let answer = match seen.own {
            Some((err, timestamp_ns)) => Answer::Acknowledged { err, timestamp_ns },
            None => Answer::Nothing,
        };
        return Ok(Look { answer, is_last: true, may_be_dropped: seen.overran });
    }
    let received = socket.receive(stream)?;
    sent.overran |= received.overran;
    if received.is_stalled() && !stream.is_full() {
        await_answer(socket, Deadline::after(0))?;
    }
    let answer = answer(stream, sent);
    sent.position = stream.end();
    let is_last = match answer {
        Answer::Passed => received.drained || !sent.overran,
        Answer::Acknowledged { .. } | Answer::Nothing => received.drained,
    };
    let may_be_dropped = sent.overran || socket.ack_drops()? != sent.drops;
    Ok(Look { answer, is_last, may_be_dropped })
}

fn send(socket: &Socket, stream: &Stream, operation: Operation) -> Result<Sent, Error> {
    let (nonce, drops) = (nonce(), socket.ack_drops()?);
    let before_ns = clock::monotonic();
    request(socket, operation, None, nonce)?;
    let after_ns = clock::monotonic();
    Ok(Sent { nonce, before_ns, after_ns, drops, overran: false, position: stream.end() })
}

fn request(
    socket: &Socket,
    operation: Operation,
    events: Option<EventMask>,
    ack: u32,
) -> Result<(), Error> {
    let request = Request::new(operation, events, ack).to_bytes();
    netlink::send(socket.fd(), request.as_ref()).map_err(diagnosis::not_sent)
}

/// Waits for something to receive, until the deadline.
fn await_answer(socket: &mut Socket, until: Deadline) -> Result<(), Error> {
    match socket.wait_for_ack(until.left().max(1_000_000)) {
        // The wait is bounded in any case, and a listener half opened is of no use to a handler.
        Err(Error::Interrupted) => Ok(()),
        result => result,
    }
}

/// What the datagrams that wait and were not looked at mean for the request.
fn answer(stream: &mut Stream, sent: &Sent) -> Answer {
    let (mut found, mut own) = (Answer::Nothing, None);
    for (position, datagram) in stream.waiting_from(sent.position) {
        match answer_in(datagram, sent) {
            Answer::Nothing => {}
            Answer::Passed => found = Answer::Passed,
            acknowledged => {
                own =
                    matches!(acknowledged, Answer::Acknowledged { err: 0, .. }).then_some(position);
                found = acknowledged;
                break;
            }
        }
    }
    if let Some(position) = own {
        stream.set_own_listen(position);
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
