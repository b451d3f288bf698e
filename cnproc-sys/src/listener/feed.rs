//! The stream as a table of processes needs it: item by item, and with a look at what waits.

use super::Listener;
use super::receive::Filled;
use crate::error::Error;
use crate::stream::Delivery;
use crate::sys::clock;
use cnproc_parse::Event;

impl Listener {
    /// The next of what has been received.
    #[doc(hidden)]
    pub fn next_received(&mut self) -> Option<Delivery> {
        self.stream.next()
    }

    /// Whether something has been received that was not handed over.
    #[doc(hidden)]
    pub fn has_received(&mut self) -> bool {
        self.stream.has_next()
    }

    /// Waits until something has been received, as [`recv`](Self::recv) does.
    ///
    /// # Errors
    /// Those of [`recv`](Self::recv).
    #[doc(hidden)]
    pub fn await_received(&mut self, timeout_ns: Option<u64>) -> Result<Filled, Error> {
        self.stream.forget();
        if self.stream.has_next() { Ok(Filled::Received) } else { self.fill(timeout_ns) }
    }

    /// Receives all that waits, without waiting. False if there was no room for all of it.
    ///
    /// # Errors
    /// [`Error::System`]
    #[doc(hidden)]
    pub fn receive_all(&mut self) -> Result<bool, Error> {
        self.stream.forget();
        let Self { socket, stream, .. } = self;
        let drained = socket.drain(stream)?.drained;
        stream.index_waiting()?;
        Ok(drained)
    }

    /// Calls `visit` with each event about that process that [`receive_all`](Self::receive_all) has found, or
    /// that was received before it, and that was not handed over; newest first.
    #[doc(hidden)]
    pub fn waiting_of(&self, pid: i32, visit: &mut dyn FnMut(&Event)) {
        self.stream.waiting_of(pid, visit);
    }

    /// Now, on the clock of the events: at the earliest, and at the latest.
    #[doc(hidden)]
    pub fn events_clock(&self) -> (u64, u64) {
        if self.procfs.clocks_are_the_events() {
            let now = clock::monotonic();
            (now, now)
        } else {
            (self.socket.now_at_least(), self.socket.now())
        }
    }

    /// By how much the clock of start times is ahead of the events', at most.
    #[doc(hidden)]
    pub fn boot_offset_ns(&self) -> u64 {
        let (earliest, _) = self.events_clock();
        clock::boottime().saturating_sub(earliest)
    }
}

#[cfg(test)]
mod tests;
