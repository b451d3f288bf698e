//! The system calls: every `unsafe` line of this crate.

use crate::errno::Errno;
use crate::fd::Fd;
use cnproc_parse::{Program, kernel};
use core::ffi::{CStr, c_int, c_long};
use core::marker::PhantomData;
use core::mem::{MaybeUninit, size_of, size_of_val, zeroed};
use core::ops::{Deref, DerefMut};
use core::ptr::{self, NonNull};
use libc::{sockaddr_nl, socklen_t};

pub(crate) type Result<T> = core::result::Result<T, Errno>;

fn last_errno() -> Errno {
    // SAFETY: libc gives a valid pointer to the calling thread's errno.
    Errno(unsafe { *libc::__errno_location() })
}

/// A system call's result: its value, or errno if it is negative.
fn value(result: c_int) -> Result<c_int> {
    if result < 0 { Err(last_errno()) } else { Ok(result) }
}

pub(crate) fn close(fd: c_int) {
    // SAFETY: no memory is involved; `Fd` closes only what it owns.
    unsafe { libc::close(fd) };
}

pub(crate) fn getpid() -> c_int {
    // SAFETY: no arguments, cannot fail.
    unsafe { libc::getpid() }
}

/// Now, on the clock of the events' timestamps, in nanoseconds.
pub(crate) fn monotonic() -> u64 {
    now(libc::CLOCK_MONOTONIC)
}

/// Now, on the clock of processes' start times, in nanoseconds.
pub(crate) fn boottime() -> u64 {
    now(libc::CLOCK_BOOTTIME)
}

fn now(clock: libc::clockid_t) -> u64 {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `now` is valid for writing.
    unsafe { libc::clock_gettime(clock, &mut now) };
    #[allow(clippy::unnecessary_cast, reason = "32 bits wide on some architectures")]
    let (seconds, nanoseconds) = (now.tv_sec as u64, now.tv_nsec as u64);
    seconds.saturating_mul(1_000_000_000).saturating_add(nanoseconds)
}

/// Of which start times are counts (USER_HZ).
pub(crate) fn ticks_per_second() -> u64 {
    // SAFETY: no memory is involved.
    let ticks = unsafe { libc::sysconf(libc::_SC_CLK_TCK) };
    u64::try_from(ticks).unwrap_or_default().max(1)
}

/// Whether there is a process or thread of that id, and this process may not send it signals.
pub(crate) fn is_forbidden_to_signal(pid: c_int) -> bool {
    // SAFETY: no memory is involved, and 0 is no signal.
    value(unsafe { libc::kill(pid, 0) }) == Err(Errno(libc::EPERM))
}

/// A descriptor of the process that has that id now. Linux 5.3.
pub(crate) fn pidfd_open(pid: c_int) -> Result<Fd> {
    // SAFETY: no memory is involved.
    let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) };
    value(fd as c_int).map(Fd::new)
}

/// 32 random bits; None before Linux 3.17, or early in boot.
pub(crate) fn random() -> Option<u32> {
    let mut bytes = [0; 4];
    // SAFETY: `bytes` is valid for writing of its length.
    let got = unsafe {
        libc::syscall(libc::SYS_getrandom, bytes.as_mut_ptr(), bytes.len(), libc::GRND_NONBLOCK)
    };
    (got == bytes.len() as c_long).then_some(u32::from_ne_bytes(bytes))
}

/// The beginning of a file, as much as fits; what is left of `bytes` stays as it is.
pub(crate) fn read_file<'a>(path: &CStr, bytes: &'a mut [u8]) -> Result<&'a [u8]> {
    let got = read(&openat(libc::AT_FDCWD, path, libc::O_RDONLY)?, bytes)?;
    Ok(bytes.get(..got).unwrap_or_default())
}

fn openat(directory: c_int, path: &CStr, flags: c_int) -> Result<Fd> {
    // SAFETY: `path` ends with NUL.
    value(unsafe { libc::openat(directory, path.as_ptr(), flags | libc::O_CLOEXEC) }).map(Fd::new)
}

/// A directory, to reach what is in it. `path` is relative to another, if one is given.
pub(crate) fn open_directory(at: Option<&Fd>, path: &CStr) -> Result<Fd> {
    openat(at.map_or(libc::AT_FDCWD, Fd::raw), path, libc::O_PATH | libc::O_DIRECTORY)
}

/// A file of a directory, to read it.
pub(crate) fn open_file(directory: &Fd, name: &CStr) -> Result<Fd> {
    openat(directory.raw(), name, libc::O_RDONLY)
}

/// Reads once. Returns how many bytes came.
pub(crate) fn read(fd: &Fd, bytes: &mut [u8]) -> Result<usize> {
    // SAFETY: `bytes` is valid for writing of its length.
    let got = unsafe { libc::read(fd.raw(), bytes.as_mut_ptr().cast(), bytes.len()) };
    usize::try_from(got).map_err(|_| last_errno())
}

/// Where a link of a directory leads to, as much as fits.
pub(crate) fn readlinkat<'a>(directory: &Fd, name: &CStr, bytes: &'a mut [u8]) -> Result<&'a [u8]> {
    readlink_from(directory.raw(), name, bytes)
}

/// Where a link leads to, as much as fits.
pub(crate) fn readlink<'a>(path: &CStr, bytes: &'a mut [u8]) -> Result<&'a [u8]> {
    readlink_from(libc::AT_FDCWD, path, bytes)
}

fn readlink_from<'a>(directory: c_int, path: &CStr, bytes: &'a mut [u8]) -> Result<&'a [u8]> {
    let (start, length) = (bytes.as_mut_ptr(), bytes.len());
    // SAFETY: `path` ends with NUL, `bytes` is valid for writing of its length.
    let got = unsafe { libc::readlinkat(directory, path.as_ptr(), start.cast(), length) };
    let got = usize::try_from(got).map_err(|_| last_errno())?;
    Ok(bytes.get(..got).unwrap_or_default())
}

pub(crate) fn netlink_socket() -> Result<Fd> {
    let kind = libc::SOCK_DGRAM | libc::SOCK_CLOEXEC;
    // SAFETY: no memory is involved.
    value(unsafe { libc::socket(libc::AF_NETLINK, kind, libc::NETLINK_CONNECTOR) }).map(Fd::new)
}

fn address(groups: u32) -> sockaddr_nl {
    // SAFETY: a sockaddr_nl is integers only; all zero is one: the kernel's own address.
    let mut address: sockaddr_nl = unsafe { zeroed() };
    address.nl_family = libc::AF_NETLINK as _;
    address.nl_groups = groups;
    address
}

const ADDRESS_SIZE: socklen_t = size_of::<sockaddr_nl>() as socklen_t;

/// Joins the groups, at a port that the kernel chooses.
pub(crate) fn bind(fd: &Fd, groups: u32) -> Result<()> {
    let address = address(groups);
    // SAFETY: the pointer and the length are of `address`.
    value(unsafe { libc::bind(fd.raw(), ptr::from_ref(&address).cast(), ADDRESS_SIZE) }).map(drop)
}

/// Makes the kernel the only peer: others' unicast messages are refused.
pub(crate) fn connect_to_kernel(fd: &Fd) -> Result<()> {
    let address = address(0);
    // SAFETY: the pointer and the length are of `address`.
    value(unsafe { libc::connect(fd.raw(), ptr::from_ref(&address).cast(), ADDRESS_SIZE) })
        .map(drop)
}

pub(crate) fn send(fd: &Fd, bytes: &[u8]) -> Result<()> {
    // SAFETY: `bytes` is valid for reading of its length.
    let sent = unsafe { libc::send(fd.raw(), bytes.as_ptr().cast(), bytes.len(), 0) };
    if sent < 0 { Err(last_errno()) } else { Ok(()) }
}

/// Sets a socket option whose value is a `T` as C knows it.
fn set_option<T>(fd: &Fd, level: c_int, name: c_int, option: &T) -> Result<()> {
    let length = size_of::<T>() as socklen_t;
    // SAFETY: the pointer and the length are of `option`.
    value(unsafe { libc::setsockopt(fd.raw(), level, name, ptr::from_ref(option).cast(), length) })
        .map(drop)
}

pub(crate) fn set_option_int(fd: &Fd, level: c_int, name: c_int, option: c_int) -> Result<()> {
    set_option(fd, level, name, &option)
}

/// How long a receiving call may block (SO_RCVTIMEO); at least a microsecond, for 0 means for ever.
pub(crate) fn set_receive_timeout(fd: &Fd, timeout_ns: u64) -> Result<()> {
    let timeout_us = (timeout_ns / 1000).max(1);
    // SAFETY: a timeval is integers only.
    let mut time: libc::timeval = unsafe { zeroed() };
    time.tv_sec = (timeout_us / 1_000_000) as _;
    time.tv_usec = (timeout_us % 1_000_000) as _;
    set_option(fd, libc::SOL_SOCKET, libc::SO_RCVTIMEO, &time)
}

/// Runs the program on each message before it is queued (SO_ATTACH_FILTER).
pub(crate) fn attach_filter(fd: &Fd, program: &Program) -> Result<()> {
    // The kernel's layout, as libc has it, too. It only reads.
    const { assert!(size_of::<kernel::sock_filter>() == size_of::<libc::sock_filter>()) };
    let instructions = program.instructions();
    let filter = instructions.as_ptr().cast_mut().cast();
    let program = libc::sock_fprog { len: instructions.len() as u16, filter };
    set_option(fd, libc::SOL_SOCKET, libc::SO_ATTACH_FILTER, &program)
}

pub(crate) fn detach_filter(fd: &Fd) -> Result<()> {
    set_option_int(fd, libc::SOL_SOCKET, libc::SO_DETACH_FILTER, 0)
}

/// What SO_MEMINFO tells of a socket, `linux/sock_diag.h`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Memory {
    /// SK_MEMINFO_RMEM_ALLOC: how many bytes of the receive buffer are taken.
    pub(crate) queued: u32,
    /// SK_MEMINFO_DROPS: how many messages were dropped, modulo 2^32.
    pub(crate) drops: u32,
}

/// SO_MEMINFO. Linux 4.12.
pub(crate) fn memory(fd: &Fd) -> Result<Memory> {
    let mut numbers = [0_u32; 9];
    let mut length = size_of_val(&numbers) as socklen_t;
    // SAFETY: the pointer and the length are of `numbers`; the kernel writes no more than that.
    value(unsafe {
        libc::getsockopt(
            fd.raw(),
            libc::SOL_SOCKET,
            libc::SO_MEMINFO,
            numbers.as_mut_ptr().cast(),
            &mut length,
        )
    })?;
    let [queued, .., drops] = numbers;
    Ok(Memory { queued, drops })
}

/// SO_RCVBUF: what the kernel grants, which is twice what was asked.
pub(crate) fn receive_buffer(fd: &Fd) -> Result<u32> {
    let mut bytes: c_int = 0;
    let mut length = size_of::<c_int>() as socklen_t;
    // SAFETY: the pointer and the length are of `bytes`.
    value(unsafe {
        libc::getsockopt(
            fd.raw(),
            libc::SOL_SOCKET,
            libc::SO_RCVBUF,
            ptr::from_mut(&mut bytes).cast(),
            &mut length,
        )
    })?;
    Ok(bytes.cast_unsigned())
}

/// Types of which all bytes zero are a value.
///
/// # Safety
/// They must be.
pub(crate) unsafe trait Zeroed {}

// SAFETY: an integer.
unsafe impl Zeroed for core::sync::atomic::AtomicU32 {}
// SAFETY: four integers.
unsafe impl Zeroed for crate::loss::Cpu {}
// SAFETY: integers and arrays of them; `sockaddr_nl` likewise.
unsafe impl Zeroed for Slot {}

/// Memory of its own from the kernel, given back when it goes.
#[derive(Debug)]
struct Pages {
    start: NonNull<u8>,
    bytes: usize,
}

impl Pages {
    fn new(bytes: usize) -> Result<Self> {
        let protection = libc::PROT_READ | libc::PROT_WRITE;
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
        // SAFETY: a new mapping, at an address of the kernel's choice, touches no memory in use.
        let start = unsafe { libc::mmap(ptr::null_mut(), bytes, protection, flags, -1, 0) };
        if start == libc::MAP_FAILED {
            return Err(last_errno());
        }
        let start = NonNull::new(start.cast()).ok_or(Errno(libc::ENOMEM))?;
        Ok(Self { start, bytes })
    }
}

impl Drop for Pages {
    fn drop(&mut self) {
        // SAFETY: exactly what `new` mapped, and nothing refers to it any more.
        unsafe { libc::munmap(self.start.as_ptr().cast(), self.bytes) };
    }
}

/// Values in memory of their own, all zero at first. A page takes room only once it is written to.
#[derive(Debug)]
pub(crate) struct Mapping<T> {
    pages: Pages,
    length: usize,
    values: PhantomData<T>,
}

// SAFETY: the memory is owned, as by a Box.
unsafe impl<T: Send> Send for Mapping<T> {}
// SAFETY: a shared `Mapping` only reads.
unsafe impl<T: Sync> Sync for Mapping<T> {}

impl<T: Zeroed> Mapping<T> {
    pub(crate) fn new(length: usize) -> Result<Self> {
        let pages = Pages::new(length.saturating_mul(size_of::<T>()))?;
        Ok(Self { pages, length, values: PhantomData })
    }

    /// As [`new`](Self::new), and zeroed anew in a child by fork. Linux 4.14.
    pub(crate) fn wiped_on_fork(length: usize) -> Result<Self> {
        let mapping = Self::new(length)?;
        let Pages { start, bytes } = &mapping.pages;
        // SAFETY: exactly what `new` mapped, and nothing refers to it yet. In a child it will hold zeros,
        // which are a value of every `T`.
        value(unsafe { libc::madvise(start.as_ptr().cast(), *bytes, libc::MADV_WIPEONFORK) })?;
        Ok(mapping)
    }
}

impl<T> Deref for Mapping<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        // SAFETY: the mapping is `length` values long, page-aligned, and was zeroed, which is a value
        // of every `T` that `new` is for. It lives until drop.
        unsafe { core::slice::from_raw_parts(self.pages.start.as_ptr().cast(), self.length) }
    }
}

impl<T> DerefMut for Mapping<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        let start = self.pages.start.as_ptr().cast();
        // SAFETY: as in `deref`; `&mut self` makes this the only reference.
        unsafe { core::slice::from_raw_parts_mut(start, self.length) }
    }
}

/// Room for one datagram, 128 bytes: of today's 76-byte datagrams one, with 36 bytes to spare.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct Slot {
    sender: sockaddr_nl,
    /// How long the datagram is; more than there is room for if it was cut off.
    pub(crate) length: u32,
    pub(crate) bytes: [u8; 112],
}

impl Slot {
    /// The sender's port: 0 is the kernel, which no other sender can claim to be.
    pub(crate) const fn nl_pid(&self) -> u32 {
        self.sender.nl_pid
    }
}

/// How many datagrams one call takes at most.
pub(crate) const BATCH: usize = 64;

/// Receives datagrams into the slots, one each, at most `BATCH`; returns how many came.
pub(crate) fn recvmmsg(fd: &Fd, slots: &mut [Slot], flags: c_int) -> Result<usize> {
    let batch = slots.len().min(BATCH);
    let mut buffers = [const { MaybeUninit::<libc::iovec>::uninit() }; BATCH];
    let mut headers = [const { MaybeUninit::<libc::mmsghdr>::uninit() }; BATCH];
    for ((header, buffer), slot) in headers.iter_mut().zip(&mut buffers).zip(slots.iter_mut()) {
        let (start, length) = (slot.bytes.as_mut_ptr(), slot.bytes.len());
        // SAFETY: integers, and raw pointers, which may be null.
        let header = header.write(unsafe { zeroed() });
        header.msg_hdr.msg_name = ptr::from_mut(&mut slot.sender).cast();
        header.msg_hdr.msg_namelen = ADDRESS_SIZE;
        header.msg_hdr.msg_iov =
            buffer.write(libc::iovec { iov_base: start.cast(), iov_len: length });
        header.msg_hdr.msg_iovlen = 1;
    }
    // With MSG_TRUNC a length is the datagram's, also where it did not fit.
    let flags = (flags | libc::MSG_TRUNC) as _;
    // SAFETY: the loop has just written the first `batch` headers: each names one buffer and one
    // address, both of a slot that is borrowed exclusively until this returns; the control pointers
    // are null. No time-out: a null pointer.
    let came = value(unsafe {
        libc::recvmmsg(fd.raw(), headers.as_mut_ptr().cast(), batch as _, flags, ptr::null_mut())
    })?;
    let came = came.cast_unsigned() as usize;
    for (header, slot) in headers.iter().zip(slots).take(came) {
        // SAFETY: no more came than `batch`, whose headers were written above.
        slot.length = unsafe { header.assume_init_ref() }.msg_len;
    }
    Ok(came)
}

pub(crate) fn epoll() -> Result<Fd> {
    // SAFETY: no memory is involved.
    value(unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) }).map(Fd::new)
}

/// A timer on the clock of [`monotonic`].
pub(crate) fn timer() -> Result<Fd> {
    let flags = libc::TFD_CLOEXEC | libc::TFD_NONBLOCK;
    // SAFETY: no memory is involved.
    value(unsafe { libc::timerfd_create(libc::CLOCK_MONOTONIC, flags) }).map(Fd::new)
}

/// Lets the timer expire once, after that time; at least a nanosecond, for 0 would stop it.
pub(crate) fn set_timer(timer: &Fd, after_ns: u64) -> Result<()> {
    let after_ns = after_ns.max(1);
    // SAFETY: an itimerspec is integers only. The interval stays 0: once.
    let mut time: libc::itimerspec = unsafe { zeroed() };
    time.it_value.tv_sec = (after_ns / 1_000_000_000) as _;
    time.it_value.tv_nsec = (after_ns % 1_000_000_000) as _;
    // SAFETY: `time` is valid for reading; the old value is not asked for.
    value(unsafe { libc::timerfd_settime(timer.raw(), 0, &time, ptr::null_mut()) }).map(drop)
}

const TIMER: u64 = 1;
const SOCKET: u64 = 2;

fn watch(epoll: &Fd, operation: c_int, fd: &Fd, events: c_int, u64: u64) -> Result<()> {
    let mut event = libc::epoll_event { events: events.cast_unsigned(), u64 };
    // SAFETY: `event` is valid for reading.
    value(unsafe { libc::epoll_ctl(epoll.raw(), operation, fd.raw(), &mut event) }).map(drop)
}

/// Makes `epoll` tell of each expiry of the timer, once.
pub(crate) fn watch_timer(epoll: &Fd, timer: &Fd) -> Result<()> {
    watch(epoll, libc::EPOLL_CTL_ADD, timer, libc::EPOLLIN | libc::EPOLLET, TIMER)
}

/// Makes `epoll` tell once that the socket has something to receive, be it there already.
/// EPOLL_CTL_ADD the first time, EPOLL_CTL_MOD again.
pub(crate) fn watch_once(epoll: &Fd, socket: &Fd, operation: c_int) -> Result<()> {
    watch(epoll, operation, socket, libc::EPOLLIN | libc::EPOLLONESHOT, SOCKET)
}

/// What [`wait`] was woken by.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Woken {
    pub(crate) timer: bool,
    pub(crate) socket: bool,
}

/// Waits until `epoll` has something to tell, or the time-out is over, which is rounded up to whole
/// milliseconds; without one, for ever.
pub(crate) fn wait(epoll: &Fd, timeout_ns: Option<u64>) -> Result<Woken> {
    let milliseconds = timeout_ns.map_or(-1, |timeout_ns| {
        c_int::try_from(timeout_ns.div_ceil(1_000_000)).unwrap_or(c_int::MAX)
    });
    let mut events = [libc::epoll_event { events: 0, u64: 0 }; 2];
    // SAFETY: `events` is valid for writing of its two.
    let count = value(unsafe {
        libc::epoll_wait(epoll.raw(), events.as_mut_ptr(), events.len() as c_int, milliseconds)
    })?;
    let mut woken = Woken::default();
    for event in events.iter().take(count.cast_unsigned() as usize) {
        match event.u64 {
            TIMER => woken.timer = true,
            _ => woken.socket = true,
        }
    }
    Ok(woken)
}

/// Gives the descriptor away.
#[cfg(feature = "std")]
pub(crate) fn owned(fd: Fd) -> std::os::fd::OwnedFd {
    use std::os::fd::FromRawFd;
    // SAFETY: `fd` is open, and owned by nobody else once it is taken out of `Fd`.
    unsafe { std::os::fd::OwnedFd::from_raw_fd(fd.into_raw()) }
}

/// Lends the descriptor for `AsFd`.
#[cfg(feature = "std")]
pub(crate) fn borrow(fd: &Fd) -> std::os::fd::BorrowedFd<'_> {
    // SAFETY: `fd` is open, and stays so for the lifetime of the borrow.
    unsafe { std::os::fd::BorrowedFd::borrow_raw(fd.raw()) }
}

/// What `ask` says in a child by fork. It may make system calls, and nothing else.
#[cfg(test)]
pub(crate) fn in_child(ask: impl FnOnce() -> bool) -> bool {
    let mut status = 0;
    // SAFETY: the child calls `ask` and ends by _exit; `status` is valid for writing.
    unsafe {
        match libc::fork() {
            0 => libc::_exit(c_int::from(ask())),
            child => assert_eq!(libc::waitpid(child, &mut status, 0), child),
        }
    }
    libc::WEXITSTATUS(status) == 1
}
