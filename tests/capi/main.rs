//! The C library: its header, ABI and manual, its files, and C programs that use it.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "for tests")]

mod abi;
mod header;
mod library;
mod manual;
mod memory;
mod no_std;
mod programs;
mod statistics;
