//! Messages in the connector's name, from a process that is not the kernel.

use std::ffi::c_int;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

/// A socket to send them from.
#[derive(Debug)]
pub struct Forger(OwnedFd);

/// A netlink address.
fn address(nl_pid: u32, nl_groups: u32) -> libc::sockaddr_nl {
    // SAFETY: a sockaddr_nl is integers only.
    let mut address: libc::sockaddr_nl = unsafe { std::mem::zeroed() };
    address.nl_family = libc::AF_NETLINK as _;
    (address.nl_pid, address.nl_groups) = (nl_pid, nl_groups);
    address
}

impl Forger {
    /// Opens it.
    pub fn new() -> Self {
        let kind = libc::SOCK_DGRAM | libc::SOCK_CLOEXEC;
        // SAFETY: no memory is involved; the descriptor is new, and owned by nobody else.
        unsafe {
            let fd = libc::socket(libc::AF_NETLINK, kind, libc::NETLINK_CONNECTOR);
            assert!(fd >= 0);
            Self(OwnedFd::from_raw_fd(fd))
        }
    }

    /// Sends a datagram to a port, and to groups. Returns 0 or errno. Takes no locks.
    pub fn send(&self, nl_pid: u32, nl_groups: u32, datagram: &[u8]) -> c_int {
        let to = address(nl_pid, nl_groups);
        // SAFETY: datagram and address are valid for reading of their lengths; errno is the thread's.
        unsafe {
            let sent = libc::sendto(
                self.0.as_raw_fd(),
                datagram.as_ptr().cast(),
                datagram.len(),
                0,
                (&raw const to).cast(),
                size_of_val(&to) as libc::socklen_t,
            );
            if sent < 0 { *libc::__errno_location() } else { 0 }
        }
    }
}

impl Default for Forger {
    fn default() -> Self {
        Self::new()
    }
}

/// The port of a netlink socket.
pub fn port(socket: &impl AsRawFd) -> u32 {
    let mut own = address(0, 0);
    let mut length = size_of_val(&own) as libc::socklen_t;
    // SAFETY: the address is valid for writing of its length.
    let got = unsafe { libc::getsockname(socket.as_raw_fd(), (&raw mut own).cast(), &mut length) };
    assert_eq!(got, 0);
    own.nl_pid
}

/// An event that says that the group of a process changed, as the kernel would write it.
pub fn gid_event(process: c_int, gid: u32, seq: u32, nlmsg_pid: u32) -> [u8; 76] {
    let process = process.cast_unsigned();
    let words = [
        76, 0, 0, nlmsg_pid, // nlmsghdr
        1, 1, seq, 0, 0, // cn_msg
        0x40, 0, 0, 0, // proc_event: PROC_EVENT_GID on CPU 0
        process, process, gid, gid, 0, 0,
    ];
    let mut bytes = [0; 76];
    for (bytes, word) in bytes.chunks_exact_mut(4).zip(words) {
        bytes.copy_from_slice(&u32::to_ne_bytes(word));
    }
    let ([_, _, _, _, kind @ ..], _) = bytes.split_first_chunk_mut::<6>().unwrap();
    kind.copy_from_slice(&3_u16.to_ne_bytes()); // NLMSG_DONE
    let (_, [_, _, _, _, rest @ ..]) = bytes.split_first_chunk_mut::<28>().unwrap() else {
        unreachable!("76 bytes are more than 32")
    };
    let (length, _) = rest.split_first_chunk_mut::<2>().unwrap();
    *length = 40_u16.to_ne_bytes();
    bytes
}
