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
use crate::syscall::{self, Result as CallResult};
use cnproc_parse::{EventData, Message, Operation, Request, messages};
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
        let mut looked = false;
        loop {
            let drained = receive(fd, arena, deadline, looked)?;
            for slot in arena.queued().iter().skip(scanned) {
                if !slot.is_from_kernel() {
                    continue;
                }
                match acknowledgement(slot.datagram(), nonce) {
                    Some(0) => return Ok(()),
                    Some(err) => {
                        self.0 -= 1;
                        return Err(diagnosis::refused(err));
                    }
                    None => {}
                }
            }
            scanned = arena.queued().len();
            if !drained {
                continue;
            }
            if let (false, Some(error)) = (looked, diagnosis::ignored()) {
                return Err(error);
            }
            looked = true;
            if deadline.left().is_zero() || arena.is_full() {
                return Err(Error::NoAnswer);
            }
            // A full queue may have swallowed the acknowledgement. Now it has room.
            if syscall::drops(fd).is_ok_and(|drops| drops > 0) {
                nonce = self.send_listen(fd)?;
            }
        }
    }

    fn send_listen(&mut self, fd: &Fd) -> Result<u32, Error> {
        let ack = nonce();
        let request = Request { operation: Operation::Listen, events: None, ack };
        syscall::send(fd, request.to_bytes().as_ref()).map_err(diagnosis::not_sent)?;
        self.0 += 1;
        Ok(ack)
    }

    /// Sends as many IGNOREs as LISTENs were sent.
    pub(crate) fn ignore(&mut self, fd: &Fd) {
        let request = Request { operation: Operation::Ignore, events: None, ack: nonce() };
        for _ in 0..core::mem::take(&mut self.0) {
            // Nobody is left to be told of an error, and the socket closes in any case.
            let _: CallResult<()> = syscall::send(fd, request.to_bytes().as_ref());
        }
    }
}

/// Receives what there is; if `wait`, waits for it until the deadline. Whether the queue is empty now.
fn receive(fd: &Fd, arena: &mut Arena, deadline: Deadline, wait: bool) -> Result<bool, Error> {
    let flags = if wait {
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
