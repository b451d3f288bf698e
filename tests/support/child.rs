//! Forked children that run a part of a test.

use crate::disturbance::{self, disturbed};
use std::ffi::c_int;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// A forked child. Killed, and waited for, when it goes.
#[derive(Debug)]
pub struct Child {
    pid: c_int,
    waited: bool,
}

/// Ends the calling process.
pub fn exit(status: c_int) -> ! {
    // SAFETY: ends the process.
    unsafe { libc::_exit(status) }
}

/// Waits until a signal ends the calling process.
pub fn pause() -> ! {
    loop {
        // SAFETY: no memory is involved.
        unsafe { libc::pause() };
    }
}

/// Forks a child that runs `body` and exits with status 0; with 101 if it panics.
///
/// The test program has threads, so `body` makes system calls and takes no locks: it neither allocates nor prints.
pub fn fork(body: impl FnOnce()) -> Child {
    // SAFETY: the child makes system calls only, as the caller promises, and leaves by _exit.
    match unsafe { libc::fork() } {
        -1 => panic!("fork: {}", std::io::Error::last_os_error()),
        0 => exit(if catch_unwind(AssertUnwindSafe(body)).is_ok() { 0 } else { 101 }),
        pid => Child { pid, waited: false },
    }
}

impl Child {
    /// Its process id.
    pub fn pid(&self) -> c_int {
        self.pid
    }

    /// Sends it a signal.
    pub fn kill(&self, signal: c_int) {
        // SAFETY: no memory is involved, and the pid is the child's until it has been waited for.
        assert_eq!(unsafe { libc::kill(self.pid, signal) }, 0);
    }

    /// Notes that it has been waited for in another way.
    pub(crate) fn forget(mut self) {
        self.waited = true;
    }

    /// Waits until it ends. Returns the wait status.
    pub fn wait(mut self) -> c_int {
        self.reap()
    }

    /// Waits until it ends. Returns its exit status; [`disturbed`] if that is what the status means.
    pub fn exit_status(self) -> c_int {
        exit_status(self.wait())
    }

    fn reap(&mut self) -> c_int {
        let mut status = 0;
        self.waited = true;
        // SAFETY: `status` is valid for writing.
        while unsafe { libc::waitpid(self.pid, &mut status, 0) } == -1 {
            let error = std::io::Error::last_os_error();
            assert_eq!(error.raw_os_error(), Some(libc::EINTR), "{error}");
        }
        status
    }
}

/// The exit status in a wait status; [`disturbed`] if that is what it means.
pub fn exit_status(status: c_int) -> c_int {
    assert!(libc::WIFEXITED(status), "a signal killed the child: {}", libc::WTERMSIG(status));
    match libc::WEXITSTATUS(status) {
        disturbance::STATUS => disturbed("a child says so"),
        status => status,
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        if !self.waited {
            // SAFETY: as in `kill`.
            unsafe { libc::kill(self.pid, libc::SIGKILL) };
            self.reap();
        }
    }
}
