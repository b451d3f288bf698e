//! The library on the running kernel. Tests follow their own pids, because other programs generate events, too.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "for tests"
)]

mod adopt;
mod coalesce;
mod events;
mod forged;
mod lifecycle;
mod loss;
mod moved;
mod open;
mod process;
mod refused;
mod resume;
mod ring;
mod threads;
mod unprivileged;
mod waiting;
mod wake;
