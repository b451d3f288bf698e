//! The classic program, rebuilt: its output, and how it ends.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use support::child;

#[test]
fn it_prints_the_classic_lines_and_ends_on_sigint_with_status_0() {
    let program = support::compile("cnproc-ffi/examples/proc_events.c");
    let mut running = Command::new(&program).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(running.stdout.take().unwrap()).lines().map(Result::unwrap);
    assert!(lines.any(|line| line == "set mcast listen ok"));

    // SAFETY: system calls only.
    let child = child::fork(|| unsafe {
        libc::setgid(54321);
        libc::setuid(12345);
        libc::_exit(3);
    });
    let (parent, pid) = (std::process::id(), child.pid());
    child.wait();
    let end = format!("exit: tid={pid} pid={pid} exit_code=768");
    let mut seen = Vec::new();
    for line in lines.by_ref() {
        if line.ends_with(&format!("pid={pid}")) || line.contains(&format!("tid={pid} ")) {
            seen.push(line.clone());
        }
        if line == end {
            break;
        }
    }
    // The thread that forks is this test's; the kernel tells the process.
    let fork = seen.remove(0);
    assert!(fork.starts_with("fork: parent tid="), "{fork}");
    assert!(fork.ends_with(&format!(" pid={parent} -> child tid={pid} pid={pid}")), "{fork}");
    assert_eq!(
        seen,
        [
            format!("gid change: tid={pid} pid={pid} from 54321 to 54321"),
            format!("uid change: tid={pid} pid={pid} from 12345 to 12345"),
            end
        ]
    );

    // SAFETY: the process is ours, and not waited for.
    unsafe { libc::kill(running.id() as i32, libc::SIGINT) };
    lines.for_each(drop);
    assert_eq!(running.wait().unwrap().code(), Some(0));
    std::fs::remove_file(program).unwrap();
}
