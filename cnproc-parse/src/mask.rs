//! Sets of event types.

use crate::kernel;
use core::ops::{BitOr, BitOrAssign};

/// A set of event types: the kernel's bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct EventMask(u32);

impl EventMask {
    /// A process or thread was made.
    pub const FORK: Self = Self(kernel::PROC_EVENT_FORK);
    /// A process runs a new program.
    pub const EXEC: Self = Self(kernel::PROC_EVENT_EXEC);
    /// A user id changed.
    pub const UID: Self = Self(kernel::PROC_EVENT_UID);
    /// A group id changed.
    pub const GID: Self = Self(kernel::PROC_EVENT_GID);
    /// A process became a session leader.
    pub const SID: Self = Self(kernel::PROC_EVENT_SID);
    /// A tracer attached or detached.
    pub const PTRACE: Self = Self(kernel::PROC_EVENT_PTRACE);
    /// A thread's name changed.
    pub const COMM: Self = Self(kernel::PROC_EVENT_COMM);
    /// A process dumps core.
    pub const COREDUMP: Self = Self(kernel::PROC_EVENT_COREDUMP);
    /// A thread ended.
    pub const EXIT: Self = Self(kernel::PROC_EVENT_EXIT);
    /// Exits whose `exit_code` is not 0. With [`EXIT`](Self::EXIT), all exits.
    pub const NONZERO_EXIT: Self = Self(kernel::PROC_EVENT_NONZERO_EXIT);
    /// The nine types.
    pub const ALL: Self = Self(kernel::PROC_EVENT_ALL & !kernel::PROC_EVENT_NONZERO_EXIT);

    /// The set of those bits; None if it is empty, or one of them is no event type.
    pub const fn from_bits(bits: u32) -> Option<Self> {
        if bits != 0 && bits & !kernel::PROC_EVENT_ALL == 0 { Some(Self(bits)) } else { None }
    }

    /// The kernel's bits.
    pub const fn bits(self) -> u32 {
        self.0
    }

    /// This set and the other. As `|`, which a constant cannot use.
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether all types of `other` are in this set.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

impl BitOr for EventMask {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        self.union(other)
    }
}

impl BitOrAssign for EventMask {
    fn bitor_assign(&mut self, other: Self) {
        *self = *self | other;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mask_has_only_known_bits_and_is_never_empty() {
        assert_eq!(EventMask::from_bits(0), None);
        assert_eq!(EventMask::from_bits(0x400), None);
        assert_eq!(EventMask::from_bits(0xc000_03c7), Some(EventMask::ALL));
        assert_eq!(EventMask::from_bits(3), Some(EventMask::FORK | EventMask::EXEC));
        let mut mask = EventMask::FORK;
        mask |= EventMask::FORK | EventMask::EXEC;
        assert_eq!(mask.bits(), 3);
        assert!(EventMask::ALL.contains(EventMask::EXIT));
        assert!(!EventMask::ALL.contains(EventMask::NONZERO_EXIT));
    }
}
