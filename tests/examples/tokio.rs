//! The example for tokio.

#[path = "../../cnproc-sys/examples/tokio.rs"]
mod example;

use cnproc_sys::{Delivery, EventMask, Listener, Options};
use std::time::Duration;
use support::wait::HANG_LIMIT;
use support::{child, live, require, task};

/// Generates GID events in a child, and one more at the end. Returns its pid.
fn generate(count: u32) -> i32 {
    let child = child::fork(|| {
        (1..=count).for_each(task::set_group);
        task::set_group(1 << 16);
    });
    let pid = child.pid();
    assert_eq!(child.exit_status(), 0);
    pid
}

/// Receives events that come before it waits, while it waits, and after a flood of which a small buffer loses parts.
async fn receive(options: Options) {
    let listener = options.events(EventMask::GID).acks(true).open().unwrap();
    let mut listener = example::AsyncListener::new(listener).unwrap();
    // The listener's own acknowledgement has been received already, which does not make the descriptor readable.
    let mut deliveries = Vec::new();
    let is_ack = |delivery: &Delivery| matches!(delivery, Delivery::Event(event) if event.ack != 0);
    while !deliveries.iter().any(is_ack) {
        listener.recv(&mut deliveries).await.unwrap();
    }
    for round in 0..20 {
        let count = round * 50;
        let pid = if round % 2 == 0 {
            generate(count)
        } else {
            let thread = std::thread::spawn(move || generate(count));
            // The listener is waiting already.
            tokio::task::yield_now().await;
            thread.join().unwrap()
        };
        let mut seen = 0;
        while seen < u64::from(count) + 1 {
            deliveries.clear();
            listener.recv(&mut deliveries).await.unwrap();
            for delivery in &deliveries {
                seen += match delivery {
                    Delivery::Event(event) => u64::from(event.process_tgid() == Some(pid)),
                    Delivery::Lost(count) => *count,
                };
            }
        }
    }
}

#[test]
fn async_listener_receives_or_counts_each_event() {
    if !require::root() {
        return;
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    for options in [
        Listener::options(),
        Listener::options().receive_buffer(1 << 16),
        Listener::options().coalesce(Duration::from_millis(3)),
    ] {
        live::run(|| {
            let received = async || tokio::time::timeout(HANG_LIMIT, receive(options)).await;
            runtime.block_on(received()).unwrap();
        });
    }
}
