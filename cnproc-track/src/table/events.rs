//! What events do to the table.

use super::{LATE_NS, Scope, Table, TableError, Trust};
use crate::change::{Delta, Kind};
use crate::entry::{Entry, Id, Known, Parent};
use crate::memory::Memory;
use crate::pids::Late;
use crate::scan::Observation;
use crate::slots::{LeaderExit, Life, Slot};
use cnproc_parse::{Comm, Event, EventData, Fork, Gid, Uid};

/// What [`Table::apply`] did with an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It changed nothing that is reported.
    Nothing,
    /// It changed a process.
    Change(Delta),
    /// It changed a process, and will change another: apply it again.
    First(Delta),
    /// Whether the process has ended must be seen: look at this pid, read the stream to its end, and
    /// apply the event again with that.
    Look(i32),
}

impl From<Option<Delta>> for Outcome {
    fn from(change: Option<Delta>) -> Self {
        change.map_or(Self::Nothing, Self::Change)
    }
}

/// The process that starts all kernel threads. They are given names that no event reports.
const KTHREADD: i32 = 2;

impl<U: Copy + Default, M: Memory> Table<U, M> {
    /// Applies the next event of the stream.
    ///
    /// # Errors
    /// A process did not fit. The event is done with, and the table is as it was, but not complete: when
    /// there is ample room again, or memory, it is in doubt, so that a comparison finds what was left out.
    pub fn apply(
        &mut self,
        event: &Event,
        seen: Option<&Observation>,
    ) -> Result<Outcome, TableError<M::Error>> {
        self.check_late(event.timestamp_ns);
        let ns = event.timestamp_ns;
        match event.data() {
            EventData::Fork(fork) if fork.child_pid == fork.child_tgid => {
                return self.fork(&fork, ns);
            }
            EventData::Fork(fork) => self.thread(fork.child_tgid),
            EventData::Exit(exit) => return Ok(self.exit(&exit, ns, seen)),
            EventData::Exec(exec) => return Ok(self.exec(exec.process_tgid, ns).into()),
            EventData::Uid(uid) => return Ok(self.uid(&uid).into()),
            EventData::Gid(gid) => return Ok(self.gid(&gid).into()),
            EventData::Sid(sid) => return Ok(self.session(sid.process_tgid).into()),
            EventData::Comm(comm) => return Ok(self.comm(&comm).into()),
            EventData::Coredump(dump) => {
                self.of(dump.process_tgid);
            }
            _ => {}
        }
        Ok(Outcome::Nothing)
    }

    /// The process of an event that it sent itself: so it lives, and is in the table if all are.
    pub(super) fn of(&mut self, pid: i32) -> Option<usize> {
        let slot = self.pids.slot(pid);
        match slot.and_then(|slot| self.slot_mut(slot)) {
            Some(slot) => slot.life.has_run = true,
            None => self.contradiction(),
        }
        slot
    }

    /// A late EXIT that does not come was lost.
    fn check_late(&mut self, ns: u64) {
        if self.late > 0 && ns > self.late_since_ns.saturating_add(LATE_NS) {
            self.late = 0;
            self.contradiction();
        }
    }

    fn fork(&mut self, fork: &Fork, ns: u64) -> Result<Outcome, TableError<M::Error>> {
        let pid = fork.child_tgid;
        if let Some(slot) = self.pids.slot(pid) {
            let change = self.supersede(slot, ns);
            return Ok(change.map_or(Outcome::Nothing, Outcome::First));
        }
        if ns > self.owed_ns.saturating_add(LATE_NS) {
            self.pids.forgive(pid);
        }
        let parent = self.pids.slot(fork.parent_tgid);
        let is_wanted = match self.scope {
            Scope::All => true,
            Scope::Chosen => self.pids.is_chosen(pid),
            Scope::Descendants => parent.is_some() || self.pids.is_chosen(pid),
        };
        if !is_wanted {
            return Ok(Outcome::Nothing);
        }
        if fork.parent_tgid != 0 {
            self.of(fork.parent_tgid);
        }
        let parent = parent.and_then(|slot| self.slots.get(slot)).copied();
        let texts = self.texts.share(parent.map_or(0, |parent| parent.texts));
        let life = Life::new(ns, ns.saturating_add(self.boot_offset_ns));
        let certain = self.trust != Trust::Doubt;
        let added = self.add(pid, |id| (child(id, fork, ns, parent.as_ref(), certain), life));
        let slot = match added {
            Ok(slot) => slot,
            Err(error) => {
                self.texts.release(texts);
                return Err(error);
            }
        };
        if let Some(slot) = self.slot_mut(slot) {
            slot.texts = texts;
        }
        Ok(self.change(Kind::Started, slot, false).into())
    }

    /// A FORK gave a live process's pid to another: it has ended, and its EXIT is late or was lost.
    fn supersede(&mut self, slot: usize, ns: u64) -> Option<Delta> {
        let Slot { life, entry, .. } = *self.slots.get(slot)?;
        if life.exit == LeaderExit::Missing && self.trust != Trust::Doubt {
            self.late_since_ns = if self.late == 0 { ns } else { self.late_since_ns };
            self.late += 1;
        }
        let status = self.missed_exit(entry.pid, &life, ns);
        let change = self.change(Kind::Exited, slot, false);
        self.end(slot, ns, status);
        change
    }

    fn thread(&mut self, pid: i32) {
        if let Some(slot) = self.of(pid).and_then(|slot| self.slot_mut(slot)) {
            slot.life.had_threads = true;
            slot.life.threads = slot.life.threads.saturating_add(1);
        }
    }

    fn exec(&mut self, pid: i32, ns: u64) -> Option<Delta> {
        let slot = self.of(pid)?;
        let executed = self.slot_mut(slot)?;
        let (life, entry) = (&mut executed.life, &mut executed.entry);
        entry.exec_ns = ns;
        entry.known = entry.known.without(Known::PROGRAM);
        if life.ids_differ {
            // If another thread than the leader did it, the process has that thread's ids now.
            entry.known = entry.known.without(Known::UID | Known::GID);
        }
        // If another thread did it, the EXIT of the leader may still come.
        let leader_is_late = life.had_threads && life.exit == LeaderExit::Missing;
        (life.had_threads, life.threads) = (false, 1);
        (life.code, life.last_code, life.codes_differ) = (0, 0, false);
        (life.leaderless, life.exit) = (false, LeaderExit::Missing);
        (life.names_differ, life.ids_differ) = (false, false);
        if leader_is_late {
            self.owe(pid, Late::Expected, ns);
        }
        self.change(Kind::Executed, slot, false)
    }

    fn uid(&mut self, uid: &Uid) -> Option<Delta> {
        let slot = self.of(uid.process_tgid)?;
        let Slot { entry, life, .. } = self.slot_mut(slot)?;
        let differs = (entry.ruid, entry.euid) != (uid.ruid, uid.euid);
        let is_leader = uid.process_pid == uid.process_tgid;
        life.ids_differ |= life.had_threads || !is_leader;
        life.had_threads |= !is_leader;
        if !is_leader {
            return None;
        }
        (entry.ruid, entry.euid) = (uid.ruid, uid.euid);
        entry.known |= Known::UID;
        if differs { self.change(Kind::Ids, slot, false) } else { None }
    }

    fn gid(&mut self, gid: &Gid) -> Option<Delta> {
        let slot = self.of(gid.process_tgid)?;
        let Slot { entry, life, .. } = self.slot_mut(slot)?;
        let differs = (entry.rgid, entry.egid) != (gid.rgid, gid.egid);
        let is_leader = gid.process_pid == gid.process_tgid;
        life.ids_differ |= life.had_threads || !is_leader;
        life.had_threads |= !is_leader;
        if !is_leader {
            return None;
        }
        (entry.rgid, entry.egid) = (gid.rgid, gid.egid);
        entry.known |= Known::GID;
        if differs { self.change(Kind::Ids, slot, false) } else { None }
    }

    fn session(&mut self, pid: i32) -> Option<Delta> {
        let slot = self.of(pid)?;
        let Slot { entry, life, .. } = self.slot_mut(slot)?;
        let differs = core::mem::replace(&mut entry.sid, pid) != pid;
        entry.known |= Known::SESSION;
        if life.had_threads {
            // Another thread may have forked between the change and its event.
            self.doubt();
        }
        if differs { self.change(Kind::Session, slot, false) } else { None }
    }

    fn comm(&mut self, comm: &Comm) -> Option<Delta> {
        let slot = self.of(comm.process_tgid)?;
        let Slot { entry, life, .. } = self.slot_mut(slot)?;
        let differs = entry.comm != comm.comm;
        let is_leader = comm.process_pid == comm.process_tgid;
        life.names_differ |= life.had_threads || !is_leader;
        life.had_threads |= !is_leader;
        if !is_leader {
            return None;
        }
        entry.comm = comm.comm;
        entry.known |= Known::COMM;
        if differs { self.change(Kind::Renamed, slot, false) } else { None }
    }
}

/// The entry of a process that was forked: until its own events say otherwise it has its parent's name,
/// ids, session and texts.
fn child<U: Copy + Default>(
    id: Id,
    fork: &Fork,
    ns: u64,
    parent: Option<&Slot<U>>,
    certain: bool,
) -> Entry<U> {
    let mut entry = Entry {
        id,
        creator: parent.map(|parent| parent.entry.id),
        parent: match (parent, fork.parent_tgid) {
            (Some(parent), _) => Parent::Process(parent.entry.id),
            (None, 0) => Parent::Kernel,
            (None, _) => Parent::Unknown,
        },
        pid: fork.child_tgid,
        sid: 0,
        ruid: 0,
        euid: 0,
        rgid: 0,
        egid: 0,
        start_ns: ns,
        exec_ns: 0,
        exit_ns: 0,
        status: None,
        known: Known::NONE,
        comm: [0; 16],
        user: U::default(),
    };
    let Some(Slot { entry: parent, life, .. }) = parent else { return entry };
    (entry.comm, entry.sid) = (parent.comm, parent.sid);
    (entry.ruid, entry.euid, entry.rgid, entry.egid) =
        (parent.ruid, parent.euid, parent.rgid, parent.egid);
    if !certain {
        return entry;
    }
    entry.known = parent.known.and(Known::INHERITED) | Known::CREATOR;
    // The thread that called fork gave it its own.
    let by_leader = fork.parent_pid == fork.parent_tgid;
    if life.names_differ && !by_leader || parent.pid == KTHREADD {
        entry.known = entry.known.without(Known::COMM);
    }
    if life.ids_differ && !by_leader {
        entry.known = entry.known.without(Known::UID | Known::GID);
    }
    entry
}
