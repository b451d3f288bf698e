//! The example `process_tree`, in C and in Rust: all that a command starts, how it ended, and the picture of it.

use std::path::Path;
use std::process::Command;
use support::disturbance::disturbed;
use support::{Running, live, target};

#[test]
fn c_program_prints_all_descendants() {
    let program = support::compile("cnproc-ffi/examples/process_tree.c");
    assert_prints_all_descendants(program.path());
}

#[test]
fn rust_program_prints_all_descendants() {
    assert_prints_all_descendants(&support::rust_example("cnproc-track", "process_tree"));
}

#[test]
fn c_program_ends_by_a_signal() {
    let program = support::compile("cnproc-ffi/examples/process_tree.c");
    assert_ends_by_a_signal(program.path());
}

#[test]
fn rust_program_ends_by_a_signal() {
    assert_ends_by_a_signal(&support::rust_example("cnproc-track", "process_tree"));
}

/// How a process ended, at which depth, and what it executed last.
type Row = (String, usize, String);

/// A line: start, lifetime, end, pid; then two blanks for each process above it, and the command.
fn row(line: &str) -> Row {
    let (numbers, rest) = line.split_at(33);
    let (pid, command) = rest.trim_start().split_once(' ').unwrap();
    assert!(pid.parse::<u32>().is_ok(), "{line}");
    let mut words = numbers.split_whitespace();
    let [start, lived] = [(); 2].map(|()| words.next().unwrap().parse::<f64>().unwrap());
    assert!(start >= 0.0 && lived >= 0.0, "{line}");
    let depth = (command.len() - command.trim_start().len()) / 2;
    (words.collect::<Vec<_>>().join(" "), depth, command.trim_start().to_owned())
}

/// Its first child exits before its own child does.
const SCRIPT: &str = "(sleep 0.3 & exit 2); (exit 3); sh -c 'kill -9 $$'; exit 4";

fn assert_prints_all_descendants(program: &Path) {
    live::run(|| {
        let picture = target().join(format!("process_tree-{}.svg", std::process::id()));
        let mut command = Command::new(program);
        command.arg("--svg").arg(&picture).args(["sh", "-c", SCRIPT]);
        let running = Running::start(&mut command);
        running.kill(libc::SIGSTOP);
        running.kill(libc::SIGCONT);
        let ended = running.wait();
        assert_eq!(ended.status, Some(0), "{ended:?}");
        let svg = std::fs::read_to_string(&picture).unwrap();
        std::fs::remove_file(picture).unwrap();
        if ended.stderr.iter().any(|line| line.ends_with("events were lost")) {
            disturbed("events were lost");
        }
        let (titles, lines) = ended.stdout.split_first().unwrap();
        assert!(titles.ends_with("PID COMMAND"), "{titles}");
        let rows: Vec<_> = lines.iter().map(|line| row(line)).collect();
        let expected =
            [("status 4", 0), ("status 2", 1), ("status 0", 2), ("status 3", 1), ("signal 9", 1)];
        let shape: Vec<_> = rows.iter().map(|(end, depth, _)| (end.as_str(), *depth)).collect();
        assert_eq!(shape, expected, "{lines:#?}");
        assert!(
            rows.iter().any(|(_, depth, command)| (*depth, command.as_str()) == (2, "sleep 0.3"))
        );
        assert_eq!(svg.matches("<rect ").count(), 5);
        assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n"));
        assert!(svg.contains(">sleep 0.3</text>") && svg.contains(", status 3</title>"), "{svg}");
    });
}

fn assert_ends_by_a_signal(program: &Path) {
    live::run(|| {
        let script = "echo $$; exec sleep 100000";
        let running = Running::start(Command::new(program).args(["sh", "-c", script]));
        let sleep: i32 = running.lines().next().unwrap().parse().unwrap();
        running.kill(libc::SIGINT);
        let titles = running.lines().next().unwrap();
        assert!(titles.ends_with("PID COMMAND"), "{titles}");
        let (end, depth, _) = row(&running.lines().next().unwrap());
        // SAFETY: no memory is involved.
        assert_eq!(unsafe { libc::kill(sleep, libc::SIGKILL) }, 0);
        assert_eq!((end.as_str(), depth), ("end not seen", 0));
        assert_eq!(running.wait().status, Some(0));
    });
}
