//! The rules of the table, one by one.

mod bounds;
mod comparing;
mod ends;
mod events;
mod lookups;

use super::*;
use crate::memory::Heap;
use crate::scan::{Ids, Observation, Pending, Presence, Snapshot};
use cnproc_parse::{Event, kernel};

/// By how much CLOCK_BOOTTIME is ahead.
const BOOT_OFFSET: u64 = 1_000_000;
/// Long after the start: no EXIT of before is late any more.
const CALM: u64 = 1_000 * LATE_NS;

pub(super) struct Tester {
    table: Table<u64, Heap>,
    now: u64,
}

impl Tester {
    fn with(options: &TableOptions) -> Self {
        let mut table = Table::new(&Heap, options).unwrap();
        table.set_boot_offset(BOOT_OFFSET);
        Self { table, now: 1_000 }
    }

    /// A table that is complete, with process 1, called "one".
    fn complete() -> Self {
        let mut tester = Self::with(&TableOptions { pids: 100, ..TableOptions::default() });
        let seen = tester.running(1, 0);
        assert!(matches!(tester.table.compare(&seen), Ok(Compared::Again(_))));
        assert_eq!(tester.table.compare(&seen), Ok(Compared::Settled));
        tester.sync();
        tester.now = CALM;
        tester
    }

    /// Begins a comparison after a loss.
    fn doubt(&mut self) {
        self.table.doubt();
        self.table.begin_scan(self.now);
    }

    fn sync(&mut self) {
        self.table.begin_scan(self.now);
        assert!(self.table.end_scan(self.now));
    }

    fn event(&mut self, what: u32, words: [i32; 6]) -> Event {
        let mut event_data = [0; 24];
        for (to, word) in event_data.chunks_mut(4).zip(words) {
            to.copy_from_slice(&word.to_ne_bytes());
        }
        self.now += 1_000;
        let mut event = Event::default();
        (event.what, event.timestamp_ns, event.size) = (what, self.now, 40);
        event.event_data = event_data;
        event
    }

    fn apply(&mut self, event: &Event) -> Outcome {
        self.table.apply(event, None).unwrap()
    }

    /// Applies an event that must ask for a look, and then with what the look shows.
    fn apply_with(&mut self, event: &Event, seen: &Observation) -> Outcome {
        assert_eq!(self.apply(event), Outcome::Look(seen.snapshot.pid));
        self.table.apply(event, Some(seen)).unwrap()
    }

    fn fork(&mut self, parent: i32, child: i32) -> Outcome {
        let event = self.event(kernel::PROC_EVENT_FORK, [parent, parent, child, child, 0, 0]);
        self.apply(&event)
    }

    /// A thread of `process` forks.
    fn fork_by(&mut self, thread: i32, process: i32, child: i32) -> Outcome {
        let event = self.event(kernel::PROC_EVENT_FORK, [thread, process, child, child, 0, 0]);
        self.apply(&event)
    }

    fn thread(&mut self, process: i32, thread: i32) {
        let event = self.event(kernel::PROC_EVENT_FORK, [1, 1, thread, process, 0, 0]);
        assert_eq!(self.apply(&event), Outcome::Nothing);
    }

    fn exec(&mut self, pid: i32) -> Outcome {
        let event = self.event(kernel::PROC_EVENT_EXEC, [pid, pid, 0, 0, 0, 0]);
        self.apply(&event)
    }

    fn comm(&mut self, thread: i32, pid: i32, name: u8) -> Outcome {
        let name = i32::from_ne_bytes([name, 0, 0, 0]);
        let event = self.event(kernel::PROC_EVENT_COMM, [thread, pid, name, 0, 0, 0]);
        self.apply(&event)
    }

    fn uid(&mut self, thread: i32, pid: i32, ruid: i32, euid: i32) -> Outcome {
        let event = self.event(kernel::PROC_EVENT_UID, [thread, pid, ruid, euid, 0, 0]);
        self.apply(&event)
    }

    /// The EXIT of a leader whose parent has not waited for it.
    fn exit_event(&mut self, pid: i32, code: i32) -> Event {
        self.event(kernel::PROC_EVENT_EXIT, [pid, pid, code, 17, 1, 1])
    }

    /// The EXIT of a leader that was released before.
    fn released_exit_event(&mut self, pid: i32, code: i32) -> Event {
        self.event(kernel::PROC_EVENT_EXIT, [pid, pid, code, 17, 0, 0])
    }

    fn thread_exit_event(&mut self, thread: i32, pid: i32, code: i32) -> Event {
        self.event(kernel::PROC_EVENT_EXIT, [thread, pid, code, -1, 0, 0])
    }

    fn exit(&mut self, pid: i32, code: i32) -> Outcome {
        let event = self.exit_event(pid, code);
        self.apply(&event)
    }

    /// A look at a process that lives, started before, and is called "N".
    fn running(&mut self, pid: i32, ppid: i32) -> Observation {
        self.now += 1_000;
        let start_ns = self.table.get(pid).map_or(0, |entry| entry.start_ns + BOOT_OFFSET);
        let snapshot = Snapshot {
            pid,
            presence: Presence::Running,
            before_ns: self.now,
            after_ns: self.now,
            start_ns,
            has_run: true,
            threads: 1,
            ppid,
            sid: 1,
            comm: *b"N\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
            ids: Some(Ids { ruid: 0, euid: 0, rgid: 0, egid: 0 }),
        };
        let pending = Pending::default();
        Observation { snapshot, pending, parent_is_new: false, is_complete: true }
    }

    fn look(&mut self, pid: i32, presence: Presence) -> Observation {
        let mut seen = self.running(pid, 1);
        seen.snapshot.presence = presence;
        seen
    }

    fn id(&self, pid: i32) -> Id {
        self.entry(pid).id
    }

    fn entry(&self, pid: i32) -> &Entry<u64> {
        self.table.get(pid).unwrap()
    }
}

/// What a change is, and whose.
fn change(outcome: Outcome) -> (Kind, Id) {
    match outcome {
        Outcome::Change(change) | Outcome::First(change) => (change.kind, change.id),
        outcome => panic!("no change: {outcome:?}"),
    }
}

fn status(tester: &Tester, id: Id) -> Option<u32> {
    tester.table.get_id(id).unwrap().status.map(|status| status.0)
}
