//! The order of things, with a machine that is a list of them.

use super::*;
use crate::machine::{Delivery, Machine};
use crate::memory::Heap;
use crate::scan::{Ids, Presence, Snapshot};
use crate::table::TableOptions;
use cnproc_parse::kernel;
use std::collections::VecDeque;
use std::string::String;
use std::vec::Vec;

#[derive(Default)]
struct Script {
    queue: VecDeque<Delivery>,
    /// What the next calls of receive will bring.
    socket: VecDeque<Delivery>,
    processes: Vec<Snapshot>,
    listed: i32,
    looks: Vec<i32>,
    /// What is sent while a pid is looked at.
    at_look: Option<(i32, Delivery)>,
    /// How many of the next looks fail, and whether the next attempt to list the pids does.
    failures: u32,
    list_fails: bool,
    text: Option<&'static str>,
}

impl Machine for Script {
    type Error = &'static str;

    fn next(&mut self) -> Option<Delivery> {
        self.queue.pop_front()
    }

    fn has_next(&mut self) -> bool {
        !self.queue.is_empty()
    }

    fn receive(&mut self) -> Result<bool, &'static str> {
        self.queue.extend(self.socket.drain(..));
        Ok(true)
    }

    fn pending(&self, pid: i32, pending: &mut Pending) {
        for delivery in self.queue.iter().rev() {
            if let Delivery::Event(event) = delivery {
                pending.note(pid, event);
            }
        }
    }

    fn look(&mut self, pid: i32, _: Look) -> Result<Snapshot, &'static str> {
        self.looks.push(pid);
        let sent = self.at_look.take_if(|(at, _)| *at == pid);
        self.socket.extend(sent.map(|(_, delivery)| delivery));
        if self.failures > 0 {
            self.failures -= 1;
            return Err("EMFILE");
        }
        let found = self.processes.iter().find(|process| process.pid == pid);
        let gone = Snapshot { presence: Presence::Gone, ..process(pid, 0) };
        Ok(found.copied().unwrap_or(gone))
    }

    fn text(&self, text: Text) -> Option<&[u8]> {
        self.text.filter(|_| text == Text::Exe).map(str::as_bytes)
    }

    fn rewind(&mut self) -> Result<(), &'static str> {
        self.listed = 0;
        if core::mem::take(&mut self.list_fails) { Err("EMFILE") } else { Ok(()) }
    }

    fn list(&mut self) -> Result<Option<i32>, &'static str> {
        let pids = self.processes.iter().map(|process| process.pid);
        let next = pids.filter(|pid| *pid > self.listed).min();
        self.listed = next.unwrap_or(i32::MAX);
        Ok(next)
    }

    fn now_ns(&self) -> u64 {
        1_000
    }
}

fn process(pid: i32, ppid: i32) -> Snapshot {
    Snapshot {
        pid,
        presence: Presence::Running,
        before_ns: 100,
        after_ns: 100,
        start_ns: 50,
        has_run: true,
        threads: 1,
        ppid,
        sid: 1,
        comm: [b'n'; 16],
        ids: Some(Ids { ruid: 0, euid: 0, rgid: 0, egid: 0 }),
    }
}

fn event(what: u32, words: [i32; 4]) -> Delivery {
    let mut event_data = [0; 24];
    for (to, word) in event_data.chunks_mut(4).zip(words) {
        to.copy_from_slice(&word.to_ne_bytes());
    }
    let mut event = Event::default();
    (event.what, event.timestamp_ns, event.size) = (what, 200, 40);
    event.event_data = event_data;
    Delivery::Event(event)
}

fn fork(parent: i32, child: i32) -> Delivery {
    event(kernel::PROC_EVENT_FORK, [parent, parent, child, child])
}

fn join(options: &TableOptions) -> Join<u64, Heap> {
    Join::new(Table::new(&Heap, &TableOptions { pids: 100, ..*options }).unwrap())
}

/// All updates there are, as lines.
fn updates(join: &mut Join<u64, Heap>, script: &mut Script) -> Vec<String> {
    let mut lines = Vec::new();
    while let Some(update) = join.next(script).unwrap() {
        lines.push(match update {
            Update::Synced => String::from("synced"),
            Update::Lost(count) => std::format!("lost {count}"),
            Update::Event(event) => std::format!("{event}"),
            Update::Change(change, event) => {
                let pid = join.table().get_id(change.id).unwrap().pid;
                assert_eq!(change.inferred, event.is_none());
                let inferred = if change.inferred { ", inferred" } else { "" };
                std::format!("{:?} {pid}{inferred}", change.kind)
            }
        });
    }
    lines
}

/// A table that is complete, with processes 1 and 2.
fn complete() -> (Join<u64, Heap>, Script) {
    let mut join = join(&TableOptions { exe: true, text_bytes: 8, ..TableOptions::default() });
    let mut script =
        Script { processes: [process(1, 0), process(2, 1)].into(), ..Script::default() };
    script.text = Some("/a");
    let lines = updates(&mut join, &mut script);
    assert_eq!(lines, ["Found 1, inferred", "Found 2, inferred", "synced"]);
    assert!(join.table().is_synced() && !join.is_waiting());
    (join, script)
}

#[test]
fn complete_table_looks_at_nothing_without_need() {
    let (mut join, mut script) = complete();
    script.looks.clear();
    script.queue.extend([fork(1, 5), event(kernel::PROC_EVENT_COMM, [5, 5, 7, 0])]);
    assert_eq!(updates(&mut join, &mut script), ["Started 5", "Renamed 5"]);
    script.queue.push_back(event(kernel::PROC_EVENT_EXIT, [5, 5, 0, 17]));
    // No parent: within seconds of the start it may be late.
    assert_eq!(updates(&mut join, &mut script), ["Exited 5"]);
    assert_eq!(script.looks, [5]);
    script.queue.push_back(event(kernel::PROC_EVENT_EXEC, [2, 2, 0, 0]));
    assert_eq!(updates(&mut join, &mut script), ["Executed 2"]);
    assert_eq!(script.looks, [5, 2]);
}

#[test]
fn ends_are_reported_before_arrivals_after_a_loss() {
    let (mut join, mut script) = complete();
    script.processes = [process(1, 0), process(3, 1)].into();
    script.queue.push_back(Delivery::Lost(4));
    let lines = updates(&mut join, &mut script);
    assert_eq!(lines, ["lost 4", "Exited 2, inferred", "Found 3, inferred", "synced"]);
}

#[test]
fn comparison_waits_until_the_stream_is_read_to_its_end() {
    let (mut join, mut script) = complete();
    script.queue.push_back(Delivery::Lost(1));
    script.socket.extend([fork(1, 7), Delivery::Lost(1), fork(1, 8)]);
    script.processes.extend([process(7, 1), process(8, 1)]);
    script.looks.clear();
    let lines = updates(&mut join, &mut script);
    let (compared, events) = (&lines[lines.len() - 1], &lines[..4]);
    assert_eq!(events, ["lost 1", "Started 7", "lost 1", "Started 8"]);
    assert_eq!(compared, "synced");
    let synced = lines.iter().filter(|line| *line == "synced").count();
    assert_eq!(synced, 1, "one comparison for both losses");
}

#[test]
fn loss_during_a_comparison_begins_it_again() {
    let (mut join, mut script) = complete();
    join.resync();
    script.processes.push(process(9, 1));
    script.looks.clear();
    script.at_look = Some((1, Delivery::Lost(1)));
    let lines = updates(&mut join, &mut script);
    assert_eq!(lines, ["lost 1", "Found 9, inferred", "synced"]);
    assert_eq!(script.looks, [1, 1, 2, 9], "at once, from the first");
}

#[test]
fn other_executable_after_a_loss_is_an_exec() {
    let (mut join, mut script) = complete();
    join.resync();
    assert_eq!(updates(&mut join, &mut script), ["synced"]);
    join.resync();
    script.text = Some("/b");
    let lines = updates(&mut join, &mut script);
    assert_eq!(lines, ["Executed 1, inferred", "Executed 2, inferred", "synced"]);
    let id = join.table().get(2).unwrap().id;
    assert_eq!(join.table().text(id, Text::Exe), Some(&b"/b"[..]));
}

#[test]
fn text_that_cannot_be_read_in_doubt_is_not_known() {
    let (mut join, mut script) = complete();
    let is_known = |join: &Join<u64, Heap>| join.table().get(2).unwrap().known.contains(Known::EXE);
    assert!(is_known(&join));
    for (text, known) in [(None, false), (Some("/b"), true)] {
        script.text = text;
        join.resync();
        assert_eq!(updates(&mut join, &mut script), ["synced"]);
        assert_eq!(is_known(&join), known, "perhaps of another program");
    }
}

#[test]
fn process_that_has_not_run_delays_completion() {
    let (mut join, mut script) = complete();
    join.resync();
    script.processes.push(Snapshot { has_run: false, ..process(9, 1) });
    assert_eq!(join.next(&mut script), Ok(None));
    assert!(join.is_waiting() && !join.table().is_synced());
    script.processes[2].has_run = true;
    assert_eq!(updates(&mut join, &mut script), ["Found 9, inferred", "synced"]);
}

#[test]
fn failed_look_is_repeated_and_nothing_is_skipped() {
    let mut join = join(&TableOptions::default());
    let mut script =
        Script { processes: [process(1, 0), process(2, 1)].into(), ..Script::default() };
    script.failures = 2;
    assert_eq!(join.next(&mut script), Err(JoinError::Machine("EMFILE")));
    assert_eq!(join.next(&mut script), Err(JoinError::Machine("EMFILE")));
    assert_eq!(join.next(&mut script), Ok(None), "the list is begun again");
    let lines = updates(&mut join, &mut script);
    assert_eq!(lines, ["Found 1, inferred", "Found 2, inferred", "synced"]);
    script.queue.push_back(event(kernel::PROC_EVENT_EXIT, [2, 2, 0, 17]));
    script.failures = 1;
    assert_eq!(join.next(&mut script), Err(JoinError::Machine("EMFILE")));
    assert_eq!(updates(&mut join, &mut script), Vec::<String>::new(), "it lives");
}

#[test]
fn table_without_room_reports_it_once_for_each_process() {
    let mut join = join(&TableOptions { max_processes: 1, ..TableOptions::default() });
    let mut script =
        Script { processes: [process(1, 0), process(2, 1)].into(), ..Script::default() };
    assert!(matches!(join.next(&mut script), Ok(Some(Update::Change(..)))));
    assert_eq!(join.next(&mut script), Err(JoinError::Table(TableError::Full)));
    assert_eq!(join.next(&mut script), Ok(None), "it is not complete");
    assert!(!join.table().is_synced() && !join.is_waiting());
    script.queue.push_back(fork(1, 3));
    assert_eq!(join.next(&mut script), Err(JoinError::Table(TableError::Full)));
    assert_eq!(join.next(&mut script), Ok(None));
}

#[test]
fn chosen_process_and_its_descendants_are_found() {
    let scope = Scope::Descendants;
    let mut join = join(&TableOptions { scope, ..TableOptions::default() });
    let young = Snapshot { has_run: false, ..process(9, 1) };
    let processes = [process(1, 0), process(3, 5), process(4, 1), process(5, 1), young];
    let mut script = Script { processes: processes.into(), ..Script::default() };
    assert_eq!(updates(&mut join, &mut script), ["synced"]);
    assert_eq!(join.choose(&mut script, 8), Ok(Choice::Gone));
    assert_eq!(join.choose(&mut script, 9), Ok(Choice::NotYet));
    assert_eq!(join.choose(&mut script, 4), Ok(Choice::Taken));
    assert_eq!(join.choose(&mut script, 5), Ok(Choice::Taken));
    assert!(!join.table().is_synced() && join.is_waiting());
    let lines = updates(&mut join, &mut script);
    assert_eq!(lines, ["Found 4, inferred", "Found 5, inferred", "Found 3, inferred"]);
    assert_eq!(updates(&mut join, &mut script), ["synced"]);
    assert_eq!(join.choose(&mut script, 5), Ok(Choice::Taken));
    script.queue.push_back(fork(1, 9));
    assert_eq!(join.choose(&mut script, 9), Ok(Choice::Taken), "its FORK is pending");
    assert_eq!(updates(&mut join, &mut script)[0], "Started 9");
    assert_eq!(join.table().len(), 4);
}

#[test]
fn descendants_are_found_although_the_first_list_fails() {
    let scope = Scope::Descendants;
    let mut join = join(&TableOptions { scope, ..TableOptions::default() });
    let processes = [process(1, 0), process(3, 5), process(5, 1)];
    let mut script = Script { processes: processes.into(), ..Script::default() };
    assert_eq!(updates(&mut join, &mut script), ["synced"]);
    script.list_fails = true;
    let chosen = join.choose(&mut script, 5);
    assert!(matches!(chosen, Ok(Choice::Taken) | Err(JoinError::Machine("EMFILE"))));
    assert_eq!(join.choose(&mut script, 5), Ok(Choice::Taken));
    assert!(!join.table().is_synced());
    let mut lines = updates(&mut join, &mut script);
    lines.extend(updates(&mut join, &mut script));
    assert_eq!(lines, ["Found 5, inferred", "Found 3, inferred", "synced"]);
}

#[test]
fn raw_event_comes_before_the_changes_that_it_causes() {
    let (mut join, mut script) = complete();
    join.set_raw(true);
    script.queue.extend([fork(1, 2), event(kernel::PROC_EVENT_PTRACE, [2, 2, 1, 1])]);
    let lines = updates(&mut join, &mut script);
    assert_eq!(lines[1..3], ["Exited 2", "Started 2"]);
    assert!(lines[0].starts_with("fork") && lines[3].starts_with("ptrace"), "{lines:?}");
    assert_eq!(lines.len(), 4);
}

#[test]
fn process_is_current_while_it_has_its_pid() {
    let (mut join, mut script) = complete();
    let id = join.table().get(2).unwrap().id;
    assert_eq!(join.is_current(&mut script, id), Ok(true));
    script.socket.push_back(fork(1, 2));
    assert_eq!(join.is_current(&mut script, id), Ok(false), "its pid was given away");
    updates(&mut join, &mut script);
    assert_eq!(join.is_current(&mut script, id), Ok(false), "it has ended");
}

#[test]
fn parent_is_looked_for_only_if_it_is_not_known() {
    let (mut join, mut script) = complete();
    script.queue.extend([fork(2, 5), event(kernel::PROC_EVENT_EXIT, [2, 2, 0, 17])]);
    script.processes = [process(1, 0), process(5, 1)].into();
    assert_eq!(updates(&mut join, &mut script), ["Started 5", "Exited 2"]);
    let id = join.table().get(5).unwrap().id;
    script.looks.clear();
    assert_eq!(join.find_parent(&mut script, id), Ok(Some(1)));
    assert_eq!(join.find_parent(&mut script, id), Ok(Some(1)));
    assert_eq!(script.looks, [5]);
    script.queue.push_back(event(kernel::PROC_EVENT_EXIT, [5, 5, 0, 17]));
    script.processes.pop();
    updates(&mut join, &mut script);
    assert_eq!(join.find_parent(&mut script, id), Ok(None));
}

#[test]
fn stream_is_read_after_the_look() {
    let (mut join, mut script) = complete();
    join.resync();
    script.processes.push(process(9, 1));
    // It was forked after the last time that the stream was read.
    script.at_look = Some((9, fork(1, 9)));
    let lines = updates(&mut join, &mut script);
    assert_eq!(lines[0], "Started 9", "not found before");
    assert!(!lines.iter().any(|line| line.starts_with("Exited")), "{lines:?}");
}

#[test]
fn entry_of_which_not_all_is_known_is_looked_at_once_more() {
    let mut join = join(&TableOptions::default());
    let hidden = Snapshot { ids: None, ..process(2, 1) };
    let mut script = Script { processes: [process(1, 0), hidden].into(), ..Script::default() };
    let lines = updates(&mut join, &mut script);
    assert_eq!(lines, ["Found 1, inferred", "Found 2, inferred", "synced"]);
    assert_eq!(script.looks, [1, 2, 2]);
}

#[test]
fn fork_needs_no_look_however_many_there_are() {
    let (mut join, mut script) = complete();
    script.looks.clear();
    script.queue.extend((3..90).map(|pid| fork(2, pid)));
    assert_eq!(updates(&mut join, &mut script).len(), 87);
    assert_eq!(script.looks, []);
}
