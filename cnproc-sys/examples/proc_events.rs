//! The widely copied program `proc_events.c` on the Rust API: a line for each process event, until Ctrl-C.
//!
//! `cargo run -p cnproc-sys --example proc_events`; before Linux 6.6, as root.

use cnproc_sys::{Delivery, Error, EventData, Listener, Waker};
use signal_hook::consts::SIGINT;
use signal_hook::iterator::Signals;
use std::io::{self, Write};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut listener = Listener::options().acks(true).open()?;
    wake_on_sigint(listener.waker()?)?;
    let mut out = io::stdout().lock();
    loop {
        let batch = match listener.recv(None) {
            Ok(Some(batch)) => batch,
            // Only the waker ends a wait without a timeout. Dropping the listener sends IGNORE.
            Ok(None) => return Ok(()),
            Err(Error::Interrupted) => continue,
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
}

/// Ends the listener's wait when SIGINT arrives, even if that is just before the wait.
fn wake_on_sigint(waker: Waker) -> io::Result<()> {
    let mut signals = Signals::new([SIGINT])?;
    std::thread::spawn(move || signals.forever().for_each(|_| waker.wake()));
    Ok(())
}
