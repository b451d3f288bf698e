//! The index by pid: who has it, and which EXITs of former owners may still come.

use core::ops::DerefMut;

/// One `u32` for each pid: 23 bits of slot, 1 for a pid that was chosen, 4 for each count of late EXITs.
#[derive(Debug)]
pub(crate) struct Pids<A> {
    cells: A,
}

const SLOT: u32 = (1 << 23) - 1;
const CHOSEN: u32 = 1 << 23;
const EXPECTED: Count = Count { shift: 24 };
const POSSIBLE: Count = Count { shift: 28 };

/// The number of slots that can be named.
pub(crate) const MAX_SLOTS: usize = SLOT as usize;

/// A count of 0 to 15. At 15 it sticks: too many late EXITs are expected rather than too few.
#[derive(Clone, Copy)]
struct Count {
    shift: u32,
}

impl Count {
    const MAX: u32 = 15;

    const fn get(self, cell: u32) -> u32 {
        cell >> self.shift & Self::MAX
    }

    const fn up(self, cell: u32) -> u32 {
        if self.get(cell) < Self::MAX { cell + (1 << self.shift) } else { cell }
    }

    const fn down(self, cell: u32) -> u32 {
        if self.get(cell) < Self::MAX { cell - (1 << self.shift) } else { cell }
    }
}

/// Why an EXIT of a former owner may still come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Late {
    /// The table has had that owner, and no EXIT of it has come.
    Expected,
    /// The table does not know of such an owner.
    Possible,
}

impl<A: DerefMut<Target = [u32]>> Pids<A> {
    pub(crate) const fn new(cells: A) -> Self {
        Self { cells }
    }

    fn cell(&self, pid: i32) -> u32 {
        usize::try_from(pid).ok().and_then(|pid| self.cells.get(pid)).copied().unwrap_or(0)
    }

    fn change(&mut self, pid: i32, change: impl FnOnce(u32) -> u32) {
        let cell = usize::try_from(pid).ok().and_then(|pid| self.cells.get_mut(pid));
        if let Some(cell) = cell {
            *cell = change(*cell);
        }
    }

    /// Whether that pid can be held.
    pub(crate) fn has(&self, pid: i32) -> bool {
        usize::try_from(pid).is_ok_and(|pid| pid > 0 && pid < self.cells.len())
    }

    /// The slot of the process that has that pid.
    pub(crate) fn slot(&self, pid: i32) -> Option<usize> {
        (self.cell(pid) & SLOT).checked_sub(1).map(|slot| slot as usize)
    }

    pub(crate) fn give(&mut self, pid: i32, slot: usize) {
        debug_assert!(slot < MAX_SLOTS);
        let slot = (slot as u32 + 1) & SLOT;
        self.change(pid, |cell| cell & !SLOT | slot);
    }

    pub(crate) fn take(&mut self, pid: i32) {
        self.change(pid, |cell| cell & !SLOT);
    }

    /// Counts an EXIT of a former owner that is still to come, or may be.
    pub(crate) fn owe(&mut self, pid: i32, late: Late) {
        self.change(pid, |cell| match late {
            Late::Expected => EXPECTED.up(cell),
            Late::Possible => POSSIBLE.up(cell),
        });
    }

    /// Which late EXIT may still come.
    pub(crate) fn owes(&self, pid: i32) -> Option<Late> {
        match self.cell(pid) {
            cell if EXPECTED.get(cell) > 0 => Some(Late::Expected),
            cell if POSSIBLE.get(cell) > 0 => Some(Late::Possible),
            _ => None,
        }
    }

    /// A late EXIT has come.
    pub(crate) fn pay(&mut self, pid: i32) -> Option<Late> {
        let late = self.owes(pid)?;
        self.change(pid, |cell| match late {
            Late::Expected => EXPECTED.down(cell),
            Late::Possible => POSSIBLE.down(cell),
        });
        Some(late)
    }

    /// No late EXIT is to come.
    pub(crate) fn forgive(&mut self, pid: i32) {
        self.change(pid, |cell| cell & (SLOT | CHOSEN));
    }

    pub(crate) fn choose(&mut self, pid: i32, chosen: bool) {
        self.change(pid, |cell| if chosen { cell | CHOSEN } else { cell & !CHOSEN });
    }

    pub(crate) fn is_chosen(&self, pid: i32) -> bool {
        self.cell(pid) & CHOSEN != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec;

    #[test]
    fn slot_and_counts_of_a_pid_do_not_disturb_each_other() {
        let mut pids = Pids::new(vec![0; 10]);
        assert_eq!((pids.slot(7), pids.owes(7)), (None, None));
        pids.give(7, MAX_SLOTS - 1);
        pids.owe(7, Late::Possible);
        pids.owe(7, Late::Expected);
        pids.choose(7, true);
        assert_eq!((pids.slot(7), pids.is_chosen(7)), (Some(MAX_SLOTS - 1), true));
        pids.give(7, 0);
        assert_eq!((pids.slot(7), pids.is_chosen(7)), (Some(0), true));
        assert_eq!(pids.pay(7), Some(Late::Expected), "the certain one first");
        pids.take(7);
        pids.choose(7, false);
        assert_eq!((pids.slot(7), pids.is_chosen(7)), (None, false));
        assert_eq!(pids.pay(7), Some(Late::Possible));
        assert_eq!(pids.pay(7), None);
        pids.give(7, 3);
        pids.owe(7, Late::Possible);
        pids.forgive(7);
        assert_eq!((pids.slot(7), pids.owes(7)), (Some(3), None));
        assert_eq!((pids.slot(6), pids.slot(8)), (None, None));
    }

    #[test]
    fn full_count_of_late_exits_sticks() {
        let mut pids = Pids::new(vec![0; 10]);
        for _ in 0..20 {
            pids.owe(3, Late::Expected);
        }
        for _ in 0..20 {
            assert_eq!(pids.pay(3), Some(Late::Expected));
        }
        assert_eq!(pids.slot(3), None);
    }

    #[test]
    fn pid_outside_the_index_is_nobody() {
        let mut pids = Pids::new(vec![0; 10]);
        for pid in [-1, 0, 10, i32::MIN, i32::MAX] {
            assert!(!pids.has(pid));
            pids.owe(pid, Late::Expected);
        }
        pids.give(10, 5);
        assert_eq!((pids.slot(10), pids.slot(-1)), (None, None));
        assert!(pids.has(1) && pids.has(9));
    }
}
