//! What tasks do, one system call at a time.

use super::super::choices::Choices;
use super::{INIT, Kernel, Name, Op, PIDS, What};

impl Kernel {
    fn free_pid(&mut self, choices: &mut Choices<'_>) -> Option<i32> {
        let used = |pid| self.tasks.iter().any(|task| task.tid == pid && !task.released);
        if choices.one_of(2) == 0 {
            // As a privileged clone3 with set_tid does.
            if let Some(pid) = self.freed.pop().filter(|pid| !used(*pid)) {
                return Some(pid);
            }
        }
        let after = (0..PIDS).map(|step| (self.last_pid - 2 + 1 + step).rem_euclid(PIDS - 1) + 2);
        let pid = after.into_iter().find(|pid| !used(*pid))?;
        self.last_pid = pid;
        Some(pid)
    }

    pub(super) fn name(&mut self) -> Name {
        self.names = self.names.checked_add(1).unwrap_or(2);
        self.names
    }

    pub(super) fn act(&mut self, task: usize, choices: &mut Choices<'_>) {
        let process = self.tasks[task].process;
        if let Some(code) = self.tasks[task].killed {
            return self.begin_exit(task, code);
        }
        let action = choices.one_of(24);
        match action {
            0..5 => self.fork(task, choices),
            5..7 => self.create_thread(task, choices),
            7..9 => self.exec(task),
            9 if process != INIT => self.begin_exit(task, 0),
            10..13 if process != INIT => self.exit_group(task, u32::from(choices.byte() % 8) << 8),
            13 => {
                self.tasks[task].traits.uid = u32::from(choices.byte());
                self.tasks[task].doing.push_back(Op::Build(What::Uid));
            }
            14 => {
                self.tasks[task].traits.gid = u32::from(choices.byte());
                self.tasks[task].doing.push_back(Op::Build(What::Gid));
            }
            15 => {
                let this = &mut self.processes[process];
                if this.sid != this.pid {
                    this.sid = this.pid;
                    self.tasks[task].doing.push_back(Op::Build(What::Sid));
                    for child in &mut self.processes {
                        child.sid_is_exempt |= child.creator == Some(process) && !child.announced;
                    }
                }
            }
            16..18 => {
                self.tasks[task].traits.comm = self.name();
                self.tasks[task].doing.push_back(Op::Build(What::Comm));
            }
            18..22 => self.wait(process),
            22 => {
                let this = &mut self.processes[process];
                this.ignores_children = !this.ignores_children;
                this.is_subreaper = choices.one_of(2) == 0;
            }
            _ => self.kill(choices),
        }
    }

    fn fork(&mut self, task: usize, choices: &mut Choices<'_>) {
        let Some(pid) = self.free_pid(choices) else { return };
        let (process, traits) = (self.tasks[task].process, self.tasks[task].traits);
        let sid = self.processes[process].sid;
        let doubtful = self.is_changing_session(process);
        let child = self.add_process(pid, Some(process), traits, sid);
        self.processes[child].sid_is_doubtful = doubtful || self.processes[process].sid_is_doubtful;
        let leader = self.processes[child].leader;
        self.processes[child].sid_is_exempt = self.processes[process].sid_is_exempt;
        self.tasks[task].doing.extend([Op::Build(What::Fork(leader)), Op::Wake(leader)]);
    }

    fn create_thread(&mut self, task: usize, choices: &mut Choices<'_>) {
        let Some(tid) = self.free_pid(choices) else { return };
        let (process, traits) = (self.tasks[task].process, self.tasks[task].traits);
        let thread = self.add_task(tid, process, traits);
        self.processes[process].has_had_threads = true;
        self.processes[process].quick += 1;
        self.tasks[task].doing.extend([Op::Build(What::Fork(thread)), Op::Wake(thread)]);
    }

    fn exec(&mut self, task: usize) {
        let process = self.tasks[task].process;
        if self.processes[process].group_exit.is_some() || self.processes[process].execing {
            return;
        }
        self.processes[process].execing = true;
        let others: Vec<_> = self.threads(process).filter(|other| *other != task).collect();
        for other in others {
            self.processes[process].has_had_exec_by_several = true;
            self.tasks[other].killed.get_or_insert(0);
        }
        let exec = Op::Build(What::Exec);
        self.tasks[task].doing.extend([Op::ExecTake, Op::ExecSet, exec]);
    }

    /// Whether no other thread is left but a zombie leader.
    pub(super) fn is_alone(&self, task: usize) -> bool {
        let process = self.tasks[task].process;
        let leader = self.processes[process].leader;
        self.threads(process)
            .all(|other| other == task || other == leader && self.tasks[other].zombie)
    }

    /// A thread that calls exec takes its leader's place.
    pub(super) fn take_over(&mut self, task: usize) {
        let process = self.tasks[task].process;
        let leader = self.processes[process].leader;
        if leader == task {
            return;
        }
        let (pid, tid) = (self.processes[process].pid, self.tasks[task].tid);
        (self.tasks[task].tid, self.tasks[leader].tid) = (pid, tid);
        self.tasks[leader].demoted = true;
        self.processes[process].leader = task;
        self.release(leader);
        if !self.exchanges_ids {
            self.tasks[leader].tid = pid;
        }
    }

    fn exit_group(&mut self, task: usize, code: u32) {
        let process = self.tasks[task].process;
        if self.processes[process].execing {
            return;
        }
        let code = *self.processes[process].group_exit.get_or_insert(code);
        let others: Vec<_> = self.threads(process).filter(|other| *other != task).collect();
        for other in others {
            self.tasks[other].killed.get_or_insert(code);
        }
        self.begin_exit(task, code);
    }

    fn kill(&mut self, choices: &mut Choices<'_>) {
        let target = choices.one_of(self.processes.len());
        let this = &self.processes[target];
        if target == INIT || this.ended || this.execing || this.group_exit.is_some() {
            return;
        }
        self.processes[target].group_exit = Some(9);
        let threads: Vec<_> = self.threads(target).collect();
        for thread in threads {
            self.tasks[thread].killed.get_or_insert(9);
        }
    }

    pub(super) fn begin_exit(&mut self, task: usize, code: u32) {
        let process = self.tasks[task].process;
        let this = &mut self.processes[process];
        let code = this.group_exit.unwrap_or(code);
        this.quick = this.quick.saturating_sub(1);
        if this.quick == 0 {
            this.group_exit.get_or_insert(code);
        }
        let task = &mut self.tasks[task];
        (task.exiting, task.code) = (true, code);
        task.doing.extend([Op::Notify, Op::Build(What::Exit)]);
    }

    /// exit_notify: the thread is a zombie, or gone; with the last one, the process has ended.
    pub(super) fn notify(&mut self, task: usize) {
        let process = self.tasks[task].process;
        self.tasks[task].zombie = true;
        let leader = self.processes[process].leader;
        if task != leader {
            self.release(task);
        }
        let leader_is_last = self.threads(process).all(|other| other == leader);
        if !(leader_is_last && self.tasks[leader].zombie) {
            return;
        }
        let reaper = self.reaper(process);
        for child in 0..self.processes.len() {
            if self.processes[child].parent == Some(process) {
                self.processes[child].parent = Some(reaper);
                let orphan = &self.processes[child];
                if orphan.ended && !orphan.released && self.processes[reaper].ignores_children {
                    self.reap(child);
                }
            }
        }
        let code = self.tasks[leader].code;
        let this = &mut self.processes[process];
        (this.ended, this.status) = (true, Some(this.group_exit.unwrap_or(code)));
        let parent = this.parent;
        if parent.is_some_and(|parent| self.processes[parent].ignores_children) {
            self.reap(process);
        }
    }

    fn reaper(&self, process: usize) -> usize {
        let mut ancestor = self.processes[process].parent;
        while let Some(candidate) = ancestor {
            let this = &self.processes[candidate];
            if this.is_subreaper && !this.ended {
                return candidate;
            }
            ancestor = this.parent;
        }
        INIT
    }

    fn wait(&mut self, process: usize) {
        let zombie = (0..self.processes.len()).find(|child| {
            let child = &self.processes[*child];
            child.parent == Some(process) && child.ended && !child.released
        });
        if let Some(zombie) = zombie {
            self.reap(zombie);
        }
    }

    fn reap(&mut self, process: usize) {
        let leader = self.processes[process].leader;
        self.release(leader);
        self.processes[process].released = true;
    }

    fn release(&mut self, task: usize) {
        self.tasks[task].released = true;
        self.freed.push(self.tasks[task].tid);
    }
}
