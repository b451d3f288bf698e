//! What a listener has seen so far.

use crate::error::Error;
use cnproc_parse::EventMask;

/// What a listener has seen since it was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Events handed over.
    pub delivered: u64,
    /// Events lost: the sum of all [`Delivery::Lost`](crate::Delivery::Lost), those handed over and
    /// those about to be. It includes acknowledgements, and other processes' messages, for which there was
    /// no room: the type of a lost message is unknown.
    pub lost: u64,
    /// Whether `lost` is only a lower bound: on Linux before 4.12, which has no drop counter.
    pub lost_is_lower_bound: bool,
    /// Events lost because a socket filter of another process cut them short; `lost` includes them.
    pub trimmed: u64,
    /// Datagrams dropped because another process sent them.
    pub forged: u64,
    /// Messages of the kernel dropped because they could not be read, or were no events.
    pub malformed: u64,
    /// Events of a type that this version does not know. They are delivered.
    pub unknown: u64,
    /// Acknowledgements received: this listener's own, and those of others.
    pub acks: u64,
    /// How often events may have been disabled globally for a time, without a count: the acknowledgements of
    /// other processes' LISTENs. Events come back by a LISTEN only, but most LISTENs are those of listeners
    /// that are opened. With a filter the number may lag behind by 100 ms.
    /// [`Options::acks`](crate::Options::acks) delivers the acknowledgements in their places in the stream.
    pub maybe_muted: u64,
    /// The types of events wanted.
    pub events: EventMask,
    /// Whether events that concern only a thread are left out.
    pub skip_threads: bool,
    /// The receive buffer granted, in bytes of kernel memory.
    pub receive_buffer: u32,
    /// Where events are received from.
    pub source: Source,
    /// Why it is not the ring, if one was [asked for](crate::Options::ring).
    pub ring_error: Option<Error>,
}

/// Where a listener receives events from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Source {
    /// The socket's queue.
    Socket,
    /// A ring buffer: see [`Options::ring`](crate::Options::ring).
    Ring,
}
