//! Every event is delivered or counted: made = delivered + lost, to the event.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "for tests"
)]

mod changes;
mod flood;
mod log;
mod no_counter;
mod place;

use std::sync::{Mutex, MutexGuard, PoisonError};

/// One flood at a time: what others make is noise.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}
