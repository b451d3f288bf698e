//! An ordinary user: since Linux 6.6 anybody may listen; before, that requires CAP_NET_ADMIN.

use cnproc_sys::{Delivery, Error, EventData, EventMask};
use std::ffi::c_int;
use support::child::{self, exit};
use support::wait::HANG_LIMIT;
use support::{disturbance, exit_code, kernel_version, live, require, task};

const NOBODY: u32 = 65534;

fn become_nobody() {
    // SAFETY: no memory is involved.
    if unsafe { libc::syscall(libc::SYS_setgroups, 0, 0) } != 0 {
        exit(99);
    }
    task::set_group(NOBODY);
    task::set_user(NOBODY);
    // SAFETY: takes no arguments.
    if unsafe { libc::getuid() } != NOBODY {
        exit(99);
    }
}

/// Opens as nobody, and receives the EXIT of a child. 0, or where it failed.
fn listen(rmem_max: u32) -> c_int {
    let mut listener = match live::options().events(EventMask::EXIT).open() {
        Ok(listener) => listener,
        Err(error) => return exit_code::of(&error),
    };
    // No more is requested than is allowed, and what was granted is reported.
    if listener.stats().receive_buffer > rmem_max.saturating_mul(2) {
        return 100;
    }
    let child = child::fork(|| exit(7));
    loop {
        let Ok(Some(batch)) = listener.recv(Some(HANG_LIMIT)) else { return 101 };
        for delivery in batch {
            let Delivery::Event(event) = delivery else { return disturbance::STATUS };
            match event.data() {
                EventData::Exit(exit) if exit.process_pid == child.pid() => {
                    return if exit.exit_code == 7 << 8 { 0 } else { 102 };
                }
                _ => {}
            }
        }
    }
}

#[test]
fn nobody_may_listen_since_linux_6_6() {
    if !require::root() {
        return;
    }
    let rmem_max = std::fs::read_to_string("/proc/sys/net/core/rmem_max").unwrap();
    let rmem_max: u32 = rmem_max.trim().parse().unwrap();
    let expected = if kernel_version() >= (6, 6) { 0 } else { exit_code::of(&Error::NotPermitted) };
    live::run(|| {
        let child = child::fork(|| {
            become_nobody();
            exit(listen(rmem_max));
        });
        assert_eq!(child.exit_status(), expected);
    });
}

/// CAP_NET_ADMIN lifts the system's limit.
#[test]
fn root_is_granted_the_buffer_it_requested() {
    if !require::root() {
        return;
    }
    for receive_buffer in [1 << 16, 16 << 20, 100 << 20] {
        live::with(live::options().receive_buffer(receive_buffer), |listener| {
            assert_eq!(listener.stats().receive_buffer, 2 * receive_buffer);
        });
    }
    live::with(live::options().receive_buffer(u32::MAX), |listener| {
        assert!(listener.stats().receive_buffer > 100 << 20);
        assert!(listener.recv(live::NOW).is_ok());
    });
}
