//! The netlink socket: its options, and datagrams from it.

use super::fd::Fd;
use super::mapping::Zeroed;
use super::{failed, status, value};
use crate::error::{Call, Errno, Error};
use cnproc_parse::{Program, kernel};
use core::ffi::c_int;
use core::mem::{MaybeUninit, size_of_val, zeroed};
use core::ptr;
use libc::{sockaddr_nl, socklen_t};

pub(crate) fn netlink_socket() -> Result<Fd, Error> {
    let kind = libc::SOCK_DGRAM | libc::SOCK_CLOEXEC;
    // SAFETY: no memory is involved.
    let fd = unsafe { libc::socket(libc::AF_NETLINK, kind, libc::NETLINK_CONNECTOR) };
    value(Call::Socket, fd).map(Fd::new)
}

fn address(groups: u32) -> sockaddr_nl {
    // SAFETY: a sockaddr_nl is integers only; all zero is the kernel's own address.
    let mut address: sockaddr_nl = unsafe { zeroed() };
    address.nl_family = libc::AF_NETLINK as _;
    address.nl_groups = groups;
    address
}

const ADDRESS_SIZE: socklen_t = size_of::<sockaddr_nl>() as socklen_t;

/// Joins the groups, at a port that the kernel chooses.
pub(crate) fn bind(fd: &Fd, groups: u32) -> Result<(), Error> {
    let address = address(groups);
    // SAFETY: pointer and length are those of `address`.
    let result = unsafe { libc::bind(fd.raw(), ptr::from_ref(&address).cast(), ADDRESS_SIZE) };
    status(Call::Bind, result)
}

/// Makes the kernel the only peer: unicast messages of other processes are refused at their sender.
pub(crate) fn connect_to_kernel(fd: &Fd) -> Result<(), Error> {
    let address = address(0);
    // SAFETY: pointer and length are those of `address`.
    let result = unsafe { libc::connect(fd.raw(), ptr::from_ref(&address).cast(), ADDRESS_SIZE) };
    status(Call::Connect, result)
}

/// The port that the kernel chose.
pub(crate) fn port(fd: &Fd) -> Result<u32, Error> {
    let (mut own, mut length) = (address(0), ADDRESS_SIZE);
    // SAFETY: pointer and length are those of `own`, and the kernel writes no more than that.
    let result =
        unsafe { libc::getsockname(fd.raw(), ptr::from_mut(&mut own).cast(), &mut length) };
    status(Call::GetSockName, result).map(|()| own.nl_pid)
}

/// Sends to another socket's port.
pub(crate) fn send_to(fd: &Fd, port: u32, bytes: &[u8]) -> Result<(), Error> {
    let mut address = address(0);
    address.nl_pid = port;
    let (start, to) = (bytes.as_ptr().cast(), ptr::from_ref(&address).cast());
    // SAFETY: `bytes` is valid for reading of its length; pointer and length of `to` are those of `address`.
    let sent = unsafe { libc::sendto(fd.raw(), start, bytes.len(), 0, to, ADDRESS_SIZE) };
    if sent < 0 { Err(failed(Call::SendTo)) } else { Ok(()) }
}

pub(crate) fn send(fd: &Fd, bytes: &[u8]) -> Result<(), Error> {
    // SAFETY: `bytes` is valid for reading of its length.
    let sent = unsafe { libc::send(fd.raw(), bytes.as_ptr().cast(), bytes.len(), 0) };
    if sent < 0 { Err(failed(Call::Send)) } else { Ok(()) }
}

/// Sets a socket option whose value is a `T` in C.
fn set_option<T>(call: Call, fd: &Fd, level: c_int, name: c_int, option: &T) -> Result<(), Error> {
    let (option, length) = (ptr::from_ref(option), size_of::<T>() as socklen_t);
    // SAFETY: pointer and length are those of `option`.
    let result = unsafe { libc::setsockopt(fd.raw(), level, name, option.cast(), length) };
    status(call, result)
}

/// Reads a socket option into `option`. Returns how many of its bytes the kernel wrote.
fn get_option<T>(call: Call, fd: &Fd, name: c_int, option: &mut T) -> Result<usize, Error> {
    let mut length = size_of::<T>() as socklen_t;
    let option = ptr::from_mut(option).cast();
    // SAFETY: pointer and length are those of `option`, and the kernel writes no more than that.
    let result = unsafe { libc::getsockopt(fd.raw(), libc::SOL_SOCKET, name, option, &mut length) };
    status(call, result).map(|()| length as usize)
}

/// NETLINK_NO_ENOBUFS: delivery resumes as soon as a full queue has room.
pub(crate) fn set_no_enobufs(fd: &Fd) -> Result<(), Error> {
    set_option(Call::SetNoEnobufs, fd, libc::SOL_NETLINK, libc::NETLINK_NO_ENOBUFS, &1_i32)
}

/// Sets the receive buffer beyond the system's limit or, where that is not permitted, up to it.
pub(crate) fn set_receive_buffer(fd: &Fd, bytes: u32) -> Result<(), Error> {
    let bytes = c_int::try_from(bytes).unwrap_or(c_int::MAX);
    let set = |name| set_option(Call::SetReceiveBuffer, fd, libc::SOL_SOCKET, name, &bytes);
    set(libc::SO_RCVBUFFORCE).or_else(|_| set(libc::SO_RCVBUF))
}

/// SO_RCVBUF: what the kernel granted, which is twice what was asked.
pub(crate) fn receive_buffer(fd: &Fd) -> Result<u32, Error> {
    let mut bytes = 0_u32;
    get_option(Call::GetReceiveBuffer, fd, libc::SO_RCVBUF, &mut bytes)?;
    Ok(bytes)
}

/// Runs the program on each message before it is queued (SO_ATTACH_FILTER).
pub(crate) fn attach_filter(fd: &Fd, program: &Program) -> Result<(), Error> {
    // The kernel's layout, which libc declares as well. The kernel only reads.
    const { assert!(size_of::<kernel::sock_filter>() == size_of::<libc::sock_filter>()) };
    let instructions = program.instructions();
    let filter = instructions.as_ptr().cast_mut().cast();
    let program = libc::sock_fprog { len: instructions.len() as u16, filter };
    set_option(Call::AttachFilter, fd, libc::SOL_SOCKET, libc::SO_ATTACH_FILTER, &program)
}

/// Lets all messages pass again. Succeeds if no filter was attached, too.
pub(crate) fn detach_filter(fd: &Fd) -> Result<(), Error> {
    match set_option(Call::AttachFilter, fd, libc::SOL_SOCKET, libc::SO_DETACH_FILTER, &0_i32) {
        Err(error) if super::is(&error, libc::ENOENT) => Ok(()),
        result => result,
    }
}

/// What SO_MEMINFO returns of a socket, `linux/sock_diag.h`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Memory {
    /// SK_MEMINFO_RMEM_ALLOC: the bytes of the receive buffer in use.
    pub(crate) queued: u32,
    /// SK_MEMINFO_DROPS: the messages dropped, modulo 2^32.
    pub(crate) drops: u32,
}

/// SO_MEMINFO. Linux 4.12.
pub(crate) fn memory(fd: &Fd) -> Result<Memory, Error> {
    let mut numbers = [0_u32; 9];
    let length = get_option(Call::GetMemory, fd, libc::SO_MEMINFO, &mut numbers)?;
    if length < size_of_val(&numbers) {
        // Without SK_MEMINFO_DROPS, the last, there would be no drop counter.
        return Err(Error::System { call: Call::GetMemory, errno: Errno(libc::ENOPROTOOPT) });
    }
    let [queued, .., drops] = numbers;
    Ok(Memory { queued, drops })
}

/// Space for one datagram, 128 bytes: one of today's 76-byte datagrams, with 32 bytes to spare.
#[repr(C)]
pub(crate) struct Slot {
    sender: sockaddr_nl,
    /// The datagram's length; more than there is space for if it was truncated.
    length: u32,
    /// How many events of its CPU were lost directly before it, as far as its source counts them.
    lost_before: u32,
    bytes: [u8; Slot::SPACE],
}

// SAFETY: integers and arrays of them; `sockaddr_nl` likewise.
unsafe impl Zeroed for Slot {}

// Not derived, because `sockaddr_nl` is not Debug from libc 0.2.150 to 0.2.175.
impl core::fmt::Debug for Slot {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Slot").field("datagram", &self.datagram()).finish_non_exhaustive()
    }
}

impl Slot {
    /// How much of a datagram is received. An event takes up to 76 bytes.
    pub(crate) const SPACE: usize = 108;

    /// The datagram, as far as there was space for it.
    pub(crate) fn datagram(&self) -> &[u8] {
        self.bytes.get(..self.length as usize).unwrap_or(&self.bytes)
    }

    /// The datagram's length, even where it did not fit.
    pub(crate) const fn length(&self) -> u32 {
        self.length
    }

    /// Whether the kernel sent it: port 0, which no other sender can claim.
    pub(crate) const fn is_from_kernel(&self) -> bool {
        self.sender.nl_pid == 0
    }

    pub(crate) const fn is_truncated(&self) -> bool {
        self.length as usize > self.bytes.len()
    }

    pub(crate) const fn lost_before(&self) -> u32 {
        self.lost_before
    }

    /// Puts a datagram of the kernel's into the slot, given in two parts.
    pub(crate) fn put<const HEAD: usize, const TAIL: usize>(
        &mut self,
        head: &[u8; HEAD],
        tail: &[u8; TAIL],
        lost_before: u32,
    ) {
        const { assert!(HEAD + TAIL <= Slot::SPACE) };
        self.sender = address(0);
        self.length = (HEAD + TAIL) as u32;
        self.lost_before = lost_before;
        if let Some((start, rest)) = self.bytes.split_first_chunk_mut() {
            *start = *head;
            if let Some(start) = rest.first_chunk_mut() {
                *start = *tail;
            }
        }
    }
}

/// How many datagrams one call receives at most.
pub(crate) const BATCH: usize = 64;

/// Receives datagrams into the slots, one each, at most `BATCH`, without waiting; returns how many.
pub(crate) fn recvmmsg(fd: &Fd, slots: &mut [Slot]) -> Result<usize, Error> {
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
    // With MSG_TRUNC a length is the datagram's, even where it did not fit.
    let flags = (libc::MSG_DONTWAIT | libc::MSG_TRUNC) as _;
    // SAFETY: the loop has just written the first `batch` headers: each names one buffer and one
    // address, both of a slot that is borrowed exclusively until this returns; the control pointers
    // are null. No timeout: a null pointer.
    let count = value(Call::Recvmmsg, unsafe {
        libc::recvmmsg(fd.raw(), headers.as_mut_ptr().cast(), batch as _, flags, ptr::null_mut())
    })?;
    let count = usize::try_from(count).unwrap_or_default();
    for (header, slot) in headers.iter().zip(slots).take(count) {
        // SAFETY: no more than `batch` were received, whose headers were written above.
        slot.length = unsafe { header.assume_init_ref() }.msg_len;
        slot.lost_before = 0;
    }
    Ok(count)
}
