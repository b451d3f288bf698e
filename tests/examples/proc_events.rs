//! The classic program, rebuilt: what it prints, how it ends, and what it says when it can't begin.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use support::{alone, child};

const REBUILT: &str = "cnproc-ffi/examples/proc_events.c";

/// A listener that runs as a child, and the lines that it prints: they are read at once, for a program
/// that waits for its reader loses events.
struct Running {
    process: Child,
    lines: mpsc::Receiver<String>,
}

impl Running {
    /// Starts it, and waits until it listens.
    fn start(program: &Path) -> Self {
        let mut process =
            Command::new(program).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let stdout = BufReader::new(process.stdout.take().unwrap());
        let (sender, lines) = mpsc::channel();
        std::thread::spawn(move || {
            stdout.lines().map_while(Result::ok).try_for_each(|line| sender.send(line))
        });
        let running = Self { process, lines };
        assert!(running.lines().any(|line| line == "set mcast listen ok"));
        running
    }

    /// The lines until it ends.
    fn lines(&self) -> impl Iterator<Item = String> {
        self.lines.iter()
    }

    /// Its lines up to and with `end`.
    fn lines_until(&self, end: &str) -> Vec<String> {
        let mut seen = Vec::new();
        for line in self.lines() {
            let last = line == end;
            seen.push(line);
            if last {
                return seen;
            }
        }
        panic!("it ended before it printed {end}");
    }

    /// Its lines about process `root`, which has ended, and all that descend from it. The last of them may
    /// come after a mark made later: a process's EXIT is sent when its parent knows already.
    fn lines_of_family(&self, root: u32) -> BTreeMap<u32, Vec<String>> {
        let mut lines = Vec::new();
        for _ in 0..100 {
            lines.extend(self.lines_until(&mark()));
            let family = family(&lines, root);
            let ended =
                |of_process: &Vec<String>| of_process.iter().any(|line| line.starts_with("exit: "));
            if family.values().all(ended) {
                assert!(
                    lines.iter().any(|line| line == "unhandled proc event"),
                    "no setsid, no core dump"
                );
                return family;
            }
        }
        panic!("a process has not ended: {lines:?}");
    }

    /// Makes marks, exits with a code that nobody else uses, until one arrives: while the queue is
    /// full, they are lost.
    fn lines_until_a_mark(&self) {
        let arrived = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !arrived.load(Ordering::Relaxed) {
                    // SAFETY: ends the process.
                    child::fork(|| unsafe { libc::_exit(99) }).wait();
                }
            });
            let mark = format!("exit_code={}", 99 << 8);
            let found = self.lines().any(|line| line.ends_with(&mark));
            arrived.store(true, Ordering::Relaxed);
            assert!(found);
        });
    }

    fn kill(&self, signal: i32) {
        // SAFETY: the process is ours, and not waited for.
        assert_eq!(unsafe { libc::kill(self.process.id().cast_signed(), signal) }, 0);
    }

    /// Interrupts it as Ctrl-C does. Returns its exit status, and what it said on stderr.
    fn interrupt(mut self) -> (Option<i32>, String) {
        self.kill(libc::SIGINT);
        self.lines().for_each(drop);
        let said = std::io::read_to_string(self.process.stderr.take().unwrap()).unwrap();
        (self.process.wait().unwrap().code(), said)
    }
}

/// The exit line of a child that ends at once: a mark in everybody's stream.
fn mark() -> String {
    let child = child::fork(|| ());
    let line = format!("exit: tid={0} pid={0} exit_code=0", child.pid());
    child.wait();
    line
}

#[test]
fn it_prints_a_known_sequence_and_ends_on_sigint_with_status_0() {
    let program = support::compile(REBUILT);
    prints_a_known_sequence(&program);
    std::fs::remove_file(program).unwrap();
}

#[test]
fn so_does_its_twin_in_rust() {
    prints_a_known_sequence(&support::rust_example("proc_events"));
}

fn prints_a_known_sequence(program: &Path) {
    let _alone = alone();
    let running = Running::start(program);
    // SAFETY: system calls.
    let child = child::fork(|| unsafe {
        libc::setgid(54321);
        libc::setuid(12345);
        libc::setsid();
        libc::_exit(3);
    });
    let (parent, pid) = (std::process::id(), child.pid());
    child.wait();
    let end = format!("exit: tid={pid} pid={pid} exit_code=768");
    let mut lines = running.lines_until(&end);
    lines.retain(|line| {
        line.ends_with(&format!("pid={pid}")) || line.contains(&format!("tid={pid} "))
    });
    let fork = lines.remove(0);
    assert!(fork.starts_with("fork: parent tid="), "{fork}");
    assert!(fork.ends_with(&format!(" pid={parent} -> child tid={pid} pid={pid}")), "{fork}");
    let gid = format!("gid change: tid={pid} pid={pid} from 54321 to 54321");
    let uid = format!("uid change: tid={pid} pid={pid} from 12345 to 12345");
    assert_eq!(lines, [gid, uid, end]);
    assert_eq!(running.interrupt(), (Some(0), String::new()));
}

/// The numbers in a line.
fn numbers(line: &str) -> Vec<u32> {
    line.split(|c: char| !c.is_ascii_digit()).filter_map(|number| number.parse().ok()).collect()
}

/// Of the lines, those about process `root` and all that descend from it, process by process. Within a
/// process events have one order; across processes, on different CPUs, they may be queued to one
/// socket the other way round than to another.
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

/// Both run side by side under a busy shell, and print the same bytes for all that it does.
#[test]
fn its_output_is_the_classic_programs() {
    let _alone = alone();
    let (classic, rebuilt) = (support::compile("tests/c/classic.c"), support::compile(REBUILT));
    let (theirs, ours) = (Running::start(&classic), Running::start(&rebuilt));
    let busy = "for i in $(seq 100); do /bin/true | /bin/true; (exit $i); done; sleep 0.01 & \
                setsid true; sh -c 'kill -QUIT $$'; wait";
    let mut shell = Command::new("sh").args(["-c", busy]).stderr(Stdio::null()).spawn().unwrap();
    assert!(shell.wait().unwrap().success());
    let theirs_of_shell = theirs.lines_of_family(shell.id());
    let ours_of_shell = ours.lines_of_family(shell.id());
    assert!(theirs_of_shell.len() > 300, "not busy: {} processes", theirs_of_shell.len());
    for (process, lines) in &theirs_of_shell {
        assert_eq!(Some(lines), ours_of_shell.get(process));
    }
    assert_eq!(theirs_of_shell.len(), ours_of_shell.len());
    assert_eq!(theirs.interrupt(), (Some(0), String::new()));
    assert_eq!(ours.interrupt(), (Some(0), String::new()));
    for program in [classic, rebuilt] {
        std::fs::remove_file(program).unwrap();
    }
}

/// Stopped while a hundred thousand events come, of which its buffer holds forty thousand.
#[test]
fn where_the_classic_program_dies_it_says_how_many_events_were_lost_and_goes_on() {
    let _alone = alone();
    let program = support::compile(REBUILT);
    let running = Running::start(&program);
    running.kill(libc::SIGSTOP);
    // SAFETY: system calls; the name ends with NUL.
    let child = child::fork(|| unsafe {
        for _ in 0..100_000 {
            libc::prctl(libc::PR_SET_NAME, c"flood".as_ptr());
        }
    });
    child.wait();
    running.kill(libc::SIGCONT);
    // The mark must find room: the queue drains, and its exit is seen.
    running.lines_until_a_mark();
    let (status, said) = running.interrupt();
    assert_eq!(status, Some(0));
    let lost: u64 = said
        .lines()
        .filter_map(|line| line.strip_prefix("proc_events: ")?.strip_suffix(" events were lost"))
        .map(|count| count.parse::<u64>().unwrap())
        .sum();
    assert!(lost > 50_000, "{said}");
    std::fs::remove_file(program).unwrap();
}

/// Runs the program where it can't listen: in namespaces of its own.
fn run_in(namespaces: i32) -> Output {
    let program = support::compile(REBUILT);
    let mut command = Command::new(&program);
    // SAFETY: between fork and exec, one system call.
    unsafe {
        command.pre_exec(move || match libc::unshare(namespaces) {
            0 => Ok(()),
            _ => Err(std::io::Error::last_os_error()),
        });
    }
    let output = command.output().unwrap();
    std::fs::remove_file(program).unwrap();
    output
}

#[test]
fn where_there_will_be_no_events_it_says_why_and_what_to_do() {
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
}
