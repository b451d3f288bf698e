//! The example for tokio, at work.

#[path = "../../cnproc-sys/examples/tokio.rs"]
mod example;

use cnproc_sys::{Delivery, EventMask, Listener, Options};
use std::time::Duration;
use support::{child, flood, live};

/// Hears events that come before it waits, while it waits, and after a flood that a small buffer loses parts
/// of.
async fn hear(options: Options) {
    let options = options.events(EventMask::GID).acks(true);
    let Some(listener) = live::open(options) else { return };
    let mut listener = example::AsyncConnector::new(listener).unwrap();
    // The own acknowledgement has been received already: the descriptor does not tell of it.
    let mut first = Vec::new();
    listener.recv(&mut first).await.unwrap();
    assert!(matches!(first[..], [Delivery::Event(event), ..] if event.ack != 0));
    for round in 0..20 {
        let make = move || {
            let child = child::fork(|| {
                (1..=round * 50).for_each(flood::set_group);
                flood::set_group(1 << 16);
            });
            let pid = child.pid();
            child.wait();
            pid
        };
        let pid = if round % 2 == 0 {
            make()
        } else {
            let thread = std::thread::spawn(make);
            // It is waited for already.
            tokio::task::yield_now().await;
            thread.join().unwrap()
        };
        let (mut deliveries, mut seen) = (Vec::new(), 0);
        while seen < u64::from(round) * 50 + 1 {
            listener.recv(&mut deliveries).await.unwrap();
            for delivery in deliveries.drain(..) {
                seen += match delivery {
                    Delivery::Event(event) => u64::from(event.process_tgid() == Some(pid)),
                    Delivery::Lost(count) => count,
                };
            }
        }
    }
}

#[test]
fn the_example_hears_everything() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    for options in [
        Listener::options(),
        Listener::options().receive_buffer(1 << 16),
        Listener::options().coalesce(Duration::from_millis(3)),
    ] {
        let heard = async || tokio::time::timeout(live::PATIENCE, hear(options)).await;
        runtime.block_on(heard()).unwrap();
    }
}
