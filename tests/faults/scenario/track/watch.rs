//! A tracker, and a record of what it returns of the scenario's children.

use crate::receive::HANG_LIMIT;
use crate::step::attempt;
use cnproc_track::{Change, Entry, Id, Kind, Known, Options, Tracker};
use std::time::Instant;
use support::child::Child;
use support::procfs;

/// A tracker, and the children that are followed.
pub(crate) struct Watch {
    pub(crate) tracker: Tracker,
    record: Record,
}

#[derive(Debug)]
struct Record {
    lives: Vec<Life>,
    lost: u64,
}

/// What was returned of a child.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Life {
    pid: i32,
    id: Option<Id>,
    arrivals: u32,
    execs: u32,
    ends: u32,
    status: Option<u32>,
}

impl Watch {
    pub(crate) fn open(name: &str, options: Options, children: &[&Child]) -> Self {
        let lives = children.iter().map(|child| Life::of(child)).collect();
        let tracker = attempt(name, || options.open(), |_| String::new());
        Self { tracker, record: Record { lives, lost: 0 } }
    }

    /// Follows one more child.
    pub(crate) fn follow(&mut self, child: &Child) {
        self.record.lives.push(Life::of(child));
    }

    /// Takes a child into the scope.
    pub(crate) fn add(&mut self, name: &str, pid: i32) {
        attempt(name, || self.tracker.add(pid), |()| String::new());
    }

    /// Receives changes until the condition holds.
    pub(crate) fn until(&mut self, name: &str, condition: impl Fn(&Self) -> bool) {
        self.receive_until(name, condition, |_| String::new());
    }

    /// Receives changes until the child has executed a program.
    pub(crate) fn until_executed(&mut self, name: &str, child: &Child) {
        let text = |is_unknown: &Option<bool>| match is_unknown {
            Some(true) => "unknown".to_owned(),
            Some(false) | None => String::new(),
        };
        self.receive_until(name, |watch| watch.record.life(child.pid()).execs > 0, text);
    }

    fn receive_until(
        &mut self,
        name: &str,
        condition: impl Fn(&Self) -> bool,
        text: impl Fn(&Option<bool>) -> String,
    ) {
        let begin = Instant::now();
        while !condition(self) {
            let Self { tracker, record } = self;
            let receive = || {
                let change = tracker.recv(Some(HANG_LIMIT));
                change.map(|change| change.map(|change| record.take(&change)))
            };
            let is_late = attempt(name, receive, &text).is_none() || begin.elapsed() > HANG_LIMIT;
            assert!(!is_late, "{name}: this does not happen; {:?}", self.record);
        }
    }

    pub(crate) fn until_synced(&mut self, name: &str) {
        self.until(name, |watch| watch.tracker.table().is_synced());
    }

    /// Losses until now are not those that are to be reported.
    pub(crate) fn forget_losses(&mut self) {
        self.record.lost = 0;
    }

    pub(crate) fn until_lost(&mut self, name: &str) {
        self.until(name, |watch| watch.record.lost > 0);
    }

    pub(crate) fn until_arrived(&mut self, name: &str, child: &Child) {
        self.until(name, |watch| watch.life(child).arrivals > 0);
    }

    /// Until the child has ended, of which nothing is left in the table, and whose status is this, if it is known.
    pub(crate) fn until_ended(&mut self, name: &str, pid: i32, status: i32) {
        self.until(name, |watch| watch.record.life(pid).ends > 0);
        let Life { arrivals, ends, status: known, .. } = *self.record.life(pid);
        assert_eq!((arrivals, ends), (1, 1), "{pid}");
        assert!(known.is_none_or(|known| known == status as u32), "{known:?}");
        assert!(self.tracker.table().get(pid).is_none());
    }

    fn life(&self, child: &Child) -> &Life {
        self.record.life(child.pid())
    }

    /// The child's entry.
    pub(crate) fn entry(&self, child: &Child) -> &Entry<u64> {
        self.tracker.table().get(child.pid()).expect("it is in the table")
    }

    /// The child arrived once and has not ended, and its parent is this process.
    pub(crate) fn assert_lives(&mut self, name: &str, child: &Child) {
        let (entry, life) = (*self.entry(child), *self.life(child));
        assert_eq!((life.arrivals, life.ends, life.id), (1, 0, Some(entry.id)), "{entry:?}");
        let ppid =
            attempt(name, || self.tracker.ppid(entry.id), |ppid| format!("{}", ppid.is_some()));
        assert_eq!(ppid, Some(std::process::id() as i32), "{entry:?}");
    }

    /// Each process that was there at that time of CLOCK_BOOTTIME, and is there now, is in the table.
    pub(crate) fn assert_has_all_since(&self, begin_ns: u64) {
        for entry in std::fs::read_dir("/proc").unwrap() {
            let name = entry.unwrap().file_name();
            let Some(pid) = name.to_str().and_then(|name| name.parse().ok()) else { continue };
            let is_older =
                procfs::start_tick(pid).is_some_and(|start| start + procfs::TICK_NS < begin_ns);
            if is_older && procfs::state(pid).is_some_and(|state| state != 'Z') {
                assert!(self.tracker.table().get(pid).is_some(), "{pid} is missing");
            }
        }
    }
}

impl Life {
    fn of(child: &Child) -> Self {
        Self { pid: child.pid(), id: None, arrivals: 0, execs: 0, ends: 0, status: None }
    }
}

impl Record {
    fn life(&self, pid: i32) -> &Life {
        self.lives.iter().find(|life| life.pid == pid).expect("it is followed")
    }

    /// Returns whether a child has executed a program that could not be read. Allocates nothing: the allocator would
    /// make system calls, too.
    fn take(&mut self, change: &Change<'_, u64>) -> bool {
        if let Change::Lost(count) = change {
            self.lost += (*count).max(1);
        }
        let Some((kind, process)) = change.process() else { return false };
        let life = self.lives.iter_mut().find(|life| life.pid == process.pid);
        let Some(life) = life else { return false };
        if matches!(kind, Kind::Found | Kind::Started) && life.ends == 0 {
            life.arrivals += 1;
            life.id = Some(process.id);
        }
        // Otherwise its pid was given away.
        if life.id == Some(process.id) {
            life.execs += u32::from(kind == Kind::Executed);
            life.ends += u32::from(kind == Kind::Exited);
            life.status = process.status.map(|status| status.0);
        }
        kind == Kind::Executed && !process.known.contains(Known::COMM | Known::CMDLINE)
    }
}
