//! The table of processes: creation, lookups, iteration.
//!
//! What events do to it is in `events.rs` and `exits.rs`, what looks at `/proc` do in `compare.rs`.

mod compare;
mod events;
mod exits;
mod facts;
mod options;
#[cfg(test)]
mod tests;

pub use compare::Compared;
pub use events::Outcome;
pub use options::{Scope, TableError, TableOptions};

use crate::change::{Delta, Kind};
use crate::entry::{Entry, Id, Known, Parent};
use crate::memory::Memory;
use crate::pids::{Late, Pids};
use crate::slots::{NoSlot, Slot, Slots, State};
use crate::status::WaitStatus;
use crate::texts::{Block, Text, Texts};
use core::fmt;

/// How far the table can be relied on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trust {
    /// It has not been synchronised yet. No event has been lost.
    Starting,
    /// It is complete.
    Complete,
    /// Events were lost, or something happened that shows it.
    Doubt,
}

/// Why a process did not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shortage {
    /// The table is full: there is room again when processes have ended.
    Slots,
    /// There was no memory: there is some again when a process fits, or has ended.
    Memory,
}

/// How late an EXIT can be: the thread that sends it has notified its parent, and may have to wait for a CPU.
const LATE_NS: u64 = 10_000_000_000;

/// The machine's processes, or those of a [`Scope`], as of the event applied last.
///
/// A table makes no system call. It is kept right by events ([`apply`](Self::apply)) and by looks at
/// `/proc` ([`compare`](Self::compare)), in the order that [`Join`](crate::Join) takes care of.
pub struct Table<U: Copy, M: Memory> {
    slots: Slots<U, M::Array<Slot<U>>>,
    pids: Pids<M::Fixed>,
    texts: Texts<M::Array<Block>, M::Array<u8>>,
    /// The texts that are kept.
    kept: Known,
    scope: Scope,
    trust: Trust,
    /// Until then, any EXIT may be a former owner's that the table has not known.
    wary_until_ns: u64,
    /// Late EXITs that must come, and since when the first of them is expected.
    late: u32,
    late_since_ns: u64,
    /// When an EXIT was last noted that may come late.
    owed_ns: u64,
    /// By how much CLOCK_BOOTTIME is ahead of CLOCK_MONOTONIC, at most.
    boot_offset_ns: u64,
    /// The comparison with `/proc` that is, or was last, made.
    scan: u32,
    /// How many entries are yet to be reported.
    unreported: usize,
    /// A process was left out because there was no room.
    shortage: Option<Shortage>,
    /// Doubt has arisen since the comparison began.
    doubted: bool,
    /// No FORK of a process that started later was applied before the comparison began: CLOCK_BOOTTIME.
    forks_from: u64,
}

impl<U: Copy + Default, M: Memory> Table<U, M> {
    /// An empty table.
    ///
    /// # Errors
    /// There is no memory for its index.
    pub fn new(memory: &M, options: &TableOptions) -> Result<Self, M::Error> {
        let room = |wanted| if wanted { options.text_bytes } else { 0 };
        let rooms = [room(options.cmdline), room(options.exe), room(options.cgroup)];
        let kept = [Known::CMDLINE, Known::EXE, Known::CGROUP]
            .into_iter()
            .zip(rooms)
            .filter(|(_, room)| *room > 0)
            .fold(Known::NONE, |kept, (text, _)| kept | text);
        Ok(Self {
            slots: Slots::new(memory.array(), options.max_processes, options.keep_ended),
            pids: Pids::new(memory.zeroed(options.pids)?),
            texts: Texts::new(memory.array(), memory.array(), rooms),
            kept,
            scope: options.scope,
            trust: Trust::Starting,
            wary_until_ns: u64::MAX,
            late: 0,
            late_since_ns: 0,
            owed_ns: 0,
            boot_offset_ns: 0,
            scan: 0,
            unreported: 0,
            shortage: None,
            doubted: false,
            forks_from: u64::MAX,
        })
    }

    /// By how much CLOCK_BOOTTIME is ahead of CLOCK_MONOTONIC now: at most, if it is not known
    /// exactly. Events carry the one clock, `/proc` the other.
    pub const fn set_boot_offset(&mut self, ns: u64) {
        self.boot_offset_ns = ns;
    }

    /// How many processes are in the table.
    pub const fn len(&self) -> usize {
        self.slots.live()
    }

    /// Whether no process is in the table.
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Which processes are in the table.
    pub const fn scope(&self) -> Scope {
        self.scope
    }

    /// Whether the table is complete: it has been synchronised, and no event has been lost since.
    pub fn is_synced(&self) -> bool {
        self.trust == Trust::Complete && self.shortage.is_none()
    }

    /// Whether events have been lost since it was synchronised last, or at the start.
    pub fn is_in_doubt(&self) -> bool {
        self.trust == Trust::Doubt
    }

    /// The process that has this pid now.
    pub fn get(&self, pid: i32) -> Option<&Entry<U>> {
        self.slots.get(self.pids.slot(pid)?).map(|slot| &slot.entry)
    }

    /// A process by its id: also one that has ended, while it is kept.
    pub fn get_id(&self, id: Id) -> Option<&Entry<U>> {
        self.slots.get(self.slots.find(id)?).map(|slot| &slot.entry)
    }

    /// Whether that process has not ended.
    pub fn is_live(&self, id: Id) -> bool {
        self.slots.is_live(id)
    }

    /// The caller's own value of a process.
    pub fn user_mut(&mut self, id: Id) -> Option<&mut U> {
        self.slots.get_mut(self.slots.find(id)?).map(|slot| &mut slot.entry.user)
    }

    /// All processes, in no particular order.
    pub fn iter(&self) -> impl Iterator<Item = &Entry<U>> {
        self.slots.all().iter().filter(|slot| slot.state == State::Live).map(|slot| &slot.entry)
    }

    /// The first live process whose place in the table is not before `*cursor`, which is moved behind
    /// it. From 0 on, this visits every process that stays in the table meanwhile exactly once.
    pub fn next(&self, cursor: &mut usize) -> Option<&Entry<U>> {
        let rest = self.slots.all().get(*cursor..)?;
        let found = rest.iter().position(|slot| slot.state == State::Live)?;
        *cursor += found + 1;
        rest.get(found).map(|slot| &slot.entry)
    }

    /// The parent id of a process now. `None` if it is not known: its parent is not in the table, or has
    /// ended since, and a look has not shown yet to whom the kernel gave it.
    pub fn ppid(&self, entry: &Entry<U>) -> Option<i32> {
        match entry.parent {
            Parent::Kernel => Some(0),
            Parent::Process(id) => self.live(id).map(|parent| parent.pid),
            Parent::Unknown => None,
        }
    }

    /// The parent of a process, if it is in the table.
    pub fn parent(&self, entry: &Entry<U>) -> Option<&Entry<U>> {
        match entry.parent {
            Parent::Process(id) => self.live(id),
            _ => None,
        }
    }

    /// A process's parent, its parent's parent, and so on, as far as they are known.
    pub fn ancestors(&self, id: Id) -> impl Iterator<Item = &Entry<U>> {
        let parent = self.get_id(id).and_then(|entry| self.parent(entry));
        // More than there are processes would be a circle, which the kernel does not make.
        core::iter::successors(parent, |entry| self.parent(entry)).take(self.len())
    }

    /// The processes whose parent this one is known to be.
    pub fn children(&self, id: Id) -> impl Iterator<Item = &Entry<U>> {
        let is_child = move |entry: &&Entry<U>| entry.parent == Parent::Process(id);
        self.iter().filter(is_child).filter(move |_| self.is_live(id))
    }

    /// What is kept of a text of a process: of its present program, or that of its parent when it was
    /// forked. [`Entry::known`] says whether it may be out of date.
    pub fn text(&self, id: Id, text: Text) -> Option<&[u8]> {
        self.texts.get(self.slots.get(self.slots.find(id)?)?.texts, text)
    }

    /// Takes the next process with this pid into the scope: one that [`compare`](Self::compare) finds, or
    /// that a FORK starts.
    pub fn choose(&mut self, pid: i32) {
        self.pids.choose(pid, true);
    }

    /// The memory of its arrays, in bytes, without the index: that takes 4 bytes for each pid up to the highest,
    /// in pages that are only in use where a pid was.
    pub fn memory_bytes(&self) -> usize {
        size_of_val(self.slots.all()) + self.texts.memory_bytes()
    }

    /// Events were lost, or may have been: from now on the table is in doubt.
    pub fn doubt(&mut self) {
        self.trust = Trust::Doubt;
        self.doubted = true;
        self.late = 0;
    }

    /// That it was found will be reported by [`take_unreported`](Self::take_unreported).
    pub(crate) fn report_later(&mut self, id: Id) {
        if let Some(slot) = self.slots.find(id).and_then(|slot| self.slots.get_mut(slot)) {
            slot.unreported = true;
            self.unreported += 1;
        }
    }

    /// A process that was found and not reported.
    pub(crate) fn take_unreported(&mut self) -> Option<Delta> {
        self.unreported = self.unreported.checked_sub(1)?;
        let slot = self.slots.all().iter().position(|slot| slot.unreported)?;
        self.slots.get_mut(slot)?.unreported = false;
        self.change(Kind::Found, slot, true)
    }

    fn live(&self, id: Id) -> Option<&Entry<U>> {
        let slot = self.slots.get(self.slots.find(id)?)?;
        Some(&slot.entry).filter(|_| slot.state == State::Live)
    }

    fn slot_mut(&mut self, slot: usize) -> Option<&mut Slot<U>> {
        self.slots.get_mut(slot)
    }

    fn change(&self, kind: Kind, slot: usize, inferred: bool) -> Option<Delta> {
        let in_doubt = self.trust == Trust::Doubt;
        let id = self.slots.get(slot)?.entry.id;
        Some(Delta { kind, id, inferred, in_doubt })
    }

    /// Something that cannot be if no event was lost.
    fn contradiction(&mut self) {
        if self.trust == Trust::Complete && self.scope == Scope::All {
            self.doubt();
        }
    }

    /// Ends a process: its pid is free.
    fn end(&mut self, slot: usize, exit_ns: u64, status: Option<WaitStatus>) {
        let Some(ended) = self.slots.get_mut(slot) else { return };
        (ended.entry.exit_ns, ended.entry.status) = (exit_ns, status);
        self.pids.take(ended.entry.pid);
        let dropped = self.slots.end(slot);
        self.texts.release(dropped.texts);
        if self.slots.has_ample_room() {
            self.find_left_out();
        }
    }

    /// There is room again: what was left out can be found.
    fn find_left_out(&mut self) {
        if self.shortage.take().is_some() {
            self.doubt();
        }
    }

    /// An EXIT of this pid's owner is still to come, or may be, though the pid has been given away.
    fn owe(&mut self, pid: i32, late: Late, ns: u64) {
        self.pids.owe(pid, late);
        self.owed_ns = self.owed_ns.max(ns);
    }

    /// A late EXIT has come. Whether there was one to come.
    fn pay(&mut self, pid: i32) -> bool {
        let late = self.pids.pay(pid);
        if late == Some(Late::Expected) {
            self.late = self.late.saturating_sub(1);
        }
        late.is_some()
    }

    /// Takes a process in.
    fn add(
        &mut self,
        pid: i32,
        make: impl FnOnce(Id) -> (Entry<U>, crate::slots::Life),
    ) -> Result<usize, TableError<M::Error>> {
        self.pids.choose(pid, false);
        if !self.pids.has(pid) {
            return Err(TableError::Pid(pid));
        }
        let added = self.slots.add(make);
        match added {
            Err(NoSlot::Full) => self.shortage = Some(Shortage::Slots),
            Err(NoSlot::Memory(_)) => self.shortage = Some(Shortage::Memory),
            Ok(_) if self.shortage == Some(Shortage::Memory) => self.find_left_out(),
            Ok(_) => {}
        }
        let (slot, dropped) = added?;
        self.texts.release(dropped.texts);
        self.pids.give(pid, slot);
        let scan = self.scan;
        if let Some(slot) = self.slots.get_mut(slot) {
            slot.checked = scan;
        }
        Ok(slot)
    }
}

impl<U: Copy, M: Memory> fmt::Debug for Table<U, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Table")
            .field("scope", &self.scope)
            .field("trust", &self.trust)
            .finish_non_exhaustive()
    }
}
