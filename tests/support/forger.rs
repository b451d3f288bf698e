//! Messages in the connector's name, from a process that is not the kernel.

use cnproc_parse::{ByteOrder, EventData, Gid, Message, encode};
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

/// A GID event of a process, as the kernel would send it.
pub fn gid_event(process: c_int, gid: u32, seq: u32, nlmsg_pid: u32) -> Vec<u8> {
    let gid = Gid { process_pid: process, process_tgid: process, rgid: gid, egid: gid };
    event(&EventData::Gid(gid), seq, nlmsg_pid)
}

/// An event, as the kernel would send it.
pub fn event(data: &EventData, seq: u32, nlmsg_pid: u32) -> Vec<u8> {
    let mut event = encode::event(data);
    event.seq = seq;
    let mut bytes = encode::message(&Message::Event(event), ByteOrder::NATIVE);
    // The last member of the netlink header.
    for (to, from) in bytes.iter_mut().skip(12).zip(nlmsg_pid.to_ne_bytes()) {
        *to = from;
    }
    bytes
}
