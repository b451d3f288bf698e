//! Gaps in one CPU's sequence numbers.
//!
//! The kernel numbers the connector's messages per CPU, with 32 bits that wrap around, before it
//! allocates or filters them: a number that an unfiltered listener does not see is a message that
//! it lost. Acknowledgements take numbers too. (`drivers/connector/cn_proc.c`, `send_msg`.)

/// The sequence numbers of one CPU. All bytes zero is a CPU not seen yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Sequence {
    next: u32,
    seen: u32,
}

/// Where a sequence number stands against the one expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SequenceStep {
    /// The first of its CPU: nothing is known of what came before.
    First,
    /// The one expected.
    Next,
    /// That many were lost before it.
    Gap(u32),
    /// One that had been taken for lost. Within a CPU this ends with Linux 4.8.
    Late,
}

impl Sequence {
    /// Takes the next message's `cn_msg.seq`, and says where it stands.
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

    /// Whether nothing has been seen of the CPU.
    pub const fn is_new(&self) -> bool {
        self.seen == 0
    }

    /// Forgets the CPU: its next message will be its first.
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
    fn the_first_number_is_no_gap_whatever_it_is() {
        assert_eq!(steps([0]), [SequenceStep::First]);
        assert_eq!(steps([u32::MAX]), [SequenceStep::First]);
    }

    #[test]
    fn a_gap_counts_what_is_missing_once() {
        assert_eq!(
            steps([7, 8, 12, 13]),
            [SequenceStep::First, SequenceStep::Next, SequenceStep::Gap(3), SequenceStep::Next]
        );
    }

    #[test]
    fn the_counter_wraps_around() {
        assert_eq!(steps([u32::MAX, 0]), [SequenceStep::First, SequenceStep::Next]);
        assert_eq!(steps([u32::MAX - 1, 2]), [SequenceStep::First, SequenceStep::Gap(3)]);
    }

    #[test]
    fn the_largest_gap_and_the_farthest_late() {
        assert_eq!(
            steps([9, 9 + (1 << 31)]),
            [SequenceStep::First, SequenceStep::Gap((1 << 31) - 1)]
        );
        assert_eq!(steps([9, 10 + (1 << 31)]), [SequenceStep::First, SequenceStep::Late]);
    }

    #[test]
    fn a_late_number_does_not_turn_the_clock_back() {
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
    fn reset_forgets() {
        let mut sequence = Sequence::default();
        assert!(sequence.is_new());
        sequence.observe(5);
        assert!(!sequence.is_new());
        sequence.reset();
        assert_eq!(sequence.observe(100), SequenceStep::First);
    }
}
