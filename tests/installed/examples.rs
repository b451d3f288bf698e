//! Each C example, compiled from where it was installed, on the live kernel.

use crate::library::Installed;
use std::io::{BufRead, BufReader, Lines};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use support::{child, root};

/// An example that runs. Its lines are read at once: it would wait for its reader.
struct Running {
    process: Child,
    stdout: mpsc::Receiver<String>,
    stderr: Lines<BufReader<ChildStderr>>,
}

impl Running {
    fn start(command: &mut Command) -> Self {
        let mut process = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let (sender, stdout) = mpsc::channel();
        std::thread::spawn(move || {
            lines.map_while(Result::ok).try_for_each(|line| sender.send(line))
        });
        let stderr = BufReader::new(process.stderr.take().unwrap()).lines();
        Self { process, stdout, stderr }
    }

    fn kill(&self, signal: i32) {
        // SAFETY: the process is ours, and not waited for.
        assert_eq!(unsafe { libc::kill(self.process.id().cast_signed(), signal) }, 0);
    }

    /// Runs `cause` until the example prints a line that `wanted` accepts: when it listens is not known.
    fn line(&mut self, cause: impl Fn() + Sync, wanted: impl Fn(&str) -> bool) -> String {
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    cause();
                }
            });
            let line = self.stdout.iter().find(|line| wanted(line));
            done.store(true, Ordering::Relaxed);
            line.unwrap_or_else(|| panic!("it ended before the line came"))
        })
    }

    /// Ends it by a signal. Returns its status, and what it printed meanwhile.
    fn end(mut self, signal: i32) -> (Option<i32>, Vec<String>) {
        self.kill(signal);
        let rest = self.stdout.iter().collect();
        (self.process.wait().unwrap().code(), rest)
    }
}

fn end_a_child() {
    child::fork(|| ()).wait();
}

fn output(command: &mut Command) -> (Option<i32>, String, String) {
    let output = command.output().unwrap();
    let [stdout, stderr] =
        [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap());
    (output.status.code(), stdout, stderr)
}

#[test]
fn every_example_is_run_here() {
    let tests = std::fs::read_to_string(root().join("tests/installed/examples.rs")).unwrap();
    for entry in std::fs::read_dir(root().join("cnproc-ffi/examples")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap();
        assert!(tests.contains(&format!(".example(\"{name}\")")), "{name}");
    }
}

#[test]
fn proc_events() {
    let mut running = Running::start(&mut Installed::get().example("proc_events"));
    let line = running.line(end_a_child, |line| line.starts_with("exit: "));
    assert!(line.contains("exit_code="), "{line}");
    assert_eq!(running.end(libc::SIGINT).0, Some(0));
}

/// Runs `true`. Returns the pid that it had.
fn run_true() -> u32 {
    let mut child = Command::new("true").spawn().unwrap();
    child.wait().unwrap();
    child.id()
}

/// The pid in a line of exec_watch.
fn pid(line: &str) -> u32 {
    let (time, rest) = line.split_once(" pid=").unwrap();
    let (pid, cpu) = rest.split_once(" cpu=").unwrap();
    assert!(time.parse::<f64>().unwrap() > 0.0 && cpu.parse::<u32>().is_ok(), "{line}");
    pid.parse().unwrap()
}

#[test]
fn exec_watch_prints_execs_and_nothing_else() {
    let mut running = Running::start(&mut Installed::get().example("exec_watch"));
    let pids = std::sync::Mutex::new(Vec::new());
    let cause = || {
        let pid = run_true();
        pids.lock().unwrap().push(pid);
    };
    // It listens from this line on.
    running.line(cause, |line| pids.lock().unwrap().contains(&pid(line)));
    let ours: Vec<_> = (0..10).map(|_| run_true()).collect();
    let mark = run_true();
    let lines = running.stdout.iter().map(|line| pid(&line)).take_while(|pid| *pid != mark);
    let seen: Vec<_> = lines.filter(|pid| ours.contains(pid)).collect();
    assert_eq!(seen, ours, "each once: not for its fork or exit");
    assert_eq!(running.end(libc::SIGTERM).0, Some(0));
}

#[test]
fn exec_snoop_prints_command_lines() {
    let mut running = Running::start(&mut Installed::get().example("exec_snoop"));
    let cause = || {
        Command::new("sleep").arg("0.0123").status().unwrap();
    };
    running.line(cause, |line| line.contains("sleep 0.0123"));
    assert_eq!(running.end(libc::SIGINT).0, Some(0));
}

#[test]
fn epoll_loop_hears_of_events_and_of_signals() {
    let mut running = Running::start(&mut Installed::get().example("epoll_loop"));
    running.line(end_a_child, |line| line.starts_with("exit: "));
    running.kill(libc::SIGUSR1);
    let said = running.stderr.next().unwrap().unwrap();
    assert!(said.starts_with("epoll_loop: ") && said.ends_with(" lost"), "{said}");
    assert_eq!(running.end(libc::SIGINT).0, Some(0));
}

/// Runs exit_status on a process that waits until a signal tells it to go on.
fn exit_status_of(program: &str, arguments: &[&str]) -> (i32, String) {
    let mut waited_for =
        Command::new(program).args(arguments).stdin(Stdio::piped()).spawn().unwrap();
    let pid = waited_for.id();
    let running = Installed::get()
        .example("exit_status")
        .arg(pid.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    // It has looked at the process once it holds a pidfd of it.
    let descriptors = format!("/proc/{}/fd", running.id());
    let holds_pidfd = || {
        std::fs::read_dir(&descriptors).unwrap().any(|entry| {
            std::fs::read_link(entry.unwrap().path())
                .is_ok_and(|to| to.to_string_lossy().contains("[pidfd]"))
        })
    };
    while !holds_pidfd() {
        std::thread::yield_now();
    }
    drop(waited_for.stdin.take());
    let output = running.wait_with_output().unwrap();
    waited_for.wait().unwrap();
    assert_eq!(output.status.code(), Some(0));
    (pid.cast_signed(), String::from_utf8(output.stdout).unwrap())
}

#[test]
fn exit_status_tells_how_a_process_ended() {
    let (pid, line) = exit_status_of("sh", &["-c", "read line; exit 3"]);
    assert_eq!(line, format!("{pid}: exited with status 3\n"));
    let (pid, line) = exit_status_of("sh", &["-c", "read line; kill -9 $$"]);
    assert_eq!(line, format!("{pid}: killed by signal 9 (Killed)\n"));
}

#[test]
fn exit_status_is_not_deceived_by_a_leader_that_exits_first() {
    let program = support::compile("tests/c/leader_exits_first.c");
    let (pid, line) = exit_status_of(program.to_str().unwrap(), &[]);
    assert_eq!(line, format!("{pid}: exited with status 4\n"));
    std::fs::remove_file(program).unwrap();
}

#[test]
fn exit_status_says_what_is_wrong_with_its_argument() {
    let example = || Installed::get().example("exit_status");
    let child = child::fork(|| ());
    let gone = child.pid().to_string();
    child.wait();
    for (argument, said) in [
        (gone.as_str(), format!("exit_status: {gone}: No such process\n")),
        ("1x", "exit_status: usage: exit_status PID\n".to_owned()),
    ] {
        assert_eq!(output(example().arg(argument)), (Some(1), String::new(), said));
    }
}

#[test]
fn drop_privileges_listens_as_nobody() {
    let (status, lines, _) = output(&mut Installed::get().example("drop_privileges"));
    assert_eq!(status, Some(0));
    let lines: Vec<_> = lines.lines().collect();
    let [who, exec, exit] = lines.as_slice() else { panic!("{lines:?}") };
    assert_eq!(*who, "listening as uid 65534");
    let pid = exec.split("pid=").nth(1).unwrap();
    assert_eq!(*exec, format!("exec: tid={pid} pid={pid}"));
    assert_eq!(*exit, format!("exit: tid={pid} pid={pid} exit_code=0"));
}
