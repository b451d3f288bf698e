//! The events that the kernel sends.

use super::{Item, Kernel, Sent, Task, What};
use cnproc_parse::{Event, kernel};

impl Kernel {
    fn event(&mut self, what: u32, words: [u32; 6]) -> Event {
        let mut event_data = [0; 24];
        for (to, word) in event_data.chunks_mut(4).zip(words) {
            to.copy_from_slice(&word.to_ne_bytes());
        }
        self.now += 1;
        let mut event = Event::default();
        (event.what, event.timestamp_ns, event.size) = (what, self.now, 40);
        event.event_data = event_data;
        event
    }

    pub(super) fn build(&mut self, task: usize, what: What) -> Sent {
        let Task { tid, process, traits, code, demoted, released, .. } = self.tasks[task];
        let pid = self.processes[process].pid;
        let ids = [tid as u32, pid as u32];
        let pair = |id: u32| [ids[0], ids[1], id, id, 0, 0];
        let parent = |process: usize| {
            self.processes[process].parent.map_or(0, |parent| self.processes[parent].pid) as u32
        };
        let mut about = process;
        let event = match what {
            What::Fork(child) => {
                let Task { tid, process, .. } = self.tasks[child];
                let born = &self.processes[process];
                about = process;
                let (parent_pid, parent_tgid) = match process == self.tasks[task].process {
                    true => (parent(process), parent(process)),
                    // The creating thread, unless the process has been given to another since.
                    false if born.parent == Some(self.tasks[task].process) => (ids[0], ids[1]),
                    false => (parent(process), parent(process)),
                };
                let words = [parent_pid, parent_tgid, tid as u32, born.pid as u32, 0, 0];
                self.event(kernel::PROC_EVENT_FORK, words)
            }
            What::Exec => self.event(kernel::PROC_EVENT_EXEC, pair(0)),
            What::Uid => self.event(kernel::PROC_EVENT_UID, pair(traits.uid)),
            What::Gid => self.event(kernel::PROC_EVENT_GID, pair(traits.gid)),
            What::Sid => {
                let words = [pid as u32, pid as u32, 0, 0, 0, 0];
                self.event(kernel::PROC_EVENT_SID, words)
            }
            What::Comm => {
                let comm = u32::from_ne_bytes([traits.comm, 0, 0, 0]);
                self.event(kernel::PROC_EVENT_COMM, [ids[0], ids[1], comm, 0, 0, 0])
            }
            What::Exit => {
                let is_leader = self.processes[process].leader == task;
                let signal = if is_leader && !demoted { 17 } else { u32::MAX };
                let parent = if released || !self.names_parents { 0 } else { parent(process) };
                let words = [ids[0], ids[1], code, signal, parent, parent];
                self.event(kernel::PROC_EVENT_EXIT, words)
            }
        };
        let traits = match what {
            What::Fork(child) => self.tasks[child].traits,
            _ => self.tasks[task].traits,
        };
        Sent { event, process: about, traits, sid: self.processes[about].sid }
    }

    pub(super) fn send(&mut self, sent: Sent) {
        let is_fork = sent.event.what == kernel::PROC_EVENT_FORK && !sent.event.is_thread();
        self.processes[sent.process].announced |= is_fork;
        if !self.listening {
            return;
        }
        self.processes[sent.process].was_sent |= is_fork;
        if self.muted {
            self.missed_muted += 1;
        } else if self.lose > 0 {
            self.lose -= 1;
            self.lost += 1;
            if sent.event.timestamp_ns & 1 == 0 {
                self.socket.push_back(Item::Lost(1));
            } else {
                self.unreported += 1;
            }
        } else {
            self.socket.push_back(Item::Event(sent));
        }
    }

    /// What was lost and not reported. It is reported before anything that was sent later.
    pub fn take_loss(&mut self) -> Option<Item> {
        let count = std::mem::take(&mut self.unreported);
        (count > 0).then_some(Item::Lost(count))
    }
}
