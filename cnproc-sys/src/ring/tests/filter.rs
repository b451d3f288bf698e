//! The program's filter is the one of user space.

use super::*;
use crate::fake_kernel::{EXEC, event};
use cnproc_parse::kernel;

/// Each type, known and unknown, of a process and of a thread, with code 0 and another.
fn events() -> Vec<(Vec<u8>, Event)> {
    let types = (0..32).map(|bit| 1_u32 << bit);
    let data = [[7, 7, 0, 0], [7, 7, 256, 256], [7, 7, 8, 7], [8, 7, 0, 0], [8, 7, 9, 9]];
    types
        .flat_map(|what| data.map(|data| event(what, 1, data)))
        .map(|datagram| {
            let event = single_event(&datagram).unwrap();
            (datagram, event)
        })
        .collect()
}

fn filters() -> Vec<Filter> {
    let all = EventMask::ALL | EventMask::NONZERO_EXIT;
    let single = (0..32).filter_map(|bit| EventMask::from_bits(1 << bit));
    let others = [
        EventMask::ALL,
        all,
        EventMask::EXIT | EventMask::NONZERO_EXIT,
        EventMask::FORK | EventMask::NONZERO_EXIT,
        EventMask::FORK | EventMask::EXEC | EventMask::COMM,
    ];
    single
        .chain(others)
        .flat_map(|events| [false, true].map(|skip_threads| Filter::new(events, skip_threads)))
        .collect()
}

#[test]
fn program_drops_what_user_space_would() {
    let Some((kernel, mut ring)) = everything() else { return };
    for filter in filters() {
        ring.set_filter(&filter, false);
        for (datagram, event) in events() {
            kernel.send(&datagram);
            let passed = !records(&mut ring).is_empty();
            assert_eq!(passed, filter.matches(&event), "{filter:?} {event:?}");
        }
    }
}

#[test]
fn acknowledgements_pass_only_without_a_filter_or_if_wanted() {
    let Some((kernel, mut ring)) = everything() else { return };
    for filter in filters() {
        for acks in [false, true] {
            ring.set_filter(&filter, acks);
            kernel.say(Contents::ack_of(1, 0));
            let passed = !records(&mut ring).is_empty();
            assert_eq!(passed, acks || filter.is_everything(), "{filter:?}");
        }
    }
}

#[test]
fn unwanted_event_wakes_nobody_and_is_no_loss() {
    let filter = Filter::new(EventMask::SID, false);
    let Some((kernel, mut ring)) = ring(&filter, false, 1) else { return };
    for _ in 0..10_000 {
        assert_eq!(kernel.say(EXEC), Fate::Dropped);
    }
    assert_eq!((records(&mut ring).len(), ring.lost()), (0, 0));
    assert_eq!(kernel.say(Contents { what: kernel::PROC_EVENT_SID, ..EXEC }), Fate::Queued);
}
