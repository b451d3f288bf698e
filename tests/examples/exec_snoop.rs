//! The example `exec_snoop`, in C and in Rust: what it prints of a command, and how it ends.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

#[test]
fn it_prints_who_ran_what_and_that_it_is_proven() {
    let program = support::compile("cnproc-ffi/examples/exec_snoop.c");
    prints_who_ran_what(&program);
    std::fs::remove_file(program).unwrap();
}

#[test]
fn so_does_its_twin_in_rust() {
    prints_who_ran_what(&support::rust_example("exec_snoop"));
}

fn prints_who_ran_what(program: &Path) {
    if support::live::open(cnproc_sys::Listener::options()).is_none() {
        return;
    }
    let mut snoop = Command::new(program).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(snoop.stdout.take().unwrap()).lines().map(Result::unwrap);
    // It prints the titles when it listens.
    lines.next().unwrap();

    let mut command = Command::new("/bin/sh");
    command.args(["-c", "read line", "a\u{1}b \u{fc}"]).stdin(Stdio::piped());
    let mut waiting = command.spawn().unwrap();
    let (pid, parent) = (waiting.id().to_string(), std::process::id().to_string());
    let line =
        lines.find(|line| line.split_whitespace().nth(2) == Some(pid.as_str())).unwrap_or_default();
    let columns: Vec<&str> = line.split_whitespace().skip(1).collect();
    // SAFETY: no memory is involved.
    let uid = unsafe { libc::getuid() }.to_string();
    let told = [&uid, &pid, &parent, "proven", "/bin/sh", "-c", "read", "line", "a\\x01b"];
    assert_eq!(columns, [&told[..], &["\\xc3\\xbc"]].concat(), "{line}");
    drop(waiting.stdin.take());
    waiting.wait().unwrap();

    // SAFETY: the process is ours, and not waited for.
    unsafe { libc::kill(snoop.id() as i32, libc::SIGINT) };
    lines.for_each(drop);
    assert_eq!(snoop.wait().unwrap().code(), Some(0));
}
