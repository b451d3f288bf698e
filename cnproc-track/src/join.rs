//! Scan and stream joined: what a table needs to be complete, in the right order.
//!
//! # Why nothing is missed between scan and stream
//!
//! The listener is open before the scan begins, so every event that the kernel sends from then on is in
//! the stream or counted as lost. For each pid `/proc` is read, and after that the socket is read to its end
//! ([`Machine::receive`]). What the look found is compared with the table, which is at an earlier place in
//! the stream: the events between the two are [`Pending`](crate::Pending). Take a process P and a look at
//! its pid:
//!
//! - **P was alive, and has run.** The kernel sends P's FORK before P runs for the first time, so it is in the
//!   stream by now, if it was sent to this listener at all. If it has been applied, P is in the table. If it
//!   is pending, it will bring P in. Otherwise it was sent before the listener was open, or lost: P is found,
//!   and a FORK of its pid that comes later is about another process.
//! - **P was alive, and has not run.** Its FORK may be on its way. If P started after the comparison began, that is
//!   applied after that, and brings it in, or is lost. Otherwise it is looked at again, until it has run.
//! - **P was not seen.** It was not there, or it came into being behind the place that the listing of `/proc`
//!   had reached: then its FORK was sent to the listener. It is applied, or pending, or lost.
//! - **P ended after the look.** Its EXIT is sent after the look, so it is applied after P was found.
//! - **P ended before the look.** It is not found. If its EXIT is still to come, it is about no entry, or it
//!   is late: see `table/exits.rs`.
//!
//! When every pid has been compared and all events received by then have been applied, the table is complete
//! as of the last of them. If one was lost meanwhile, the comparison is made again.
//!
//! Name, ids and session are as of the table's place in the stream if no event that changes them is pending.
//! If one is, it decides, and until then they are unknown. (Between a change and its event lies about a
//! microsecond. If a look falls into it, a child that was forked before the change, and whose FORK is pending,
//! is taken to have inherited what came after.)
//!
//! # After a loss
//!
//! A loss, or a contradiction, puts the table in doubt. When the stream has been read to its end, the same
//! comparison is made, first of all entries, so that processes end before others are found, then of all that
//! `/proc` lists. Another loss ends it, and it is made again when the stream has been read to its end again:
//! once, however many losses there were until then.

mod comparison;
#[cfg(test)]
mod tests;

use crate::change::{Delta, Kind};
use crate::entry::{Id, Known};
use crate::machine::{Delivery, Look, Machine};
use crate::memory::Memory;
use crate::scan::{Observation, Pending};
use crate::table::{Compared, Outcome, Scope, Table, TableError};
use crate::texts::Text;
use cnproc_parse::Event;
use comparison::{Comparison, Step};

/// What has happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Update {
    /// A process changed. With the event behind it, if there was one.
    Change(Delta, Option<Event>),
    /// The table is complete as of here.
    Synced,
    /// Events were lost. The table is in doubt until [`Update::Synced`].
    Lost(u64),
    /// An event that is going to be applied: see [`Join::set_raw`].
    Event(Event),
}

/// Why an update could not be made. The next call goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JoinError<S, M> {
    /// The machine's.
    Machine(S),
    /// A process did not fit into the table.
    Table(TableError<M>),
}

/// Whether a process was chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// It is in the table, or will be when an event is applied that was received. The next updates report it.
    Taken,
    /// No process has the pid.
    Gone,
    /// It has not run yet: choose it again after a short while.
    NotYet,
}

/// A table, kept complete.
pub struct Join<U: Copy, M: Memory> {
    table: Table<U, M>,
    comparison: Comparison,
    /// The event that is being applied, and the look that it asked for.
    event: Option<Event>,
    seen: Option<Observation>,
    /// A text found no memory.
    failed: Option<M::Error>,
    raw: bool,
    /// How many comparisons have been completed, and how many changes no event reported.
    synced: u64,
    inferred: u64,
}

type Failure<S, M> = JoinError<<S as Machine>::Error, <M as Memory>::Error>;

impl<U: Copy + Default, M: Memory> Join<U, M> {
    /// Keeps `table` complete from now on. It begins with a comparison.
    pub const fn new(table: Table<U, M>) -> Self {
        Self {
            table,
            comparison: Comparison::NONE,
            event: None,
            seen: None,
            failed: None,
            raw: false,
            synced: 0,
            inferred: 0,
        }
    }

    /// The table, as of the update returned last.
    pub const fn table(&self) -> &Table<U, M> {
        &self.table
    }

    /// The table.
    pub const fn table_mut(&mut self) -> &mut Table<U, M> {
        &mut self.table
    }

    /// Whether each event is returned before it is applied.
    pub const fn set_raw(&mut self, raw: bool) {
        self.raw = raw;
    }

    /// How many comparisons have been completed, and how many changes no event reported.
    pub const fn counts(&self) -> (u64, u64) {
        (self.synced, self.inferred)
    }

    /// Compares the table with `/proc` as after a loss.
    pub fn resync(&mut self) {
        self.table.doubt();
        self.comparison = Comparison::NONE;
    }

    /// Whether a process was seen that has not run yet, and must be looked at again when it has.
    pub fn is_waiting(&self) -> bool {
        self.event.is_some() || !self.table.is_synced() && self.table.has_room()
    }

    /// The next update. `None`: all that was received is applied, and nothing else can be done now.
    ///
    /// It never waits. If [`is_waiting`](Self::is_waiting) then, call it again after a short while even
    /// if nothing was received.
    ///
    /// # Errors
    /// See [`JoinError`]. Nothing is lost by it: the next call goes on where this one ended.
    pub fn next<S: Machine>(&mut self, machine: &mut S) -> Result<Option<Update>, Failure<S, M>> {
        if let Some(error) = self.failed.take() {
            return Err(JoinError::Table(TableError::Memory(error)));
        }
        if let Some(found) = self.table.take_unreported() {
            self.inferred += 1;
            return Ok(Some(Update::Change(found, None)));
        }
        loop {
            let step = match self.event {
                Some(event) => self.apply(machine, event)?,
                None if self.comparison.is_comparing() => self.compare(machine)?,
                None => match machine.next() {
                    Some(Delivery::Event(event)) => {
                        self.event = Some(event);
                        if self.raw { Step::Update(Update::Event(event)) } else { Step::GoOn }
                    }
                    Some(Delivery::Lost(count)) => {
                        self.resync();
                        Step::Update(Update::Lost(count))
                    }
                    None => self.go_on(machine)?,
                },
            };
            match step {
                Step::Update(update) => {
                    self.synced += u64::from(update == Update::Synced);
                    self.inferred += u64::from(matches!(update, Update::Change(_, None)));
                    return Ok(Some(update));
                }
                Step::Nothing => return Ok(None),
                Step::GoOn => {}
            }
        }
    }

    /// Applies an event, or a part of what it does.
    fn apply<S: Machine>(&mut self, machine: &mut S, event: Event) -> Result<Step, Failure<S, M>> {
        let seen = self.seen.take();
        let outcome = self.table.apply(&event, seen.as_ref()).map_err(|error| {
            self.event = None;
            JoinError::Table(error)
        })?;
        match outcome {
            // The look was too early.
            Outcome::Look(_) if seen.is_some() => Ok(Step::Nothing),
            Outcome::Look(pid) => {
                self.seen = Some(look(machine, pid, Look::default(), None)?);
                Ok(Step::GoOn)
            }
            Outcome::First(change) => Ok(Step::Update(Update::Change(change, Some(event)))),
            Outcome::Nothing => {
                self.event = None;
                Ok(Step::GoOn)
            }
            Outcome::Change(change) => {
                self.event = None;
                if change.kind == Kind::Executed {
                    self.program(machine, change.id);
                }
                Ok(Step::Update(Update::Change(change, Some(event))))
            }
        }
    }

    /// Reads what an exec has replaced. If that fails it stays unknown.
    fn program<S: Machine>(&mut self, machine: &mut S, id: Id) {
        let Some(entry) = self.table.get_id(id) else { return };
        let what = Look { ids: !entry.known.contains(Known::UID | Known::GID), texts: true };
        let Ok(seen) = look::<S, M::Error>(machine, entry.pid, what, None) else { return };
        if self.table.set_program(id, &seen) {
            self.set_texts(machine, id);
        }
    }

    /// Keeps the texts that the last look has read. Whether the executable is another.
    fn set_texts<S: Machine>(&mut self, machine: &S, id: Id) -> bool {
        let mut is_other = false;
        for text in Text::ALL {
            if let Some(value) = machine.text(text) {
                match self.table.set_text(id, text, value) {
                    Ok(differs) => is_other |= differs && text == Text::Exe,
                    Err(error) => self.failed = Some(error),
                }
            }
        }
        is_other
    }

    /// Takes a process into the scope: that which has this pid, and its descendants, if the scope is
    /// [`Scope::Descendants`](crate::Scope::Descendants).
    ///
    /// # Errors
    /// See [`JoinError`].
    pub fn choose<S: Machine>(
        &mut self,
        machine: &mut S,
        pid: i32,
    ) -> Result<Choice, Failure<S, M>> {
        if self.table.get(pid).is_some() {
            return Ok(Choice::Taken);
        }
        let what = Look { ids: true, texts: true };
        let seen = look(machine, pid, what, self.event.as_ref())?;
        let is_alive = seen.snapshot.presence.is_alive();
        if !seen.pending.fork && !is_alive {
            return Ok(Choice::Gone);
        }
        if !seen.is_complete || !seen.pending.fork && !seen.snapshot.has_run {
            return Ok(Choice::NotYet);
        }
        self.table.choose(pid);
        // If nothing changes, its FORK has been received, and will bring it in.
        if let Compared::Again(found) = self.table.compare(&seen).map_err(JoinError::Table)? {
            self.table.report_later(found.id);
            if !seen.pending.exec {
                self.set_texts(machine, found.id);
            }
        }
        if self.table.scope() == Scope::Descendants {
            self.list_again(machine);
        }
        Ok(Choice::Taken)
    }

    /// Whether a look shows that the process with that id still has its pid.
    ///
    /// # Errors
    /// The machine's.
    pub fn is_current<S: Machine>(
        &mut self,
        machine: &mut S,
        id: Id,
    ) -> Result<bool, Failure<S, M>> {
        let Some(entry) = self.table.get_id(id).filter(|_| self.table.is_live(id)) else {
            return Ok(false);
        };
        let seen = look(machine, entry.pid, Look::default(), self.event.as_ref())?;
        Ok(self.table.is_present(id, &seen))
    }

    /// The parent id of a process now: a look finds out, if its former parent has ended or is not in the
    /// table. `None` if the process has ended.
    ///
    /// # Errors
    /// The machine's.
    pub fn find_parent<S: Machine>(
        &mut self,
        machine: &mut S,
        id: Id,
    ) -> Result<Option<i32>, Failure<S, M>> {
        let Some(entry) = self.table.get_id(id).filter(|_| self.table.is_live(id)) else {
            return Ok(None);
        };
        if let Some(ppid) = self.table.ppid(entry) {
            return Ok(Some(ppid));
        }
        let seen = look(machine, entry.pid, Look::default(), self.event.as_ref())?;
        let is_parent = self.table.set_parent(id, &seen);
        Ok(Some(seen.snapshot.ppid).filter(|_| is_parent))
    }
}

/// Looks at a pid, and then reads the stream to its end. `event` is to be applied before that.
fn look<S: Machine, E>(
    machine: &mut S,
    pid: i32,
    what: Look,
    event: Option<&Event>,
) -> Result<Observation, JoinError<S::Error, E>> {
    let snapshot = machine.look(pid, what).map_err(JoinError::Machine)?;
    let is_complete = machine.receive().map_err(JoinError::Machine)?;
    let pending = |pid| {
        let mut pending = Pending::default();
        machine.pending(pid, &mut pending);
        if let Some(event) = event {
            pending.note(pid, event);
        }
        pending
    };
    let parent_is_new = pending(snapshot.ppid).fork;
    Ok(Observation { snapshot, pending: pending(pid), parent_is_new, is_complete })
}

impl<U: Copy, M: Memory> core::fmt::Debug for Join<U, M> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Join")
            .field("table", &self.table)
            .field("comparison", &self.comparison)
            .field("event", &self.event)
            .finish_non_exhaustive()
    }
}
