//! A kernel before Linux 4.12, which has no drop counter: only ENOBUFS and the sequence numbers show a loss.

use super::generate;
use cnproc_sys::{Delivery, EventMask, Listener};
use std::panic::resume_unwind;
use std::thread;
use support::flood::Flood;
use support::live::NOW;
use support::wait::HANG_LIMIT;
use support::{live, require, seccomp, task};

/// Runs in a thread for which the kernel has no drop counter.
fn without_a_drop_counter(body: impl Fn() + Send + Copy + 'static) {
    if !require::root() {
        return;
    }
    live::run(move || {
        let thread = thread::spawn(move || {
            seccomp::refuse(libc::SYS_getsockopt, Some((2, libc::SO_MEMINFO)), libc::ENOPROTOOPT);
            body();
        });
        thread.join().unwrap_or_else(|panic| resume_unwind(panic));
    });
}

/// Receives whatever is queued. Returns how many events were delivered, and how many reported lost.
fn receive_all(listener: &mut Listener) -> (u64, u64) {
    let (mut delivered, mut lost) = (0, 0);
    while let Some(batch) = listener.recv(NOW).unwrap() {
        for delivery in batch {
            match delivery {
                Delivery::Event(_) => delivered += 1,
                Delivery::Lost(count) => lost += count,
            }
        }
    }
    (delivered, lost)
}

#[test]
fn loss_is_reported_and_its_count_is_a_lower_bound() {
    without_a_drop_counter(|| {
        for (events, receive_buffer) in
            [(EventMask::GID, 1 << 16), (EventMask::GID, 1), (EventMask::ALL, 1 << 16)]
        {
            let options = live::options().events(events).receive_buffer(receive_buffer);
            let mut listener = options.open().unwrap();
            assert!(listener.stats().lost_is_lower_bound);
            receive_all(&mut listener);
            for _ in 0..3 {
                let before = listener.stats().lost;
                generate(1000);
                let (delivered, lost) = receive_all(&mut listener);
                assert!(delivered > 0 && lost > 0, "{delivered} {lost}");
                assert_eq!(listener.stats().lost, before + lost);
                // It still receives.
                generate(1);
                assert!(receive_all(&mut listener).0 > 0);
            }
        }
    });
    live::with(live::options(), |listener| {
        assert!(!listener.stats().lost_is_lower_bound, "with a drop counter");
    });
}

/// Unfiltered, the sequence numbers show every loss once a later event of the same CPU has come.
#[test]
fn sequence_numbers_count_every_unfiltered_loss() {
    without_a_drop_counter(|| {
        task::pin(&task::cpus()[..1]);
        let mut listener = live::options().receive_buffer(1 << 16).open().unwrap();
        generate(1);
        receive_all(&mut listener);
        generate(1000);
        let (delivered, first) = receive_all(&mut listener);
        generate(1);
        let (_, rest) = receive_all(&mut listener);
        assert!(delivered + first + rest >= 1000, "{delivered} {first} {rest}");
    });
}

#[test]
fn tiny_buffer_opens_in_a_flood_and_receives() {
    without_a_drop_counter(|| {
        let _flood = Flood::endless();
        for _ in 0..50 {
            let options = live::options().events(EventMask::GID).receive_buffer(1);
            let mut listener = options.open().unwrap();
            let batch = listener.recv(Some(HANG_LIMIT)).unwrap().unwrap();
            assert!(batch.count() > 0);
        }
    });
}
