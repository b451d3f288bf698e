//! What one receiving call returned.

use super::Listener;
use crate::stream::Delivery;

/// An iterator over deliveries that were received. It makes no system call.
///
/// If it is dropped before its end, the rest stays for the next [`Listener::recv`].
#[derive(Debug)]
#[must_use = "iterate over the deliveries"]
pub struct Batch<'a> {
    pub(super) listener: &'a mut Listener,
}

impl Batch<'_> {
    /// The listener, to ask for the process of an event while the batch is being read.
    pub(crate) const fn listener(&mut self) -> &mut Listener {
        self.listener
    }
}

impl Iterator for Batch<'_> {
    type Item = Delivery;

    #[inline]
    fn next(&mut self) -> Option<Delivery> {
        self.listener.stream.next()
    }
}

impl core::iter::FusedIterator for Batch<'_> {}

/// An iterator that waits for the next delivery. See [`Listener::deliveries`].
#[derive(Debug)]
pub struct Deliveries<'a> {
    pub(super) listener: &'a mut Listener,
}
