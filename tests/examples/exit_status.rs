//! The example `exit_status`, in C and in Rust: what it prints for a process that exits, its argument's errors, and that
//! a stop does not end it.

use std::path::Path;
use std::process::{Command, Stdio};
use support::disturbance::disturbed;
use support::{Running, child, live};

#[test]
fn c_program_prints_how_a_process_ended() {
    let program = support::compile("cnproc-ffi/examples/exit_status.c");
    assert_prints_how_a_process_ended(program.path());
}

#[test]
fn rust_program_prints_how_a_process_ended() {
    let program = support::rust_example("cnproc-track", "exit_status");
    assert_prints_how_a_process_ended(&program);
}

/// A program that exits when its input ends.
fn exits_at_the_end_of_its_input(program: &Path, arguments: &[&str], exit_status: &Path) -> String {
    let mut waited_for =
        Command::new(program).args(arguments).stdin(Stdio::piped()).spawn().unwrap();
    let pid = waited_for.id();
    let running = Running::start(Command::new(exit_status).arg(pid.to_string()));
    let line = running.error_line();
    assert!(line.starts_with(&format!("exit_status: waiting for {pid} (")), "{line}");
    // As by Ctrl-Z and fg.
    running.kill(libc::SIGSTOP);
    running.kill(libc::SIGCONT);
    drop(waited_for.stdin.take());
    waited_for.wait().unwrap();
    let ended = running.wait();
    if ended.stderr.iter().any(|line| line.contains("its status is not known")) {
        disturbed("the process was gone before the EXIT of its last thread was sent");
    }
    assert_eq!((ended.status, ended.stdout.len()), (Some(0), 1), "{ended:?}");
    let line = ended.stdout.concat();
    line.strip_prefix(&format!("{pid}: ")).unwrap().to_owned()
}

fn assert_prints_how_a_process_ended(program: &Path) {
    let leader_exits_first = support::compile("tests/c/leader_exits_first.c");
    live::run(|| {
        let shell = Path::new("sh");
        let end = |of, arguments: &[&str]| exits_at_the_end_of_its_input(of, arguments, program);
        assert_eq!(end(shell, &["-c", "read line; exit 3"]), "exited with status 3");
        let killed = end(shell, &["-c", "read line; kill -9 $$"]);
        assert_eq!(killed.trim_end_matches(" (Killed)"), "killed by signal 9");
        assert_eq!(end(leader_exits_first.path(), &[]), "exited with status 4");

        let child = child::fork(|| ());
        let gone = child.pid().to_string();
        child.wait();
        for argument in [gone.as_str(), "1x"] {
            let ended = Running::start(Command::new(program).arg(argument)).wait();
            assert_eq!((ended.status, ended.stdout), (Some(1), vec![]));
            let [line] = ended.stderr.as_slice() else { panic!("{:?}", ended.stderr) };
            assert!(line.starts_with("exit_status: "), "{line}");
        }
    });
}
