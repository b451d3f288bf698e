//! In another namespace the kernel answers nothing, or elsewhere: the library must say where it is.

use crate::kernel::Kernel;
use crate::{Outcome, system};
use cnproc_sys::Listener;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};
use std::time::Duration;

/// This program's argument: try to listen, and print what came of it.
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

/// It takes a child to be in the new namespace.
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

/// What a child that has unshared `flags` reports must begin with `error` and hold `text`.
fn diagnosed(flags: libc::c_int, argument: &str, error: &str, text: &str) -> Outcome {
    let mut command = Command::new(PROGRAM);
    command.arg(argument);
    // SAFETY: unshare is a bare system call.
    unsafe { command.pre_exec(move || system::unshare(flags)) };
    let output = command.output()?;
    let said = String::from_utf8(output.stdout)?;
    assert!(said.starts_with(error) && said.contains(text), "said: {said}");
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
