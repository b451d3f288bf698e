//! Each C example, compiled from where it was installed, on the running kernel.

use crate::library::Installed;
use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Stdio};
use support::disturbance::disturbed;
use support::{Running, child, live, require, root};

/// The examples that a test here runs.
const TESTED: [&str; 9] = [
    "diagnose",
    "drop_privileges",
    "epoll_loop",
    "exec_snoop",
    "exec_watch",
    "exit_status",
    "proc_events",
    "process_monitor",
    "process_tree",
];

/// An example, by the name of a file that is there.
fn example(name: &str) -> Command {
    assert!(TESTED.contains(&name), "{name} is not in the list");
    Installed::get().example(name)
}

#[test]
fn each_example_has_its_test() {
    let names = std::fs::read_dir(root().join("cnproc-ffi/examples"))
        .unwrap()
        .map(|entry| entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned());
    assert_eq!(names.collect::<BTreeSet<_>>(), TESTED.map(str::to_owned).into());
}

fn start(name: &str) -> Running {
    Running::start(&mut example(name)).watched_by(|line| {
        if line.contains("events were lost") {
            disturbed(line);
        }
    })
}

fn exit_in_a_child() {
    child::fork(|| ()).wait();
}

#[test]
fn proc_events_prints_exits() {
    live::run(|| {
        let running = start("proc_events");
        let line = running.line(exit_in_a_child, |line| line.starts_with("exit: "));
        assert!(line.contains("exit_code="), "{line}");
        assert_eq!(running.end(libc::SIGINT).status, Some(0));
    });
}

/// Runs `true`. Returns its pid.
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
    live::run(|| {
        let running = start("exec_watch");
        let pids = std::sync::Mutex::new(Vec::new());
        let cause = || {
            let pid = run_true();
            pids.lock().unwrap().push(pid);
        };
        // It listens from this line on.
        running.line(cause, |line| pids.lock().unwrap().contains(&pid(line)));
        let ours: Vec<_> = (0..10).map(|_| run_true()).collect();
        let mark = run_true();
        let lines = running.lines().map(|line| pid(&line)).take_while(|pid| *pid != mark);
        let seen: Vec<_> = lines.filter(|pid| ours.contains(pid)).collect();
        assert_eq!(seen, ours, "each once: not for its fork or exit");
        assert_eq!(running.end(libc::SIGTERM).status, Some(0));
    });
}

#[test]
fn exec_snoop_prints_command_lines() {
    live::run(|| {
        let running = start("exec_snoop");
        let cause = || {
            Command::new("sleep").arg("0.0123").status().unwrap();
        };
        running.line(cause, |line| line.contains("sleep 0.0123"));
        assert_eq!(running.end(libc::SIGINT).status, Some(0));
    });
}

#[test]
fn epoll_loop_handles_events_and_signals() {
    live::run(|| {
        let running = start("epoll_loop");
        running.line(exit_in_a_child, |line| line.starts_with("exit: "));
        running.kill(libc::SIGUSR1);
        let line = running.error_line();
        assert!(line.starts_with("epoll_loop: ") && line.ends_with(" lost"), "{line}");
        assert_eq!(running.end(libc::SIGINT).status, Some(0));
    });
}

/// Runs exit_status on a program that exits when its input ends. Returns its pid, and the line that was printed.
fn exit_status_of(program: &Path, arguments: &[&str]) -> (i32, String) {
    let mut waited_for =
        Command::new(program).args(arguments).stdin(Stdio::piped()).spawn().unwrap();
    let pid = waited_for.id() as i32;
    let running = Running::start(example("exit_status").arg(pid.to_string()));
    let line = running.error_line();
    assert!(line.starts_with(&format!("exit_status: waiting for {pid} (")), "{line}");
    drop(waited_for.stdin.take());
    let ended = running.wait();
    waited_for.wait().unwrap();
    assert_eq!((ended.status, ended.stdout.len()), (Some(0), 1), "{ended:?}");
    (pid, ended.stdout.concat())
}

#[test]
fn exit_status_prints_how_a_process_ended() {
    live::run(|| {
        let shell = Path::new("sh");
        let (pid, line) = exit_status_of(shell, &["-c", "read line; exit 3"]);
        assert_eq!(line, format!("{pid}: exited with status 3"));
        let (pid, line) = exit_status_of(shell, &["-c", "read line; kill -9 $$"]);
        assert_eq!(line, format!("{pid}: killed by signal 9 (Killed)"));
    });
}

#[test]
fn exit_status_waits_for_a_process_whose_leader_exits_first() {
    let program = support::compile("tests/c/leader_exits_first.c");
    live::run(|| {
        let (pid, line) = exit_status_of(program.path(), &[]);
        assert_eq!(line, format!("{pid}: exited with status 4"));
    });
}

#[test]
fn exit_status_prints_what_is_wrong_with_its_argument() {
    live::run(|| {
        let child = child::fork(|| ());
        let gone = child.pid().to_string();
        child.wait();
        for (argument, error) in [
            (gone.as_str(), format!("exit_status: {gone}: No such process")),
            ("1x", "exit_status: usage: exit_status PID".to_owned()),
        ] {
            let ended = Running::start(example("exit_status").arg(argument)).wait();
            assert_eq!((ended.status, ended.stdout, ended.stderr), (Some(1), vec![], vec![error]));
        }
    });
}

#[test]
fn process_monitor_prints_exits_with_names() {
    live::run(|| {
        let running = Running::start(&mut example("process_monitor"));
        let cause = || {
            Command::new("sleep").arg("0.0123").status().unwrap();
        };
        running
            .line(cause, |line| line.contains(" exit ") && line.contains("sleep 0.0123 after 0."));
        assert_eq!(running.end(libc::SIGINT).status, Some(0));
    });
}

#[test]
fn process_tree_prints_a_command_and_its_child() {
    live::run(|| {
        let script = "sleep 0.0123; exit 3";
        let ended = Running::start(example("process_tree").args(["sh", "-c", script])).wait();
        assert_eq!((ended.status, ended.stdout.len()), (Some(0), 3), "{ended:?}");
        for (line, end) in ended.stdout.iter().skip(1).zip(["status 3", "status 0"]) {
            assert!(line.contains(end) || line.contains("unknown"), "{line}");
        }
    });
}

#[test]
fn drop_privileges_listens_as_nobody() {
    if !require::root() {
        return;
    }
    live::run(|| {
        let ended = start("drop_privileges").wait();
        assert_eq!(ended.status, Some(0));
        let [who, exec, exit] = ended.stdout.as_slice() else { panic!("{ended:?}") };
        assert_eq!(who, "listening as uid 65534");
        let pid = exec.split("pid=").nth(1).unwrap();
        assert_eq!(*exec, format!("exec: tid={pid} pid={pid}"));
        assert_eq!(*exit, format!("exit: tid={pid} pid={pid} exit_code=0"));
    });
}

/// What it prints after a name, and whether it exited with 0.
fn diagnosis(command: &mut Command, name: &str) -> (String, bool) {
    let output = command.output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    (
        line.unwrap_or_else(|| panic!("no {name} in:\n{text}")).trim().to_owned(),
        output.status.success(),
    )
}

#[test]
fn diagnose_finds_a_working_listener() {
    live::run(|| {
        let finding = |name| diagnosis(&mut example("diagnose"), name);
        assert_eq!(finding("listener"), ("open".to_owned(), true));
        assert_eq!(finding("exit of a child"), ("received".to_owned(), true));
        assert_eq!(finding("process of a fork"), ("proven; pidfd: yes".to_owned(), true));
        assert_eq!(finding("connector"), ("1:1".to_owned(), true));
        assert_eq!(finding("user namespace"), (format!("{} (initial)", namespace("user")), true));
    });
}

#[test]
fn diagnose_names_the_namespace_that_prevents_listening() {
    if !require::root() {
        return;
    }
    let mut elsewhere = Command::new("unshare");
    let diagnose = example("diagnose");
    elsewhere.arg("--net").arg(diagnose.get_program());
    elsewhere.envs(diagnose.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let (listener, success) = diagnosis(&mut elsewhere, "listener");
    assert!(
        listener.starts_with("no (-4003, ") && listener.contains("network namespace"),
        "{listener}"
    );
    assert!(!success);
}

fn namespace(kind: &str) -> String {
    let link = std::fs::read_link(format!("/proc/self/ns/{kind}")).unwrap();
    link.to_str().unwrap().to_owned()
}
