//! Receiving: waits for the socket, and fills the stream.

use super::Listener;
use super::batch::{Batch, Deliveries};
use crate::error::Error;
use crate::socket::Waited;
use crate::stream::Delivery;
use crate::sys::clock::{Deadline, nanoseconds};
use core::time::Duration;

impl Listener {
    /// Waits for events, at most for `timeout`; without one, indefinitely. Returns `None` if none came in
    /// time, or [`Waker::wake`](super::Waker::wake) ended the wait.
    ///
    /// Deliveries that the caller does not take from the batch stay for the next call. With a timeout of
    /// zero the call discards unwanted events until the queue is empty, as edge-triggered polling requires.
    ///
    /// # Errors
    /// [`Error::Interrupted`] if and only if a signal handler ran during the wait, with or without
    /// SA_RESTART; SIGSTOP with SIGCONT, and a suspended machine, do not end it. [`Error::Forked`], and
    /// [`Error::System`].
    pub fn recv(&mut self, timeout: Option<Duration>) -> Result<Option<Batch<'_>>, Error> {
        self.check_owner()?;
        self.stream.forget();
        let timeout_ns = timeout.map(nanoseconds);
        if !self.stream.has_next() && self.fill(timeout_ns)? != Filled::Received {
            return Ok(None);
        }
        Ok(Some(Batch { listener: self }))
    }

    /// Receives until there is something to hand over, the timeout expires, or another thread ends the wait.
    pub(super) fn fill(&mut self, timeout_ns: Option<u64>) -> Result<Filled, Error> {
        let mut left = timeout_ns;
        let deadline = left.filter(|left| *left > 0).map(Deadline::after);
        loop {
            self.stream.forget();
            let waited = self.socket.wait(left)?;
            let mut progress = false;
            if waited == Waited::Receive {
                let received = self.socket.receive(&mut self.stream)?;
                progress = received.count > 0 || received.overran;
                if self.stream.has_next() {
                    return Ok(Filled::Received);
                }
            }
            if waited == Waited::Woken {
                return Ok(Filled::Woken);
            }
            if let Some(deadline) = deadline {
                left = Some(deadline.left());
            }
            // A call that does not wait drains the queue: edge-triggered callers rely on it.
            if left == Some(0) && (!progress || deadline.is_some()) {
                return Ok(Filled::Nothing);
            }
        }
    }

    /// An iterator over deliveries that waits for each. It continues after a signal handler ran, and ends
    /// with an error, or when [`Waker::wake`](super::Waker::wake) ends the wait.
    ///
    /// ```no_run
    /// # use cnproc_sys::Listener;
    /// let mut listener = Listener::options().open()?;
    /// for delivery in listener.deliveries() {
    ///     println!("{:?}", delivery?);
    /// }
    /// # Ok::<(), cnproc_sys::Error>(())
    /// ```
    pub fn deliveries(&mut self) -> Deliveries<'_> {
        Deliveries { listener: self }
    }
}

/// How a wait ended.
#[doc(hidden)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filled {
    /// Something was received.
    Received,
    /// Another thread ended it.
    Woken,
    /// The timeout expired.
    Nothing,
}

impl Iterator for Deliveries<'_> {
    type Item = Result<Delivery, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(delivery) = self.listener.stream.next() {
            return Some(Ok(delivery));
        }
        loop {
            return match self.listener.recv(None) {
                Ok(batch) => batch?.next().map(Ok),
                Err(Error::Interrupted) => continue,
                Err(error) => Some(Err(error)),
            };
        }
    }
}

#[cfg(test)]
mod tests;
