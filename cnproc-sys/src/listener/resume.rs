//! Whether the kernel still generates events, and how to make it resume.
//!
//! It has one count of listeners for all sockets, and generates events and acknowledgements while that is
//! above 0. Other processes can lower it while we listen, without notice:
//!
//! - before Linux 6.6, by any IGNORE beyond their own LISTENs;
//! - since then, although IGNORE is meant to silence only its sender, by IGNOREs that each follow an
//!   invalid request, which needs no privilege; and some releases of 6.6.y and 6.7.y reset the count by
//!   themselves.
//!
//! But a request is acknowledged if and only if the count is above 0, and that is what is probed.

use super::Listener;
use super::handshake::{Probe, force_resume, is_on};
use crate::error::Error;
use crate::socket::diagnosis;

/// What [`Listener::resume`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Resumed {
    /// The kernel generates events.
    AlreadyOn,
    /// Other processes had disabled events globally; the kernel generates them again. What happened in the
    /// meantime never became an event, so no count includes it.
    Restored,
    /// So many events have been received and not handed over (16,384) that there was no room for the
    /// kernel's answer: take some, and ask again.
    Unknown,
}

impl Listener {
    /// Finds out whether the kernel still generates events, and makes it resume if it does not.
    ///
    /// Other programs can disable events for all listeners, without a trace: a listener that closes twice,
    /// or sends IGNORE without LISTEN. Call this when silence is suspicious, for example each time
    /// [`recv`](Self::recv) has waited for a minute without result. It takes a few system calls, and causes
    /// one or two acknowledgements, which all listeners receive.
    ///
    /// # Errors
    /// [`Error::Muted`]; [`Error::UserNamespace`], [`Error::PidNamespace`] and [`Error::NetworkNamespace`] if
    /// the process entered one since; [`Error::NotPermitted`] before Linux 6.6 if it dropped CAP_NET_ADMIN;
    /// [`Error::Forked`], and [`Error::System`].
    pub fn resume(&mut self) -> Result<Resumed, Error> {
        self.check_owner()?;
        let resumed = self.probe_and_resume();
        if !matches!(resumed, Ok(Resumed::AlreadyOn | Resumed::Unknown)) {
            // Also after an error: events may have been off until now.
            self.stream.doubt(self.socket.now());
        }
        // What was lost meanwhile is reported before what has been received.
        self.socket.read_drops(&mut self.stream)?;
        resumed
    }

    fn probe_and_resume(&mut self) -> Result<Resumed, Error> {
        let Self { socket, stream, .. } = self;
        match is_on(socket, stream)? {
            Probe::Answered => return Ok(Resumed::AlreadyOn),
            Probe::Unknown => return Ok(Resumed::Unknown),
            Probe::Ignored => {}
        }
        // The process may have entered a namespace whose requests the kernel ignores.
        if let Some(error) = diagnosis::ignored() {
            return Err(error);
        }
        if force_resume(socket, stream, u64::MAX)? {
            Ok(Resumed::Restored)
        } else {
            Err(Error::Muted)
        }
    }
}
