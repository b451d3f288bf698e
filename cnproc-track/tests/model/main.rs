//! The table against a model of the kernel, under proptest.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, clippy::expect_used)]
#![allow(missing_docs, missing_debug_implementations, unreachable_pub, reason = "for tests")]

#[path = "mod.rs"]
mod model;

use proptest::prelude::*;
use proptest::test_runner::{Config, FileFailurePersistence};

fn config() -> Config {
    let kept = FileFailurePersistence::WithSource("regressions");
    Config { failure_persistence: Some(Box::new(kept)), ..Config::default() }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn table_equals_the_model_whenever_it_is_synced(
        bytes in prop::collection::vec(any::<u8>(), 0..1500),
    ) {
        model::driver::run(&bytes);
    }
}

/// The same bytes in each run: what is rare happens in them, all of it.
#[test]
fn every_rare_case_occurs_in_3000_runs() {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u32
    };
    let mut sums = model::check::Counts::default();
    for _ in 0..3000 {
        let length = random() % 1500;
        let bytes: Vec<_> = (0..length).map(|_| random() as u8).collect();
        for (name, count) in model::driver::run(&bytes).0 {
            *sums.0.entry(name).or_default() += count;
        }
    }
    for name in model::check::Counts::NAMES {
        let count = sums.0.get(name).copied().unwrap_or_default();
        println!("{count:9} {name}");
        assert!(count > 0, "{name}");
    }
}
