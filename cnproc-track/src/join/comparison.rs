//! The comparison of a table with `/proc`, one look at a time.

use super::{Failure, Join, JoinError, Update, look};
use crate::change::{Delta, Kind};
use crate::machine::{Look, Machine};
use crate::memory::Memory;
use crate::scan::Observation;
use crate::table::{Compared, Scope};
use crate::texts::Text;

/// A comparison: where it is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Comparison {
    phase: Phase,
    /// The look whose findings are being applied.
    seen: Option<Observation>,
    /// Something has to be looked at again.
    again: bool,
    /// Entries of which not everything is known are looked at once more.
    incomplete: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// None is being made.
    Idle,
    /// The table's entries are looked at.
    Entries { cursor: usize },
    /// The pids that `/proc` lists are looked at.
    Listing,
}

/// What a step has led to.
pub(super) enum Step {
    /// This has happened.
    Update(Update),
    /// Nothing can be done now.
    Nothing,
    /// There is more to do.
    GoOn,
}

impl Comparison {
    pub(super) const NONE: Self =
        Self { phase: Phase::Idle, seen: None, again: false, incomplete: false };

    pub(super) const fn is_comparing(&self) -> bool {
        self.seen.is_some()
    }
}

impl<U: Copy + Default, M: Memory> Join<U, M> {
    /// Goes on with the comparison, if one is to be made. All that was received has been applied.
    pub(super) fn go_on<S: Machine>(&mut self, machine: &mut S) -> Result<Step, Failure<S, M>> {
        match self.comparison.phase {
            Phase::Idle if self.table.is_synced() || !self.table.has_room() => {
                return Ok(Step::Nothing);
            }
            Phase::Idle => self.begin(machine)?,
            Phase::Entries { mut cursor } => {
                let next = self.table.next_unchecked(&mut cursor, self.comparison.incomplete);
                let Some(pid) = next else {
                    machine.rewind().map_err(JoinError::Machine)?;
                    self.comparison.phase = Phase::Listing;
                    return Ok(Step::GoOn);
                };
                if self.observe(machine, pid)? {
                    self.comparison.phase = Phase::Entries { cursor };
                    return Ok(self.refresh_texts(machine, pid));
                }
            }
            Phase::Listing => match machine.list().map_err(JoinError::Machine)? {
                Some(pid) => {
                    if self.table.get(pid).is_none() && self.table.may_want(pid) {
                        let observed = self.observe(machine, pid);
                        self.comparison.again |= !matches!(observed, Ok(true));
                        observed?;
                    }
                }
                None => return Ok(self.end_of_list(machine)),
            },
        }
        Ok(Step::GoOn)
    }

    /// Begins a comparison: at the start at once, after a loss when the stream has been read to its end.
    fn begin<S: Machine>(&mut self, machine: &mut S) -> Result<(), Failure<S, M>> {
        if self.table.is_in_doubt() {
            machine.receive().map_err(JoinError::Machine)?;
            if machine.has_next() {
                return Ok(());
            }
        }
        self.table.begin_scan(machine.now_ns());
        self.comparison = Comparison { phase: Phase::Entries { cursor: 0 }, ..Comparison::NONE };
        Ok(())
    }

    /// Every pid has been compared, and every event received by now has been applied.
    fn end_of_list<S: Machine>(&mut self, machine: &S) -> Step {
        let Comparison { again, incomplete, .. } = self.comparison;
        let is_incomplete = || self.table.next_unchecked(&mut 0, true).is_some();
        if !again && (incomplete || !is_incomplete()) {
            self.comparison = Comparison::NONE;
            let is_synced = self.table.end_scan(machine.now_ns());
            return if is_synced { Step::Update(Update::Synced) } else { Step::GoOn };
        }
        let phase = Phase::Entries { cursor: 0 };
        self.comparison = Comparison { phase, incomplete: !again, ..Comparison::NONE };
        // What has to be looked at again needs time.
        if again { Step::Nothing } else { Step::GoOn }
    }

    /// Looks at a pid to compare it. False if the stream could not be read to its end.
    fn observe<S: Machine>(&mut self, machine: &mut S, pid: i32) -> Result<bool, Failure<S, M>> {
        let seen = look(machine, pid, Look { ids: true, texts: true }, None)?;
        self.comparison.seen = Some(seen).filter(|seen| seen.is_complete);
        Ok(seen.is_complete)
    }

    /// Applies what the look at a pid has shown, or a part of it.
    pub(super) fn compare<S: Machine>(&mut self, machine: &S) -> Result<Step, Failure<S, M>> {
        let Some(seen) = self.comparison.seen else { return Ok(Step::GoOn) };
        let compared = self.table.compare(&seen).map_err(|error| {
            self.comparison.seen = None;
            JoinError::Table(error)
        })?;
        match compared {
            Compared::Again(change) => {
                if change.kind == Kind::Found {
                    // It may have children that were passed already.
                    self.comparison.again |= self.table.scope() == Scope::Descendants;
                    if !seen.pending.exec {
                        self.set_texts(machine, change.id);
                    }
                }
                return Ok(Step::Update(Update::Change(change, None)));
            }
            Compared::Later => self.comparison.again = true,
            Compared::Settled => {}
        }
        self.comparison.seen = None;
        Ok(Step::GoOn)
    }

    /// Keeps the texts of a process that is in the table. If its executable is another, an EXEC was lost: so
    /// none is kept that could not be read, in doubt.
    fn refresh_texts<S: Machine>(&mut self, machine: &S, pid: i32) -> Step {
        let (Some(seen), Some(entry)) = (self.comparison.seen, self.table.get(pid)) else {
            return Step::GoOn;
        };
        let id = entry.id;
        if !self.table.is_current(id, &seen) {
            return Step::GoOn;
        }
        let in_doubt = self.table.is_in_doubt();
        for text in Text::ALL {
            if in_doubt && machine.text(text).is_none() {
                self.table.forget_text(id, text);
            }
        }
        if !self.set_texts(machine, id) {
            return Step::GoOn;
        }
        let change = Delta { kind: Kind::Executed, id, inferred: true, in_doubt };
        Step::Update(Update::Change(change, None))
    }

    /// Lists all processes once more, to find the descendants of one that was chosen.
    pub(super) fn list_again<S: Machine>(&mut self, machine: &mut S) {
        // Those of before were applied to the scope as it was.
        self.table.expect_forks(machine.now_ns());
        match self.comparison.phase {
            // It will come to that.
            Phase::Idle if !self.table.is_synced() => {}
            Phase::Idle => {
                self.table.widen();
                // If that fails, a whole comparison is made, which reports it if it fails again.
                if machine.rewind().is_ok() {
                    self.comparison = Comparison { phase: Phase::Listing, ..Comparison::NONE };
                }
            }
            Phase::Entries { .. } | Phase::Listing => self.comparison.again = true,
        }
    }
}
