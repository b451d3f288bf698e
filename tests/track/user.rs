//! Ordinary users, and a `/proc` that is missing, hidden or another's.

use cnproc_track::{Change, Error, Tracker};
use std::ffi::{CString, c_int};
use support::child::{self, exit};
use support::namespace::{mount_proc, mount_proc_of_another, own_mounts, unmount_proc};
use support::wait::HANG_LIMIT;
use support::{disturbance, exit_code, kernel_version, live, require, task};

const NOBODY: u32 = 65534;

fn become_nobody() {
    // SAFETY: no memory is involved.
    assert_eq!(unsafe { libc::syscall(libc::SYS_setgroups, 0, 0) }, 0);
    task::set_group(NOBODY);
    task::set_user(NOBODY);
    // SAFETY: takes no arguments.
    assert_eq!(unsafe { libc::getuid() }, NOBODY);
}

const HIDDEN: c_int = 100;
const NO_PROC: c_int = 101;

/// Opens a tracker, and follows a child of this process and process 1. 0, or where it failed.
fn track() -> c_int {
    let mut tracker = match Tracker::options().open() {
        Ok(tracker) => tracker,
        Err(Error::ProcessesHidden) => return HIDDEN,
        Err(Error::Listener(cnproc_sys::Error::NoProcfs)) => return NO_PROC,
        Err(Error::Listener(error)) => return exit_code::of(&error),
        Err(_) => return 102,
    };
    loop {
        match tracker.recv(Some(HANG_LIMIT)) {
            Ok(Some(Change::Synced)) => break,
            Ok(Some(_)) => {}
            _ => return 103,
        }
    }
    let Some(init) = tracker.table().get(1) else { return 104 };
    if (init.ruid, init.euid, init.pid) != (0, 0, 1) {
        return 105;
    }
    let child = child::fork(|| exit(7));
    loop {
        match tracker.recv(Some(HANG_LIMIT)) {
            Ok(Some(Change::Exited(process))) if process.pid == child.pid() => {
                // SAFETY: takes no arguments.
                let user = unsafe { libc::getuid() };
                let is_right =
                    process.euid == user && process.status.map(|status| status.0) == Some(7 << 8);
                return if is_right { 0 } else { 106 };
            }
            Ok(Some(Change::Lost(_))) => return disturbance::STATUS,
            Ok(Some(_)) => {}
            _ => return 107,
        }
    }
}

/// Asserts what [`track`] returns in a mount namespace of its own, after `prepare`.
fn assert_tracks(prepare: fn(), expected: c_int) {
    if !require::root() {
        return;
    }
    live::run(|| {
        let child = child::fork(|| {
            own_mounts();
            prepare();
            exit(track());
        });
        assert_eq!(child.exit_status(), expected);
    });
}

/// As on a kernel without CONFIG_SCHED_INFO: kernel threads have used no CPU time that is counted otherwise.
fn hide_schedstat() {
    for process in std::fs::read_dir("/proc").unwrap() {
        let path = process.unwrap().path().join("schedstat");
        let path = CString::new(path.into_os_string().into_encoded_bytes()).unwrap();
        let (null, none) = (c"/dev/null".as_ptr(), std::ptr::null());
        // SAFETY: the strings end with NUL; the others are not used for this. Fails where there is no such file.
        unsafe { libc::mount(null, path.as_ptr(), none, libc::MS_BIND, none.cast()) };
    }
    assert_eq!(std::fs::read("/proc/2/schedstat").unwrap(), b"");
}

#[test]
fn table_becomes_complete_where_the_scheduler_does_not_count() {
    assert_tracks(hide_schedstat, 0);
}

#[test]
fn ordinary_user_may_track_since_linux_6_6() {
    let not_permitted = exit_code::of(&cnproc_sys::Error::NotPermitted);
    assert_tracks(become_nobody, if kernel_version() >= (6, 6) { 0 } else { not_permitted });
}

#[test]
fn hidden_processes_are_diagnosed_when_it_opens() {
    let not_permitted = exit_code::of(&cnproc_sys::Error::NotPermitted);
    let expected = if kernel_version() >= (6, 6) { HIDDEN } else { not_permitted };
    let hidden = [
        || {
            mount_proc(c"hidepid=1");
            become_nobody();
        },
        || {
            mount_proc(c"hidepid=2");
            become_nobody();
        },
    ];
    hidden.into_iter().for_each(|prepare| assert_tracks(prepare, expected));
}

#[test]
fn root_sees_what_is_hidden_from_others() {
    assert_tracks(|| mount_proc(c"hidepid=2"), 0);
}

#[test]
fn missing_proc_is_diagnosed_when_it_opens() {
    assert_tracks(unmount_proc, NO_PROC);
}

#[test]
fn proc_of_another_pid_namespace_is_diagnosed_when_it_opens() {
    assert_tracks(mount_proc_of_another, NO_PROC);
}
