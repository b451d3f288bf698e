//! What holds for every event, every datagram and every string of bytes.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "for tests")]

mod bpf;
mod filter;
mod line;
mod parse;
mod sequence;
mod strategies;

use cnproc_parse::ByteOrder;
use proptest::prelude::*;
use proptest::test_runner::{Config, FileFailurePersistence};

/// A failure is kept next to its source file, and tried first from then on. More cases:
/// `PROPTEST_CASES=100000 cargo test -p cnproc-parse --test properties`.
fn config() -> Config {
    let kept = FileFailurePersistence::WithSource("regressions");
    Config { failure_persistence: Some(Box::new(kept)), ..Config::default() }
}

/// Either byte order.
fn order() -> impl Strategy<Value = ByteOrder> {
    prop_oneof![Just(ByteOrder::Little), Just(ByteOrder::Big)]
}
