//! The statistics for C are those of Rust, member by member.

use cnproc_ffi::{CNPROC_STATS_LOWER_BOUND, CNPROC_STATS_SKIP_THREADS, cnproc_stats};
use cnproc_sys::{EventMask, Listener};

#[test]
fn each_member_is_that_of_its_name() {
    let Some(listener) = support::live::open(Listener::options()) else { return };
    let mut stats = listener.stats();
    (stats.delivered, stats.lost, stats.trimmed, stats.maybe_muted) = (1, 2, 3, 4);
    (stats.forged, stats.malformed, stats.unknown, stats.acks) = (5, 6, 7, 8);
    (stats.receive_buffer, stats.events) = (9, EventMask::EXEC);
    for (lower_bound, skip_threads, flags) in [
        (false, false, 0),
        (true, false, CNPROC_STATS_LOWER_BOUND),
        (false, true, CNPROC_STATS_SKIP_THREADS),
    ] {
        (stats.lost_is_lower_bound, stats.skip_threads) = (lower_bound, skip_threads);
        let c = cnproc_stats::from(stats);
        assert_eq!((c.delivered, c.lost, c.trimmed, c.maybe_muted), (1, 2, 3, 4));
        assert_eq!((c.forged, c.malformed, c.unknown, c.acks), (5, 6, 7, 8));
        assert_eq!((c.receive_buffer, c.events, c.flags), (9, 2, flags));
        assert_eq!(c.reserved, [0; 7]);
    }
}
