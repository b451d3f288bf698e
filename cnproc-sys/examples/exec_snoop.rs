//! One line for each program that is run: when, by whom, which process, its parent, and the command
//! line; and how sure it is that all this is of that process; until Ctrl-C.
//!
//! `cargo run -p cnproc-sys --example exec_snoop`

use cnproc_sys::{
    Batch, Delivery, Error, Event, EventData, EventMask, Identity, Listener, Process, Replaced,
};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // A handler, so that SIGINT interrupts the wait, and the connector is closed with IGNORE.
    let stop = Arc::new(AtomicBool::new(false));
    signal_hook::flag::register(libc::SIGINT, Arc::clone(&stop))?;
    // Not to print them: FORK tells when a pid becomes another's, and makes the proof.
    let events = EventMask::FORK | EventMask::EXEC;
    let mut listener = Listener::options().events(events).skip_threads(true).open()?;
    println!("{:>12} {:>6} {:>7} {:>7} COMMAND", "TIME", "UID", "PID", "PPID");
    while !stop.load(Ordering::Relaxed) {
        let mut batch = match listener.recv(None) {
            Ok(Some(batch)) => batch,
            Ok(None) | Err(Error::Interrupted) => continue,
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
    Ok(())
}

fn print_exec(batch: &mut Batch<'_>, event: &Event, tgid: i32) {
    let time = event.timestamp_ns as f64 / 1e9;
    let asked = batch.process(event).and_then(|process| {
        let status = process.status()?;
        Ok((command(&process)?, status, process))
    });
    match asked {
        Ok((command, status, process)) => {
            let verdict = match process.identity() {
                Identity::Proven => "proven",
                _ => "likely",
            };
            let later = matches!(batch.replaced(&process), Ok(Replaced::Yes));
            let plus = if later { " +" } else { "" };
            let (uid, ppid) = (status.ruid, status.ppid);
            println!("{time:12.6} {uid:>6} {tgid:>7} {ppid:>7} {verdict} {command}{plus}");
        }
        Err(Error::ProcessGone) => println!("{time:12.6} {:>6} {tgid:>7} {:>7} gone", "?", "?"),
        Err(error) => println!("{time:12.6} {:>6} {tgid:>7} {:>7} {error}", "?", "?"),
    }
}

/// The command line, made harmless to a terminal; the name in brackets where there is none.
fn command(process: &Process) -> Result<String, Error> {
    let bytes = process.cmdline()?;
    if !bytes.is_empty() {
        let arguments = bytes.strip_suffix(b"\0").unwrap_or(&bytes).split(|byte| *byte == 0);
        let arguments: Vec<_> = arguments.map(|bytes| bytes.escape_ascii().to_string()).collect();
        return Ok(arguments.join(" "));
    }
    Ok(format!("[{}]", process.comm()?.escape_ascii()))
}
