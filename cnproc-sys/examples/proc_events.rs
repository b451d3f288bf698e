//! The classic program on the Rust API: one line for each process event, until Ctrl-C.
//!
//! `cargo run --example proc_events`, as root before Linux 6.6.

use cnproc_sys::{Delivery, Error, EventData, Listener};
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // A handler, so that SIGINT interrupts the wait, and the connector is closed with IGNORE.
    let stop = Arc::new(AtomicBool::new(false));
    signal_hook::flag::register(libc::SIGINT, Arc::clone(&stop))?;
    let mut listener = Listener::options().acks(true).open()?;
    let mut out = io::stdout().lock();
    while !stop.load(Ordering::Relaxed) {
        let batch = match listener.recv(None) {
            Ok(Some(batch)) => batch,
            Ok(None) | Err(Error::Interrupted) => continue,
            Err(error) => return Err(error.into()),
        };
        for delivery in batch {
            match delivery {
                Delivery::Event(event) => match event.data() {
                    EventData::Ack(_) => writeln!(out, "set mcast listen ok")?,
                    EventData::Fork(_)
                    | EventData::Exec(_)
                    | EventData::Uid(_)
                    | EventData::Gid(_)
                    | EventData::Exit(_) => writeln!(out, "{event}")?,
                    _ => writeln!(out, "unhandled proc event")?,
                },
                Delivery::Lost(count) => eprintln!("{count} events were lost"),
            }
        }
        out.flush()?;
    }
    Ok(())
}
