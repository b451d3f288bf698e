//! Where in the stream a loss is told.

use super::log::{self, Log, Numbers};
use cnproc_sys::{Delivery, EventData, EventMask, Listener};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;
use support::alone;
use support::{flood, live};

/// Makes so many GID events of the calling thread.
pub(crate) fn make(count: u32) {
    // Never to what it is already: that makes no event.
    static NEXT: AtomicU32 = AtomicU32::new(1000);
    (0..count).for_each(|_| flood::set_group(NEXT.fetch_add(1, Ordering::Relaxed)));
}

#[test]
fn unfiltered_a_loss_stands_exactly_at_its_gap() {
    let _alone = alone();
    if live::open(Listener::options()).is_some() {
        assert!((0..20).any(|_| stands_at_its_gap()), "other programs make too many events");
    }
}

/// Fills the queue twice before it is drained, so that it has a gap in its midst. Whether the first gap is
/// that one, and not another program's.
fn stands_at_its_gap() -> bool {
    let cpus = flood::cpus();
    let (mut listener, mut log) = log::open(Listener::options().receive_buffer(1 << 17)).unwrap();
    flood::pin(&cpus[..1]);
    make(2000);
    let before = log.heard.len();
    log.receive_some(&mut listener, 100);
    make(2000);
    flood::pin(&cpus);
    log.receive_all(&mut listener);

    let missing = log::missing(&log.heard, &Numbers);
    let gap = (before..log.heard.len()).find(|index| missing[*index] > 0).unwrap();
    // All that was queued before the gap, and the first after it.
    for (heard, missing) in log.heard.iter().zip(missing).take(gap + 1) {
        assert_eq!(heard.told, missing, "{heard:?}");
    }
    gap > before + 100 && log.heard[gap].told >= 1000
}

/// No event follows that would show the loss in its number.
#[test]
fn a_loss_at_the_very_end_is_told_without_an_event_after_it() {
    let _alone = alone();
    // 1 << 17 hold 315 events. 26,624 hold 64 of 832 bytes, as many as one call takes, to the last byte.
    for receive_buffer in [1 << 17, 26_624, 1] {
        for events in [EventMask::ALL, EventMask::GID] {
            for wait in [Some(Duration::ZERO), Some(Duration::from_millis(50)), None] {
                let options = Listener::options().receive_buffer(receive_buffer).events(events);
                let Some(mut listener) = live::open(options) else { return };
                Log::default().receive_all(&mut listener);
                make(1000);
                let (mut seen, mut told) = (0, 0);
                wake_if_it_takes_long(|| {
                    while seen + told < 1000 {
                        // Not to be waited for: it is known once the queue is empty.
                        let batch = listener.recv(wait).unwrap();
                        for delivery in batch.unwrap_or_else(|| panic!("{seen} + {told} of 1000")) {
                            match delivery {
                                Delivery::Lost(count) => told += count,
                                Delivery::Event(event) => seen += u64::from(is_own(event.data())),
                            }
                        }
                    }
                });
                assert!(told > 100);
            }
        }
    }
}

/// Runs `body`. If it waits for an event in vain, it gets one after a while, and has failed.
fn wake_if_it_takes_long(body: impl FnOnce()) {
    let (done, is_done) = mpsc::channel::<()>();
    thread::scope(|scope| {
        let is_late = scope.spawn(move || {
            let is_late =
                is_done.recv_timeout(live::PATIENCE / 4) == Err(RecvTimeoutError::Timeout);
            if is_late {
                make(1);
            }
            is_late
        });
        body();
        drop(done);
        assert!(!is_late.join().unwrap(), "it waited for an event");
    });
}

fn is_own(data: EventData) -> bool {
    // SAFETY: takes no arguments.
    let me = unsafe { libc::gettid() };
    matches!(data, EventData::Gid(gid) if gid.process_pid == me)
}
