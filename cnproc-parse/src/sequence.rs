//! Gaps in the sequence numbers of a CPU.
//!
//! The kernel numbers messages per CPU, with 32 bits that wrap around, before it allocates or filters
//! them: a number that an unfiltered listener does not receive is a lost message. Acknowledgements
//! are numbered too. (`drivers/connector/cn_proc.c`, `send_msg`.)

/// The sequence numbers of one CPU. All bytes zero: no number observed yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Sequence {
    next: u32,
    seen: u32,
}

/// A sequence number compared with the expected one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SequenceStep {
    /// The first of its CPU: nothing is known about earlier numbers.
    First,
    /// The one expected.
    Next,
    /// That many numbers are missing before it.
    Gap(u32),
    /// A number that had counted as missing. Only before Linux 4.8: later kernels keep the order within a CPU.
    Late,
}

impl Sequence {
    /// Compares the `cn_msg.seq` of the next message with the expected number.
    #[inline]
    pub const fn observe(&mut self, seq: u32) -> SequenceStep {
        let ahead = seq.wrapping_sub(self.next);
        let step = if self.is_new() {
            self.seen = 1;
            SequenceStep::First
        } else if ahead == 0 {
            SequenceStep::Next
        } else if ahead < 1 << 31 {
            SequenceStep::Gap(ahead)
        } else {
            return SequenceStep::Late;
        };
        self.next = seq.wrapping_add(1);
        step
    }

    /// Whether no number of this CPU has been observed.
    pub const fn is_new(&self) -> bool {
        self.seen == 0
    }

    /// Starts again: the next number will be [`SequenceStep::First`].
    pub const fn reset(&mut self) {
        *self = Self { next: 0, seen: 0 };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps<const N: usize>(numbers: [u32; N]) -> [SequenceStep; N] {
        let mut sequence = Sequence::default();
        numbers.map(|seq| sequence.observe(seq))
    }

    #[test]
    fn first_number_is_not_a_gap() {
        assert_eq!(steps([0]), [SequenceStep::First]);
        assert_eq!(steps([u32::MAX]), [SequenceStep::First]);
    }

    #[test]
    fn gap_counts_missing_numbers_once() {
        assert_eq!(
            steps([7, 8, 12, 13]),
            [SequenceStep::First, SequenceStep::Next, SequenceStep::Gap(3), SequenceStep::Next]
        );
    }

    #[test]
    fn numbers_wrap_around() {
        assert_eq!(steps([u32::MAX, 0]), [SequenceStep::First, SequenceStep::Next]);
        assert_eq!(steps([u32::MAX - 1, 2]), [SequenceStep::First, SequenceStep::Gap(3)]);
    }

    #[test]
    fn half_the_number_range_separates_gap_from_late() {
        assert_eq!(
            steps([9, 9 + (1 << 31)]),
            [SequenceStep::First, SequenceStep::Gap((1 << 31) - 1)]
        );
        assert_eq!(steps([9, 10 + (1 << 31)]), [SequenceStep::First, SequenceStep::Late]);
    }

    #[test]
    fn late_number_does_not_change_the_expected_one() {
        assert_eq!(
            steps([1, 3, 2, 4, 4]),
            [
                SequenceStep::First,
                SequenceStep::Gap(1),
                SequenceStep::Late,
                SequenceStep::Next,
                SequenceStep::Late
            ]
        );
    }

    #[test]
    fn reset_sequence_expects_any_number() {
        let mut sequence = Sequence::default();
        assert!(sequence.is_new());
        sequence.observe(5);
        assert!(!sequence.is_new());
        sequence.reset();
        assert_eq!(sequence.observe(100), SequenceStep::First);
    }
}
