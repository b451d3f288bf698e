//! Waiting for a descriptor, and ending another thread's wait.

use super::clock::timespec;
use super::fd::Fd;
use super::value;
use crate::error::{Call, Error};
use core::ffi::{c_int, c_void};
use core::ptr;

/// A descriptor that becomes readable by [`signal`].
pub(crate) fn eventfd() -> Result<Fd, Error> {
    // SAFETY: no memory is involved.
    let fd = unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) };
    value(Call::Eventfd, fd).map(Fd::new)
}

/// Makes an eventfd readable. Async-signal-safe: errno stays as it is, and `syscall` is not a cancellation
/// point, unlike `write`.
pub(crate) fn signal(fd: &Fd) {
    let one = 1_u64;
    let start = ptr::from_ref(&one).cast::<c_void>();
    // SAFETY: libc returns a valid pointer to the calling thread's errno, and `one` is valid for reading of
    // its size. A full counter refuses the write, and is readable all the same.
    unsafe {
        let errno = *libc::__errno_location();
        libc::syscall(libc::SYS_write, fd.raw(), start, size_of::<u64>());
        *libc::__errno_location() = errno;
    }
}

/// Makes an eventfd unreadable. Whether it was readable.
pub(crate) fn take_signal(fd: &Fd) -> bool {
    let mut count = [0; size_of::<u64>()];
    super::file::read(Call::Eventfd, fd, &mut count).is_ok()
}

/// Which descriptors became readable.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Ready {
    pub(crate) source: bool,
    pub(crate) wake: bool,
}

/// Waits until one of the two is readable, or the timeout expires; without one, indefinitely.
///
/// Only a signal handler ends the wait early ([`Error::Interrupted`]), with or without SA_RESTART: the
/// kernel restarts `ppoll` after SIGSTOP and SIGCONT and after a suspend, unlike `recvmmsg` on a socket
/// with SO_RCVTIMEO, and `epoll_wait` (signal(7)).
pub(crate) fn readable(source: &Fd, wake: &Fd, timeout_ns: Option<u64>) -> Result<Ready, Error> {
    let watched = |fd: &Fd| libc::pollfd { fd: fd.raw(), events: libc::POLLIN, revents: 0 };
    let mut fds = [watched(source), watched(wake)];
    let timeout = timeout_ns.map(timespec);
    let timeout = timeout.as_ref().map_or(ptr::null(), ptr::from_ref);
    // SAFETY: `fds` is valid for writing of its length; `timeout` is NULL or points to `timeout` above,
    // which lives until the end of the function; a NULL mask leaves the signal mask as it is.
    let result =
        unsafe { libc::ppoll(fds.as_mut_ptr(), fds.len() as libc::nfds_t, timeout, ptr::null()) };
    value(Call::Poll, result as c_int)?;
    let [source, wake] = fds.map(|fd| fd.revents != 0);
    Ok(Ready { source, wake })
}
