//! Statistics.

use crate::error;
use crate::handle::{cnproc, with_listener};
use crate::sized::{self, Extensible, Unpadded};
use cnproc_sys::{Listener, Source, Stats};
use core::ffi::c_int;
use libc::ssize_t;

/// cnproc_stats.flags: `lost` is a lower bound, because Linux before 4.12 has no drop counter.
pub const CNPROC_STATS_LOWER_BOUND: u32 = 0x1_u32;
/// cnproc_stats.flags: events that concern only a thread are dropped.
pub const CNPROC_STATS_SKIP_THREADS: u32 = 0x2_u32;

/// cnproc_stats.source: the socket's queue.
pub const CNPROC_SOURCE_SOCKET: u32 = 0_u32;
/// cnproc_stats.source: a ring buffer (CNPROC_OPEN_RING).
pub const CNPROC_SOURCE_RING: u32 = 1_u32;

/// What a listener has received since it was opened. Later versions may have more members.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct cnproc_stats {
    /// Events delivered, without CNPROC_EVENT_LOST.
    pub delivered: u64,
    /// Events lost: the sum of all CNPROC_EVENT_LOST, delivered or pending. Includes acknowledgements and
    /// messages of other processes that found no room: the type of a lost message is unknown.
    pub lost: u64,
    /// Events lost because another process's socket filter cut them short; `lost` includes them.
    pub trimmed: u64,
    /// How often events may have been disabled globally for a time, which is in no count: LISTENs of other
    /// processes, most of which are those of listeners that are opened.
    pub maybe_muted: u64,
    /// Datagrams dropped because another process sent them.
    pub forged: u64,
    /// Messages of the kernel dropped because they could not be read, or were not events.
    pub malformed: u64,
    /// Events delivered whose type this version of the library does not know.
    pub unknown: u64,
    /// Acknowledgements received: this listener's own, and those of others.
    pub acks: u64,
    /// The receive buffer granted, in bytes of kernel memory; an event takes 832 of it.
    pub receive_buffer: u32,
    /// The types of events wanted: a mask of CNPROC_EVENT_*.
    pub events: u32,
    /// CNPROC_STATS_LOWER_BOUND, CNPROC_STATS_SKIP_THREADS, or both.
    pub flags: u32,
    /// Where events come from: CNPROC_SOURCE_SOCKET or CNPROC_SOURCE_RING.
    pub source: u32,
    /// Why that is not the ring although CNPROC_OPEN_RING was set: a negative error number, as
    /// -CNPROC_ERINGPERM; otherwise 0.
    pub ring_error: c_int,
    /// Zero. For later versions.
    pub reserved: [u32; 7],
}

// SAFETY: integers, for which all bytes are a value.
unsafe impl Extensible for cnproc_stats {
    const V1_SIZE: usize = 112;
}

// SAFETY: 8 * 8 + 12 * 4 bytes, 8-aligned.
unsafe impl Unpadded for cnproc_stats {}

impl From<Stats> for cnproc_stats {
    fn from(stats: Stats) -> Self {
        let flag = |is_set, flag| if is_set { flag } else { 0 };
        Self {
            delivered: stats.delivered,
            lost: stats.lost,
            trimmed: stats.trimmed,
            maybe_muted: stats.maybe_muted,
            forged: stats.forged,
            malformed: stats.malformed,
            unknown: stats.unknown,
            acks: stats.acks,
            receive_buffer: stats.receive_buffer,
            events: stats.events.bits(),
            flags: flag(stats.lost_is_lower_bound, CNPROC_STATS_LOWER_BOUND)
                | flag(stats.skip_threads, CNPROC_STATS_SKIP_THREADS),
            source: match stats.source {
                Source::Ring => CNPROC_SOURCE_RING,
                _ => CNPROC_SOURCE_SOCKET,
            },
            ring_error: stats.ring_error.as_ref().map_or(0, error::number),
            reserved: [0; 7],
        }
    }
}

/// Writes what the listener has received since it was opened. `size` is sizeof *stats. Returns 0, or
///
/// -EINVAL          an argument is not valid
/// -CNPROC_EFORKED  the listener belongs to another process
///
/// In cnproc_stats.ring_error only: -CNPROC_ERINGPERM, -CNPROC_ENORING, or another errno of a system call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cnproc_get_stats(
    cp: *const cnproc,
    stats: *mut cnproc_stats,
    size: usize,
) -> c_int {
    let mut get = |listener: &mut Listener| {
        listener.check_owner()?;
        // SAFETY: by contract `size` bytes long; NULL is checked there.
        let written = unsafe { sized::write(stats, size, &listener.stats().into()) };
        Ok(written.map_or_else(error::negative, |()| 0) as ssize_t)
    };
    // SAFETY: by contract.
    unsafe { with_listener(cp, &mut get) as c_int }
}
