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
