//! The gap counter, against the kernel's counter in 64 bits, which doesn't wrap around.

#![no_main]

use cnproc_parse::{Sequence, SequenceStep};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((begin, steps)) = data.split_first_chunk::<4>() else { return };
    let mut sequence = Sequence::default();
    let mut next = u64::from(u32::from_le_bytes(*begin));
    assert_eq!(sequence.observe(next as u32), SequenceStep::First);
    next += 1;
    for step in steps.as_chunks::<5>().0 {
        let [kind, distance @ ..] = *step;
        let distance = u64::from(u32::from_le_bytes(distance) % (1 << 31));
        match kind % 4 {
            // A late one, by at most 2^31.
            0 => {
                let before = sequence;
                let late = next.wrapping_sub(1 + distance);
                assert_eq!(sequence.observe(late as u32), SequenceStep::Late);
                assert_eq!(sequence, before);
            }
            1 => {
                sequence.reset();
                assert_eq!(sequence.observe(next as u32), SequenceStep::First);
                next += 1;
            }
            2 => {
                assert_eq!(sequence.observe(next as u32), SequenceStep::Next);
                next += 1;
            }
            _ => {
                let expected = match distance {
                    0 => SequenceStep::Next,
                    lost => SequenceStep::Gap(lost as u32),
                };
                next += distance;
                assert_eq!(sequence.observe(next as u32), expected);
                next += 1;
            }
        }
    }
});
