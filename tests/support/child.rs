//! Child processes that do as a test says.

use std::ffi::c_int;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// A child process. Waited for when it goes.
#[derive(Debug)]
pub struct Child {
    pid: c_int,
    waited: bool,
}

/// Forks a child that runs `body`, and ends with status 0; with 101 if it panics.
///
/// The test program has threads: `body` may make system calls, and take no locks (no allocation, no
/// printing, no panic).
pub fn fork(body: impl FnOnce()) -> Child {
    // SAFETY: the child makes system calls only, as the caller promises, and leaves by _exit.
    match unsafe { libc::fork() } {
        -1 => panic!("fork: {}", std::io::Error::last_os_error()),
        0 => {
            let done = catch_unwind(AssertUnwindSafe(body));
            // SAFETY: ends the process.
            unsafe { libc::_exit(if done.is_ok() { 0 } else { 101 }) }
        }
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
        // SAFETY: no memory is involved, and the pid is ours until it is waited for.
        assert_eq!(unsafe { libc::kill(self.pid, signal) }, 0);
    }

    /// That its end has been waited for otherwise.
    pub(crate) fn forget(mut self) {
        self.waited = true;
    }

    /// Waits for its end. Returns the wait status.
    pub fn wait(mut self) -> c_int {
        self.reap()
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

impl Drop for Child {
    fn drop(&mut self) {
        if !self.waited {
            // SAFETY: as in `kill`.
            unsafe { libc::kill(self.pid, libc::SIGKILL) };
            self.reap();
        }
    }
}
