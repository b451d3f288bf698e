//! The example `proc_events`, the classic program on this library: what it prints, how it ends, and what it prints where
//! it cannot listen.

use std::collections::BTreeMap;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use support::disturbance::disturbed;
use support::{Running, child, live, require, task, wait};

const EXAMPLE: &str = "cnproc-ffi/examples/proc_events.c";

/// Starts a listener, and waits until it listens.
fn start(program: &Path, watch: fn(&str)) -> Running {
    let running = Running::start(&mut Command::new(program)).watched_by(watch);
    assert!(running.lines().any(|line| line == "set mcast listen ok"));
    running
}

/// Lost events are a disturbance: the example goes on, and the classic program ends.
fn undisturbed(error_line: &str) {
    let is_loss = ["events were lost", "No buffer space available"];
    if is_loss.iter().any(|end| error_line.ends_with(end)) {
        disturbed(error_line);
    }
}

/// The lines up to and with `end`.
fn lines_until(running: &Running, end: &str) -> Vec<String> {
    let mut seen = Vec::new();
    for line in running.lines() {
        let is_end = line == end;
        seen.push(line);
        if is_end {
            return seen;
        }
    }
    panic!("it ended before it printed {end}");
}

/// The exit line of a child that exits at once: a mark in everybody's stream.
fn mark() -> String {
    let child = child::fork(|| ());
    let line = format!("exit: tid={0} pid={0} exit_code=0", child.pid());
    child.wait();
    line
}

#[test]
fn c_program_prints_a_known_sequence() {
    let program = support::compile(EXAMPLE);
    assert_prints_a_known_sequence(program.path());
}

#[test]
fn rust_program_prints_a_known_sequence() {
    assert_prints_a_known_sequence(&support::rust_example("cnproc-sys", "proc_events"));
}

fn assert_prints_a_known_sequence(program: &Path) {
    if !require::root() {
        return;
    }
    live::run(|| {
        let running = start(program, undisturbed);
        // SAFETY: no memory is involved.
        let child = child::fork(|| unsafe {
            libc::setgid(54321);
            libc::setuid(12345);
            libc::setsid();
            child::exit(3);
        });
        let (parent, pid) = (std::process::id(), child.pid());
        child.wait();
        let end = format!("exit: tid={pid} pid={pid} exit_code=768");
        let mut lines = lines_until(&running, &end);
        lines.retain(|line| {
            line.ends_with(&format!("pid={pid}")) || line.contains(&format!("tid={pid} "))
        });
        let fork = lines.remove(0);
        assert!(fork.starts_with("fork: parent tid="), "{fork}");
        assert!(fork.ends_with(&format!(" pid={parent} -> child tid={pid} pid={pid}")), "{fork}");
        let gid = format!("gid change: tid={pid} pid={pid} from 54321 to 54321");
        let uid = format!("uid change: tid={pid} pid={pid} from 12345 to 12345");
        assert_eq!(lines, [gid, uid, end]);
        let ended = running.end(libc::SIGINT);
        assert_eq!((ended.status, ended.stderr), (Some(0), Vec::new()));
    });
}

/// The numbers in a line.
fn numbers(line: &str) -> Vec<u32> {
    line.split(|c: char| !c.is_ascii_digit()).filter_map(|number| number.parse().ok()).collect()
}

/// The lines about process `root` and all that descend from it, process by process. Within a process events have one
/// order; across processes, on different CPUs, they may be queued to one socket the other way round than to another.
fn family(lines: &[String], root: u32) -> BTreeMap<u32, Vec<String>> {
    let mut family = BTreeMap::from([(root, Vec::new())]);
    for line in lines {
        let process = match (line.split(':').next(), numbers(line).as_slice()) {
            (Some("fork"), &[_, parent, _, child]) => {
                if family.contains_key(&parent) {
                    family.entry(child).or_default();
                }
                child
            }
            (_, &[_, process, ..]) => process,
            _ => continue,
        };
        if let Some(of_process) = family.get_mut(&process) {
            of_process.push(line.clone());
        }
    }
    family
}

/// The lines about a process that has exited, and about its descendants. The last may come after a mark that is made
/// later: EXIT is sent after the parent has been notified.
fn lines_of_family(running: &Running, root: u32) -> BTreeMap<u32, Vec<String>> {
    let mut lines = Vec::new();
    wait::some("every process of the shell exits", || {
        lines.extend(lines_until(running, &mark()));
        let family = family(&lines, root);
        let has_exited =
            |of_process: &Vec<String>| of_process.iter().any(|line| line.starts_with("exit: "));
        if !family.values().all(has_exited) {
            return None;
        }
        let has_others = lines.iter().any(|line| line == "unhandled proc event");
        assert!(has_others, "no setsid, no core dump");
        Some(family)
    })
}

/// Both run side by side while a shell is busy, and print the same bytes for everything that it does.
#[test]
fn example_prints_what_the_classic_program_prints() {
    let (classic, example) = (support::compile("tests/c/classic.c"), support::compile(EXAMPLE));
    live::run(|| {
        let (theirs, ours) =
            (start(classic.path(), undisturbed), start(example.path(), undisturbed));
        let busy = "for i in $(seq 100); do /bin/true | /bin/true; (exit $i); done; sleep 0.01 & \
                    setsid true; sh -c 'kill -QUIT $$'; wait";
        let mut shell =
            Command::new("sh").args(["-c", busy]).stderr(Stdio::null()).spawn().unwrap();
        assert!(shell.wait().unwrap().success());
        let family_of_theirs = lines_of_family(&theirs, shell.id());
        let family_of_ours = lines_of_family(&ours, shell.id());
        assert!(family_of_theirs.len() > 300, "{} processes", family_of_theirs.len());
        for (process, lines) in &family_of_theirs {
            assert_eq!(Some(lines), family_of_ours.get(process));
        }
        assert_eq!(family_of_theirs.len(), family_of_ours.len());
        for running in [theirs, ours] {
            let ended = running.end(libc::SIGINT);
            assert_eq!((ended.status, ended.stderr), (Some(0), Vec::new()));
        }
    });
}

/// Stopped while 100,000 events come. Its buffer has room for 40,000.
#[test]
fn example_reports_losses_and_goes_on() {
    let program = support::compile(EXAMPLE);
    live::run(|| {
        let running = start(program.path(), |_| ());
        running.kill(libc::SIGSTOP);
        let child = child::fork(|| (0..100_000).for_each(|_| task::set_name("flood")));
        child.wait();
        running.kill(libc::SIGCONT);
        // A mark that finds room in the queue: while that is full, marks are lost.
        let mark = format!("exit_code={}", 99 << 8);
        let exit_with_99 = || {
            child::fork(|| child::exit(99)).wait();
        };
        running.line(exit_with_99, |line| line.ends_with(&mark));
        let ended = running.end(libc::SIGINT);
        assert_eq!(ended.status, Some(0));
        let lost: u64 = ended
            .stderr
            .iter()
            .filter_map(|line| {
                line.strip_prefix("proc_events: ")?.strip_suffix(" events were lost")
            })
            .map(|count| count.parse::<u64>().unwrap())
            .sum();
        assert!(lost > 50_000, "{:?}", ended.stderr);
    });
}

/// Runs the program where it cannot listen: in namespaces of its own.
fn run_in(namespaces: i32) -> Output {
    let program = support::compile(EXAMPLE);
    let mut command = Command::new(program.path());
    // SAFETY: between fork and exec, one system call.
    unsafe {
        command.pre_exec(move || match libc::unshare(namespaces) {
            0 => Ok(()),
            _ => Err(std::io::Error::last_os_error()),
        });
    }
    command.output().unwrap()
}

#[test]
fn example_prints_why_it_cannot_listen_and_what_to_do() {
    if !require::root() {
        return;
    }
    live::run(|| {
        for (namespace, sentence) in [
            (libc::CLONE_NEWNET, "in the initial network namespace only"),
            (libc::CLONE_NEWUSER, "user namespace other than the initial"),
        ] {
            let output = run_in(namespace);
            assert_eq!(output.status.code(), Some(1));
            let text = String::from_utf8(output.stderr).unwrap();
            assert!(text.starts_with("proc_events: ") && text.contains(sentence), "{text}");
            assert!(text.contains("run on the host"), "{text}");
            assert!(output.stdout.is_empty());
        }
    });
}
