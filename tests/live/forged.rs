//! Only the kernel's messages become events. Those of other processes are refused, or dropped and counted.

use cnproc_parse::kernel;
use cnproc_sys::{Delivery, EventData, EventMask, Listener};
use std::ffi::c_int;
use support::disturbance::disturbed;
use support::flood::Flood;
use support::forger::{Forger, gid_event, port};
use support::{child, live, require, task};

/// A process that does not exist, whose group changed.
const NOBODY: c_int = i32::MAX;
const MESSAGES: u32 = 500;
/// With three sender addresses each.
const FORGED: u64 = 3 * MESSAGES as u64;

/// Another process, root too, that sends messages with all sorts of false senders and numbers. Returns the error
/// number at which it stopped, or 0.
fn forge(nl_pid: u32, nl_groups: u32, process: c_int, gid: u32) -> c_int {
    let forger = Forger::new();
    // As the kernel's own, as the listener's, as any other's.
    let events: Vec<_> = (0..MESSAGES)
        .flat_map(|count| [0, nl_pid, count].map(|nlmsg_pid| (count, nlmsg_pid)))
        .map(|(count, nlmsg_pid)| {
            gid_event(process, gid, count.wrapping_mul(0x0101_0101), nlmsg_pid)
        })
        .collect();
    let child = child::fork(|| {
        for event in &events {
            let errno = forger.send(nl_pid, nl_groups, event);
            if errno != 0 {
                child::exit(errno);
            }
        }
    });
    child.exit_status()
}

/// Asserts that so many messages were counted as forged. Other programs may forge some, too.
fn assert_forged(listener: &Listener, count: u64) {
    let forged = listener.stats().forged;
    if forged > count {
        disturbed(format!("{} forged messages of others", forged - count));
    }
    assert_eq!(forged, count);
}

/// Receives until a child that is forked now exits: all that was forged before has been received then.
fn assert_none_delivered(listener: &mut Listener) {
    let child = child::fork(|| task::set_group(77));
    let pid = child.pid();
    child.wait();
    live::find(listener, |event| {
        assert_ne!(event.process_tgid(), Some(NOBODY));
        matches!(event.data(), EventData::Gid(gid) if gid.process_tgid == pid).then_some(())
    });
}

#[test]
fn message_to_own_port_is_refused_at_its_sender() {
    if !require::root() {
        return;
    }
    live::with(live::options(), |listener| {
        assert_eq!(forge(port(listener), 0, NOBODY, 1), libc::ECONNREFUSED);
        assert_none_delivered(listener);
        assert_forged(listener, 0);
    });
}

#[test]
fn message_to_group_is_dropped_and_counted() {
    if !require::root() {
        return;
    }
    for events in [EventMask::ALL, EventMask::GID] {
        live::with(live::options().events(events), |listener| {
            assert_eq!(forge(0, kernel::CN_IDX_PROC, NOBODY, 1), 0);
            assert_none_delivered(listener);
            assert_forged(listener, FORGED);
            // Neither the numbers in it nor its form are taken into account.
            live::assert_nothing_lost(listener);
            assert_eq!(listener.stats().malformed, 0);
        });
    }
}

#[test]
fn forged_nonsense_counts_as_forged_not_as_malformed() {
    if !require::root() {
        return;
    }
    live::with(live::options(), |listener| {
        let forger = Forger::new();
        let nonsense: [&[u8]; 4] = [&[0xff; 16], &[0; 76], &[0xff; 112], &[0xff; 4000]];
        for datagram in nonsense {
            assert_eq!(forger.send(0, kernel::CN_IDX_PROC, datagram), 0);
        }
        assert_none_delivered(listener);
        assert_forged(listener, 4);
        assert_eq!(listener.stats().malformed, 0);
    });
}

/// Edge-triggered callers rely on that.
#[test]
fn zero_timeout_reads_past_forged_messages() {
    if !require::root() {
        return;
    }
    live::with(live::options().events(EventMask::GID), |listener| {
        assert_eq!(forge(0, kernel::CN_IDX_PROC, NOBODY, 1), 0);
        let child = child::fork(|| task::set_group(78));
        let pid = child.pid();
        child.wait();
        let mut came = false;
        while let Some(batch) = listener.recv(live::NOW).unwrap() {
            for delivery in batch {
                came |= live::event(delivery).process_tgid() == Some(pid);
            }
        }
        assert!(came);
    });
}

#[test]
fn flood_arrives_whole_among_forged_messages() {
    const EVENTS: u32 = 100_000;
    if !require::root() {
        return;
    }
    let options = live::options().events(EventMask::GID).receive_buffer(128 << 20);
    live::with(options, |listener| {
        let flood = Flood::start(EVENTS, 40_000);
        let gid_of_the_last = flood.gid(EVENTS - 1);
        std::thread::scope(|scope| {
            let process = flood.pid();
            let forging =
                scope.spawn(move || forge(0, kernel::CN_IDX_PROC, process, gid_of_the_last));
            let mut next = 0;
            live::find(listener, |event| {
                let number = flood.number(event)?;
                assert_eq!(number, next);
                next += 1;
                flood.received(next);
                (next == EVENTS).then_some(())
            });
            assert_eq!(forging.join().unwrap(), 0);
        });
        while let Some(batch) = listener.recv(live::NOW).unwrap() {
            for delivery in batch {
                let is_of_flood = matches!(delivery, Delivery::Event(event)
                    if flood.number(&event).is_some());
                assert!(!is_of_flood, "{delivery:?}");
            }
        }
        assert_forged(listener, FORGED);
        live::assert_nothing_lost(listener);
    });
}
