//! Ends another thread's wait.

use crate::error::Error;
use crate::sys::fd::Fd;
use crate::sys::wait;

/// Ends the wait of a [`recv`](crate::Listener::recv) in another thread. See
/// [`Listener::waker`](crate::Listener::waker).
#[derive(Debug)]
pub struct Waker(Fd);

impl Waker {
    pub(super) fn new(wake: &Fd) -> Result<Self, Error> {
        wake.duplicate().map(Self)
    }

    /// Ends the wait, or the next one if there is none: [`recv`](crate::Listener::recv) returns `None`.
    ///
    /// Async-signal-safe: a signal handler may call it, and errno stays as it is.
    pub fn wake(&self) {
        wait::signal(&self.0);
    }
}
