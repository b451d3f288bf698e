//! The model as a machine that a table is joined to.

use super::choices::Choices;
use super::kernel::{Item, Kernel, Sent};
use cnproc_parse::kernel::{PROC_EVENT_EXIT, PROC_EVENT_FORK};
use cnproc_track::{
    Delivery, Ids, Look, Machine, Pending, Presence, Scope, Snapshot, TableOptions, Text,
    WaitStatus,
};
use std::collections::{HashMap, HashSet, VecDeque};
use std::convert::Infallible;

pub struct World<'a> {
    pub kernel: Kernel,
    pub choices: Choices<'a>,
    /// Received, and not handed over.
    pub queue: VecDeque<Item>,
    /// How much of it there may be.
    pub room: usize,
    /// The last event handed over.
    pub current: Option<Sent>,
    /// How many lost events have been handed over.
    pub reported: u64,
    /// Which process the last look at a pid has found.
    pub found: HashMap<i32, usize>,
    pub scope: Scope,
    cmdline: bool,
    exe: bool,
    /// Which processes are in the table.
    pub known: HashSet<usize>,
    /// The processes of FORKs that have been applied since the last update, and concern the table.
    pub to_start: Vec<usize>,
    /// The text that the last look has read.
    program: Option<u8>,
    /// Processes whose FORK has been handed over.
    forked: HashSet<usize>,
    /// Processes forked before a change of their parent that a look saw before its event was sent.
    pub exempt: HashSet<usize>,
    /// Whether a process's zombie shows its status.
    pub shows_status: bool,
    listed: i32,
    /// Nothing happens any more.
    pub at_rest: bool,
    /// How many EXITs came after the FORK of their pid's next owner.
    pub late_exits: u64,
}

impl<'a> World<'a> {
    pub fn new(kernel: Kernel, choices: Choices<'a>, options: &TableOptions) -> Self {
        Self {
            kernel,
            choices,
            queue: VecDeque::new(),
            room: usize::MAX,
            current: None,
            reported: 0,
            found: HashMap::new(),
            scope: options.scope,
            cmdline: options.cmdline,
            exe: options.exe,
            known: HashSet::new(),
            to_start: Vec::new(),
            program: None,
            forked: HashSet::new(),
            exempt: HashSet::new(),
            shows_status: false,
            listed: 0,
            at_rest: false,
            late_exits: 0,
        }
    }

    /// Others go on meanwhile.
    fn advance(&mut self) {
        if !self.at_rest {
            for _ in 0..self.choices.one_of(5) {
                self.kernel.step(&mut self.choices);
            }
        }
    }

    /// Events that were sent and not handed over yet.
    pub fn undelivered(&self) -> impl Iterator<Item = &Sent> {
        self.queue.iter().chain(&self.kernel.socket).filter_map(|item| match item {
            Item::Event(sent) => Some(sent),
            Item::Lost(_) => None,
        })
    }

    fn count(&mut self, sent: &Sent) {
        let pid = self.kernel.processes[sent.process].pid;
        let is_next = |later: &usize| self.kernel.processes[*later].pid == pid;
        let given_away = (sent.process + 1..self.kernel.processes.len())
            .filter(is_next)
            .any(|later| self.forked.contains(&later));
        let is_late = sent.event.what == PROC_EVENT_EXIT && !sent.event.is_thread() && given_away;
        self.late_exits += u64::from(is_late);
    }

    /// Whether all that a process has done has been sent and handed over.
    pub fn is_settled(&self, process: usize) -> bool {
        let mut undelivered = self.undelivered();
        let delivered = undelivered.all(|sent| sent.process != process);
        delivered && self.kernel.is_quiet_process(process)
    }

    pub fn keeps(&self, text: Text) -> bool {
        match text {
            Text::Cmdline => self.cmdline,
            Text::Exe => self.exe,
            Text::Cgroup => false,
        }
    }

    fn snapshot(&mut self, pid: i32, what: Look) -> Snapshot {
        let kernel = &self.kernel;
        let before_ns = kernel.now;
        let mut snapshot = Snapshot {
            pid,
            presence: Presence::Gone,
            before_ns,
            after_ns: before_ns,
            start_ns: 0,
            has_run: false,
            threads: 0,
            ppid: 0,
            sid: 0,
            comm: [0; 16],
            ids: None,
        };
        self.program = None;
        let Some(process) = kernel.by_pid(pid) else { return snapshot };
        self.found.insert(pid, process);
        self.program = Some(kernel.processes[process].program).filter(|_| what.texts);
        let this = &kernel.processes[process];
        let traits = kernel.traits(process);
        snapshot.presence = match kernel.tasks[this.leader].zombie {
            _ if this.ended => {
                Presence::Ended(this.status.map(WaitStatus).filter(|_| self.shows_status))
            }
            true => Presence::Leaderless,
            false => Presence::Running,
        };
        snapshot.start_ns = kernel.start_tick(process);
        snapshot.has_run = kernel.has_run(process);
        snapshot.threads = kernel.threads(process).count() as u32;
        snapshot.ppid = this.parent.map_or(0, |parent| kernel.processes[parent].pid);
        snapshot.sid = this.sid;
        snapshot.comm[0] = traits.comm;
        let (uid, gid) = (traits.uid, traits.gid);
        snapshot.ids = what.ids.then_some(Ids { ruid: uid, euid: uid, rgid: gid, egid: gid });
        if kernel.is_changing(process) {
            let children = (0..kernel.processes.len()).filter(|child| {
                kernel.processes[*child].creator == Some(process) && !self.forked.contains(child)
            });
            self.exempt.extend(children);
        }
        snapshot
    }
}

impl Machine for World<'_> {
    type Error = Infallible;

    fn next(&mut self) -> Option<Delivery> {
        self.advance();
        Some(match self.queue.pop_front()? {
            Item::Event(sent) => {
                self.current = Some(sent);
                self.count(&sent);
                if sent.event.what == PROC_EVENT_FORK && !sent.event.is_thread() {
                    self.forked.insert(sent.process);
                    let creator = self.kernel.processes[sent.process].creator;
                    let is_wanted = creator.is_some_and(|creator| self.known.contains(&creator));
                    if self.scope == Scope::All || is_wanted {
                        self.to_start.push(sent.process);
                    }
                }
                Delivery::Event(sent.event)
            }
            Item::Lost(count) => {
                self.reported += count;
                Delivery::Lost(count)
            }
        })
    }

    fn has_next(&mut self) -> bool {
        !self.queue.is_empty()
    }

    fn receive(&mut self) -> Result<bool, Infallible> {
        self.advance();
        self.queue.extend(self.kernel.take_loss());
        while self.queue.len() < self.room {
            match self.kernel.socket.pop_front() {
                Some(item) => self.queue.push_back(item),
                None => break,
            }
        }
        Ok(self.kernel.socket.is_empty())
    }

    fn pending(&self, pid: i32, pending: &mut Pending) {
        for item in self.queue.iter().rev() {
            if let Item::Event(sent) = item {
                pending.note(pid, &sent.event);
            }
        }
    }

    fn look(&mut self, pid: i32, what: Look) -> Result<Snapshot, Infallible> {
        self.advance();
        let before_ns = self.kernel.now;
        self.advance();
        let mut snapshot = self.snapshot(pid, what);
        self.advance();
        (snapshot.before_ns, snapshot.after_ns) = (before_ns, self.kernel.now);
        self.advance();
        Ok(snapshot)
    }

    fn text(&self, text: Text) -> Option<&[u8]> {
        let program = self.program.as_ref().filter(|_| text != Text::Cgroup);
        program.map(std::slice::from_ref)
    }

    fn rewind(&mut self) -> Result<(), Infallible> {
        self.listed = 0;
        Ok(())
    }

    fn list(&mut self) -> Result<Option<i32>, Infallible> {
        self.advance();
        let processes = self.kernel.processes.iter().filter(|process| !process.released);
        let next = processes.map(|process| process.pid).filter(|pid| *pid > self.listed).min();
        self.listed = next.unwrap_or(i32::MAX);
        Ok(next)
    }

    fn now_ns(&self) -> u64 {
        self.kernel.now
    }
}
