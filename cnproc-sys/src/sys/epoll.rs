//! An epoll instance over a socket and a timer, for wake-up coalescing.

use super::clock::timespec;
use super::fd::Fd;
use super::{status, value};
use crate::error::{Call, Error};
use core::ffi::c_int;
use core::mem::zeroed;
use core::ptr;

pub(crate) fn epoll() -> Result<Fd, Error> {
    // SAFETY: no memory is involved.
    value(Call::EpollCreate, unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) }).map(Fd::new)
}

/// A timer on CLOCK_MONOTONIC.
pub(crate) fn timer() -> Result<Fd, Error> {
    let flags = libc::TFD_CLOEXEC | libc::TFD_NONBLOCK;
    // SAFETY: no memory is involved.
    let fd = unsafe { libc::timerfd_create(libc::CLOCK_MONOTONIC, flags) };
    value(Call::EpollCreate, fd).map(Fd::new)
}

/// Lets the timer expire once, after that time; at least a nanosecond, because 0 would stop it.
pub(crate) fn set_timer(timer: &Fd, after_ns: u64) -> Result<(), Error> {
    // SAFETY: an itimerspec is integers only. The interval stays 0: once.
    let mut time: libc::itimerspec = unsafe { zeroed() };
    time.it_value = timespec(after_ns.max(1));
    // SAFETY: `time` is valid for reading; the old value is not asked for.
    let result = unsafe { libc::timerfd_settime(timer.raw(), 0, &time, ptr::null_mut()) };
    status(Call::TimerSettime, result)
}

const TIMER: u64 = 1;
const SOCKET: u64 = 2;

fn watch(epoll: &Fd, operation: c_int, fd: &Fd, events: c_int, u64: u64) -> Result<(), Error> {
    let mut event = libc::epoll_event { events: events as u32, u64 };
    // SAFETY: `event` is valid for reading.
    let result = unsafe { libc::epoll_ctl(epoll.raw(), operation, fd.raw(), &mut event) };
    status(Call::EpollCtl, result)
}

/// Makes `epoll` readable at each expiry of the timer, once.
pub(crate) fn watch_timer(epoll: &Fd, timer: &Fd) -> Result<(), Error> {
    watch(epoll, libc::EPOLL_CTL_ADD, timer, libc::EPOLLIN | libc::EPOLLET, TIMER)
}

/// Makes `epoll` readable once, when the socket has something to receive, even if it already has.
/// EPOLL_CTL_ADD the first time, EPOLL_CTL_MOD again.
pub(crate) fn watch_once(epoll: &Fd, socket: &Fd, operation: c_int) -> Result<(), Error> {
    watch(epoll, operation, socket, libc::EPOLLIN | libc::EPOLLONESHOT, SOCKET)
}

/// Makes `epoll` readable at each arrival on the socket, once.
pub(crate) fn watch_arrivals(epoll: &Fd, socket: &Fd) -> Result<(), Error> {
    watch(epoll, libc::EPOLL_CTL_ADD, socket, libc::EPOLLIN | libc::EPOLLET, SOCKET)
}

/// Which descriptors made an epoll instance readable.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Ready {
    pub(crate) timer: bool,
    pub(crate) socket: bool,
}

/// Asks which are ready, without waiting.
pub(crate) fn ready(epoll: &Fd) -> Result<Ready, Error> {
    let mut events = [libc::epoll_event { events: 0, u64: 0 }; 2];
    // SAFETY: `events` is valid for writing of its two.
    let count = value(Call::EpollWait, unsafe {
        libc::epoll_wait(epoll.raw(), events.as_mut_ptr(), events.len() as c_int, 0)
    })?;
    let mut ready = Ready::default();
    for event in events.iter().take(usize::try_from(count).unwrap_or_default()) {
        match event.u64 {
            TIMER => ready.timer = true,
            _ => ready.socket = true,
        }
    }
    Ok(ready)
}
