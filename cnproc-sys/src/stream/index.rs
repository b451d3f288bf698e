//! The last FORK, EXEC and EXIT of each pid that the look-ahead has seen: found in constant time.

use crate::error::Error;
use crate::sys::mapping::Mapping;
use cnproc_parse::{Event, EventData};

/// Entries; a power of two. A queue full of EXITs fills half of them.
const ENTRIES: usize = 1 << 15;

/// A pid with its generation, and the times of its last FORK, EXEC and EXIT; 0 is never. As words, so that
/// a mapping can hold it.
type Entry = [u64; 4];

const FORK: usize = 1;
const EXEC: usize = 2;
const EXIT: usize = 3;

/// What the look-ahead has seen of a pid: the time of each last event, 0 if there was none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Last {
    /// FORK of a process or thread with that id.
    pub(crate) fork_ns: u64,
    /// EXEC of that process.
    pub(crate) exec_ns: u64,
    /// EXIT of that process's leader.
    pub(crate) exit_ns: u64,
}

/// A hash table with open addressing. Entries of an earlier generation count as empty, so clearing takes
/// constant time.
#[derive(Debug)]
pub(crate) struct Index {
    entries: Mapping<Entry>,
    generation: u32,
    used: usize,
}

impl Index {
    pub(crate) fn new() -> Result<Self, Error> {
        Ok(Self { entries: Mapping::new(ENTRIES)?, generation: 1, used: 0 })
    }

    pub(crate) fn clear(&mut self) {
        self.used = 0;
        self.generation = self.generation.wrapping_add(1);
        if self.generation == 0 {
            self.generation = 1;
            self.entries.fill([0; 4]);
        }
    }

    /// Whether so many pids are in it that it must be cleared first.
    pub(crate) const fn is_full(&self) -> bool {
        self.used > ENTRIES / 4 * 3
    }

    /// Notes the event, if it is of a kind that matters.
    pub(crate) fn note(&mut self, event: &Event) {
        let (pid, kind) = match event.data() {
            // A thread's FORK as well: then the id is no process's.
            EventData::Fork(fork) => (fork.child_pid, FORK),
            EventData::Exec(exec) => (exec.process_tgid, EXEC),
            EventData::Exit(exit) if exit.process_pid == exit.process_tgid => {
                (exit.process_tgid, EXIT)
            }
            _ => return,
        };
        let key = self.key(pid);
        let Some(position) = self.find(key) else { return };
        let Some(entry) = self.entries.get_mut(position) else { return };
        if entry[0] != key {
            *entry = [key, 0, 0, 0];
            self.used += 1;
        }
        if let Some(last) = entry.get_mut(kind) {
            *last = event.timestamp_ns.max(*last);
        }
    }

    pub(crate) fn last(&self, pid: i32) -> Last {
        let key = self.key(pid);
        let entry = self.find(key).and_then(|position| self.entries.get(position));
        match entry {
            Some(&[found, fork_ns, exec_ns, exit_ns]) if found == key => {
                Last { fork_ns, exec_ns, exit_ns }
            }
            _ => Last::default(),
        }
    }

    const fn key(&self, pid: i32) -> u64 {
        (self.generation as u64) << 32 | pid as u32 as u64
    }

    /// Where that key is, or the empty entry where it belongs. None if the table is full.
    fn find(&self, key: u64) -> Option<usize> {
        // Pids are handed out in sequence: neighbours stay neighbours, which caches like.
        let start = key as usize % ENTRIES;
        (0..ENTRIES).map(|step| (start + step) % ENTRIES).find(|position| {
            self.entries.get(*position).is_some_and(|entry| {
                let [found, ..] = *entry;
                found == key || found >> 32 != key >> 32
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake_kernel::{exec, exit, fork};
    use cnproc_parse::single_event;

    fn index(datagrams: &[std::vec::Vec<u8>]) -> Index {
        let mut index = Index::new().unwrap();
        for datagram in datagrams {
            index.note(&single_event(datagram).unwrap());
        }
        index
    }

    #[test]
    fn last_event_of_each_kind_is_found_by_pid() {
        let index = index(&[fork(1, 7, 7), exec(2, 7), exec(3, 7), exit(4, 7), fork(5, 8, 7)]);
        assert_eq!(index.last(7), Last { fork_ns: 10, exec_ns: 30, exit_ns: 40 });
        assert_eq!(index.last(8), Last { fork_ns: 50, ..Last::default() }, "a thread's id");
        assert_eq!(index.last(9), Last::default());
    }

    #[test]
    fn exit_of_a_thread_is_not_the_leaders() {
        let thread = {
            let mut datagram = exit(1, 7);
            datagram[56..60].copy_from_slice(&6_u32.to_ne_bytes());
            datagram
        };
        assert_eq!(index(&[thread]).last(7), Last::default());
    }

    #[test]
    fn cleared_index_is_empty_in_every_generation() {
        let mut index = index(&[exec(1, 7)]);
        index.generation = u32::MAX - 1;
        for _ in 0..4 {
            index.note(&single_event(&exec(1, 7)).unwrap());
            assert_eq!(index.last(7).exec_ns, 10);
            index.clear();
            assert_eq!(index.last(7), Last::default());
        }
    }

    #[test]
    fn colliding_pids_are_distinguished_until_the_index_is_full() {
        let mut index = Index::new().unwrap();
        let pids = (0..).map(|number| (number % 3) * ENTRIES as u32 + number + 1);
        let mut noted = std::vec::Vec::new();
        for pid in pids {
            if index.is_full() {
                break;
            }
            index.note(&single_event(&exec(1, pid)).unwrap());
            noted.push(pid);
        }
        assert!(noted.len() > ENTRIES / 4 * 3);
        for pid in noted {
            assert_eq!(index.last(pid as i32).exec_ns, 10);
        }
    }
}
