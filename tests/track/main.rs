//! The process table on the running kernel. Other programs fork, too: the tests follow the children of their own
//! processes, by the ids that the table gave those.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "for tests"
)]

mod day;
mod ends;
mod loss;
mod names;
mod procfs;
mod reuse;
mod scope;
mod storm;
mod user;
mod watch;
mod workers;
