//! A listener in tokio: `AsyncFd` waits, and the listener receives. Prints each exec.
//!
//! `cargo run -p cnproc-sys --example tokio`; before Linux 6.6, as root.

use cnproc_sys::{Delivery, EventData, EventMask, Listener};
use std::io;
use std::time::Duration;
use tokio::io::unix::AsyncFd;

/// A listener with an asynchronous `recv`.
#[derive(Debug)]
pub(crate) struct AsyncListener(AsyncFd<Listener>);

impl AsyncListener {
    /// Must be called in a runtime with I/O enabled.
    pub(crate) fn new(listener: Listener) -> io::Result<Self> {
        // SAFETY: the listener owns the descriptor, which is always the same, and open while the listener lives.
        Ok(Self(unsafe { AsyncFd::register(listener) }?))
    }

    /// Waits for events, and appends them. If the future is dropped before it is ready, no event is lost.
    pub(crate) async fn recv(&mut self, deliveries: &mut Vec<Delivery>) -> io::Result<()> {
        const NOW: Option<Duration> = Some(Duration::ZERO);
        // Before each wait: events that have been received do not make the descriptor readable.
        while self.0.get_mut().recv(NOW)?.map(|batch| deliveries.extend(batch)).is_none() {
            let mut ready = self.0.readable_mut().await?;
            match ready.get_inner_mut().recv(NOW)? {
                Some(batch) => {
                    deliveries.extend(batch);
                    break;
                }
                // The queue is empty: now tokio may wait for the next edge.
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
        let mut listener = AsyncListener::new(listener)?;
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
