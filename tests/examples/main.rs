//! The example programs, in C and in Rust.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "for tests")]

mod exec_snoop;
mod exit_status;
mod proc_events;
mod process_monitor;
mod process_tree;
mod tokio;
