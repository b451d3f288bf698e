//! Whether the kernel still makes events.
//!
//! It has one count of listeners for all sockets, and makes events and acknowledgements while that is
//! above 0. Others can bring it there while we listen, and the kernel tells nobody:
//!
//! - before Linux 6.6, by any IGNORE beyond their own LISTENs;
//! - since then, though IGNORE is meant to silence its sender alone, by IGNOREs that each follow an
//!   invalid request, which takes no privilege; and some releases of 6.6.y and 6.7.y reset the count by
//!   themselves.
//!
//! But a request is acknowledged if and only if the count is above 0, and that is what is asked for.

use crate::connector::Connector;
use crate::error::Error;
use crate::handshake::{EVERYTHING, insist, is_answered};
use cnproc_parse::Operation;

/// What [`Connector::check`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Check {
    /// The kernel makes events.
    Listening,
    /// It made none any more, since others had switched them off; now it does again. What happened in
    /// the meantime was never made an event, so it is not in any count.
    Restored,
}

impl Connector {
    /// Finds out whether the kernel still makes events, and switches them on again if it does not.
    ///
    /// Other programs can switch events off for all, without a trace: a listener that closes twice, or
    /// says IGNORE without having said LISTEN. Call this where silence is suspicious, say each time
    /// that [`recv`](Self::recv) has waited for a minute in vain. It takes a few system calls, and
    /// makes one or two acknowledgements, which all listeners see.
    ///
    /// # Errors
    /// [`Error::SwitchedOff`], [`Error::ChildProcess`], and [`Error::System`].
    pub fn check(&mut self) -> Result<Check, Error> {
        self.check_owner()?;
        let check = self.find_out();
        // What was lost meanwhile is told before what has come.
        self.check_drops()?;
        let check = check?;
        if check == Check::Restored {
            // Nobody knows how many.
            self.completeness.lost(self.now());
        }
        Ok(check)
    }

    fn find_out(&mut self) -> Result<Check, Error> {
        // First what has come, so that its losses are told where they were.
        while self.fill(Some(0))? {}
        let Self { fd, arena, .. } = self;
        let mut is_answered = |operation, events| is_answered(fd, arena, operation, events);
        // Linux 6.6 and later: a LISTEN again, which counts nothing. Ignored before.
        if is_answered(Operation::Listen, Some(EVERYTHING))? {
            return Ok(Check::Listening);
        }
        // Before 6.6: one more, which makes it at least 1 unless it was below 0, and one less. There the
        // second is answered if it was at least 1 from the start. Since 6.6 an IGNORE would count.
        if is_answered(Operation::Listen, None)? {
            if is_answered(Operation::Listen, Some(EVERYTHING))? {
                return Ok(Check::Restored);
            }
            if is_answered(Operation::Ignore, None)? {
                return Ok(Check::Listening);
            }
        }
        if insist(fd, arena)? { Ok(Check::Restored) } else { Err(Error::SwitchedOff) }
    }
}
