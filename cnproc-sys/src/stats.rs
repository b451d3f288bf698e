//! What a listener has seen so far.

use cnproc_parse::EventMask;

/// What a listener has seen since it was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Events handed over.
    pub delivered: u64,
    /// Events lost: the sum of all [`Delivery::Lost`](crate::Delivery::Lost), those handed over and
    /// those about to be. An acknowledgement, or another process's message, that found no room is among
    /// them: what it was can't be known.
    pub lost: u64,
    /// Whether `lost` is but a lower bound: on Linux before 4.12, which has no drop counter.
    pub lost_is_lower_bound: bool,
    /// Datagrams dropped since another process sent them.
    pub forged: u64,
    /// Messages of the kernel dropped since they could not be read, or were no events.
    pub malformed: u64,
    /// Events of a type that this version does not know. They are delivered.
    pub unknown: u64,
    /// Acknowledgements seen: this listener's own, and those of others.
    pub acks: u64,
    /// The types of events wanted.
    pub events: EventMask,
    /// Whether what concerns a thread only is left out.
    pub processes: bool,
    /// The receive buffer granted, in bytes of kernel memory: an event takes 832 of it.
    pub receive_buffer: u32,
}
