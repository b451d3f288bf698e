//! A line for each program that is executed: time, user, process, parent, and the command line; and
//! whether it is proven that all this belongs to that process. Until Ctrl-C.
//!
//! `cargo run -p cnproc-sys --example exec_snoop`; before Linux 6.6, as root.

use cnproc_sys::{
    Batch, Delivery, Error, Event, EventData, EventMask, Identity, Listener, Process, Replaced,
    Waker,
};
use signal_hook::consts::SIGINT;
use signal_hook::iterator::Signals;
use std::io;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // FORK is not printed: it shows when a pid is reused, and so makes the proof.
    let events = EventMask::FORK | EventMask::EXEC;
    let mut listener = Listener::options().events(events).skip_threads(true).open()?;
    wake_on_sigint(listener.waker()?)?;
    println!("{:>12} {:>6} {:>7} {:>7} COMMAND", "TIME", "UID", "PID", "PPID");
    loop {
        let mut batch = match listener.recv(None) {
            Ok(Some(batch)) => batch,
            // Only the waker ends a wait without a timeout. Dropping the listener sends IGNORE.
            Ok(None) => return Ok(()),
            Err(Error::Interrupted) => continue,
            Err(error) => return Err(error.into()),
        };
        while let Some(delivery) = batch.next() {
            match delivery {
                Delivery::Event(event) => {
                    if let EventData::Exec(exec) = event.data() {
                        print_exec(&mut batch, &event, exec.process_tgid);
                    }
                }
                Delivery::Lost(count) => eprintln!("exec_snoop: {count} events were lost"),
            }
        }
    }
}

/// Ends the listener's wait when SIGINT arrives, even if that is just before the wait.
fn wake_on_sigint(waker: Waker) -> io::Result<()> {
    let mut signals = Signals::new([SIGINT])?;
    std::thread::spawn(move || signals.forever().for_each(|_| waker.wake()));
    Ok(())
}

fn print_exec(batch: &mut Batch<'_>, event: &Event, tgid: i32) {
    let time = event.timestamp_ns as f64 / 1e9;
    // The command line first: programs that exit soon are gone later.
    let found = batch.process_with(event, command).and_then(|(process, command)| {
        let status = process.status()?;
        Ok((command?, status, process))
    });
    match found {
        Ok((command, status, process)) => {
            let identity = match process.identity() {
                Identity::Proven => "proven",
                _ => "likely",
            };
            let is_replaced = matches!(batch.replaced(&process), Ok(Replaced::Yes));
            let plus = if is_replaced { " +" } else { "" };
            let (uid, ppid) = (status.ruid, status.ppid);
            println!("{time:12.6} {uid:>6} {tgid:>7} {ppid:>7} {identity} {command}{plus}");
        }
        Err(Error::ProcessGone) => println!("{time:12.6} {:>6} {tgid:>7} {:>7} gone", "?", "?"),
        Err(error) => println!("{time:12.6} {:>6} {tgid:>7} {:>7} {error}", "?", "?"),
    }
}

/// The command line, escaped for a terminal; for a process that has none, its name in brackets.
fn command(process: &Process) -> Result<String, Error> {
    let bytes = process.cmdline()?;
    if !bytes.is_empty() {
        let arguments = bytes.strip_suffix(b"\0").unwrap_or(&bytes).split(|byte| *byte == 0);
        let arguments: Vec<_> = arguments.map(|bytes| bytes.escape_ascii().to_string()).collect();
        return Ok(arguments.join(" "));
    }
    Ok(format!("[{}]", process.comm()?.escape_ascii()))
}
