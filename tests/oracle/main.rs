//! The parser compared with C's reading of the same bytes, and the filter with the kernel's.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "for tests")]

#[path = "../../cnproc-parse/tests/properties/strategies.rs"]
mod strategies;
#[path = "../../cnproc-parse/tests/text/mod.rs"]
mod text;

mod filter;
mod parser;
