//! Where events and looks at `/proc` come from.

use crate::scan::{Pending, Snapshot};
use crate::texts::Text;
use cnproc_parse::Event;

/// A stream of events, and `/proc` with it.
pub trait Machine {
    /// What can go wrong with it.
    type Error;

    /// The next of what has been received.
    fn next(&mut self) -> Option<Delivery>;

    /// Whether something has been received that was not handed over yet.
    fn has_next(&mut self) -> bool;

    /// Receives all that waits, without waiting. False if there was no room for all of it.
    ///
    /// # Errors
    /// Those of the source.
    fn receive(&mut self) -> Result<bool, Self::Error>;

    /// [Notes](Pending::note) every event that has been received and is still to be handed over, newest first.
    /// Those of other processes may be left out.
    fn pending(&self, pid: i32, pending: &mut Pending);

    /// Looks at `/proc/PID`. All that it finds must be of one process.
    ///
    /// # Errors
    /// It could not be read, though the process may be there.
    fn look(&mut self, pid: i32, what: Look) -> Result<Snapshot, Self::Error>;

    /// A text that the last look has read.
    fn text(&self, text: Text) -> Option<&[u8]>;

    /// Begins to list the pids of `/proc` from the first.
    ///
    /// # Errors
    /// `/proc` cannot be read.
    fn rewind(&mut self) -> Result<(), Self::Error>;

    /// The next pid that is listed. Every process is listed that is there from
    /// [`rewind`](Self::rewind) until the last was listed.
    ///
    /// # Errors
    /// `/proc` cannot be read.
    fn list(&mut self) -> Result<Option<i32>, Self::Error>;

    /// CLOCK_MONOTONIC.
    fn now_ns(&self) -> u64;
}

/// What a look is to read besides `/proc/PID/stat`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Look {
    /// The ids.
    pub ids: bool,
    /// The texts that are kept.
    pub texts: bool,
}

/// An item of the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// An event.
    Event(Event),
    /// That number of events was lost, here or further on; 0: unknown. It must stand before every event
    /// that was sent after the first of them.
    Lost(u64),
}
