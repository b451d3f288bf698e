//! What is compared with the model: everything that the table contains.

use super::kernel::{BOOT_OFFSET, Sent};
use super::world::World;
use cnproc_parse::kernel as what;
use cnproc_track::{
    Delta, Entry, Heap, Id, Join, Kind, Known, Scope, Table, Text, Update, WaitStatus,
};
use std::collections::{BTreeMap, HashMap, HashSet};

/// How often what has happened: all of it must, or nothing is proven.
#[derive(Clone, Debug, Default)]
pub struct Counts(pub BTreeMap<&'static str, u64>);

impl Counts {
    /// All that has to be counted.
    pub const NAMES: [&str; 18] = [
        "found",
        "found after the start",
        "started",
        "executed",
        "executed, inferred",
        "ids",
        "session",
        "renamed",
        "exited with its status",
        "exited, status unknown",
        "exited by the FORK of its pid's next owner",
        "exited with a thread after its leader",
        "exited, inferred",
        "EXIT of a leader, and lives",
        "EXIT after the FORK of its pid's next owner",
        "changed in doubt",
        "synced",
        "lost",
    ];

    pub fn add(&mut self, name: &'static str, is_so: bool) {
        assert!(Self::NAMES.contains(&name));
        *self.0.entry(name).or_default() += u64::from(is_so);
    }
}

#[derive(Default)]
pub struct Check {
    pub counts: Counts,
    /// Which process an id names.
    names: HashMap<Id, usize>,
    ids: HashMap<usize, Id>,
    exited: HashMap<Id, Option<WaitStatus>>,
    /// The processes that may have been meant by a choice.
    chosen: HashSet<usize>,
    /// Losses, and events not sent, that the table has made up for.
    settled_losses: u64,
    settled_muted: u64,
    /// Events not sent of which the table was informed.
    pub reported_muted: u64,
    /// The stream was never incomplete.
    was_tainted: bool,
    /// The table has been in doubt.
    was_in_doubt: bool,
    was_synced: bool,
    /// The last resync must find nothing new.
    pub expects_no_arrivals: bool,
}

impl Check {
    /// Events are missing that the table has not made up for.
    fn is_tainted(&mut self, world: &World<'_>) -> bool {
        let kernel = &world.kernel;
        let tainted = kernel.lost > self.settled_losses || kernel.missed_muted > self.settled_muted;
        self.was_tainted |= tainted;
        tainted
    }

    pub fn update(&mut self, update: &Update, table: &Table<u64, Heap>, world: &mut World<'_>) {
        match update {
            Update::Change(change, event) => {
                let sent = world.current.filter(|_| event.is_some());
                assert_eq!(
                    event.map(|event| event.timestamp_ns),
                    sent.map(|sent| sent.event.timestamp_ns)
                );
                self.change(change, sent.as_ref(), table, world);
            }
            Update::Synced => self.synced(table, world),
            Update::Lost(_) => self.counts.add("lost", true),
            Update::Event(_) => unreachable!("not asked for"),
        }
    }

    fn change(
        &mut self,
        change: &Delta,
        sent: Option<&Sent>,
        table: &Table<u64, Heap>,
        world: &mut World<'_>,
    ) {
        let tainted = self.is_tainted(world);
        self.was_in_doubt |= table.is_in_doubt();
        let entry = table.get_id(change.id).expect("its entry");
        assert_eq!(change.inferred, sent.is_none());
        self.count(change, sent, entry);
        match change.kind {
            Kind::Found | Kind::Started => {
                assert!(!self.expects_no_arrivals, "found or started at rest: {entry:?}");
                let process = match sent {
                    Some(sent) => sent.process,
                    None => world.found[&entry.pid],
                };
                assert_eq!(self.names.insert(change.id, process), None, "id given twice");
                assert_eq!(self.ids.insert(process, change.id), None, "in the table twice");
                assert_eq!(world.kernel.processes[process].pid, entry.pid);
                assert!(world.kernel.processes[process].announced, "its FORK is still to come");
                // After losses a later owner of a pid can pass for the parent.
                let is_exempt = self.was_in_doubt || self.was_tainted;
                assert!(
                    is_exempt || self.is_in_scope(process, world),
                    "not chosen, nor descended: {process} {entry:?}"
                );
                world.known.insert(process);
                if let (Some(sent), false) = (sent, tainted) {
                    self.child(entry, sent, world);
                }
            }
            Kind::Exited => {
                assert!(!self.expects_no_arrivals, "exited at rest: {entry:?}");
                let before = self.exited.insert(change.id, entry.status);
                assert_eq!(before, None, "exited twice");
                let this = &world.kernel.processes[self.names[&change.id]];
                assert!(this.ended, "exited, and lives: {entry:?}");
                world.known.remove(&self.names[&change.id]);
                if let (Some(status), false) = (entry.status, tainted) {
                    let true_status = this.status.map(WaitStatus);
                    // A late EXIT of a process that the table has not known passes for its successor's.
                    let is_strangers =
                        sent.is_some_and(|sent| !self.ids.contains_key(&sent.process));
                    // Threads are counted only if none can have been missed.
                    let is_counted = entry.creator.is_some()
                        && !this.has_had_exec_by_several
                        && !self.was_in_doubt;
                    let is_exempt =
                        this.has_had_threads && !is_counted || is_strangers || change.in_doubt;
                    assert!(is_exempt || Some(status) == true_status, "{entry:?} {this:?}");
                }
                assert!(table.get(entry.pid).is_none_or(|entry| entry.id != change.id));
            }
            kind => {
                assert!(!self.exited.contains_key(&change.id), "changed after its end");
                if let (Some(sent), false) = (sent, tainted) {
                    assert_eq!(self.names[&change.id], sent.process, "{kind:?} of another");
                    match kind {
                        Kind::Renamed => assert_eq!(entry.comm[0], sent.traits.comm),
                        Kind::Session => assert_eq!(entry.sid, entry.pid),
                        Kind::Ids if sent.event.what == what::PROC_EVENT_UID => {
                            assert_eq!(entry.ruid, sent.traits.uid);
                        }
                        Kind::Ids => assert_eq!(entry.rgid, sent.traits.gid),
                        _ => {}
                    }
                }
            }
        }
    }

    fn count(&mut self, change: &Delta, sent: Option<&Sent>, entry: &Entry<u64>) {
        let what = sent.map(|sent| sent.event.what);
        let counts = &mut self.counts;
        counts.add("changed in doubt", change.in_doubt);
        match change.kind {
            Kind::Found => {
                counts.add("found", true);
                counts.add("found after the start", self.was_synced);
            }
            Kind::Started => counts.add("started", true),
            Kind::Executed => {
                counts.add("executed", true);
                counts.add("executed, inferred", change.inferred);
            }
            Kind::Ids => counts.add("ids", true),
            Kind::Session => counts.add("session", true),
            Kind::Renamed => counts.add("renamed", true),
            _ => {
                counts.add("exited with its status", entry.status.is_some());
                counts.add("exited, status unknown", entry.status.is_none());
                counts.add("exited, inferred", change.inferred);
                let superseded = what == Some(what::PROC_EVENT_FORK);
                counts.add("exited by the FORK of its pid's next owner", superseded);
                let by_thread = sent.is_some_and(|sent| !superseded && sent.event.is_thread());
                counts.add("exited with a thread after its leader", by_thread);
            }
        }
    }

    pub fn choose(&mut self, pid: i32, world: &World<'_>) {
        // It may be a process whose FORK has been received only, or sent.
        let owners = world.kernel.processes.iter().enumerate();
        self.chosen.extend(owners.filter(|(_, this)| this.pid == pid).map(|(process, _)| process));
    }

    /// Whether it was chosen, or one of its ancestors.
    fn is_in_scope(&self, process: usize, world: &World<'_>) -> bool {
        let creator = |process: &usize| world.kernel.processes[*process].creator;
        world.scope == Scope::All
            || std::iter::successors(Some(process), creator)
                .any(|process| self.chosen.contains(&process))
    }

    /// Every process that was forked has been started.
    pub fn has_started(&mut self, update: Option<&Update>, world: &mut World<'_>) {
        let is_first = |change: &Delta| change.kind == Kind::Exited;
        if matches!(update, Some(Update::Change(change, Some(_))) if is_first(change)) {
            // Another update may follow with the same event.
            return;
        }
        if let Some(sent) = world.current.filter(|sent| sent.event.what == what::PROC_EVENT_EXIT) {
            let lives = !sent.event.is_thread() && !world.kernel.processes[sent.process].ended;
            self.counts.add("EXIT of a leader, and lives", lives);
        }
        let tainted = self.is_tainted(world);
        for process in std::mem::take(&mut world.to_start) {
            assert!(tainted || self.ids.contains_key(&process), "not started: {process}");
        }
    }

    /// What a child has inherited.
    fn child(&self, entry: &Entry<u64>, sent: &Sent, world: &mut World<'_>) {
        let this = &world.kernel.processes[sent.process];
        let creator = this.creator.expect("a parent");
        if entry.known.contains(Known::CREATOR) {
            let id = entry.creator.expect("a creator");
            assert_eq!(self.names[&id], creator);
        }
        if world.exempt.contains(&creator) {
            world.exempt.insert(sent.process);
        }
        let is_exempt = world.exempt.contains(&sent.process);
        let check = |bit, is_equal: bool| {
            assert!(
                is_exempt || !entry.known.contains(bit) || is_equal,
                "{bit:?} {entry:?} {sent:?}"
            );
        };
        check(Known::COMM, entry.comm[0] == sent.traits.comm);
        check(Known::UID, entry.ruid == sent.traits.uid);
        check(Known::GID, entry.rgid == sent.traits.gid);
        let sid_is_exempt = this.sid_is_doubtful || this.sid_is_exempt;
        check(Known::SESSION, entry.sid == sent.sid || sid_is_exempt);
    }

    fn synced(&mut self, table: &Table<u64, Heap>, world: &mut World<'_>) {
        assert!(table.is_synced());
        self.was_synced = true;
        self.counts.add("synced", true);
        let kernel = &world.kernel;
        if world.reported != kernel.lost
            || self.reported_muted != kernel.missed_muted
            || kernel.muted
        {
            return;
        }
        self.compare(table, world, false);
        self.settled_losses = world.reported;
        self.settled_muted = self.reported_muted;
        // Children forked between a change of session by another thread and its SID have the former session,
        // until the table is complete again after that SID.
        let mut undelivered = world.undelivered();
        let announced = undelivered.all(|sent| sent.event.what != what::PROC_EVENT_SID);
        drop(undelivered);
        if announced && !world.kernel.is_any_changing_session() {
            for process in &mut world.kernel.processes {
                process.sid_is_doubtful = false;
            }
        }
    }

    /// Table and model, as far as the model has sent, and the table received, what has happened.
    fn compare(&mut self, table: &Table<u64, Heap>, world: &World<'_>, all_known: bool) {
        let kernel = &world.kernel;
        self.is_tainted(world);
        self.rename(table, world);
        for process in 0..kernel.processes.len() {
            let this = &kernel.processes[process];
            let is_settled = world.is_settled(process);
            let entry = table.get(this.pid).filter(|entry| self.names[&entry.id] == process);
            match entry {
                _ if !this.announced => assert!(entry.is_none(), "not announced: {this:?}"),
                _ if !is_settled => {}
                None => assert!(
                    this.ended || !self.is_wanted(process, table, world),
                    "missing: {process} {this:?}"
                ),
                Some(entry) => {
                    assert!(!this.ended, "a ghost: {entry:?} {this:?}");
                    self.compare_entry(entry, process, table, world, all_known);
                }
            }
        }
        for entry in table.iter() {
            assert!(!self.exited.contains_key(&entry.id));
            assert!(self.names.contains_key(&entry.id));
            assert_eq!(table.get(entry.pid).map(|entry| entry.id), Some(entry.id));
        }
    }

    /// Whether a process that lives must be in the table: if its parent is, and is its creator. Of one that
    /// was given to another parent before it was found, its ancestors are not known.
    fn is_wanted(&self, process: usize, table: &Table<u64, Heap>, world: &World<'_>) -> bool {
        let this = &world.kernel.processes[process];
        let parent = this.parent.filter(|parent| this.creator == Some(*parent));
        let is_child = parent.is_some_and(|parent| {
            let id = self.ids.get(&parent);
            id.is_some_and(|id| table.is_live(*id)) && world.is_settled(parent)
        });
        world.scope == Scope::All || is_child
    }

    /// After losses an entry may have come to be another process's: a later owner of a pid cannot be
    /// distinguished from the one before if it started in the same tick.
    fn rename(&mut self, table: &Table<u64, Heap>, world: &World<'_>) {
        let kernel = &world.kernel;
        for entry in table.iter().filter(|_| self.was_tainted) {
            let named = self.names[&entry.id];
            let Some(current) = kernel.by_pid(entry.pid).filter(|current| *current != named) else {
                continue;
            };
            let start = entry.start_ns.saturating_add(BOOT_OFFSET);
            let cannot_be_distinguished =
                kernel.start_tick(current) <= start && kernel.has_run(current);
            if kernel.processes[named].released && cannot_be_distinguished {
                self.names.insert(entry.id, current);
                self.ids.insert(current, entry.id);
            }
        }
    }

    fn compare_entry(
        &self,
        entry: &Entry<u64>,
        process: usize,
        table: &Table<u64, Heap>,
        world: &World<'_>,
        all_known: bool,
    ) {
        let kernel = &world.kernel;
        let this = &kernel.processes[process];
        let traits = kernel.traits(process);
        let check = |bit, is_equal: bool| {
            assert!(!all_known || entry.known.contains(bit), "{bit:?} not known: {entry:?}");
            let is_exempt = world.exempt.contains(&process) && !all_known;
            assert!(
                is_exempt || !entry.known.contains(bit) || is_equal,
                "{bit:?}: {entry:?} {this:?} {traits:?}"
            );
        };
        check(Known::COMM, entry.comm[0] == traits.comm);
        check(Known::UID, (entry.ruid, entry.euid) == (traits.uid, traits.uid));
        check(Known::GID, (entry.rgid, entry.egid) == (traits.gid, traits.gid));
        let is_exempt = this.sid_is_doubtful || this.sid_is_exempt && !all_known;
        check(Known::SESSION, entry.sid == this.sid || is_exempt);
        for (bit, text) in [(Known::CMDLINE, Text::Cmdline), (Known::EXE, Text::Exe)] {
            let kept = table.text(entry.id, text);
            let is_kept = world.keeps(text);
            assert!(is_kept || !entry.known.contains(bit));
            if is_kept {
                check(bit, kept == Some(&[this.program]));
            }
        }
        let parent = this.parent.map(|parent| &kernel.processes[parent]);
        if let Some(ppid) = table.ppid(entry) {
            let former = table.parent(entry).map(|parent| self.names[&parent.id]);
            let has_ended = former.is_some_and(|former| kernel.processes[former].ended);
            let is_right = ppid == parent.map_or(0, |parent| parent.pid);
            assert!(has_ended || is_right, "ppid {ppid}: {entry:?} {this:?}");
        }
    }

    /// At rest, everything is equal.
    pub fn complete(&mut self, join: &mut Join<u64, Heap>, world: &mut World<'_>, all_known: bool) {
        let live: Vec<_> = join.table().iter().map(|entry| entry.id).collect();
        for id in live {
            let process = &world.kernel.processes[self.names[&id]];
            let parent = process.parent.map_or(0, |parent| world.kernel.processes[parent].pid);
            assert_eq!(join.find_parent(world, id).expect("no error"), Some(parent));
        }
        self.compare(join.table(), world, all_known);
        let late = std::mem::take(&mut world.late_exits);
        self.counts.add("EXIT after the FORK of its pid's next owner", late > 0);
        for (process, this) in world.kernel.processes.iter().enumerate() {
            let id = self.ids.get(&process);
            if let Some(id) = id {
                let has_exited = self.exited.contains_key(id);
                let is_former = self.names[id] != process;
                assert!(is_former || has_exited == this.ended, "{id:?} {this:?}");
            }
            if this.was_sent && !self.was_tainted && world.scope == Scope::All {
                assert!(id.is_some(), "never started: {this:?}");
            }
        }
    }
}
