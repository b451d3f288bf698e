//! Facts about the process of an event, and whether they are that process's.

mod access;
mod emptied;
mod exec_by_thread;
mod facts;
mod hidden;
mod identity;
mod reuse;

use cnproc_parse::{encode, kernel};
use cnproc_sys::{Error, Event, EventData, EventMask, Exec, Identity, Listener, Options, Process};
use std::fs;
use std::io::ErrorKind;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use support::child::{self, Child, pause};
use support::disturbance::disturbed;
use support::procfs::{is_in_tick_of_start, now};
use support::{live, task, wait};

/// Without COMM and GID, of which others may generate more than anybody can receive.
fn options() -> Options {
    use EventMask as Mask;
    live::options().events(Mask::FORK | Mask::EXEC | Mask::UID | Mask::EXIT)
}

fn is_uid(event: &Event) -> bool {
    event.what == kernel::PROC_EVENT_UID
}

fn is_exec(event: &Event) -> bool {
    event.what == kernel::PROC_EVENT_EXEC
}

fn is_exit_of_leader(event: &Event) -> bool {
    matches!(event.data(), EventData::Exit(exit) if exit.process_pid == exit.process_tgid)
}

/// Waits for an event of a process.
fn await_event(listener: &mut Listener, tgid: i32, wanted: fn(&Event) -> bool) -> Event {
    live::find(listener, |event| {
        (event.process_tgid() == Some(tgid) && wanted(event)).then_some(*event)
    })
}

const USER: u32 = 54321;

/// Takes a name, and a user id, which generates the event that shows it.
fn take_name() {
    task::set_name("named");
    task::set_user(USER);
}

/// A child, and the UID event with which it took its name at that age.
fn named(listener: &mut Listener, age_us: u32) -> (Child, Event) {
    let child = child::fork(|| {
        // SAFETY: no memory is involved.
        unsafe { libc::usleep(age_us) };
        take_name();
        pause()
    });
    let event = await_event(listener, child.pid(), is_uid);
    (child, event)
}

/// A child, and an event from the tick in which it started: its start does not show whose event it is.
fn young(listener: &mut Listener) -> (Child, Event) {
    wait::some("a child generates an event in the tick in which it starts", || {
        let (child, event) = named(listener, 0);
        is_in_tick_of_start(child.pid(), event.timestamp_ns).then_some((child, event))
    })
}

/// A child, and an event from when it was more than two ticks old.
fn old(listener: &mut Listener) -> (Child, Event) {
    named(listener, 30_000)
}

/// How often others have made it uncertain whether the stream is complete: by filling the queue, or by opening a listener.
fn doubts(listener: &Listener) -> u64 {
    let stats = listener.stats();
    stats.lost + stats.maybe_muted
}

/// Asserts that others have caused doubts since there were as many as `before`, or that events had been lost already: a
/// loss that the sequence numbers showed causes a doubt once more when the drop counter is read.
fn assert_doubtful(listener: &mut Listener, before: u64) {
    // Those that are queued are not counted yet.
    live::drain(listener);
    let stats = listener.stats();
    assert!(doubts(listener) > before || stats.lost > 0, "it is not proven: {stats:?}");
}

/// Asserts that the stream proves whose event it is. A disturbance if others have caused doubts since there were as many
/// as `before`.
fn assert_proven(listener: &mut Listener, event: &Event, before: u64) {
    let identity = match listener.process(event) {
        Ok(process) => Some(process.identity()),
        Err(Error::ProcessGone) => None,
        Err(error) => panic!("{error}"),
    };
    if identity != Some(Identity::Proven) {
        assert_doubtful(listener, before);
        disturbed("others have made it uncertain whether the stream is complete");
    }
}

/// As [`young`], and the stream proves whose event it is.
fn proven_young(listener: &mut Listener) -> (Child, Event) {
    wait::some("others leave the stream alone while a young process is identified", || {
        let before = doubts(listener);
        let (child, event) = young(listener);
        let process = listener.process(&event).unwrap();
        if process.identity() == Identity::Proven {
            return Some((child, event));
        }
        assert_doubtful(listener, before);
        None
    })
}

/// An EXEC of the process, as if it had just called execve.
fn exec_now(tgid: i32) -> Event {
    let exec = EventData::Exec(Exec { process_pid: tgid, process_tgid: tgid });
    let mut event = encode::event(&exec);
    event.timestamp_ns = now(libc::CLOCK_MONOTONIC);
    event
}

/// Whether its name is this, read through it.
fn comm_is(process: &Process, name: &[u8]) -> bool {
    process.comm().as_deref() == Ok(name)
}

/// A program that waits for a line, or for the end of its input. Killed when it goes.
struct Waiting(std::process::Child);

impl Waiting {
    fn spawn(command: &mut Command) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::null());
        loop {
            match command.spawn() {
                Ok(child) => return Self(child),
                // Another test's child still has open what was just written.
                Err(error) if error.kind() == ErrorKind::ExecutableFileBusy => {}
                Err(error) => panic!("{error}"),
            }
        }
    }

    fn pid(&self) -> i32 {
        self.0.id() as i32
    }

    /// Ends it, and waits for that.
    fn end(mut self) {
        drop(self.0.stdin.take());
        self.0.wait().unwrap();
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        // Nothing to do if it has been waited for.
        let _ended = self.0.kill().and_then(|()| self.0.wait().map(drop));
    }
}

/// A copy of `cat` at a path of the test's own. Removed when it goes.
struct Copied(PathBuf);

impl Copied {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("cnproc-{}-{name}", std::process::id()));
        fs::copy("/bin/cat", &path).unwrap();
        Self(path)
    }

    /// Runs it. Its first argument matters where one program is many.
    fn run(&self) -> Waiting {
        Waiting::spawn(Command::new(&self.0).arg0("cat"))
    }
}

impl Drop for Copied {
    fn drop(&mut self) {
        // The test may have removed it.
        let _removed = fs::remove_file(&self.0);
    }
}
