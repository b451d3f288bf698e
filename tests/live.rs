//! Each of the nine event types, caused for real, arrives with the right fields.

use cnproc_sys::{Connector, Delivery, EventData};
use support::{child, live};

#[test]
fn fork_and_exit_of_a_child() {
    let Some(mut connector) = live::open(Connector::options()) else { return };
    // SAFETY: ends the process.
    let child = child::fork(|| unsafe { libc::_exit(7) });
    let pid = child.pid();
    assert_eq!(libc::WEXITSTATUS(child.wait()), 7);
    let events = live::life_of(&mut connector, pid);
    let [first, .., last] = events.as_slice() else { panic!("{events:?}") };
    let EventData::Fork(fork) = first.data else { panic!("{first:?}") };
    assert_eq!((fork.child_pid, fork.child_tgid), (pid, pid));
    assert_eq!(fork.parent_tgid as u32, std::process::id());
    let EventData::Exit(exit) = last.data else { panic!("{last:?}") };
    assert_eq!((exit.process_pid, exit.process_tgid), (pid, pid));
    assert_eq!((exit.exit_code, exit.exit_signal), (7 << 8, libc::SIGCHLD as u32));
    assert_eq!(exit.parent_tgid as u32, std::process::id());
    assert!(first.timestamp_ns < last.timestamp_ns);
}

#[test]
fn the_own_acknowledgement_is_delivered_where_it_is_asked_for() {
    let Some(mut connector) = live::open(Connector::options().acks(true)) else { return };
    live::until(&mut connector, |delivery| match delivery {
        Delivery::Event(event) => {
            matches!(event.data, EventData::Ack(ack) if ack.err == 0).then_some(())
        }
        Delivery::Lost(_) => None,
    });
    assert!(connector.stats().acks >= 1);
}
