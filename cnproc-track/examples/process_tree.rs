//! Runs a command, waits until it and all its descendants have exited, and prints each of them below the
//! process that forked it: when it started, how long it lived, in seconds, how it exited, its pid, and the
//! program that it executed last. With `--svg FILE`, it also draws their time line. Ctrl-C ends the wait.
//!
//! `cargo run -p cnproc-track --example process_tree -- make -j4`; before Linux 6.6, as root.

use cnproc_track::{Change, Entry, Error, Id, Kind, Known, Scope, Text, Tracker, WaitStatus};
use signal_hook::consts::SIGINT;
use signal_hook::iterator::Signals;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt::Write as _;
use std::process::Command;

struct Process {
    entry: Entry<u64>,
    command: String,
    children: Vec<Id>,
}

/// The command and its descendants.
#[derive(Default)]
struct Tree {
    /// By id, and so in the order in which they started.
    processes: BTreeMap<Id, Process>,
    /// Those that this process forked, or whose creator is not known.
    roots: Vec<Id>,
    exited: usize,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments: Vec<_> = std::env::args_os().skip(1).collect();
    let svg = match arguments.first().is_some_and(|first| first == "--svg") {
        true => arguments.drain(..2.min(arguments.len())).nth(1),
        false => None,
    };
    let Some((program, arguments)) = arguments.split_first() else {
        return Err("usage: process_tree [--svg FILE] COMMAND [ARGUMENT...]".into());
    };
    // A process can have exited before its child's FORK is applied.
    let options = Tracker::options().scope(Scope::Descendants).cmdline(true).keep_ended(1024);
    let mut tracker = options.open()?;
    // This process is in the table, so its child will be.
    tracker.add(std::process::id() as i32)?;
    let waker = tracker.waker()?;
    let mut signals = Signals::new([SIGINT])?;
    std::thread::spawn(move || signals.forever().for_each(|_| waker.wake()));
    // Ctrl-C ends the command, too: exec resets what has a handler.
    let mut command = Command::new(program).args(arguments).spawn()?;
    let mut tree = Tree::default();
    tree.watch(&mut tracker)?;
    command.try_wait()?;
    print!("{}", tree.print());
    if let Some(path) = svg {
        tree.draw(path)?;
    }
    Ok(())
}

impl Tree {
    /// Until the last has exited, or a signal has arrived.
    fn watch(&mut self, tracker: &mut Tracker) -> Result<(), Error> {
        while self.processes.is_empty() || self.exited < self.processes.len() {
            let changed = match tracker.recv(None) {
                Ok(Some(Change::Lost(count))) => {
                    eprintln!("process_tree: {count} events were lost");
                    continue;
                }
                Ok(Some(change)) => {
                    change.process().map(|(kind, process)| (kind, *process.entry()))
                }
                Ok(None) => return Ok(()),
                Err(Error::Listener(cnproc_sys::Error::Interrupted)) => continue,
                Err(error) => return Err(error),
            };
            if let Some((kind, entry)) = changed {
                self.apply(tracker, kind, entry);
            }
        }
        Ok(())
    }

    fn apply(&mut self, tracker: &Tracker, kind: Kind, entry: Entry<u64>) {
        if entry.pid == std::process::id() as i32 {
            return;
        }
        // At the end the tracker still has what it executed last.
        let command = describe(tracker, &entry);
        self.exited += usize::from(kind == Kind::Exited);
        if let Some(process) = self.processes.get_mut(&entry.id) {
            (process.entry, process.command) = (entry, command);
            return;
        }
        match entry.creator.and_then(|creator| self.processes.get_mut(&creator)) {
            Some(creator) => creator.children.push(entry.id),
            None => self.roots.push(entry.id),
        }
        self.processes.insert(entry.id, Process { entry, command, children: Vec::new() });
    }

    /// Each process with its depth, below the one that forked it.
    fn rows(&self) -> Vec<(usize, &Process)> {
        let mut rows = Vec::new();
        let mut left: Vec<_> = self.roots.iter().rev().map(|id| (0, id)).collect();
        while let Some((depth, id)) = left.pop() {
            if let Some(process) = self.processes.get(id) {
                rows.push((depth, process));
                left.extend(process.children.iter().rev().map(|child| (depth + 1, child)));
            }
        }
        rows
    }

    /// In seconds.
    fn since_start(&self, ns: u64) -> f64 {
        let start_ns = self.processes.values().next().map_or(0, |first| first.entry.start_ns);
        ns.saturating_sub(start_ns) as f64 / 1e9
    }

    fn print(&self) -> String {
        let mut text =
            format!("{:>9} {:>9} {:<12} {:>7} COMMAND\n", "START", "LIVED", "EXIT", "PID");
        for (depth, Process { entry, command, .. }) in self.rows() {
            let (start, lived) = (self.since_start(entry.start_ns), lifetime(entry));
            let (how, pid, indent) = (how(entry), entry.pid, 2 * depth);
            let _ = writeln!(
                text,
                "{start:9.3} {lived:9.3} {how:<12} {pid:>7} {:indent$}{command}",
                ""
            );
        }
        text
    }

    /// A bar for each process, from its start to its exit.
    fn draw(&self, path: OsString) -> std::io::Result<()> {
        const WIDTH: f64 = 1000.0;
        let ends = self.processes.values().map(|process| self.since_start(process.entry.exit_ns));
        let scale = WIDTH / ends.fold(1e-9, f64::max);
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"1500\" height=\"{}\" \
             font-family=\"sans-serif\" font-size=\"11\">\n",
            16 * self.processes.len()
        );
        for (row, (_, Process { entry, command, .. })) in self.rows().into_iter().enumerate() {
            let (x, lived) = (self.since_start(entry.start_ns) * scale, lifetime(entry));
            let width = (lived * scale).max(0.5);
            let color = if entry.status == Some(WaitStatus(0)) { "#7ac" } else { "#d66" };
            let (top, bottom) = (16 * row + 2, 16 * row + 12);
            let _ = writeln!(
                svg,
                "<rect x=\"{x:.2}\" y=\"{top}\" width=\"{width:.2}\" height=\"12\" fill=\"{color}\">\
                 <title>pid {}, {lived:.3} s, {}</title></rect>\n\
                 <text x=\"{:.2}\" y=\"{bottom}\">{}</text>",
                entry.pid,
                how(entry),
                x + 4.0,
                command.replace('&', "&#38;").replace('<', "&#60;").replace('>', "&#62;")
            );
        }
        std::fs::write(path, svg + "</svg>\n")
    }
}

/// In seconds.
fn lifetime(entry: &Entry<u64>) -> f64 {
    match entry.exit_ns {
        0 => 0.0,
        exit_ns => exit_ns.saturating_sub(entry.start_ns) as f64 / 1e9,
    }
}

fn how(entry: &Entry<u64>) -> String {
    match entry.status {
        None if entry.exit_ns == 0 => "end not seen".to_owned(),
        None => "unknown".to_owned(),
        Some(status) => match status.signal() {
            Some(signal) => format!("signal {signal}"),
            None => format!("status {}", status.code().unwrap_or_default()),
        },
    }
}

/// The program that a process executed last, escaped; the name, if its command line is not known.
fn describe(tracker: &Tracker, entry: &Entry<u64>) -> String {
    let text = tracker.table().text(entry.id, Text::Cmdline).unwrap_or_default();
    if !text.is_empty() && entry.known.contains(Known::CMDLINE) {
        let arguments = text.strip_suffix(b"\0").unwrap_or(text).split(|byte| *byte == 0);
        let arguments: Vec<_> = arguments.map(|bytes| bytes.escape_ascii().to_string()).collect();
        return arguments.join(" ");
    }
    let mark = if entry.known.contains(Known::COMM) { "" } else { "?" };
    format!("[{}{mark}]", entry.name().escape_ascii())
}
