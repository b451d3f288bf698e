//! A small model of the kernel: what tasks do, step by step, and the events that it sends.
//!
//! A system call is several steps, and between two of them any other task may make its own. So an event
//! comes late after the change it reports, a pid is given away before its EXIT is sent, and a child is
//! visible before its FORK.

mod acts;
mod events;

use super::choices::Choices;
use cnproc_parse::{Event, kernel};
use std::collections::VecDeque;

/// By how much CLOCK_BOOTTIME is ahead.
pub const BOOT_OFFSET: u64 = 5_000_000_000;
const TICK: u64 = 10_000_000;
const INIT: usize = 0;
/// The highest pid.
const PIDS: i32 = 12;

pub type Name = u8;

/// What a thread has of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Traits {
    pub comm: Name,
    pub uid: u32,
    pub gid: u32,
}

#[derive(Clone, Debug)]
pub struct Task {
    pub tid: i32,
    pub process: usize,
    pub traits: Traits,
    has_run: bool,
    /// It has been woken up for the first time.
    runnable: bool,
    /// It has passed exit_notify.
    pub zombie: bool,
    released: bool,
    /// It is to end, and has begun to.
    killed: Option<u32>,
    exiting: bool,
    code: u32,
    /// A leader whose place another thread took.
    demoted: bool,
    doing: VecDeque<Op>,
}

#[derive(Clone, Debug)]
pub struct Process {
    pub pid: i32,
    pub leader: usize,
    pub parent: Option<usize>,
    pub creator: Option<usize>,
    pub sid: i32,
    /// What it executes.
    pub program: Name,
    /// CLOCK_BOOTTIME.
    pub start: u64,
    pub status: Option<u32>,
    pub ended: bool,
    pub released: bool,
    /// Its FORK was sent, or would have been.
    pub announced: bool,
    /// Its FORK was sent while somebody listened.
    pub was_sent: bool,
    /// Another thread of the parent had changed its session and not sent SID yet.
    pub sid_is_doubtful: bool,
    /// Another thread of the parent changed its session before its FORK was sent.
    pub sid_is_exempt: bool,
    group_exit: Option<u32>,
    quick: u32,
    execing: bool,
    ignores_children: bool,
    is_subreaper: bool,
    pub has_had_threads: bool,
    /// Several threads at an exec, or it was there before the listener.
    pub has_had_exec_by_several: bool,
}

/// A step that is still to be made.
#[derive(Clone, Copy, Debug)]
enum Op {
    Build(What),
    Send(Sent),
    Wake(usize),
    ExecTake,
    ExecSet,
    Notify,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    Fork(usize),
    Exec,
    Uid,
    Gid,
    Sid,
    Comm,
    Exit,
}

/// An event, and what was true when it was made.
#[derive(Clone, Copy, Debug)]
pub struct Sent {
    pub event: Event,
    /// Of a FORK, the child.
    pub process: usize,
    pub traits: Traits,
    pub sid: i32,
}

#[derive(Clone, Copy, Debug)]
pub enum Item {
    Event(Sent),
    Lost(u64),
}

#[derive(Debug)]
pub struct Kernel {
    pub now: u64,
    pub tasks: Vec<Task>,
    pub processes: Vec<Process>,
    /// What was sent, and not received.
    pub socket: VecDeque<Item>,
    pub listening: bool,
    pub muted: bool,
    /// An EXIT names the parent: Linux 4.18.
    pub names_parents: bool,
    /// A leader whose place another thread takes gets that one's id: Linux 5.8.
    pub exchanges_ids: bool,
    /// How many of the next events are lost; how many were, and have not been reported.
    pub lose: u32,
    unreported: u64,
    /// How many were lost altogether, and how many were not sent while events were off.
    pub lost: u64,
    pub missed_muted: u64,
    last_pid: i32,
    freed: Vec<i32>,
    names: Name,
}

impl Kernel {
    pub fn new() -> Self {
        let traits = Traits { comm: 1, uid: 0, gid: 0 };
        let mut kernel = Self {
            now: 1_000_000_000,
            tasks: Vec::new(),
            processes: Vec::new(),
            socket: VecDeque::new(),
            listening: false,
            muted: false,
            names_parents: true,
            exchanges_ids: true,
            lose: 0,
            unreported: 0,
            lost: 0,
            missed_muted: 0,
            last_pid: 1,
            freed: Vec::new(),
            names: 1,
        };
        kernel.add_process(1, None, traits, 1);
        let init = &mut kernel.tasks[INIT];
        (init.has_run, init.runnable) = (true, true);
        kernel.processes[INIT].announced = true;
        kernel
    }

    fn add_process(&mut self, pid: i32, parent: Option<usize>, traits: Traits, sid: i32) -> usize {
        let process = self.processes.len();
        let leader = self.add_task(pid, process, traits);
        self.processes.push(Process {
            pid,
            leader,
            parent,
            creator: parent,
            sid,
            program: parent.map_or(1, |parent| self.processes[parent].program),
            start: self.now + BOOT_OFFSET,
            status: None,
            ended: false,
            released: false,
            announced: false,
            was_sent: false,
            sid_is_doubtful: false,
            sid_is_exempt: false,
            group_exit: None,
            quick: 1,
            execing: false,
            ignores_children: false,
            is_subreaper: false,
            has_had_threads: false,
            has_had_exec_by_several: !self.listening,
        });
        process
    }

    fn add_task(&mut self, tid: i32, process: usize, traits: Traits) -> usize {
        self.tasks.push(Task {
            tid,
            process,
            traits,
            has_run: false,
            runnable: false,
            zombie: false,
            released: false,
            killed: None,
            exiting: false,
            code: 0,
            demoted: false,
            doing: VecDeque::new(),
        });
        self.tasks.len() - 1
    }

    pub fn threads(&self, process: usize) -> impl Iterator<Item = usize> + '_ {
        let of_process = move |task: &usize| {
            let task = &self.tasks[*task];
            task.process == process && !task.released
        };
        (0..self.tasks.len()).filter(of_process)
    }

    /// The process that has that pid.
    pub fn by_pid(&self, pid: i32) -> Option<usize> {
        self.processes.iter().rposition(|process| process.pid == pid && !process.released)
    }

    /// The traits of a process are its leader's.
    pub fn traits(&self, process: usize) -> Traits {
        self.tasks[self.processes[process].leader].traits
    }

    pub fn has_run(&self, process: usize) -> bool {
        self.tasks.iter().any(|task| task.process == process && task.has_run)
    }

    pub fn start_tick(&self, process: usize) -> u64 {
        self.processes[process].start / TICK * TICK
    }

    /// Whether a change of a process's name, ids, session or program is done and its event not sent.
    pub fn is_changing(&self, process: usize) -> bool {
        self.tasks.iter().filter(|task| task.process == process).any(|task| {
            task.doing.iter().any(|op| match op {
                Op::Build(what) => !matches!(what, What::Fork(_) | What::Exit),
                Op::Send(sent) => {
                    !matches!(sent.event.what, kernel::PROC_EVENT_FORK | kernel::PROC_EVENT_EXIT)
                }
                _ => false,
            })
        })
    }

    fn is_changing_session(&self, process: usize) -> bool {
        self.tasks.iter().filter(|task| task.process == process).any(|task| {
            task.doing.iter().any(|op| match op {
                Op::Build(what) => *what == What::Sid,
                Op::Send(sent) => sent.event.what == kernel::PROC_EVENT_SID,
                _ => false,
            })
        })
    }

    pub fn is_any_changing_session(&self) -> bool {
        (0..self.processes.len()).any(|process| self.is_changing_session(process))
    }

    /// Whether everything that has happened has been sent.
    pub fn is_quiet(&self) -> bool {
        self.tasks.iter().all(|task| {
            let waits = task.released || task.zombie || task.killed.is_none();
            task.doing.is_empty() && waits && (task.has_run || task.released)
        })
    }

    /// Whether all that a process did has been sent.
    pub fn is_quiet_process(&self, process: usize) -> bool {
        let quiet = |task: &Task| task.doing.is_empty() && !task.exiting || task.zombie;
        let mut tasks = self.tasks.iter().filter(|task| task.process == process);
        tasks.all(|task| quiet(task) && task.doing.is_empty())
    }

    /// Time passes, and one task makes one step.
    pub fn step(&mut self, choices: &mut Choices<'_>) {
        let pass = choices.byte();
        self.now += match pass {
            0..200 => u64::from(pass) * 10 + 1,
            200..240 => u64::from(pass) * 1_000,
            _ => u64::from(pass) * 15_000,
        };
        let can_step = |index: &usize| {
            let task = &self.tasks[*index];
            let may_act = !task.zombie && task.runnable;
            let is_blocked =
                matches!(task.doing.front(), Some(Op::ExecTake)) && !self.is_alone(*index);
            (may_act || !task.doing.is_empty()) && !is_blocked
        };
        let able: Vec<_> = (0..self.tasks.len()).filter(can_step).collect();
        let task = able[choices.one_of(able.len())];
        self.tasks[task].has_run = true;
        if !self.go_on(task) {
            self.act(task, choices);
        }
    }

    /// Finishes what was begun, without beginning anything new.
    pub fn settle(&mut self) {
        while !self.is_quiet() {
            self.now += 50;
            for task in 0..self.tasks.len() {
                let blocked = matches!(self.tasks[task].doing.front(), Some(Op::ExecTake))
                    && !self.is_alone(task);
                if blocked || self.go_on(task) {
                    continue;
                }
                let this = &mut self.tasks[task];
                if this.runnable && !this.zombie {
                    this.has_run = true;
                    if let Some(code) = this.killed {
                        self.begin_exit(task, code);
                    }
                }
            }
        }
    }

    /// The next step of what a task does already.
    fn go_on(&mut self, task: usize) -> bool {
        let Some(op) = self.tasks[task].doing.pop_front() else { return false };
        let process = self.tasks[task].process;
        match op {
            Op::Build(what) => {
                let sent = self.build(task, what);
                self.tasks[task].doing.push_front(Op::Send(sent));
            }
            Op::Send(sent) => self.send(sent),
            Op::Wake(child) => self.tasks[child].runnable = true,
            Op::ExecTake => self.take_over(task),
            Op::ExecSet => {
                self.tasks[task].traits.comm = self.name();
                self.processes[process].program = self.tasks[task].traits.comm;
                self.processes[process].execing = false;
                self.processes[process].quick = 1;
            }
            Op::Notify => self.notify(task),
        }
        true
    }
}
