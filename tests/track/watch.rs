//! A tracker, and a record of all that it has returned.

use crate::procfs;
use cnproc_track::{Change, Entry, Id, Kind, Known, Options, Text, Tracker};
use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};
use support::disturbance::disturbed;
use support::live;
use support::require;
use support::wait::HANG_LIMIT;

/// The record of a process.
#[derive(Clone, Debug)]
pub(crate) struct Life {
    pub(crate) pid: i32,
    pub(crate) creator: Option<Id>,
    /// How it entered the table.
    pub(crate) arrival: Kind,
    pub(crate) end: Option<End>,
    /// Its name at its end, or now, if it is known.
    pub(crate) name: Option<Vec<u8>>,
    /// Its command line, likewise.
    pub(crate) cmdline: Option<Vec<u8>>,
    pub(crate) execs: u32,
}

/// The end of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct End {
    /// The type of the event that showed it; none if it is inferred.
    pub(crate) event: Option<u32>,
    /// Its wait status, if it is known.
    pub(crate) status: Option<u32>,
}

#[derive(Debug)]
pub(crate) struct Watch {
    pub(crate) tracker: Tracker,
    pub(crate) lives: HashMap<Id, Life>,
    /// Ids in the order in which they entered the table.
    order: Vec<Id>,
    pub(crate) lost: u64,
    pub(crate) synced: u32,
    /// Pids that changes were about since this was cleared.
    touched: HashSet<i32>,
}

/// A queue that the bursts of other programs do not fill, where this process may have it.
pub(crate) fn roomy() -> Options {
    Tracker::options().receive_buffer(64 << 20)
}

/// Opens a tracker. None, and the calling test is skipped, if this process cannot listen.
pub(crate) fn open(options: Options) -> Option<Watch> {
    match options.ring(live::is_with_ring()).open() {
        Ok(tracker) => Some(Watch {
            tracker,
            lives: HashMap::new(),
            order: Vec::new(),
            lost: 0,
            synced: 0,
            touched: HashSet::new(),
        }),
        Err(cnproc_track::Error::Listener(error)) if require::explains_a_skip(error) => {
            require::live();
            None
        }
        Err(error) => panic!("{error}"),
    }
}

impl Watch {
    /// Takes the next change into the record. False if there was none in that time.
    pub(crate) fn step(&mut self, timeout: Duration) -> bool {
        let Some(change) = self.tracker.recv(Some(timeout)).unwrap() else { return false };
        match change {
            Change::Synced => self.synced += 1,
            Change::Lost(count) => self.lost += count.max(1),
            _ => {}
        }
        let Some((kind, process)) = change.process() else { return true };
        assert_eq!(process.is_inferred(), process.event().is_none(), "{kind:?} {process:?}");
        let event = process.event().map(|event| event.what);
        let entry = *process.entry();
        self.touched.insert(entry.pid);
        if matches!(kind, Kind::Found | Kind::Started) {
            self.arrive(kind, &entry);
        }
        let cmdline = self.tracker.table().text(entry.id, Text::Cmdline);
        let cmdline = cmdline.filter(|_| entry.known.contains(Known::CMDLINE)).map(<[u8]>::to_vec);
        let life =
            self.lives.get_mut(&entry.id).expect("a change of a process that has not arrived");
        assert!(life.end.is_none(), "{kind:?} after its end: {entry:?}");
        assert_eq!(life.pid, entry.pid);
        life.cmdline = cmdline;
        life.name = entry.known.contains(Known::COMM).then(|| entry.name().to_vec());
        life.execs += u32::from(kind == Kind::Executed);
        if kind == Kind::Exited {
            life.end = Some(End { event, status: entry.status.map(|status| status.0) });
        }
        true
    }

    fn arrive(&mut self, arrival: Kind, entry: &Entry<u64>) {
        let life = Life {
            pid: entry.pid,
            creator: entry.creator,
            arrival,
            end: None,
            name: None,
            cmdline: None,
            execs: 0,
        };
        assert!(self.lives.insert(entry.id, life).is_none(), "twice: {entry:?}");
        self.order.push(entry.id);
    }

    /// Takes changes until the condition holds.
    pub(crate) fn until(&mut self, what: &str, mut condition: impl FnMut(&mut Self) -> bool) {
        let begin = Instant::now();
        while !condition(self) {
            self.step(Duration::from_millis(100));
            assert!(begin.elapsed() < HANG_LIMIT, "in {HANG_LIMIT:?} this did not happen: {what}");
        }
    }

    pub(crate) fn until_synced(&mut self) {
        self.until("the table is complete", |watch| watch.tracker.table().is_synced());
    }

    pub(crate) fn until_ended(&mut self, id: Id) {
        self.until("it has ended", |watch| watch.lives[&id].end.is_some());
    }

    /// Takes whatever has been received.
    pub(crate) fn drain(&mut self) {
        while self.step(Duration::ZERO) {}
    }

    /// The id of the process that has that pid, once it is in the table.
    pub(crate) fn id_of(&mut self, pid: i32) -> Id {
        self.until("the process is in the table", |watch| watch.tracker.table().get(pid).is_some());
        self.tracker.table().get(pid).unwrap().id
    }

    /// Strikes those that have ended from the record.
    pub(crate) fn forget_ended(&mut self) {
        self.lives.retain(|_, life| life.end.is_none());
        self.order.retain(|id| self.lives.contains_key(id));
    }

    /// The children that a process has made, in their order.
    pub(crate) fn children_of(&self, creator: Id) -> Vec<&Life> {
        let lives = self.order.iter().map(|id| &self.lives[id]);
        lives.filter(|life| life.creator == Some(creator)).collect()
    }

    /// The status of a process that has ended, as far as it is known.
    pub(crate) fn status(&self, id: Id) -> Option<u32> {
        self.lives[&id].end.expect("it has not ended").status
    }

    /// Nothing was lost: other programs can fill the queue.
    pub(crate) fn assert_nothing_lost(&self) {
        if self.lost > 0 {
            disturbed(format!("{} events lost", self.lost));
        }
    }

    /// Whether the table has been complete since it was for the first time. It is compared with `/proc` again when another
    /// process sends LISTEN, because that may be the end of a time without events; until then it is in doubt.
    pub(crate) fn was_never_in_doubt(&self) -> bool {
        self.synced == 1 && self.tracker.table().is_synced()
    }

    /// Nothing was lost, and nothing cast doubt on the table.
    pub(crate) fn assert_undisturbed(&self) {
        self.assert_nothing_lost();
        if !self.was_never_in_doubt() {
            disturbed("another process began to listen");
        }
    }

    /// The table is what `/proc` shows, and so is the record. What others do meanwhile is left out.
    pub(crate) fn assert_equals_procfs(&mut self) {
        let mut absent = Vec::new();
        self.until("the table is compared with /proc", |watch| {
            watch.until_synced();
            watch.drain();
            watch.touched.clear();
            let processes = procfs::processes();
            watch.drain();
            let is_synced = watch.tracker.table().is_synced();
            if is_synced {
                absent = watch.compare(&processes);
            }
            is_synced
        });
        // Where nobody waits for a process it is gone a little before the kernel sends its EXIT.
        for id in absent {
            self.until_ended(id);
            if self.lives[&id].end.is_none_or(|end| end.event.is_none()) {
                disturbed("a process was found to be gone before its EXIT came");
            }
        }
    }

    /// Returns those that are in the table, and not in `/proc`.
    fn compare(&self, processes: &HashMap<i32, procfs::Process>) -> Vec<Id> {
        let is_quiet = |pid: &i32| !self.touched.contains(pid);
        let table = self.tracker.table();
        for (pid, process) in processes.iter().filter(|(pid, _)| is_quiet(pid)) {
            let Some(entry) = table.get(*pid) else { panic!("{pid} is missing: {process:?}") };
            let is_known = |members| entry.known.contains(members);
            let differs = || format!("{entry:?} is {process:?}");
            // The kernel renames its workers as they work, without an event.
            let may_differ = process.comm.starts_with(b"kworker") || !is_known(Known::COMM);
            assert!(may_differ || entry.name() == process.comm, "{}", differs());
            assert!(!is_known(Known::SESSION) || entry.sid == process.sid, "{}", differs());
            let [ruid, euid, rgid, egid] = process.ids;
            let (uids, gids) = ([entry.ruid, entry.euid], [entry.rgid, entry.egid]);
            assert!(!is_known(Known::UID) || uids == [ruid, euid], "{}", differs());
            assert!(!is_known(Known::GID) || gids == [rgid, egid], "{}", differs());
            if let Some(ppid) = table.ppid(entry) {
                assert!(ppid == process.ppid || !is_quiet(&ppid), "{}", differs());
            }
        }
        let mut absent = Vec::new();
        for entry in table.iter() {
            if !processes.contains_key(&entry.pid) && is_quiet(&entry.pid) {
                absent.push(entry.id);
            }
            assert_eq!(self.lives[&entry.id].end, None, "{entry:?}");
        }
        let alive = self.lives.values().filter(|life| life.end.is_none()).count();
        assert_eq!(alive, table.len(), "each process that has ended was reported as ended");
        absent
    }
}
