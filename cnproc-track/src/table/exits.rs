//! Whose EXIT it is, and whether the process has ended.
//!
//! The kernel sends EXIT for each thread, after it has notified the parent. Two things follow.
//!
//! *The end of a process is not the EXIT of its leader.* A leader can end before other threads
//! (`pthread_exit`), and it is ended when another thread calls `execve`, which goes on under its id. Threads
//! are not counted for this: counts drift, because a scan and the stream overlap, and because EXITs of a
//! program's threads may come after the EXEC of the next. Instead, where a process has had threads,
//! `/proc/PID/stat` is read after each EXIT since its leader's. By the time an EXIT is sent the thread is
//! a zombie or released, so a look after the last EXIT finds no thread.
//!
//! *An EXIT may be a former owner's.* The parent can have waited, and the kernel can have given the pid to
//! another process, whose FORK then comes first. Three observations decide:
//!
//! - A process's own EXIT is made after its FORK, its exec, and any look that found it alive. One with an
//!   earlier time is a former owner's, or a former leader's.
//! - The kernel reads the time of an EXIT before it looks for the parent, and finds the parent only while
//!   the pid is not released. So an EXIT with a parent, of a former owner, is older than the new one.
//! - An EXIT without a parent, where a former owner's is still to come, says nothing. Then a look decides:
//!   if the process lives, it was not its own. If it has ended, it has ended; whose status the EXIT carries
//!   is not known, and the zombie's is taken, if there is one.

use super::{LATE_NS, Outcome, Table, Trust};
use crate::change::Kind;
use crate::memory::Memory;
use crate::pids::Late;
use crate::scan::{Observation, Presence};
use crate::slots::{LeaderExit, Life, Slot};
use crate::status::WaitStatus;
use cnproc_parse::Exit;

/// `exit_signal` of a thread that is not the leader, or is no longer.
const NOT_LEADER: u32 = u32::MAX;

/// What a look shows of a process that the table has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It has ended; its status, if its zombie shows it.
    Ended(Option<WaitStatus>),
    /// It lives.
    Alive,
}

impl<U: Copy + Default, M: Memory> Table<U, M> {
    pub(super) fn exit(&mut self, exit: &Exit, ns: u64, seen: Option<&Observation>) -> Outcome {
        let pid = exit.process_tgid;
        let is_leader = exit.process_pid == pid && exit.exit_signal != NOT_LEADER;
        let slot = self.pids.slot(pid);
        let Some((slot, found)) = slot.and_then(|slot| Some((slot, *self.slots.get(slot)?))) else {
            // A thread's EXIT may come after the process has ended.
            if is_leader && !self.pay(pid) {
                self.contradiction();
            }
            return Outcome::Nothing;
        };
        match is_leader {
            true => self.leader_exit(slot, &found, exit, ns, seen),
            false => self.thread_exit(slot, &found, exit, ns, seen),
        }
    }

    fn leader_exit(
        &mut self,
        slot: usize,
        Slot { entry, life, .. }: &Slot<U>,
        exit: &Exit,
        ns: u64,
        seen: Option<&Observation>,
    ) -> Outcome {
        if ns < life.alive_ns || ns < entry.exec_ns {
            // A former owner's; or a former leader's, whose place a thread took that called exec.
            if ns < entry.start_ns {
                self.pay(entry.pid);
            }
            return Outcome::Nothing;
        }
        let owed = self.pids.owes(entry.pid);
        let may_be_late = (owed.is_some() || ns < self.wary_until_ns)
            && ns < entry.start_ns.saturating_add(LATE_NS);
        let may_be_former = exit.parent_tgid == 0 && may_be_late;
        let is_unclear = may_be_former || ns <= life.alive_until_ns;
        let may_have_threads = life.had_threads || self.trust == Trust::Doubt;
        if !is_unclear && !may_have_threads {
            return self.exited(slot, exit, ns, Some(WaitStatus(exit.exit_code)));
        }
        let Some(seen) = seen else { return Outcome::Look(entry.pid) };
        if !is_unclear {
            self.of(entry.pid);
        }
        self.doubt_unless_complete(seen);
        let is_running = seen.snapshot.presence == Presence::Running;
        match self.verdict(slot, seen) {
            // It has not run; or it has ended, and another has its pid that has not run.
            Verdict::Alive if is_unclear && !seen.snapshot.has_run => Outcome::Look(entry.pid),
            Verdict::Alive if may_be_former && is_running && !may_have_threads => {
                self.pay(entry.pid);
                Outcome::Nothing
            }
            Verdict::Ended(exact) if !may_have_threads || !Self::goes_on(seen) => {
                let status = self.leave(slot, exit.exit_code);
                let is_known = !is_unclear || owed != Some(Late::Expected);
                if is_unclear && is_known {
                    // If it was not its own, that one is still to come.
                    self.owe(entry.pid, Late::Expected, ns);
                }
                self.exited(slot, exit, ns, exact.or(status.filter(|_| is_known)))
            }
            // Other threads live, or their EXITs are still to be applied; or one of them calls exec.
            Verdict::Alive | Verdict::Ended(_) => {
                self.leave(slot, exit.exit_code);
                if let Some(Slot { life, .. }) = self.slot_mut(slot) {
                    (life.leaderless, life.had_threads) = (true, true);
                    life.exit = if is_unclear { LeaderExit::Unclear } else { LeaderExit::Seen };
                }
                Outcome::Nothing
            }
        }
    }

    fn thread_exit(
        &mut self,
        slot: usize,
        Slot { entry, life, .. }: &Slot<U>,
        exit: &Exit,
        ns: u64,
        seen: Option<&Observation>,
    ) -> Outcome {
        let ended = match (life.leaderless, seen) {
            (true, None) => return Outcome::Look(entry.pid),
            (true, Some(seen)) => {
                self.doubt_unless_complete(seen);
                match self.verdict(slot, seen) {
                    Verdict::Ended(exact) if !Self::goes_on(seen) => Some(exact),
                    _ => None,
                }
            }
            (false, _) => None,
        };
        // That of a former owner's thread, or of the former program's, is no more than an occasion to look.
        let status = match ns < entry.start_ns.max(entry.exec_ns) {
            true => life.status(),
            false => self.leave(slot, exit.exit_code),
        };
        let Some(exact) = ended else { return Outcome::Nothing };
        let is_known = life.exit != LeaderExit::Unclear;
        self.missed_exit(entry.pid, life, ns);
        self.exited(slot, exit, ns, exact.or(status.filter(|_| is_known)))
    }

    /// Without all that was sent before the look, what it shows may be misunderstood.
    fn doubt_unless_complete(&mut self, seen: &Observation) {
        if !seen.is_complete {
            self.doubt();
        }
    }

    /// Whether a process that has ended by now went on after this place in the stream.
    fn goes_on(seen: &Observation) -> bool {
        seen.pending.lives_on() || !seen.is_complete
    }

    /// A thread has left a process: what its status is, if this was the last.
    fn leave(&mut self, slot: usize, code: u32) -> Option<WaitStatus> {
        let life = &mut self.slot_mut(slot)?.life;
        life.threads = life.threads.saturating_sub(1);
        life.note(code);
        life.status()
    }

    fn exited(&mut self, slot: usize, exit: &Exit, ns: u64, status: Option<WaitStatus>) -> Outcome {
        if exit.parent_tgid != 0 {
            let parent = self.resolve(exit.parent_tgid, ns);
            if let Some(slot) = self.slot_mut(slot) {
                slot.entry.parent = parent;
            }
        }
        let change = self.change(Kind::Exited, slot, false);
        self.end(slot, ns, status);
        change.into()
    }

    /// A process has ended without an EXIT of its leader, or that came before: what its status is.
    pub(super) fn missed_exit(&mut self, pid: i32, life: &Life, ns: u64) -> Option<WaitStatus> {
        match life.exit {
            LeaderExit::Seen => return life.status(),
            LeaderExit::Unclear if self.pids.owes(pid) == Some(Late::Expected) => {}
            LeaderExit::Unclear | LeaderExit::Missing => self.owe(pid, Late::Expected, ns),
        }
        None
    }

    /// Whether the process in `slot` lives, after a look at its pid.
    pub(super) fn verdict(&self, slot: usize, seen: &Observation) -> Verdict {
        if seen.pending.fork || self.differs(slot, seen) {
            // The pid is another's by now.
            return Verdict::Ended(None);
        }
        match seen.snapshot.presence {
            Presence::Gone => Verdict::Ended(None),
            // A zombie has run. If it were another's, its FORK would be pending.
            Presence::Ended(status) => Verdict::Ended(status.filter(|_| seen.is_complete)),
            Presence::Leaderless | Presence::Running => Verdict::Alive,
        }
    }
}

impl Life {
    /// The exit code of a thread.
    fn note(&mut self, code: u32) {
        self.codes_differ |= code != 0 && self.code != 0 && code != self.code;
        self.code = if code == 0 { self.code } else { code };
        self.last_code = code;
    }

    /// The process's wait status, if no thread is left.
    ///
    /// A thread that ends alone has code 0, and a process that is ended by `exit_group` or a signal gives
    /// its code to every thread that has not begun to end by itself. So the status is the code that is not
    /// 0, if there is one. Two different ones, or a 0 last, leave open which was the process's; so does a
    /// thread of which no EXIT has come: a process can be gone before the EXIT of its last thread is sent. Of
    /// a process that was found, the count may be off, and a code that is not 0 is its own nevertheless.
    fn status(&self) -> Option<WaitStatus> {
        let all_seen = self.threads == 0 || !self.counted && self.last_code != 0;
        let is_clear = !self.codes_differ && self.last_code == self.code;
        Some(WaitStatus(self.last_code)).filter(|_| all_seen && is_clear)
    }
}
