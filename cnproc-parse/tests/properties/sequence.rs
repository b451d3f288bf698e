//! Gap counting, against a model that knows which messages were lost.

use crate::config;
use cnproc_parse::{Sequence, SequenceStep};
use proptest::prelude::*;

/// One message of the kernel's.
#[derive(Clone, Copy, Debug)]
struct Sent {
    cpu: usize,
    /// How many of this CPU's messages were lost before it.
    lost: u32,
}

const CPUS: usize = 4;

/// A run of losses: mostly none, seldom as many as can be distinguished from none.
fn lost() -> impl Strategy<Value = u32> {
    prop_oneof![6 => Just(0), 3 => 1..100_u32, 1 => 0..1_u32 << 31]
}

fn sent() -> impl Strategy<Value = Vec<Sent>> {
    prop::collection::vec((0..CPUS, lost()).prop_map(|(cpu, lost)| Sent { cpu, lost }), 0..200)
}

/// Where the kernel's counters stand: often about to wrap around.
fn counter() -> impl Strategy<Value = u32> {
    prop_oneof![any::<u32>(), (0..300_u32).prop_map(|back| u32::MAX - back)]
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn each_gap_is_what_was_lost(sent in sent(), mut counters in any::<[u32; CPUS]>(), wrapping in counter()) {
        counters[0] = wrapping;
        let mut sequences = [Sequence::default(); CPUS];
        let mut seen = [false; CPUS];
        for Sent { cpu, lost } in sent {
            counters[cpu] = counters[cpu].wrapping_add(lost);
            let expected = match (seen[cpu], lost) {
                (false, _) => SequenceStep::First,
                (true, 0) => SequenceStep::Next,
                (true, lost) => SequenceStep::Gap(lost),
            };
            prop_assert_eq!(sequences[cpu].observe(counters[cpu]), expected);
            counters[cpu] = counters[cpu].wrapping_add(1);
            seen[cpu] = true;
        }
    }

    /// Messages that come late, or twice, are reported as such, and the count goes on as if they had not.
    #[test]
    fn what_is_late_changes_nothing(
        begin in counter(),
        order in prop::collection::vec((0..50_u32, any::<bool>()), 1..200),
    ) {
        let mut sequence = Sequence::default();
        prop_assert_eq!(sequence.observe(begin), SequenceStep::First);
        let mut next = begin.wrapping_add(1);
        for (distance, late) in order {
            if late {
                let before = sequence;
                prop_assert_eq!(sequence.observe(next.wrapping_sub(1 + distance)), SequenceStep::Late);
                prop_assert_eq!(sequence, before);
            } else {
                let step = sequence.observe(next.wrapping_add(distance));
                let expected = if distance == 0 { SequenceStep::Next } else { SequenceStep::Gap(distance) };
                prop_assert_eq!(step, expected);
                next = next.wrapping_add(distance + 1);
            }
        }
    }
}
