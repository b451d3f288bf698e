//! Receiving: from the socket's queue to the caller, with the losses where they were.

use super::{Connector, failed};
use crate::batch::Delivery;
use crate::call::Call;
use crate::deadline::{Deadline, nanoseconds};
use crate::error::Error;
use crate::syscall;
use cnproc_parse::{Message, kernel, messages, single_event};
use core::time::Duration;

/// The longest single wait, after which it is begun anew. One of any length makes the kernel return
/// EINTR where it would otherwise restart the call, for handlers installed with SA_RESTART; but in
/// 32-bit kernels one of a month is none.
const LONGEST_WAIT_NS: u64 = 24 * 60 * 60 * 1_000_000_000;

impl Connector {
    /// Waits for events, at most as long as `timeout`; without one, for ever. None: none came.
    ///
    /// What the batch is not asked for stays for the next call.
    ///
    /// # Errors
    /// [`Error::Interrupted`] if a signal handler ran or the machine was suspended;
    /// [`Error::ChildProcess`], and [`Error::System`].
    pub fn recv(&mut self, timeout: Option<Duration>) -> Result<Option<Batch<'_>>, Error> {
        self.check_owner()?;
        // The next event's datagram may have been let go of.
        self.arena.forget(usize::from(self.is_read));
        if !self.has_next() {
            let mut left = timeout.map(nanoseconds);
            let deadline = left.filter(|left| *left > 0).map(Deadline::after);
            loop {
                self.arena.forget(0);
                let came = self.fill(left)?;
                if self.has_next() {
                    break;
                }
                if let Some(deadline) = deadline {
                    left = Some(deadline.left());
                }
                let over = left == Some(0);
                // Asked not to wait, it reads on till nothing is left: who waits for an edge needs it.
                if over && (!came || deadline.is_some()) {
                    return Ok(None);
                }
            }
        }
        Ok(Some(Batch { connector: self }))
    }

    /// Whether there is something to hand over without a system call.
    #[inline]
    fn has_next(&mut self) -> bool {
        if self.lost_here == 0 && !self.is_read {
            self.is_read = self.read_event();
        }
        self.lost_here > 0 || self.is_read
    }

    /// Takes the next delivery out of what was received.
    #[inline]
    fn deliver(&mut self) -> Option<Delivery> {
        if !self.has_next() {
            return None;
        }
        if self.lost_here > 0 {
            return Some(Delivery::Lost(core::mem::take(&mut self.lost_here)));
        }
        self.is_read = false;
        self.stats.delivered += 1;
        self.stats.unknown += u64::from(!self.event.is_known());
        Some(Delivery::Event(self.event))
    }

    /// Reads on to the next event that is wanted; whether there is one. Losses before it, or at the end,
    /// are in `lost_here`.
    fn read_event(&mut self) -> bool {
        while let Some(slot) = self.arena.front() {
            let whole = slot.is_from_kernel() && self.read == 0;
            let event = if whole { single_event(slot.datagram()) } else { None };
            let is_event = if let Some(event) = event {
                self.event = event;
                self.arena.pop();
                true
            } else {
                self.read_message()
            };
            if is_event && self.is_wanted() {
                return true;
            }
        }
        // Losses at the very end of a stream: no number follows that would show them.
        if let Some(drops) = self.drops_when_empty.take() {
            self.observe_drops(drops);
        }
        false
    }

    /// Reads the next message of a datagram that is not just an event of the kernel's; whether it is one.
    #[cold]
    fn read_message(&mut self) -> bool {
        let Some(slot) = self.arena.front() else { return false };
        if !slot.is_from_kernel() {
            self.stats.forged += 1;
            self.arena.pop();
            return false;
        }
        let datagram = slot.datagram();
        let mut messages = messages(datagram.get(self.read..).unwrap_or_default());
        let message = messages.next();
        self.read += messages.offset();
        if self.read == datagram.len() {
            self.read = 0;
            // Cut off between two messages: what is missing shows nowhere else.
            let cut_off = slot.is_cut_off() && !matches!(message, Some(Err(_)));
            self.stats.malformed += u64::from(cut_off);
            self.arena.pop();
        }
        match message {
            Some(Ok(Message::Event(event))) => {
                self.event = event;
                return true;
            }
            Some(_) => self.stats.malformed += 1,
            None => {}
        }
        false
    }

    /// Takes the event read into the account. Whether it is to be delivered.
    #[inline]
    fn is_wanted(&mut self) -> bool {
        let lost = self.account.observe(&self.event);
        if lost > 0 {
            self.lose(lost);
        }
        if self.event.what == kernel::PROC_EVENT_NONE {
            self.stats.acks += 1;
            return self.acks;
        }
        self.filter.matches(&self.event)
    }

    fn lose(&mut self, count: u64) {
        self.lost_here += count;
        self.stats.lost += count;
        if count > 0 {
            self.completeness.lost(self.now());
        }
    }

    /// Notes a reading of the drop counter.
    fn see_drops(&mut self, drops: u32) {
        if self.account.see_drops(drops) {
            self.completeness.lost(self.now());
        }
    }

    /// Takes a reading of the drop counter. Whether it makes a loss known.
    pub(super) fn observe_drops(&mut self, drops: u32) -> bool {
        self.see_drops(drops);
        let lost = self.account.observe_drops(drops);
        self.lose(lost);
        lost > 0
    }

    /// Receives a batch, waiting for it so long. Whether anything came, if only the news
    /// of a loss.
    pub(super) fn fill(&mut self, timeout_ns: Option<u64>) -> Result<bool, Error> {
        if let Some(gather) = &mut self.gather {
            match gather.wait(&self.fd, timeout_ns) {
                Ok(true) => {}
                Ok(false) => return Ok(false),
                Err(errno) if errno.raw() == libc::EINTR => return Err(Error::Interrupted),
                Err(errno) => return Err(Error::System { call: Call::EpollWait, errno }),
            }
        }
        let flags = if self.gather.is_some() || timeout_ns == Some(0) {
            libc::MSG_DONTWAIT
        } else {
            self.set_receive_timeout(timeout_ns.unwrap_or(LONGEST_WAIT_NS).min(LONGEST_WAIT_NS))?;
            libc::MSG_WAITFORONE
        };
        let received = self.arena.receive(&self.fd, flags).map_err(|errno| match errno.raw() {
            libc::EINTR => Error::Interrupted,
            _ => Error::System { call: Call::Recvmmsg, errno },
        })?;
        if let Some(gather) = &mut self.gather {
            gather
                .drained(&self.fd, received.came, received.drained)
                .map_err(failed(Call::EpollCtl))?;
        }
        // The counter tells what numbers do not: losses at the end of a queue that was full.
        let may_have_been_full = received.taken >= u64::from(self.stats.receive_buffer);
        // It may have counted when the queue was not empty again: then it waits to be told.
        let is_untold = self.account.has_uncounted_drops();
        if may_have_been_full || is_untold || received.overran || !self.account.by_sequence() {
            self.check_drops()?;
        }
        Ok(received.came > 0 || received.overran)
    }

    /// Looks whether the socket has dropped something.
    pub(super) fn check_drops(&mut self) -> Result<(), Error> {
        self.drops_when_empty = None;
        if self.arena.take_overrun() {
            let lost = self.account.observe_overrun();
            self.lose(lost);
        }
        if self.stats.lost_is_lower_bound {
            return Ok(());
        }
        let memory = |fd: &_| syscall::memory(fd).map_err(failed(Call::GetMemory));
        let seen = memory(&self.fd)?;
        self.see_drops(seen.drops);
        if !self.account.has_uncounted_drops() {
            return Ok(());
        }
        if !self.account.by_sequence() {
            // Where the gap is can't be told. The first event after it has just come, or is to come.
            self.observe_drops(seen.drops);
        } else if seen.queued == 0 && memory(&self.fd)?.queued == 0 {
            // Empty after the counter was read: what it counts was dropped after all that was received.
            self.drops_when_empty = Some(seen.drops);
        }
        Ok(())
    }

    fn set_receive_timeout(&mut self, timeout_ns: u64) -> Result<(), Error> {
        if self.receive_timeout_ns != Some(timeout_ns) {
            syscall::set_receive_timeout(&self.fd, timeout_ns)
                .map_err(failed(Call::SetReceiveTimeout))?;
            self.receive_timeout_ns = Some(timeout_ns);
        }
        Ok(())
    }
}

/// What has come: an iterator over deliveries, which makes no system call.
///
/// Dropped before its end, it leaves the rest to the next [`Connector::recv`].
#[derive(Debug)]
pub struct Batch<'a> {
    connector: &'a mut Connector,
}

impl Batch<'_> {
    pub(crate) const fn connector(&mut self) -> &mut Connector {
        self.connector
    }
}

impl Iterator for Batch<'_> {
    type Item = Delivery;

    #[inline]
    fn next(&mut self) -> Option<Delivery> {
        self.connector.deliver()
    }
}

#[cfg(test)]
mod tests;
