//! What a listener has seen.

use crate::handle::cnproc;
use crate::ret;
use crate::sized;
use core::ffi::c_int;

/// What a listener has seen since it was opened. A later version may have more members.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct cnproc_stats {
    /// Events handed over, CNPROC_EVENT_LOST not among them.
    pub delivered: u64,
    /// Events lost: the sum of all CNPROC_EVENT_LOST, those handed over and those about to be. An
    /// acknowledgement, or another process's message, that found no room is among them: what it was can't
    /// be known.
    pub lost: u64,
    /// Datagrams dropped since another process sent them.
    pub forged: u64,
    /// Messages of the kernel dropped since they could not be read, or were no events.
    pub malformed: u64,
    /// Events delivered whose type this version does not know.
    pub unknown: u64,
    /// Acknowledgements seen: this listener's own, and those of others.
    pub acks: u64,
    /// The receive buffer granted, in bytes of kernel memory; an event takes 832 of it.
    pub receive_buffer: u32,
    /// The types of events wanted: a mask of CNPROC_EVENT_*.
    pub events: u32,
    /// CNPROC_STATS_LOWER_BOUND, CNPROC_STATS_SKIP_THREADS, or both.
    pub flags: u32,
    /// Zero.
    pub reserved: u32,
}

// SAFETY: integers only, 6 * 8 + 4 * 4 bytes, 8-aligned: no padding.
unsafe impl sized::Growing for cnproc_stats {
    const FIRST: usize = 64;
}

/// CNPROC_STATS_LOWER_BOUND
const LOWER_BOUND: u32 = 1;
/// CNPROC_STATS_SKIP_THREADS
const PROCESSES: u32 = 2;

/// Tells what the listener has seen. `size` is sizeof *stats. Returns 0, or -EINVAL, -ECHILD.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cnproc_get_stats(
    cp: Option<&cnproc>,
    stats: *mut cnproc_stats,
    size: usize,
) -> c_int {
    let Some(cp) = cp else { return ret::INVALID };
    if let Err(error) = cp.listener.check_owner() {
        return ret::status(Err(error));
    }
    let seen = cp.listener.stats();
    let flag = |set, flag| if set { flag } else { 0 };
    let seen = cnproc_stats {
        delivered: seen.delivered,
        lost: seen.lost,
        forged: seen.forged,
        malformed: seen.malformed,
        unknown: seen.unknown,
        acks: seen.acks,
        receive_buffer: seen.receive_buffer,
        events: seen.events.bits(),
        flags: flag(seen.lost_is_lower_bound, LOWER_BOUND) | flag(seen.skip_threads, PROCESSES),
        reserved: 0,
    };
    // SAFETY: by contract `size` bytes long; NULL is checked there.
    match unsafe { sized::write(stats, size, &seen) } {
        Ok(()) => 0,
        Err(errno) => ret::error(errno),
    }
}
