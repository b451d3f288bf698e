//! Waits until a process exits, which need not be a child, and prints how it exited.
//!
//! An EXIT event is that of a thread, and a process can go on when its first thread has left. The tracker
//! reports the end of the process, with the process's status; also after events were lost.
//!
//! `cargo run -p cnproc-track --example exit_status PID`; before Linux 6.6, as root.

use cnproc_track::{Change, Error, Scope, Tracker, WaitStatus};
use std::process::ExitCode;

fn main() -> ExitCode {
    let Some(pid) = pid() else {
        eprintln!("exit_status: usage: exit_status PID");
        return ExitCode::FAILURE;
    };
    match wait_for_exit(pid) {
        Ok(Some(status)) => {
            println!("{pid}: {}", describe(status));
            return ExitCode::SUCCESS;
        }
        Ok(None) => {
            eprintln!("exit_status: {pid}: it exited, but its status is not known");
        }
        Err(error) => eprintln!("exit_status: {pid}: {error}"),
    }
    ExitCode::FAILURE
}

/// The only argument.
fn pid() -> Option<i32> {
    let mut arguments = std::env::args().skip(1);
    let pid = arguments.next()?.parse().ok()?;
    arguments.next().is_none().then_some(pid)
}

/// How it exited. `None` if that is not known.
fn wait_for_exit(pid: i32) -> Result<Option<WaitStatus>, Error> {
    let mut tracker = Tracker::options().scope(Scope::Chosen).open()?;
    tracker.add(pid)?;
    loop {
        match tracker.recv(None) {
            Ok(Some(Change::Found(process))) => {
                let name = process.name().escape_ascii();
                eprintln!("exit_status: waiting for {pid} ({name})");
            }
            Ok(Some(Change::Exited(process))) => return Ok(process.status),
            Ok(_) | Err(Error::Listener(cnproc_sys::Error::Interrupted)) => {}
            Err(error) => return Err(error),
        }
    }
}

fn describe(status: WaitStatus) -> String {
    let core = if status.dumped_core() { ", core dumped" } else { "" };
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exited with status {code}"),
        (_, Some(signal)) => format!("killed by signal {signal}{core}"),
        _ => format!("status {:#x}", status.0),
    }
}
