//! `open` succeeds only where events will come, and says why where they will not.

use crate::unprivileged::kernel;
use cnproc_sys::{Delivery, Error, EventData, EventMask, Listener, Options};
use std::ffi::c_int;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};
use support::flood::Flood;
use support::{exit_code, live, namespace, seccomp};

const NOW: Option<Duration> = Some(Duration::ZERO);

fn is_live() -> bool {
    live::open(Listener::options()).is_some()
}

/// What became of opening: 0, or the error's number. Allocates nothing: for children.
fn outcome(options: Options) -> c_int {
    match options.open() {
        Ok(_) => 0,
        Err(error) => exit_code::of(&error),
    }
}

/// While `body` runs: a flood of events, and others' listeners opened and closed, which makes
/// acknowledgements.
fn in_a_storm(body: impl FnOnce()) {
    let flood = Flood::start(u32::MAX >> 2, u32::MAX);
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                drop(Listener::options().receive_buffer(1 << 20).open().unwrap());
            }
        });
        let _stop = OnDrop(|| over.store(true, Ordering::Relaxed));
        body();
    });
    drop(flood);
}

/// So that a failed assertion ends the storm, too.
struct OnDrop<F: Fn()>(F);

impl<F: Fn()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

const OTHER: [(c_int, Error); 3] = [
    (libc::CLONE_NEWNET, Error::NetworkNamespace),
    (libc::CLONE_NEWUSER, Error::UserNamespace),
    (libc::CLONE_NEWPID, Error::PidNamespace),
];

#[test]
fn in_another_namespace_it_says_which() {
    if !is_live() {
        return;
    }
    for (namespace, error) in OTHER {
        let outcome = namespace::run_in(namespace, || outcome(Listener::options()));
        assert_eq!(outcome, exit_code::of(&error), "{error:?}");
    }
    // As root in a user namespace, which owns the other namespaces.
    let both = libc::CLONE_NEWUSER | libc::CLONE_NEWPID;
    let both = namespace::run_in(both, || outcome(Listener::options()));
    assert_eq!(both, exit_code::of(&Error::UserNamespace));
}

/// There, events with the host's pids and others' acknowledgements do arrive, though the request was
/// ignored.
#[test]
fn in_another_namespace_neither_events_nor_others_acknowledgements_deceive_it() {
    if !is_live() {
        return;
    }
    in_a_storm(|| {
        for (namespace, error) in OTHER {
            for (events, receive_buffer) in [(EventMask::ALL, 16 << 20), (EventMask::GID, 1)] {
                let options = Listener::options().events(events).receive_buffer(receive_buffer);
                let expected = exit_code::of(&error);
                // Again and again: for a while no event comes at all.
                let outcome = namespace::run_in(namespace, || {
                    let mut outcomes = (0..500).map(|_| outcome(options));
                    outcomes.find(|outcome| *outcome != expected).unwrap_or(expected)
                });
                assert_eq!(outcome, expected, "{error:?}");
            }
        }
    });
}

#[test]
fn the_errors_say_what_to_do() {
    if !is_live() {
        return;
    }
    let elsewhere = thread::spawn(|| {
        // SAFETY: no memory is involved. The calling thread's namespace alone changes.
        assert_eq!(unsafe { libc::unshare(libc::CLONE_NEWNET) }, 0);
        Listener::options().open().map(drop)
    });
    let error = elsewhere.join().unwrap().unwrap_err();
    assert_eq!(error, Error::NetworkNamespace);
    assert!(error.to_string().contains("initial network namespace"), "{error}");
}

/// As Linux without CONFIG_CONNECTOR, and before 6.6 without CAP_NET_ADMIN.
#[test]
fn without_a_connector_or_without_permission_it_says_so() {
    // Since Linux 6.6 the kernel itself refuses nobody.
    let refused = if kernel() >= (6, 6) { Error::Sandboxed } else { Error::NotPermitted };
    for (call, argument, errno, expected) in [
        (libc::SYS_socket, Some((0, libc::AF_NETLINK)), libc::EPROTONOSUPPORT, Error::NoConnector),
        (libc::SYS_socket, Some((0, libc::AF_NETLINK)), libc::EAFNOSUPPORT, Error::Sandboxed),
        (libc::SYS_bind, None, libc::EPERM, refused),
        (libc::SYS_sendto, None, libc::EPERM, refused),
    ] {
        let outcome = thread::spawn(move || {
            seccomp::refuse(call, argument, errno);
            Listener::options().open().map(drop)
        });
        assert_eq!(outcome.join().unwrap(), Err(expected));
    }
}

#[test]
fn in_a_storm_it_opens_and_loses_nothing() {
    if !is_live() {
        return;
    }
    in_a_storm(|| {
        let mut before_the_acknowledgement = 0;
        let begin = Instant::now();
        let mut opened = 0;
        while opened < 100 || before_the_acknowledgement == 0 {
            assert!(begin.elapsed() < live::PATIENCE, "no storm");
            opened += 1;
            let mut listener = Listener::options().acks(true).open().unwrap();
            let mut next = std::collections::HashMap::new();
            let mut is_acknowledged = false;
            for delivery in listener.recv(NOW).unwrap().unwrap() {
                let Delivery::Event(event) = delivery else { panic!("{delivery:?}") };
                if let Some(next) = next.insert(event.cpu, event.seq.wrapping_add(1)) {
                    assert_eq!(event.seq, next, "CPU {}", event.cpu);
                }
                is_acknowledged |= matches!(event.data(), EventData::Ack(_));
                before_the_acknowledgement += u32::from(!is_acknowledged);
            }
            assert!(is_acknowledged);
        }
    });
}

/// The queue holds two or three events: the acknowledgement finds no room, again and again.
#[test]
fn with_a_tiny_buffer_in_a_storm_it_opens() {
    if !is_live() {
        return;
    }
    in_a_storm(|| {
        for events in [EventMask::ALL, EventMask::GID] {
            for _ in 0..50 {
                let options = Listener::options().events(events).receive_buffer(1);
                let mut listener = options.open().unwrap();
                while listener.recv(NOW).unwrap().is_none() {}
            }
        }
    });
}

/// The flood's numbers tell what is missing.
#[test]
fn what_is_lost_while_it_opens_is_told_before_what_follows() {
    if !is_live() {
        return;
    }
    // Two, so that one runs wherever this test does not.
    let floods = [(); 2].map(|()| Flood::start(u32::MAX >> 2, u32::MAX));
    for events in [EventMask::ALL, EventMask::GID] {
        let begin = Instant::now();
        let mut has_lost = false;
        while !has_lost {
            assert!(begin.elapsed() < 3 * live::PATIENCE, "no storm");
            let options = Listener::options().events(events).receive_buffer(1);
            let mut listener = options.open().unwrap();
            let (mut told, mut missing, mut next) = (0, 0, [None; 2]);
            for delivery in listener.recv(NOW).unwrap().into_iter().flatten() {
                match delivery {
                    Delivery::Lost(count) => told += count,
                    Delivery::Event(event) => {
                        for (flood, next) in floods.iter().zip(&mut next) {
                            let Some(number) = flood.number(&event) else { continue };
                            missing += u64::from(number - next.unwrap_or(number));
                            *next = Some(number + 1);
                        }
                        assert!(told >= missing, "{told} told, {missing} missing");
                    }
                }
            }
            has_lost = missing > 0;
        }
    }
}

/// No mask keeps the acknowledgement away.
#[test]
fn with_each_mask_it_opens_and_has_seen_its_acknowledgement() {
    for bit in (0..32).filter_map(|bit| EventMask::from_bits(1 << bit)) {
        for processes in [false, true] {
            let options = Listener::options().events(bit).skip_threads(processes).acks(true);
            let Some(mut listener) = live::open(options) else { return };
            live::until(&mut listener, |delivery| match delivery {
                Delivery::Event(event) if matches!(event.data(), EventData::Ack(_)) => Some(()),
                _ => None,
            });
        }
    }
}

/// Whose clock is behind the kernel's, which dates the events: those made under an earlier mask are told
/// from those after it all the same.
#[test]
fn in_a_time_namespace_a_change_of_the_mask_invents_no_loss() {
    if !is_live() {
        return;
    }
    let lost = namespace::run_in(libc::CLONE_NEWTIME, || {
        let Ok(mut listener) = Listener::options().events(EventMask::COMM).open() else {
            return 253;
        };
        // SAFETY: system calls; the name ends with NUL.
        let name = || unsafe { libc::prctl(libc::PR_SET_NAME, c"time".as_ptr()) };
        name();
        for gid in 1..100 {
            // SAFETY: no memory is involved.
            unsafe { libc::syscall(libc::SYS_setresgid, gid, gid, gid) };
        }
        name();
        if listener.set_events(EventMask::ALL).is_err() {
            return 252;
        }
        name();
        let (mut lost, mut came) = (0, false);
        while let Ok(Some(batch)) = listener.recv(NOW) {
            for delivery in batch {
                came = true;
                lost += u64::from(matches!(delivery, Delivery::Lost(_)));
            }
        }
        if came { lost.min(100) as c_int } else { 251 }
    });
    assert!(lost == 0 || lost == namespace::NONE, "{lost}");
}
