//! What `/proc` shows of a process, and what of it is still to come in the stream.

use crate::status::WaitStatus;
use cnproc_parse::{Event, EventData};

/// A process as `/proc` showed it: what one look found under a pid.
#[derive(Clone, Copy, Debug)]
pub struct Snapshot {
    /// The pid that was looked at.
    pub pid: i32,
    /// Whether a process has it.
    pub presence: Presence,
    /// CLOCK_MONOTONIC, read before.
    pub before_ns: u64,
    /// CLOCK_MONOTONIC, read after.
    pub after_ns: u64,
    /// When it started: CLOCK_BOOTTIME, rounded down to a clock tick.
    pub start_ns: u64,
    /// Whether it has ever run. The kernel sends a process's FORK before it runs for the first time.
    pub has_run: bool,
    /// How many threads it has, zombies included.
    pub threads: u32,
    /// Its parent; 0: the kernel.
    pub ppid: i32,
    /// Its session.
    pub sid: i32,
    /// Its name.
    pub comm: [u8; 16],
    /// Its ids, if they were asked for.
    pub ids: Option<Ids>,
}

/// Whether a process has a pid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// None: it was reaped, or never was.
    Gone,
    /// A zombie without living threads: it has ended, and its parent has not waited for it. The status
    /// is given if the kernel shows it.
    Ended(Option<WaitStatus>),
    /// Its leader is a zombie, and other threads live.
    Leaderless,
    /// Its leader lives.
    Running,
}

impl Presence {
    pub(crate) const fn is_alive(self) -> bool {
        matches!(self, Self::Leaderless | Self::Running)
    }
}

/// User and group ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ids {
    /// Real user id.
    pub ruid: u32,
    /// Effective user id.
    pub euid: u32,
    /// Real group id.
    pub rgid: u32,
    /// Effective group id.
    pub egid: u32,
}

/// What events about a pid's process have been received and not been applied yet.
///
/// Only events before the first FORK of that pid count: what follows it is about another process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pending {
    /// A FORK gives the pid to a new process.
    pub fork: bool,
    /// The EXIT of a leader.
    pub exit: bool,
    /// The EXIT of another thread.
    pub thread_exit: bool,
    /// What else a thread has sent that is not the leader, or the FORK of one.
    pub thread: bool,
    /// EXEC.
    pub exec: bool,
    /// COMM, of the leader.
    pub comm: bool,
    /// UID, of the leader.
    pub uid: bool,
    /// GID, of the leader.
    pub gid: bool,
    /// SID.
    pub session: bool,
}

impl Pending {
    /// Takes an event into account that comes before those noted so far.
    pub fn note(&mut self, pid: i32, event: &Event) {
        if event.process_tgid() != Some(pid) {
            return;
        }
        match event.data() {
            EventData::Fork(fork) if fork.child_pid == pid => {
                *self = Self { fork: true, ..Self::default() };
            }
            EventData::Fork(_) => self.thread = true,
            EventData::Exit(exit) if exit.process_pid == pid => self.exit = true,
            EventData::Exit(_) => self.thread_exit = true,
            EventData::Exec(_) => self.exec = true,
            EventData::Sid(_) => self.session = true,
            EventData::Comm(comm) if comm.process_pid == pid => self.comm = true,
            EventData::Uid(uid) if uid.process_pid == pid => self.uid = true,
            EventData::Gid(gid) if gid.process_pid == pid => self.gid = true,
            EventData::Comm(_) | EventData::Uid(_) | EventData::Gid(_) => self.thread = true,
            _ => {}
        }
    }

    /// Whether a process whose leader has ended lived on: another of its threads sent something later.
    pub(crate) const fn lives_on(&self) -> bool {
        self.thread_exit || self.thread || self.exec || self.session
    }

    /// Whether it is the pid's present process of which nothing is pending.
    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// A look at `/proc`, and what the stream, read to its end after it, holds about the same pid.
#[derive(Clone, Copy, Debug)]
pub struct Observation {
    /// What the look found.
    pub snapshot: Snapshot,
    /// What was received and not applied by then.
    pub pending: Pending,
    /// Whether its parent's pid is given to another process by a pending FORK.
    pub parent_is_new: bool,
    /// Whether there was room to read the stream to its end.
    pub is_complete: bool,
}

#[cfg(test)]
mod tests {
    use super::*;
    use cnproc_parse::kernel;

    fn event(what: u32, words: [i32; 4]) -> Event {
        let mut event = Event::default();
        event.what = what;
        for (to, word) in event.event_data.chunks_mut(4).zip(words) {
            to.copy_from_slice(&word.to_ne_bytes());
        }
        event
    }

    #[test]
    fn events_behind_a_fork_are_the_next_owners() {
        let mut pending = Pending::default();
        // Newest first.
        for (what, words) in [
            (kernel::PROC_EVENT_EXIT, [5, 5, 0, 17]),
            (kernel::PROC_EVENT_EXEC, [5, 5, 0, 0]),
            (kernel::PROC_EVENT_FORK, [1, 1, 5, 5]),
            (kernel::PROC_EVENT_COMM, [5, 5, 0, 0]),
            (kernel::PROC_EVENT_UID, [6, 5, 0, 0]),
            (kernel::PROC_EVENT_EXIT, [7, 7, 0, 17]),
        ] {
            pending.note(5, &event(what, words));
        }
        let former = Pending { comm: true, thread: true, ..Pending::default() };
        assert_eq!(pending, Pending { fork: true, ..former });
    }
}
