//! Processes that the caller may not see, and a `/proc` that shows others or none.

use super::{exec_now, options};
use cnproc_sys::{Error, Listener};
use support::child::{self, exit};
use support::namespace::{mount_proc, mount_proc_of_another, own_mounts, unmount_proc};
use support::{live, require};

/// Asserts that `ask` returns true for a listener that was opened in a mount namespace of its own, in which `mount`
/// has changed `/proc`, and that is asked after `prepare`.
fn assert_in_own_mount_namespace(mount: fn(), prepare: fn(), ask: impl Fn(&mut Listener) -> bool) {
    if !require::root() {
        return;
    }
    live::run(|| {
        let child = child::fork(|| {
            own_mounts();
            mount();
            // As root, which opening and closing require before Linux 6.6.
            let mut listener = options().open().unwrap();
            prepare();
            let is_right = ask(&mut listener);
            // SAFETY: no memory is involved.
            assert_eq!(unsafe { libc::setresuid(0, 0, 0) }, 0);
            drop(listener);
            exit(i32::from(!is_right));
        });
        assert_eq!(child.exit_status(), 0);
    });
}

fn leave_as_it_is() {}

fn become_nobody() {
    // hidepid exempts the group 0. SAFETY: no memory is involved.
    let groups = unsafe { libc::setgroups(0, std::ptr::null()) };
    // SAFETY: as above.
    let ids = unsafe { libc::setresgid(65534, 65534, 0) + libc::setresuid(65534, 65534, 0) };
    assert_eq!((groups, ids), (0, 0));
}

#[test]
fn hidden_process_is_distinguished_from_one_that_is_gone() {
    let is_right = |listener: &mut Listener| {
        matches!(listener.process(&exec_now(1)), Err(Error::ProcessHidden))
            && matches!(listener.process(&exec_now(4_194_303)), Err(Error::ProcessGone))
    };
    // The directory cannot be read; or it does not even exist.
    for mount in [|| mount_proc(c"hidepid=1"), || mount_proc(c"hidepid=2")] as [fn(); 2] {
        assert_in_own_mount_namespace(mount, become_nobody, is_right);
    }
}

#[test]
fn ordinary_user_sees_everything_except_paths() {
    assert_in_own_mount_namespace(leave_as_it_is, become_nobody, |listener| {
        let process = listener.process(&exec_now(1)).unwrap();
        process.read_comm(&mut [0; 64]).is_ok_and(|name| !name.bytes().is_empty())
            && process.status().is_ok()
            && matches!(process.read_exe(&mut [0; 64]), Err(Error::ProcessHidden))
            && matches!(process.read_cwd(&mut [0; 64]), Err(Error::ProcessHidden))
    });
}

fn is_refused(listener: &mut Listener) -> bool {
    matches!(listener.process(&exec_now(1)), Err(Error::NoProcfs))
}

#[test]
fn missing_proc_is_refused() {
    assert_in_own_mount_namespace(unmount_proc, leave_as_it_is, is_refused);
}

#[test]
fn proc_of_other_pid_namespace_is_refused() {
    assert_in_own_mount_namespace(mount_proc_of_another, leave_as_it_is, is_refused);
}
