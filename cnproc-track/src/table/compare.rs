//! What looks at `/proc` do to the table.

use super::exits::Verdict;
use super::{LATE_NS, Scope, Table, TableError, Trust};
use crate::change::{Delta, Kind};
use crate::entry::{Entry, Id, Known, Parent};
use crate::memory::Memory;
use crate::pids::Late;
use crate::scan::{Observation, Pending, Presence, Snapshot};
use crate::slots::{Life, Slot, State};

/// What [`Table::compare`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compared {
    /// Table and observation agree, as of the table's place in the stream.
    Settled,
    /// The table has changed: compare with the same observation again.
    Again(Delta),
    /// What was seen can only be understood later: look again once the events received so far have
    /// been applied.
    Later,
}

impl<U: Copy + Default, M: Memory> Table<U, M> {
    /// Begins a comparison of all entries with `/proc`: none has passed it yet.
    pub const fn begin_scan(&mut self, now_ns: u64) {
        self.scan = self.scan.wrapping_add(1);
        self.doubted = false;
        self.expect_forks(now_ns);
    }

    /// From now on each FORK brings its process in, or is lost. So a process that starts later and has not run needs no
    /// comparison. Where processes begin all the time, there is always one, and a comparison would never end.
    pub(crate) const fn expect_forks(&mut self, now_ns: u64) {
        self.forks_from = now_ns.saturating_add(self.boot_offset_ns);
    }

    /// The next entry, from `*cursor` on, that has not passed the comparison yet; or of which not
    /// everything is known, if `incomplete`.
    pub fn next_unchecked(&self, cursor: &mut usize, incomplete: bool) -> Option<i32> {
        let rest = self.slots.all().get(*cursor..)?;
        let found = rest.iter().position(|slot| {
            let needs_look = slot.checked != self.scan
                || incomplete && !slot.entry.known.contains(Known::MEMBERS | self.kept);
            slot.state == State::Live && needs_look
        })?;
        *cursor += found + 1;
        rest.get(found).map(|slot| slot.entry.pid)
    }

    /// The comparison is complete, and all events have been applied that were received until its end.
    /// Whether the table is complete: not if a process did not fit, or if doubt has arisen meanwhile.
    pub fn end_scan(&mut self, now_ns: u64) -> bool {
        if self.shortage.is_some() || self.doubted {
            self.trust = Trust::Doubt;
            return false;
        }
        self.trust = Trust::Complete;
        self.wary_until_ns = now_ns.saturating_add(LATE_NS);
        true
    }

    /// The scope has become wider: the table is not complete, though no event was lost.
    pub(crate) fn widen(&mut self) {
        if self.trust == Trust::Complete {
            self.trust = Trust::Starting;
        }
    }

    /// Whether a comparison can make the table complete: not while a process does not fit.
    pub const fn has_room(&self) -> bool {
        self.shortage.is_none()
    }

    /// Whether a process that has this pid may belong to the scope.
    pub fn may_want(&self, pid: i32) -> bool {
        self.scope != Scope::Chosen || self.pids.is_chosen(pid)
    }

    /// Compares one pid with the table, after a look at it and after the stream was read to its end.
    ///
    /// # Errors
    /// A process did not fit. The table is as it was.
    pub fn compare(&mut self, seen: &Observation) -> Result<Compared, TableError<M::Error>> {
        match self.pids.slot(seen.snapshot.pid) {
            None => self.compare_unknown(seen),
            Some(slot) => Ok(self.compare_known(slot, seen)),
        }
    }

    fn compare_unknown(&mut self, seen: &Observation) -> Result<Compared, TableError<M::Error>> {
        let Observation { snapshot, pending, parent_is_new, .. } = seen;
        let is_wanted = match self.scope {
            Scope::Descendants => {
                self.pids.is_chosen(snapshot.pid) || self.pids.slot(snapshot.ppid).is_some()
            }
            Scope::All | Scope::Chosen => self.may_want(snapshot.pid),
        };
        if !snapshot.presence.is_alive() || !is_wanted {
            return Ok(Compared::Settled);
        }
        // Whether its parent is in the table, that FORK will show.
        let is_childs = *parent_is_new && self.scope == Scope::Descendants;
        if is_childs || !pending.fork && !snapshot.has_run {
            // Its FORK is still to come; or, if it is older than the comparison, came before this table listened.
            let is_expected = snapshot.start_ns > self.forks_from;
            return Ok(if is_expected { Compared::Settled } else { Compared::Later });
        }
        if self.pids.owes(snapshot.pid).is_none() {
            // The EXIT of a process that the table has not known.
            self.owe(snapshot.pid, Late::Possible, snapshot.before_ns);
        }
        if pending.fork {
            // That will bring it in; or what was seen has ended since.
            return Ok(Compared::Settled);
        }
        let parent = self.parent_seen(seen);
        let start_ns = snapshot.start_ns.saturating_sub(self.boot_offset_ns);
        let slot = self.add(snapshot.pid, |id| found(id, snapshot, pending, parent, start_ns))?;
        Ok(self.change(Kind::Found, slot, true).map_or(Compared::Settled, Compared::Again))
    }

    fn compare_known(&mut self, slot: usize, seen: &Observation) -> Compared {
        let Observation { snapshot, pending, .. } = seen;
        if pending.fork {
            // That will end it.
            return self.settled(slot);
        }
        // Without doubt what ends it is on its way; and likewise if it passed this comparison before, or began during it.
        let is_left_to_events = self.trust != Trust::Doubt || self.has_passed(slot);
        match self.verdict(slot, seen) {
            Verdict::Alive if snapshot.has_run => self.refresh(slot, seen),
            _ if is_left_to_events => self.settled(slot),
            // It, or another process of the same tick, whose FORK may be on its way.
            Verdict::Alive => Compared::Later,
            Verdict::Ended(_) if !pending.is_empty() => Compared::Later,
            // Another process has its pid, whose FORK may be on its way.
            Verdict::Ended(_) if snapshot.presence.is_alive() && !snapshot.has_run => {
                Compared::Later
            }
            Verdict::Ended(exact) => {
                let Some(Slot { life, entry, .. }) = self.slots.get(slot).copied() else {
                    return Compared::Settled;
                };
                let status = self.missed_exit(entry.pid, &life, snapshot.before_ns);
                let change = self.change(Kind::Exited, slot, true);
                self.end(slot, 0, exact.or(status));
                change.map_or(Compared::Settled, Compared::Again)
            }
        }
    }

    /// Whether the process in `slot` has passed the comparison that is being made.
    fn has_passed(&self, slot: usize) -> bool {
        self.slots.get(slot).is_some_and(|slot| slot.checked == self.scan)
    }

    fn settled(&mut self, slot: usize) -> Compared {
        let scan = self.scan;
        if let Some(slot) = self.slot_mut(slot) {
            slot.checked = scan;
        }
        Compared::Settled
    }

    /// Brings the entry of a process that lives up to date, one difference at a time. Of what an event
    /// still to be applied reports, that event decides.
    fn refresh(&mut self, slot: usize, seen: &Observation) -> Compared {
        let Observation { snapshot, pending, .. } = seen;
        let in_doubt = self.trust == Trust::Doubt;
        let parent = self.parent_seen(seen);
        let Some(Slot { entry, life, .. }) = self.slot_mut(slot) else { return Compared::Settled };
        entry.parent = parent;
        life.start_is_exact = true;
        life.started_by = snapshot.start_ns;
        life.has_run = true;
        life.may_differ(snapshot);
        if snapshot.presence == Presence::Running {
            life.alive_ns = life.alive_ns.max(snapshot.before_ns);
            life.alive_until_ns = life.alive_until_ns.max(snapshot.after_ns);
        }
        if in_doubt {
            life.counted = false;
            life.had_threads |= snapshot.threads > 1;
            (life.names_differ, life.ids_differ) = (true, true);
            life.leaderless = match snapshot.presence {
                Presence::Leaderless => true,
                _ => life.leaderless && pending.exit,
            };
            life.had_threads |= life.leaderless;
        }
        let differs = entry.update(snapshot, pending);
        match differs.and_then(|kind| self.change(kind, slot, true)) {
            Some(change) => Compared::Again(change),
            None => self.settled(slot),
        }
    }

    /// Whether another process than that in `slot` was seen under its pid.
    pub(super) fn differs(&self, slot: usize, seen: &Observation) -> bool {
        let snapshot = &seen.snapshot;
        let Some(Slot { life, .. }) = self.slots.get(slot) else { return false };
        match life.start_is_exact {
            _ if snapshot.presence == Presence::Gone => false,
            _ if life.has_run && !snapshot.has_run => true,
            true => snapshot.start_ns != life.started_by,
            false => snapshot.start_ns > life.started_by,
        }
    }

    /// The parent of a process that was looked at.
    pub(super) fn parent_seen(&self, seen: &Observation) -> Parent {
        match seen.parent_is_new {
            true => Parent::Unknown,
            false => self.resolve(seen.snapshot.ppid, seen.snapshot.before_ns),
        }
    }

    /// The process that had this pid at that time.
    pub(super) fn resolve(&self, pid: i32, ns: u64) -> Parent {
        let entry = self.get(pid).filter(|entry| entry.start_ns <= ns);
        match (entry, pid) {
            (Some(entry), _) => Parent::Process(entry.id),
            (None, 0) => Parent::Kernel,
            (None, _) => Parent::Unknown,
        }
    }
}

/// The entry of a process that a look has shown.
fn found<U: Copy + Default>(
    id: Id,
    snapshot: &Snapshot,
    pending: &Pending,
    parent: Parent,
    start_ns: u64,
) -> (Entry<U>, Life) {
    let mut entry = Entry {
        id,
        creator: None,
        parent,
        pid: snapshot.pid,
        sid: 0,
        ruid: 0,
        euid: 0,
        rgid: 0,
        egid: 0,
        start_ns,
        exec_ns: 0,
        exit_ns: 0,
        status: None,
        known: Known::NONE,
        comm: [0; 16],
        user: U::default(),
    };
    while entry.update(snapshot, pending).is_some() {}
    let is_running = snapshot.presence == Presence::Running;
    // The EXIT of a leader that is a zombie may be older than the look.
    let (alive_ns, alive_until_ns) =
        if is_running { (snapshot.before_ns, snapshot.after_ns) } else { (start_ns, start_ns) };
    let life = Life {
        start_is_exact: true,
        has_run: true,
        had_threads: snapshot.threads > 1,
        leaderless: !is_running,
        counted: false,
        threads: snapshot.threads,
        // Those of threads have not been seen, nor of such as have ended since.
        names_differ: true,
        ids_differ: true,
        alive_until_ns,
        ..Life::new(alive_ns, snapshot.start_ns)
    };
    (entry, life)
}

impl Life {
    /// Other threads than the leader, which alone was looked at, may have other names and ids.
    pub(super) fn may_differ(&mut self, snapshot: &Snapshot) {
        self.names_differ |= snapshot.threads > 1;
        self.ids_differ |= snapshot.threads > 1;
    }
}

impl<U> Entry<U> {
    /// Takes the first group of members that were not known, or were other than what was seen.
    fn update(&mut self, snapshot: &Snapshot, pending: &Pending) -> Option<Kind> {
        if !pending.comm && !pending.exec {
            let is_news = self.learn(Known::COMM);
            if core::mem::replace(&mut self.comm, snapshot.comm) != snapshot.comm || is_news {
                return Some(Kind::Renamed);
            }
        }
        if !pending.session {
            let is_news = self.learn(Known::SESSION);
            if core::mem::replace(&mut self.sid, snapshot.sid) != snapshot.sid || is_news {
                return Some(Kind::Session);
            }
        }
        // An exec by another thread gives the process that thread's ids.
        let ids = snapshot.ids.filter(|_| !pending.exec)?;
        let mut is_news = false;
        if !pending.uid {
            is_news |= self.learn(Known::UID) || (self.ruid, self.euid) != (ids.ruid, ids.euid);
            (self.ruid, self.euid) = (ids.ruid, ids.euid);
        }
        if !pending.gid {
            is_news |= self.learn(Known::GID) || (self.rgid, self.egid) != (ids.rgid, ids.egid);
            (self.rgid, self.egid) = (ids.rgid, ids.egid);
        }
        is_news.then_some(Kind::Ids)
    }

    /// Whether it was not known.
    fn learn(&mut self, members: Known) -> bool {
        let was_known = self.known.contains(members);
        self.known |= members;
        !was_known
    }
}
