//! Sets of event types.

use crate::kernel;
use core::fmt;
use core::iter::FusedIterator;
use core::ops::{BitAnd, BitAndAssign, BitOr, BitOrAssign, Not, Sub, SubAssign};

/// A set of event types: the kernel's bits.
///
/// ```
/// use cnproc_parse::EventMask;
///
/// let mask = EventMask::ALL - EventMask::FORK - EventMask::COMM;
/// assert!(mask.contains(EventMask::EXEC | EventMask::EXIT));
/// assert_eq!(format!("{:?}", EventMask::EXEC | EventMask::EXIT), "EventMask(EXEC | EXIT)");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct EventMask(u32);

/// Each type with its name, in the order of the bits.
const TYPES: [(EventMask, &str); 10] = [
    (EventMask::FORK, "FORK"),
    (EventMask::EXEC, "EXEC"),
    (EventMask::UID, "UID"),
    (EventMask::GID, "GID"),
    (EventMask::SID, "SID"),
    (EventMask::PTRACE, "PTRACE"),
    (EventMask::COMM, "COMM"),
    (EventMask::NONZERO_EXIT, "NONZERO_EXIT"),
    (EventMask::COREDUMP, "COREDUMP"),
    (EventMask::EXIT, "EXIT"),
];

impl EventMask {
    /// A process or thread was created.
    pub const FORK: Self = Self(kernel::PROC_EVENT_FORK);
    /// A process executed a program.
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
    /// A thread exited.
    pub const EXIT: Self = Self(kernel::PROC_EVENT_EXIT);
    /// Exits with a nonzero `exit_code`. With [`EXIT`](Self::EXIT), all exits.
    pub const NONZERO_EXIT: Self = Self(kernel::PROC_EVENT_NONZERO_EXIT);
    /// The nine types: all except [`NONZERO_EXIT`](Self::NONZERO_EXIT), which [`EXIT`](Self::EXIT) covers.
    pub const ALL: Self = Self(kernel::PROC_EVENT_ALL & !kernel::PROC_EVENT_NONZERO_EXIT);
    /// No type.
    pub const EMPTY: Self = Self(0);

    /// The set of these bits. `None` if it is empty, which means "all" in other interfaces, or if a bit is
    /// not an event type.
    pub const fn from_bits(bits: u32) -> Option<Self> {
        if bits != 0 && bits & !kernel::PROC_EVENT_ALL == 0 { Some(Self(bits)) } else { None }
    }

    /// The kernel's bits.
    pub const fn bits(self) -> u32 {
        self.0
    }

    /// Whether the set contains no type.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether the set contains all types of `other`.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// The types of this set and of `other`. As `|`, for constants.
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The types in both sets. As `&`, for constants.
    pub const fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// The types of this set that are not in `other`. As `-`, for constants.
    pub const fn difference(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// [`ALL`](Self::ALL) without the types of this set. As `!`, for constants.
    pub const fn complement(self) -> Self {
        Self::ALL.difference(self)
    }

    /// Adds the types of `other`.
    pub const fn insert(&mut self, other: Self) {
        *self = self.union(other);
    }

    /// Removes the types of `other`.
    pub const fn remove(&mut self, other: Self) {
        *self = self.difference(other);
    }

    /// Iterates over the types, each as a set of one.
    pub const fn iter(self) -> EventTypes {
        EventTypes { left: self }
    }
}

/// An iterator over the types of a set. See [`EventMask::iter`].
#[derive(Clone, Debug)]
pub struct EventTypes {
    left: EventMask,
}

impl Iterator for EventTypes {
    type Item = EventMask;

    fn next(&mut self) -> Option<EventMask> {
        let lowest = EventMask(self.left.0 & self.left.0.wrapping_neg());
        self.left.remove(lowest);
        if lowest.is_empty() { None } else { Some(lowest) }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let count = self.left.0.count_ones() as usize;
        (count, Some(count))
    }
}

impl ExactSizeIterator for EventTypes {}
impl FusedIterator for EventTypes {}

impl IntoIterator for EventMask {
    type Item = Self;
    type IntoIter = EventTypes;

    fn into_iter(self) -> EventTypes {
        self.iter()
    }
}

impl FromIterator<Self> for EventMask {
    fn from_iter<I: IntoIterator<Item = Self>>(masks: I) -> Self {
        masks.into_iter().fold(Self::EMPTY, Self::union)
    }
}

impl fmt::Debug for EventMask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EventMask(")?;
        if self.is_empty() {
            f.write_str("EMPTY")?;
        }
        let names = TYPES.iter().filter(|(mask, _)| self.contains(*mask));
        for (number, (_, name)) in names.enumerate() {
            f.write_str(if number > 0 { " | " } else { "" })?;
            f.write_str(name)?;
        }
        f.write_str(")")
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
        self.insert(other);
    }
}

impl BitAnd for EventMask {
    type Output = Self;

    fn bitand(self, other: Self) -> Self {
        self.intersection(other)
    }
}

impl BitAndAssign for EventMask {
    fn bitand_assign(&mut self, other: Self) {
        *self = self.intersection(other);
    }
}

impl Sub for EventMask {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        self.difference(other)
    }
}

impl SubAssign for EventMask {
    fn sub_assign(&mut self, other: Self) {
        self.remove(other);
    }
}

impl Not for EventMask {
    type Output = Self;

    fn not(self) -> Self {
        self.complement()
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use super::*;
    use std::format;

    #[test]
    fn mask_from_bits_has_known_bits_and_is_not_empty() {
        assert_eq!(EventMask::from_bits(0), None);
        assert_eq!(EventMask::from_bits(0x400), None);
        assert_eq!(EventMask::from_bits(0xc000_03c7), Some(EventMask::ALL));
        assert_eq!(EventMask::from_bits(3), Some(EventMask::FORK | EventMask::EXEC));
        assert!(!EventMask::ALL.contains(EventMask::NONZERO_EXIT));
    }

    #[test]
    fn operators_are_those_of_sets() {
        let (some, other) = (EventMask::FORK | EventMask::EXEC, EventMask::EXEC | EventMask::EXIT);
        assert_eq!((some | other).bits(), 0x8000_0003);
        assert_eq!(some & other, EventMask::EXEC);
        assert_eq!(some - other, EventMask::FORK);
        assert_eq!(!some, EventMask::ALL - some);
        assert_eq!(!EventMask::ALL, EventMask::EMPTY);
        assert_eq!(!EventMask::EMPTY, EventMask::ALL);
        let mut mask = some;
        mask |= other;
        assert_eq!(mask, some.union(other));
        mask -= EventMask::FORK;
        assert_eq!(mask, other);
        mask &= some;
        assert_eq!(mask, EventMask::EXEC);
        mask.insert(other);
        mask.remove(EventMask::EXEC);
        assert_eq!(mask, EventMask::EXIT);
        assert!(!mask.is_empty() && (mask - mask).is_empty());
    }

    #[test]
    fn types_are_iterated_in_the_order_of_their_bits() {
        let everything = EventMask::ALL | EventMask::NONZERO_EXIT;
        assert!(everything.iter().eq(TYPES.iter().map(|(mask, _)| *mask)));
        assert_eq!(everything.iter().len(), 10);
        assert_eq!(EventMask::EMPTY.iter().next(), None);
        assert_eq!(everything.into_iter().collect::<EventMask>(), everything);
    }

    #[test]
    fn debug_names_the_types() {
        assert_eq!(format!("{:?}", EventMask::EMPTY), "EventMask(EMPTY)");
        assert_eq!(format!("{:?}", EventMask::SID), "EventMask(SID)");
        let three = EventMask::EXIT | EventMask::FORK | EventMask::NONZERO_EXIT;
        assert_eq!(format!("{three:?}"), "EventMask(FORK | NONZERO_EXIT | EXIT)");
    }
}
