//! `open` succeeds only where events will come, and otherwise returns the reason.

use cnproc_sys::{Delivery, Error, EventData, EventMask, Options};
use std::collections::HashMap;
use std::ffi::c_int;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Instant;
use support::disturbance;
use support::flood::Flood;
use support::live::NOW;
use support::task::Pinned;
use support::wait::HANG_LIMIT;
use support::{exit_code, live, namespace, require, seccomp, task};

/// 0 if the listener opens, otherwise the number of the error. For children: allocates nothing.
fn outcome(options: Options) -> c_int {
    match options.open() {
        Ok(_) => 0,
        Err(error) => exit_code::of(&error),
    }
}

/// In a storm on a busy machine the acknowledgement finds a full queue for long.
fn patient() -> Options {
    live::options().ack_timeout(HANG_LIMIT)
}

/// While `body` runs: a flood of events, and listeners opened and closed, which causes acknowledgements.
fn in_a_storm(body: impl FnOnce()) {
    let _flood = Flood::endless();
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                drop(patient().receive_buffer(1 << 20).open().unwrap());
            }
        });
        let _stop = OnDrop(|| over.store(true, Ordering::Relaxed));
        body();
    });
}

/// A failed assertion ends the storm, too.
struct OnDrop<F: Fn()>(F);

impl<F: Fn()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

const NAMESPACES: [(c_int, Error); 3] = [
    (libc::CLONE_NEWNET, Error::NetworkNamespace),
    (libc::CLONE_NEWUSER, Error::UserNamespace),
    (libc::CLONE_NEWPID, Error::PidNamespace),
];

#[test]
fn error_names_the_namespace() {
    if !require::root() {
        return;
    }
    live::run(|| {
        // As root in a user namespace, which owns the other namespaces.
        let both = (libc::CLONE_NEWUSER | libc::CLONE_NEWPID, Error::UserNamespace);
        for (namespace, error) in NAMESPACES.into_iter().chain([both]) {
            let outcome = namespace::run_in(namespace, || outcome(live::options()));
            let Some(outcome) = outcome else { return };
            assert_eq!(outcome, exit_code::of(&error), "{error:?}");
        }
    });
}

/// In another namespace, events with the host's pids and others' acknowledgements do arrive, although the kernel
/// ignored the request.
#[test]
fn storm_does_not_hide_the_namespace() {
    if !require::root() {
        return;
    }
    live::run(|| {
        in_a_storm(|| {
            for (namespace, error) in NAMESPACES {
                for (events, receive_buffer) in [(EventMask::ALL, 16 << 20), (EventMask::GID, 1)] {
                    let options = live::options().events(events).receive_buffer(receive_buffer);
                    let expected = exit_code::of(&error);
                    // Often, because for a while no event comes at all.
                    let outcome = namespace::run_in(namespace, || {
                        let mut outcomes = (0..500).map(|_| outcome(options));
                        outcomes.find(|outcome| *outcome != expected).unwrap_or(expected)
                    });
                    let Some(outcome) = outcome else { return };
                    assert_eq!(outcome, expected, "{error:?}");
                }
            }
        });
    });
}

#[test]
fn error_in_network_namespace_says_what_to_do() {
    if !require::root() {
        return;
    }
    live::run(|| {
        let elsewhere = thread::spawn(|| {
            // SAFETY: no memory is involved. Only the calling thread changes its namespace.
            assert_eq!(unsafe { libc::unshare(libc::CLONE_NEWNET) }, 0);
            live::options().open().map(drop)
        });
        let error = elsewhere.join().unwrap().unwrap_err();
        assert_eq!(error, Error::NetworkNamespace);
        assert!(error.to_string().contains("initial network namespace"), "{error}");
    });
}

/// As on Linux without CONFIG_CONNECTOR, in a sandbox, and before 6.6 without CAP_NET_ADMIN.
#[test]
fn refused_socket_is_diagnosed() {
    // Since Linux 6.6 the kernel itself refuses nobody.
    let refused =
        if support::kernel_version() >= (6, 6) { Error::Sandboxed } else { Error::NotPermitted };
    for (call, argument, errno, expected) in [
        (libc::SYS_socket, Some((0, libc::AF_NETLINK)), libc::EPROTONOSUPPORT, Error::NoConnector),
        (libc::SYS_socket, Some((0, libc::AF_NETLINK)), libc::EAFNOSUPPORT, Error::Sandboxed),
        (libc::SYS_bind, None, libc::EPERM, refused),
        (libc::SYS_sendto, None, libc::EPERM, refused),
    ] {
        let outcome = thread::spawn(move || {
            seccomp::refuse(call, argument, errno);
            live::options().open().map(drop)
        });
        assert_eq!(outcome.join().unwrap(), Err(expected));
    }
}

#[test]
fn opening_in_a_storm_loses_nothing() {
    if !require::root() {
        return;
    }
    live::run(|| {
        in_a_storm(|| {
            let (mut opened, mut before_the_ack) = (0, 0);
            let begin = Instant::now();
            while opened < 100 || before_the_ack == 0 {
                assert!(begin.elapsed() < HANG_LIMIT, "no event came before the acknowledgement");
                opened += 1;
                let mut listener = patient().acks(true).open().unwrap();
                let mut next = HashMap::new();
                let mut is_acknowledged = false;
                for delivery in listener.recv(NOW).unwrap().unwrap() {
                    let event = live::event(delivery);
                    if let Some(next) = next.insert(event.cpu, event.seq.wrapping_add(1)) {
                        assert_eq!(event.seq, next, "CPU {}", event.cpu);
                    }
                    is_acknowledged |= matches!(event.data(), EventData::Ack(_));
                    before_the_ack += u32::from(!is_acknowledged);
                }
                assert!(is_acknowledged);
            }
        });
    });
}

/// The queue holds two or three events, so that it drops the acknowledgement again and again.
#[test]
fn tiny_buffer_opens_in_a_storm() {
    if !require::root() {
        return;
    }
    live::run(|| {
        in_a_storm(|| {
            for events in [EventMask::ALL, EventMask::GID] {
                for _ in 0..50 {
                    let options = patient().events(events).receive_buffer(1);
                    let mut listener = options.open().unwrap();
                    while listener.recv(NOW).unwrap().is_none() {}
                }
            }
        });
    });
}

/// The flood's numbers show what is missing.
#[test]
fn losses_while_opening_are_reported_in_their_place() {
    if !require::root() {
        return;
    }
    live::run(|| {
        // Two, so that one runs on a CPU that this test does not use. Each stays on its own: a loss is located among the
        // events of its CPU.
        let cpus = task::cpus();
        let floods = [0, 1].map(|number| {
            let _pinned = Pinned::to(&[cpus[number % cpus.len()]]);
            Flood::endless()
        });
        for events in [EventMask::ALL, EventMask::GID] {
            let begin = Instant::now();
            let mut has_lost = false;
            while !has_lost {
                assert!(begin.elapsed() < HANG_LIMIT, "no event was lost while opening");
                let options = patient().events(events).receive_buffer(1);
                let mut listener = options.open().unwrap();
                let (mut reported, mut missing, mut next) = (0, 0, [None; 2]);
                // A filtered listener has received nothing yet.
                for _ in 0..100 {
                    for delivery in listener.recv(NOW).unwrap().into_iter().flatten() {
                        match delivery {
                            Delivery::Lost(count) => reported += count,
                            Delivery::Event(event) => {
                                for (flood, next) in floods.iter().zip(&mut next) {
                                    let Some(number) = flood.number(&event) else { continue };
                                    missing += u64::from(number - next.unwrap_or(number));
                                    *next = Some(number + 1);
                                }
                                assert!(reported >= missing, "{reported} reported, {missing}");
                            }
                        }
                    }
                }
                has_lost = missing > 0;
            }
        }
    });
}

#[test]
fn own_ack_passes_each_mask() {
    for events in (0..32).filter_map(|bit| EventMask::from_bits(1 << bit)) {
        for skip_threads in [false, true] {
            let options = live::options().events(events).skip_threads(skip_threads).acks(true);
            live::with(options, |listener| {
                live::find(listener, |event| {
                    matches!(event.data(), EventData::Ack(_)).then_some(())
                });
            });
        }
    }
}

/// There the process's clock is behind the kernel's, which dates the events. Those generated under an earlier mask must
/// be distinguished from later ones all the same.
#[test]
fn mask_change_in_time_namespace_invents_no_loss() {
    if !require::root() {
        return;
    }
    live::run(|| {
        let outcome = namespace::run_in(libc::CLONE_NEWTIME, || {
            let Ok(mut listener) = live::options().events(EventMask::COMM).open() else {
                return 253;
            };
            task::set_name("time");
            (1..100).for_each(task::set_group);
            task::set_name("time");
            if listener.set_events(EventMask::ALL).is_err() {
                return 252;
            }
            task::set_name("time");
            let (mut lost, mut delivered) = (0_u64, 0_u32);
            while let Ok(Some(batch)) = listener.recv(NOW) {
                for delivery in batch {
                    match delivery {
                        Delivery::Lost(count) => lost += count,
                        Delivery::Event(_) => delivered += 1,
                    }
                }
            }
            match (lost, delivered) {
                (0, 3..) => 0,
                // Others have filled the queue, which has room for more than this.
                (1.., 10_000..) => disturbance::STATUS,
                (lost, _) => lost.clamp(1, 100) as c_int + disturbance::STATUS,
            }
        });
        assert!(matches!(outcome, None | Some(0)), "{outcome:?}");
    });
}
