//! A listener in tokio: `AsyncFd` waits, the connector reads.
//!
//! `cargo run --example tokio`, as root before Linux 6.6. It prints every program that is run.

use cnproc_sys::{Delivery, EventData, EventMask, Listener};
use std::io;
use std::time::Duration;
use tokio::io::unix::AsyncFd;

/// A connector whose `recv` is awaited.
#[derive(Debug)]
pub(crate) struct AsyncConnector(AsyncFd<Listener>);

impl AsyncConnector {
    /// To be called in a runtime whose I/O is enabled.
    pub(crate) fn new(listener: Listener) -> io::Result<Self> {
        // SAFETY: a connector's descriptor is its own, always the same, and open as long as it lives.
        Ok(Self(unsafe { AsyncFd::register(listener) }?))
    }

    /// Waits for events, and appends them. Dropped before it is ready, it has taken none.
    pub(crate) async fn recv(&mut self, deliveries: &mut Vec<Delivery>) -> io::Result<()> {
        const NOW: Option<Duration> = Some(Duration::ZERO);
        // First what has been received already: the descriptor does not tell of that.
        while self.0.get_mut().recv(NOW)?.map(|batch| deliveries.extend(batch)).is_none() {
            let mut ready = self.0.readable_mut().await?;
            match ready.get_inner_mut().recv(NOW)? {
                Some(batch) => {
                    deliveries.extend(batch);
                    break;
                }
                // Nothing is left: now tokio may wait for the next edge.
                None => ready.clear_ready(),
            }
        }
        Ok(())
    }
}

#[allow(dead_code, reason = "a test includes this file")]
fn main() -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    runtime.block_on(async {
        let listener = Listener::options().events(EventMask::EXEC).open()?;
        let mut listener = AsyncConnector::new(listener)?;
        let mut deliveries = Vec::new();
        loop {
            listener.recv(&mut deliveries).await?;
            for delivery in deliveries.drain(..) {
                match delivery {
                    Delivery::Event(event) if matches!(event.data(), EventData::Exec(_)) => {
                        println!("{event}");
                    }
                    Delivery::Event(_) => {}
                    Delivery::Lost(count) => println!("{count} events were lost"),
                }
            }
        }
    })
}
