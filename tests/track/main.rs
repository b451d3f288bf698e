//! The process table on the running kernel. Other programs fork, too: the tests follow the children of their own
//! processes, by the ids that the table gave those.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "for tests"
)]

/// A number of processes; on the emulated processors of the kernel tests, a twentieth of it.
fn scaled(count: u32) -> u32 {
    if std::env::var_os("CNPROC_SLOW_MACHINE").is_some() { count / 20 } else { count }
}

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
