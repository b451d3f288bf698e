//! Every event is delivered or counted: generated = delivered + lost, to the event.

mod changes;
mod flood;
mod log;
mod no_counter;
mod place;

use std::sync::atomic::{AtomicU32, Ordering};
use support::task::set_group;

/// Generates so many GID events of the calling thread.
pub(crate) fn generate(count: u32) {
    // Never the group that it has already: that generates no event.
    static NEXT: AtomicU32 = AtomicU32::new(1000);
    (0..count).for_each(|_| set_group(NEXT.fetch_add(1, Ordering::Relaxed)));
}
