//! Only the kernel's messages become events. Others' are refused, or dropped and counted. One test runs at a
//! time: what one forges, the others would count.

use cnproc_parse::kernel;
use cnproc_sys::{Delivery, EventData, EventMask, Listener};
use std::ffi::c_int;
use std::time::Duration;
use support::flood::Flood;
use support::forger::{Forger, gid_event, port};
use support::{alone, child, live};

/// A process that there is not, whose group changed.
const NOBODY: c_int = i32::MAX;
const FORGED: u32 = 500;

/// Another process, root too, that sends messages with all sorts of false senders and numbers. Returns the error
/// number at which it stopped, or 0.
fn forge(nl_pid: u32, nl_groups: u32, process: c_int, gid: u32) -> c_int {
    let forger = Forger::new();
    // As the kernel's own, as the listener's, as any other's.
    let events: Vec<_> = (0..FORGED)
        .flat_map(|count| [0, nl_pid, count].map(|nlmsg_pid| (count, nlmsg_pid)))
        .map(|(count, nlmsg_pid)| {
            gid_event(process, gid, count.wrapping_mul(0x0101_0101), nlmsg_pid)
        })
        .collect();
    let child = child::fork(|| {
        for event in &events {
            let errno = forger.send(nl_pid, nl_groups, event);
            if errno != 0 {
                // SAFETY: ends the process.
                unsafe { libc::_exit(errno) };
            }
        }
    });
    libc::WEXITSTATUS(child.wait())
}

#[test]
fn a_message_to_the_listeners_port_is_refused_at_its_sender() {
    let _alone = alone();
    let Some(mut listener) = live::open(Listener::options()) else { return };
    assert_eq!(forge(port(&listener), 0, NOBODY, 1), libc::ECONNREFUSED);
    assert_nothing_forged(&mut listener);
    assert_eq!(listener.stats().forged, 0);
}

#[test]
fn a_message_to_the_group_is_dropped_and_counted() {
    let _alone = alone();
    for events in [EventMask::ALL, EventMask::GID] {
        let Some(mut listener) = live::open(Listener::options().events(events)) else { return };
        assert_eq!(forge(0, kernel::CN_IDX_PROC, NOBODY, 1), 0);
        assert_nothing_forged(&mut listener);
        let stats = listener.stats();
        assert_eq!(stats.forged, u64::from(3 * FORGED));
        assert_eq!(
            (stats.lost, stats.malformed),
            (0, 0),
            "their numbers and bytes count for nothing"
        );
    }
}

/// Whatever is not an event of today's kernel, from one who is not the kernel, is forged and no more.
#[test]
fn forged_rubbish_is_forged_and_not_malformed() {
    let _alone = alone();
    let Some(mut listener) = live::open(Listener::options()) else { return };
    let forger = Forger::new();
    let rubbish: [&[u8]; 4] = [&[0xff; 16], &[0; 76], &[0xff; 112], &[0xff; 4000]];
    for datagram in rubbish {
        assert_eq!(forger.send(0, kernel::CN_IDX_PROC, datagram), 0);
    }
    assert_nothing_forged(&mut listener);
    assert_eq!((listener.stats().forged, listener.stats().malformed), (4, 0));
}

/// Who waits at edges relies on it.
#[test]
fn a_wait_of_zero_passes_over_what_is_forged_till_nothing_is_left() {
    let _alone = alone();
    let Some(mut listener) = live::open(Listener::options().events(EventMask::GID)) else {
        return;
    };
    assert_eq!(forge(0, kernel::CN_IDX_PROC, NOBODY, 1), 0);
    let child = child::fork(|| support::flood::set_group(78));
    let pid = child.pid();
    child.wait();
    let mut came = false;
    while let Some(batch) = listener.recv(Some(Duration::ZERO)).unwrap() {
        for delivery in batch {
            let Delivery::Event(event) = delivery else { panic!("{delivery:?}") };
            came |= event.process_tgid() == Some(pid);
        }
    }
    assert!(came);
}

#[test]
fn in_the_midst_of_a_flood_the_true_events_come_and_no_others() {
    const EVENTS: u32 = 100_000;
    let _alone = alone();
    let options = Listener::options().events(EventMask::GID).receive_buffer(128 << 20);
    let Some(mut listener) = live::open(options) else { return };
    let flood = Flood::start(EVENTS, 40_000);
    let gid_of_the_last = flood.gid(EVENTS - 1);
    let errno = std::thread::scope(|scope| {
        let process = flood.pid();
        let forging = scope.spawn(move || forge(0, kernel::CN_IDX_PROC, process, gid_of_the_last));
        let mut next = 0;
        live::until(&mut listener, |delivery| {
            let Delivery::Event(event) = delivery else { panic!("{delivery:?}") };
            let number = flood.number(&event)?;
            assert_eq!(number, next);
            next += 1;
            flood.heard(next);
            (next == EVENTS).then_some(())
        });
        forging.join().unwrap()
    });
    assert_eq!(errno, 0);
    while let Some(batch) = listener.recv(Some(Duration::ZERO)).unwrap() {
        for delivery in batch {
            assert!(!matches!(delivery, Delivery::Event(event) if flood.number(&event).is_some()));
        }
    }
    let stats = listener.stats();
    assert_eq!((stats.forged, stats.lost), (u64::from(3 * FORGED), 0));
}

/// Receives up to the end of a child that is made now, and so all that was forged before.
fn assert_nothing_forged(listener: &mut Listener) {
    let child = child::fork(|| {
        support::flood::set_group(77);
    });
    let pid = child.pid();
    child.wait();
    live::until(listener, |delivery| {
        let Delivery::Event(event) = delivery else { panic!("{delivery:?}") };
        assert_ne!(event.process_tgid(), Some(NOBODY));
        matches!(event.data(), EventData::Gid(gid) if gid.process_tgid == pid).then_some(())
    });
}
