//! A listener written by hand on the bare system calls, without a line of the library, whose results are compared with
//! what this one received.

use std::io;
use std::mem;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use support::task;

const CN_IDX_PROC: u32 = 1;
const CN_VAL_PROC: u32 = 1;
const NLMSG_DONE: u16 = 3;
const DATAGRAM: usize = 76;
const SK_MEMINFO_DROPS: usize = 8;

pub const LISTEN: u32 = 1;
pub const IGNORE: u32 = 2;
pub const INVALID: u32 = 0;
/// The mask that passes everything, acknowledgements too.
pub const EVERYTHING: u32 = 0xe000_03c7;
pub const COMM: u32 = 0x200;

/// One event as the kernel sent it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RawEvent {
    pub seq: u32,
    pub ack: u32,
    pub what: u32,
    pub cpu: u32,
    pub data: [u8; 24],
}

pub struct RawListener {
    fd: OwnedFd,
}

fn check(status: libc::c_int) -> io::Result<libc::c_int> {
    if status < 0 { Err(io::Error::last_os_error()) } else { Ok(status) }
}

impl RawListener {
    /// Binds to the group, with a queue of so many bytes if that is permitted. Sends no LISTEN.
    pub fn bind(bytes: libc::c_int) -> io::Result<RawListener> {
        // SAFETY: no memory is involved; the descriptor is new, and has no other owner.
        let fd = unsafe {
            let fd = check(libc::socket(
                libc::AF_NETLINK,
                libc::SOCK_DGRAM | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK,
                libc::NETLINK_CONNECTOR,
            ))?;
            OwnedFd::from_raw_fd(fd)
        };
        for option in [libc::SO_RCVBUF, libc::SO_RCVBUFFORCE] {
            // SAFETY: the option's value is an int that lives through the call.
            let _not_allowed_to_users = check(unsafe {
                libc::setsockopt(
                    fd.as_raw_fd(),
                    libc::SOL_SOCKET,
                    option,
                    (&raw const bytes).cast(),
                    mem::size_of::<libc::c_int>() as libc::socklen_t,
                )
            });
        }
        // SAFETY: zeros are a valid sockaddr_nl.
        let mut address: libc::sockaddr_nl = unsafe { mem::zeroed() };
        address.nl_family = libc::AF_NETLINK as libc::sa_family_t;
        address.nl_groups = CN_IDX_PROC;
        // SAFETY: the address lives through the call and its size is given.
        check(unsafe {
            libc::bind(
                fd.as_raw_fd(),
                (&raw const address).cast(),
                mem::size_of::<libc::sockaddr_nl>() as libc::socklen_t,
            )
        })?;
        Ok(RawListener { fd })
    }

    /// Attaches a filter that cuts every message to that length.
    pub fn trim(&self, length: u32) -> io::Result<()> {
        const RETURN: u16 = 0x06; // BPF_RET | BPF_K
        let mut instruction = libc::sock_filter { code: RETURN, jt: 0, jf: 0, k: length };
        let program = libc::sock_fprog { len: 1, filter: &raw mut instruction };
        // SAFETY: the program and its instruction live through the call.
        check(unsafe {
            libc::setsockopt(
                self.fd.as_raw_fd(),
                libc::SOL_SOCKET,
                libc::SO_ATTACH_FILTER,
                (&raw const program).cast(),
                mem::size_of::<libc::sock_fprog>() as libc::socklen_t,
            )
        })
        .map(drop)
    }

    /// Sends `words` (an operation, or an operation and a mask) with `ack` as the nonce.
    pub fn request(&self, ack: u32, words: &[u32]) -> io::Result<()> {
        let payload = words.len() * 4;
        let mut bytes = Vec::new();
        bytes.extend(((36 + payload) as u32).to_ne_bytes());
        bytes.extend(NLMSG_DONE.to_ne_bytes());
        bytes.extend([0; 10]);
        for word in [CN_IDX_PROC, CN_VAL_PROC, 0, ack] {
            bytes.extend(word.to_ne_bytes());
        }
        bytes.extend((payload as u16).to_ne_bytes());
        bytes.extend([0; 2]);
        for word in words {
            bytes.extend(word.to_ne_bytes());
        }
        // SAFETY: the buffer lives through the call and its length is given.
        let sent =
            unsafe { libc::send(self.fd.as_raw_fd(), bytes.as_ptr().cast(), bytes.len(), 0) };
        if sent < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
    }

    /// Receives everything in the queue.
    pub fn drain(&self) -> io::Result<Vec<RawEvent>> {
        let mut events = Vec::new();
        let mut buffer = [0u8; 256];
        loop {
            // SAFETY: the buffer lives through the call and its length is given.
            let size = unsafe {
                libc::recv(self.fd.as_raw_fd(), buffer.as_mut_ptr().cast(), buffer.len(), 0)
            };
            if size < 0 {
                let error = io::Error::last_os_error();
                match error.raw_os_error() {
                    Some(libc::EAGAIN) => return Ok(events),
                    // `drops` counts what was dropped.
                    Some(libc::EINTR | libc::ENOBUFS) => continue,
                    _ => return Err(error),
                }
            }
            if size as usize != DATAGRAM {
                return Err(io::Error::other(format!("a datagram of {size} bytes")));
            }
            let word = |at: usize| {
                u32::from_ne_bytes([buffer[at], buffer[at + 1], buffer[at + 2], buffer[at + 3]])
            };
            let mut data = [0; 24];
            data.copy_from_slice(&buffer[52..DATAGRAM]);
            events.push(RawEvent {
                seq: word(24),
                ack: word(28),
                what: word(36),
                cpu: word(40),
                data,
            });
        }
    }

    /// Whether a request with these words is acknowledged.
    pub fn acknowledged(&self, ack: u32, words: &[u32]) -> io::Result<bool> {
        self.request(ack, words)?;
        Ok(self.drain()?.iter().any(|event| event.what == 0 && event.ack == ack.wrapping_add(1)))
    }

    /// Whether this thread generates an event when it takes a name: it does while any process listens.
    pub fn receives(&self) -> io::Result<bool> {
        self.drain()?;
        task::set_name("bystander");
        let name = b"bystander\0";
        Ok(self
            .drain()?
            .iter()
            .any(|event| event.what == COMM && event.data[8..].starts_with(name)))
    }

    /// How many datagrams the kernel dropped at this socket.
    pub fn drops(&self) -> io::Result<u32> {
        let mut info = [0u32; 9];
        let mut size = mem::size_of_val(&info) as libc::socklen_t;
        // SAFETY: the array and its size live through the call.
        check(unsafe {
            libc::getsockopt(
                self.fd.as_raw_fd(),
                libc::SOL_SOCKET,
                libc::SO_MEMINFO,
                info.as_mut_ptr().cast(),
                &raw mut size,
            )
        })?;
        Ok(info[SK_MEMINFO_DROPS])
    }
}
