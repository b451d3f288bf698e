//! An ordinary user: since Linux 6.6 anybody may listen; before, it takes CAP_NET_ADMIN.

use cnproc_sys::{Delivery, Error, EventData, EventMask, Listener};
use std::ffi::{CStr, c_int};
use std::time::Duration;
use support::{child, exit_code, live};

const NOBODY: u32 = 65534;

/// The running kernel's version.
pub(crate) fn kernel() -> (u32, u32) {
    // SAFETY: a utsname is bytes only; the call fills it with strings that end with NUL.
    let release = unsafe {
        let mut name: libc::utsname = std::mem::zeroed();
        assert_eq!(libc::uname(&mut name), 0);
        CStr::from_ptr(name.release.as_ptr()).to_str().unwrap().to_owned()
    };
    let mut numbers = release.split(['.', '-']).map(|number| number.parse().unwrap_or(0));
    (numbers.next().unwrap(), numbers.next().unwrap())
}

fn exit(status: c_int) -> ! {
    // SAFETY: ends the process.
    unsafe { libc::_exit(status) }
}

fn become_nobody() {
    // SAFETY: no memory is involved.
    let failed = unsafe {
        libc::syscall(libc::SYS_setgroups, 0, 0) != 0
            || libc::syscall(libc::SYS_setresgid, NOBODY, NOBODY, NOBODY) != 0
            || libc::syscall(libc::SYS_setresuid, NOBODY, NOBODY, NOBODY) != 0
    };
    if failed {
        exit(99);
    }
}

/// Opens as nobody, and hears of a child. 0, or where it failed.
fn listen(rmem_max: u32) -> c_int {
    let mut listener = match Listener::options().events(EventMask::EXIT).open() {
        Ok(listener) => listener,
        Err(error) => return exit_code::of(&error),
    };
    // What is not allowed is not asked for, and what is granted is told.
    if listener.stats().receive_buffer > 2 * rmem_max {
        return 100;
    }
    // SAFETY: the child ends itself.
    let child = unsafe { libc::fork() };
    if child == 0 {
        exit(7);
    }
    loop {
        let Ok(Some(batch)) = listener.recv(Some(live::PATIENCE)) else { return 101 };
        for delivery in batch {
            if let Delivery::Event(event) = delivery
                && let EventData::Exit(exit) = event.data()
                && exit.process_pid == child
            {
                return if exit.exit_code == 7 << 8 { 0 } else { 102 };
            }
        }
    }
}

#[test]
fn nobody_may_listen_since_linux_6_6_and_is_told_so_before() {
    if live::open(Listener::options()).is_none() {
        return;
    }
    let rmem_max = std::fs::read_to_string("/proc/sys/net/core/rmem_max").unwrap();
    let rmem_max: u32 = rmem_max.trim().parse().unwrap();
    let child = child::fork(|| {
        become_nobody();
        exit(listen(rmem_max));
    });
    let status = libc::WEXITSTATUS(child.wait());
    assert_eq!(status, if kernel() >= (6, 6) { 0 } else { exit_code::of(&Error::NotPermitted) });
}

/// CAP_NET_ADMIN lifts the system's limit.
#[test]
fn root_is_granted_the_buffer_that_was_asked_for() {
    for receive_buffer in [1 << 16, 16 << 20, 100 << 20] {
        let options = Listener::options().receive_buffer(receive_buffer);
        let Some(listener) = live::open(options) else { return };
        assert_eq!(listener.stats().receive_buffer, 2 * receive_buffer);
    }
    let nonsense = Listener::options().receive_buffer(u32::MAX);
    let Some(mut listener) = live::open(nonsense) else { return };
    assert!(listener.stats().receive_buffer > 100 << 20);
    assert!(listener.recv(Some(Duration::ZERO)).is_ok());
}
