//! Where in the stream a loss is reported.

use super::generate;
use super::log::{self, Log, SequenceNumbers};
use cnproc_sys::{Delivery, EventData, EventMask};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;
use support::disturbance::disturbed;
use support::live::NOW;
use support::task::Pinned;
use support::wait::HANG_LIMIT;
use support::{live, require, task};

/// Fills the queue twice before it is drained, so that it has a gap in the middle.
#[test]
fn unfiltered_loss_is_reported_exactly_at_its_gap() {
    if !require::root() {
        return;
    }
    live::run(|| {
        let (mut listener, mut log) = log::open(live::options().receive_buffer(1 << 17));
        let pinned = Pinned::to(&task::cpus()[..1]);
        generate(2000);
        let before = log.entries.len();
        log.receive_some(&mut listener, 100);
        generate(2000);
        drop(pinned);
        log.receive_all(&mut listener);

        let missing = log::missing(&log.entries, &SequenceNumbers);
        let gap = (before..log.entries.len()).find(|index| missing[*index] > 0).unwrap();
        // All that was queued before the gap, and the first after it.
        for (entry, missing) in log.entries.iter().zip(missing).take(gap + 1) {
            assert_eq!(entry.reported, missing, "{entry:?}");
        }
        if gap <= before + 100 || log.entries[gap].reported < 1000 {
            disturbed("the first gap is another program's");
        }
    });
}

/// No later event shows the loss in its number.
#[test]
fn trailing_loss_is_reported_when_the_queue_is_empty() {
    if !require::root() {
        return;
    }
    // 1 << 17 hold 315 events. 26,624 hold 64 of 832 bytes, as many as one call receives, to the last byte.
    for receive_buffer in [1 << 17, 26_624, 1] {
        for events in [EventMask::ALL, EventMask::GID] {
            for wait in [NOW, Some(Duration::from_millis(50)), None] {
                let options = live::options().receive_buffer(receive_buffer).events(events);
                live::with(options, |listener| {
                    Log::default().receive_all(listener);
                    generate(1000);
                    let (mut delivered, mut lost) = (0, 0);
                    assert_no_hang(|| {
                        while delivered + lost < 1000 {
                            let Some(batch) = listener.recv(wait).unwrap() else {
                                // An event of another program can come just before the loss is reported.
                                let is_empty = !live::is_readable(listener, Duration::ZERO);
                                assert!(!is_empty, "{delivered} delivered, {lost} lost of 1000");
                                continue;
                            };
                            for delivery in batch {
                                match delivery {
                                    Delivery::Lost(count) => lost += count,
                                    Delivery::Event(event) => {
                                        delivered += u64::from(is_own(event.data()));
                                    }
                                }
                            }
                        }
                    });
                    assert!(lost > 100);
                });
            }
        }
    }
}

/// Runs `body`. If it waits for an event at the hang limit, it receives one then, and has failed.
fn assert_no_hang(body: impl FnOnce()) {
    let (done, is_done) = mpsc::channel::<()>();
    thread::scope(|scope| {
        let hangs = scope.spawn(move || {
            let hangs = is_done.recv_timeout(HANG_LIMIT) == Err(RecvTimeoutError::Timeout);
            if hangs {
                generate(1);
            }
            hangs
        });
        body();
        drop(done);
        assert!(!hangs.join().unwrap(), "it waited for an event");
    });
}

fn is_own(data: EventData) -> bool {
    matches!(data, EventData::Gid(gid) if gid.process_pid == task::thread_id())
}
