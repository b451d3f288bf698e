//! A kernel before Linux 4.12, which has no drop counter: only ENOBUFS and the numbers tell of a loss.

use super::place::make;
use cnproc_sys::{Delivery, EventMask, Listener};
use std::thread;
use std::time::Duration;
use support::alone;
use support::{live, seccomp};

/// Runs in a thread to which the kernel has no drop counter.
fn without_a_drop_counter(body: impl FnOnce() + Send + 'static) {
    let thread = thread::spawn(|| {
        seccomp::refuse(libc::SYS_getsockopt, Some((2, libc::SO_MEMINFO)), libc::ENOPROTOOPT);
        body();
    });
    thread.join().unwrap();
}

fn receive_all(listener: &mut Listener) -> (u64, u64) {
    let (mut delivered, mut told) = (0, 0);
    while let Some(batch) = listener.recv(Some(Duration::ZERO)).unwrap() {
        for delivery in batch {
            match delivery {
                Delivery::Event(_) => delivered += 1,
                Delivery::Lost(count) => told += count,
            }
        }
    }
    (delivered, told)
}

#[test]
fn a_loss_is_told_all_the_same_and_that_the_count_is_a_lower_bound() {
    let _alone = alone();
    if live::open(Listener::options()).is_none() {
        return;
    }
    without_a_drop_counter(|| {
        for (events, receive_buffer) in
            [(EventMask::GID, 1 << 16), (EventMask::GID, 1), (EventMask::ALL, 1 << 16)]
        {
            let options = Listener::options().events(events).receive_buffer(receive_buffer);
            let mut listener = options.open().unwrap();
            assert!(listener.stats().lost_is_lower_bound);
            receive_all(&mut listener);
            for _ in 0..3 {
                let before = listener.stats().lost;
                make(1000);
                let (delivered, told) = receive_all(&mut listener);
                assert!(delivered > 0 && told > 0, "{delivered} {told}");
                assert_eq!(listener.stats().lost, before + told);
                // It hears on.
                make(1);
                assert!(receive_all(&mut listener).0 > 0);
            }
        }
    });
    assert!(!live::open(Listener::options()).unwrap().stats().lost_is_lower_bound);
}

/// Unfiltered, the numbers know them all, once an event of the same CPU has come.
#[test]
fn unfiltered_the_numbers_count_every_loss() {
    let _alone = alone();
    if live::open(Listener::options()).is_none() {
        return;
    }
    without_a_drop_counter(|| {
        support::flood::pin(&support::flood::cpus()[..1]);
        let mut listener = Listener::options().receive_buffer(1 << 16).open().unwrap();
        make(1);
        receive_all(&mut listener);
        make(1000);
        let (delivered, first) = receive_all(&mut listener);
        make(1);
        let (_, rest) = receive_all(&mut listener);
        assert!(delivered + first + rest >= 1000, "{delivered} {first} {rest}");
    });
}

#[test]
fn with_a_tiny_buffer_it_opens_and_nothing_lost_before_is_forgotten() {
    let _alone = alone();
    if live::open(Listener::options()).is_none() {
        return;
    }
    without_a_drop_counter(|| {
        let flood = support::flood::Flood::start(u32::MAX >> 2, u32::MAX);
        for _ in 0..50 {
            let options = Listener::options().events(EventMask::GID).receive_buffer(1);
            let mut listener = options.open().unwrap();
            let batch = listener.recv(Some(live::PATIENCE)).unwrap().unwrap();
            assert!(batch.count() > 0);
        }
        drop(flood);
    });
}
