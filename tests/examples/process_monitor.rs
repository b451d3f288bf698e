//! The example `process_monitor`, in C and in Rust: the life of a process, with its names, also where events were lost.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use support::disturbance::disturbed;
use support::{Running, child, live, task};

fn c_program() -> support::Program {
    support::compile("cnproc-ffi/examples/process_monitor.c")
}

#[test]
fn c_program_prints_the_life_of_a_process() {
    assert_prints_the_life_of_a_process(c_program().path());
}

#[test]
fn rust_program_prints_the_life_of_a_process() {
    let program = support::rust_example("cnproc-track", "process_monitor");
    assert_prints_the_life_of_a_process(&program);
}

#[test]
fn c_program_prints_after_a_loss_who_has_exited() {
    assert_prints_after_a_loss_who_has_exited(c_program().path());
}

#[test]
fn rust_program_prints_after_a_loss_who_has_exited() {
    let program = support::rust_example("cnproc-track", "process_monitor");
    assert_prints_after_a_loss_who_has_exited(&program);
}

/// Starts it, and waits until its table is complete.
fn start(program: &Path) -> Running {
    let running = Running::start(&mut Command::new(program));
    await_complete(&running);
    running
}

fn await_complete(running: &Running) {
    while running.error_line() != "process_monitor: the table is complete" {}
}

/// A shell that exits when its input ends.
fn shell(script: &str) -> Child {
    Command::new("sh").args(["-c", script]).stdin(Stdio::piped()).spawn().unwrap()
}

/// The event, user and command in a line, if it is about that process.
fn about(line: &str, pid: u32) -> Option<(String, String, String)> {
    let words: Vec<_> = line.split_whitespace().collect();
    let at = words.iter().position(|word| *word == pid.to_string())?;
    let time = words.first()?;
    let (event, uid) = (words.get(at.checked_sub(1)?)?, words.get(at + 1)?);
    let is_event = ["fork", "exec", "exit", "found"].contains(&event.trim_start_matches('~'));
    if at > 2 || !is_event {
        return None;
    }
    let mark = if time.starts_with('~') { "~" } else { "" };
    let event = format!("{mark}{}", event.trim_start_matches('~'));
    Some((event, (*uid).to_owned(), words.get(at + 2..)?.join(" ")))
}

fn assert_prints_the_life_of_a_process(program: &Path) {
    live::run(|| {
        let running = start(program);
        // As by Ctrl-Z and fg.
        running.kill(libc::SIGSTOP);
        running.kill(libc::SIGCONT);
        let mut process = shell("read line; exit 3");
        let pid = process.id();
        let mut lines = running.lines().filter_map(|line| about(&line, pid));
        // Its name may be unknown: a thread of the test forked it.
        let (event, _, command) = lines.next().unwrap();
        if event.starts_with('~') {
            disturbed("others opened listeners");
        }
        let parent = format!(" (child of {})", std::process::id());
        assert_eq!((event.as_str(), command.ends_with(&parent)), ("fork", true), "{command}");
        // SAFETY: takes no arguments.
        let user = unsafe { libc::geteuid() }.to_string();
        let name = "sh -c read line; exit 3";
        let exec = ("exec".to_owned(), user.clone(), name.to_owned());
        assert_eq!(lines.next().unwrap(), exec);
        drop(process.stdin.take());
        process.wait().unwrap();
        let (event, uid, command) = lines.next().unwrap();
        assert_eq!((event.as_str(), uid), ("exit", user));
        let end = command.strip_prefix(name).and_then(|rest| rest.strip_prefix(" after "));
        let (seconds, end) = end.unwrap().split_once(' ').unwrap();
        assert!(seconds.parse::<f64>().unwrap() > 0.0, "{command}");
        assert_eq!(end, "s: status 3");
        drop(lines);
        assert_eq!(running.end(libc::SIGINT).status, Some(0));
    });
}

/// Stopped while 100,000 events come, and then an exit. Its buffer has room for 40,000.
fn assert_prints_after_a_loss_who_has_exited(program: &Path) {
    live::run(|| {
        let running = start(program);
        let mut process = shell("read line; exit 5");
        let pid = process.id();
        let has_executed = |(event, _, _): &(String, String, String)| event == "exec";
        running.lines().filter_map(|line| about(&line, pid)).find(has_executed).unwrap();
        running.kill(libc::SIGSTOP);
        child::fork(|| (0..100_000).for_each(|_| task::set_name("flood"))).wait();
        drop(process.stdin.take());
        process.wait().unwrap();
        running.kill(libc::SIGCONT);
        let (event, _, command) =
            running.lines().filter_map(|line| about(&line, pid)).next().unwrap();
        if event == "exit" {
            disturbed("others' programs were slow: its event was not lost");
        }
        assert_eq!(event, "~exit");
        assert!(command.starts_with("sh -c read line; exit 5 after ? s: status "), "{command}");
        let ended = running.end(libc::SIGINT);
        assert_eq!(ended.status, Some(0));
        let is_loss = |line: &String| line.ends_with(" events were lost");
        assert!(ended.stderr.iter().any(is_loss), "{:?}", ended.stderr);
    });
}
