//! The example `exec_snoop`, in C and in Rust: what it prints for a command, and how it ends.

use std::path::Path;
use std::process::{Command, Stdio};
use support::disturbance::disturbed;
use support::{Running, live};

#[test]
fn c_program_prints_who_ran_what() {
    let program = support::compile("cnproc-ffi/examples/exec_snoop.c");
    assert_prints_who_ran_what(program.path());
}

#[test]
fn rust_program_prints_who_ran_what() {
    assert_prints_who_ran_what(&support::rust_example("cnproc-sys", "exec_snoop"));
}

fn assert_prints_who_ran_what(program: &Path) {
    live::run(|| {
        let snoop = Running::start(&mut Command::new(program)).watched_by(|line| {
            if line.ends_with("events were lost") {
                disturbed(line);
            }
        });
        let mut lines = snoop.lines();
        // It prints the titles when it listens.
        lines.next().unwrap();

        let mut command = Command::new("/bin/sh");
        command.args(["-c", "read line", "a\u{1}b \u{fc}"]).stdin(Stdio::piped());
        let mut waiting = command.spawn().unwrap();
        let (pid, parent) = (waiting.id().to_string(), std::process::id().to_string());
        let line = lines.find(|line| line.split_whitespace().nth(2) == Some(pid.as_str()));
        let line = line.expect("it ended before it printed the command");
        drop(waiting.stdin.take());
        waiting.wait().unwrap();
        if line.contains(" likely ") {
            disturbed("others opened listeners");
        }
        let columns: Vec<&str> = line.split_whitespace().skip(1).collect();
        // SAFETY: takes no arguments.
        let uid = unsafe { libc::getuid() }.to_string();
        let expected = [
            &uid,
            &pid,
            &parent,
            "proven",
            "/bin/sh",
            "-c",
            "read",
            "line",
            "a\\x01b",
            "\\xc3\\xbc",
        ];
        assert_eq!(columns, expected, "{line}");
        drop(lines);
        assert_eq!(snoop.end(libc::SIGINT).status, Some(0));
    });
}
