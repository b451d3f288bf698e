//! In another namespace the kernel does not answer, or not there. The library must return the reason.

use crate::kernel::Kernel;
use crate::{Outcome, system};
use cnproc_sys::Listener;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};
use std::time::Duration;

/// This program's argument: try to listen, and print the result.
pub const REPORT: &str = "--report";
/// This program's argument: do that in another pid namespace.
pub const PID: &str = "--report-in-pid-namespace";

const PROGRAM: &str = "/proc/self/exe";

pub fn report() -> ExitCode {
    match Listener::options().ack_timeout(Duration::from_secs(10)).open() {
        Ok(_) => print!("opened"),
        Err(error) => print!("{error:?}: {error}"),
    }
    ExitCode::SUCCESS
}

/// Only a child is in the new namespace.
pub fn spawn_in_pid_namespace() -> ExitCode {
    let spawned = system::unshare(libc::CLONE_NEWPID)
        .and_then(|()| Command::new(PROGRAM).arg(REPORT).status());
    match spawned {
        Ok(status) if status.success() => ExitCode::SUCCESS,
        other => {
            print!("{other:?}");
            ExitCode::FAILURE
        }
    }
}

/// The report of a child in its own namespaces (`flags`) must begin with `error` and contain `text`.
fn diagnosed(flags: libc::c_int, argument: &str, error: &str, text: &str) -> Outcome {
    let mut command = Command::new(PROGRAM);
    command.arg(argument);
    // SAFETY: unshare is a bare system call.
    unsafe { command.pre_exec(move || system::unshare(flags)) };
    let output = command.output()?;
    let report = String::from_utf8(output.stdout)?;
    assert!(report.starts_with(error) && report.contains(text), "{report}");
    Ok(())
}

pub fn network(_: &Kernel) -> Outcome {
    diagnosed(libc::CLONE_NEWNET, REPORT, "NetworkNamespace: ", "initial network namespace")
}

pub fn user(_: &Kernel) -> Outcome {
    diagnosed(
        libc::CLONE_NEWUSER,
        REPORT,
        "UserNamespace: ",
        "user namespace other than the initial",
    )
}

pub fn pid(_: &Kernel) -> Outcome {
    diagnosed(0, PID, "PidNamespace: ", "pid namespace other than the initial")
}
