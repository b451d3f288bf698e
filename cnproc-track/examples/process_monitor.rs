//! A line for each process that starts, executes a program, or exits: time, event, pid, user, command;
//! and of one that exits, how long it lived, and how it exited. Until Ctrl-C.
//!
//! The table of the tracker has the names, so they are there also when the process is not. After losses
//! it is compared with `/proc`: a ~ marks what that comparison showed, and no event did.
//!
//! `cargo run -p cnproc-track --example process_monitor`; before Linux 6.6, as root.

use cnproc_track::{Change, Changed, Error, Id, Kind, Known, Text, Tracker};
use signal_hook::consts::SIGINT;
use signal_hook::iterator::Signals;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut tracker = Tracker::options().cmdline(true).open()?;
    let waker = tracker.waker()?;
    let mut signals = Signals::new([SIGINT])?;
    // The waker ends the wait also if the signal arrives just before it.
    std::thread::spawn(move || signals.forever().for_each(|_| waker.wake()));
    println!("{:>12}  {:<5}{:>8} {:>6} COMMAND", "TIME", "EVENT", "PID", "UID");
    let (mut is_started, mut is_complete) = (false, false);
    loop {
        let line = match tracker.recv(None) {
            Ok(Some(Change::Synced)) => {
                // Also without a loss: others' LISTENs can be the end of a time without events.
                if !is_complete {
                    eprintln!("process_monitor: the table is complete");
                }
                (is_started, is_complete) = (true, true);
                continue;
            }
            Ok(Some(Change::Lost(count))) => {
                eprintln!("process_monitor: {count} events were lost");
                is_complete = false;
                continue;
            }
            Ok(Some(change)) => {
                change.process().and_then(|(kind, process)| Line::new(kind, process, is_started))
            }
            // Only the waker ends a wait without a timeout. Dropping the tracker sends IGNORE.
            Ok(None) => return Ok(()),
            Err(Error::Listener(cnproc_sys::Error::Interrupted)) => continue,
            Err(error) => return Err(error.into()),
        };
        if let Some(Line { before, id, parent, after }) = line {
            let parent = parent.and_then(|parent| tracker.table().get_id(parent));
            let parent = parent.map(|parent| format!(" (child of {})", parent.pid));
            println!("{before}{}{}{after}", command(&tracker, id), parent.unwrap_or_default());
        }
    }
}

/// A line without the command.
struct Line {
    before: String,
    id: Id,
    parent: Option<Id>,
    after: String,
}

impl Line {
    fn new(kind: Kind, process: &Changed<'_, u64>, is_started: bool) -> Option<Self> {
        let what = match kind {
            // Those of the start are many, and no news.
            Kind::Found if is_started => "found",
            Kind::Started => "fork",
            Kind::Executed => "exec",
            Kind::Exited => "exit",
            _ => return None,
        };
        let time = match process.event() {
            Some(event) => format!("{:12.6}  ", event.timestamp_ns as f64 / 1e9),
            None => format!("{:>14}", "~"),
        };
        let uid = match process.known.contains(Known::UID) {
            true => process.euid.to_string(),
            false => "?".to_owned(),
        };
        let before = format!("{time}{what:<5}{:>8} {uid:>6} ", process.pid);
        let after = if kind == Kind::Exited { exit(process) } else { String::new() };
        let parent = process.creator.filter(|_| kind == Kind::Started);
        Some(Self { before, id: process.id, parent, after })
    }
}

fn exit(process: &Changed<'_, u64>) -> String {
    let lived = match process.exit_ns {
        0 => "?".to_owned(),
        exit_ns => format!("{:.6}", exit_ns.saturating_sub(process.start_ns) as f64 / 1e9),
    };
    let status = match process.status {
        None => "status unknown".to_owned(),
        Some(status) => match status.signal() {
            Some(signal) => format!("signal {signal}"),
            None => format!("status {}", status.code().unwrap_or_default()),
        },
    };
    format!(" after {lived} s: {status}")
}

/// The command line, escaped for a terminal; the name, if there is none or it is not known. A ? after
/// that: it may be an earlier one.
fn command(tracker: &Tracker, id: Id) -> String {
    let Some(entry) = tracker.table().get_id(id) else { return String::new() };
    let text = tracker.table().text(id, Text::Cmdline).unwrap_or_default();
    if !text.is_empty() && entry.known.contains(Known::CMDLINE) {
        let arguments = text.strip_suffix(b"\0").unwrap_or(text).split(|byte| *byte == 0);
        let arguments: Vec<_> = arguments.map(|bytes| bytes.escape_ascii().to_string()).collect();
        return arguments.join(" ");
    }
    let mark = if entry.known.contains(Known::COMM) { "" } else { "?" };
    format!("[{}{mark}]", entry.name().escape_ascii())
}
