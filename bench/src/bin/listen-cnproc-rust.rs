//! cnproc from Rust.

use cnproc_bench::Account;
use cnproc_sys::{Delivery, Error, EventMask, Listener};
use std::time::Duration;

fn main() -> Result<(), Error> {
    let account = Account::begin();
    let mut options = Listener::options()
        .coalesce(Duration::from_micros(account.coalesce_us().into()))
        .ring(account.ring());
    if account.exits_only() {
        options = options.events(EventMask::EXIT);
    }
    let mut listener = options.open()?;
    if let Some(error) = listener.stats().ring_error {
        return Err(error);
    }
    account.ready();
    let timeout = account.timeout().then_some(Duration::from_secs(1));
    loop {
        let batch = match listener.recv(timeout) {
            Ok(Some(batch)) => batch,
            // Stopped and continued by the harness.
            Ok(None) | Err(Error::Interrupted) => continue,
            Err(error) => return Err(error),
        };
        let now = if account.latency() { account.now() } else { 0 };
        for delivery in batch {
            match delivery {
                Delivery::Event(event) => {
                    account.events(1);
                    if account.latency() {
                        account.delay(event.timestamp_ns, now);
                    }
                }
                Delivery::Lost(count) => account.lost(count),
            }
        }
    }
}
