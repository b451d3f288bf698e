//! A kernel for tests: the other end of a socket pair, which says what no live kernel can be made to.
//! Such a pair's messages come without an address, and so as from port 0: the kernel's.

use crate::fd::Fd;
use cnproc_parse::kernel;
use std::net::UdpSocket;
use std::os::fd::IntoRawFd;
use std::os::unix::net::UnixDatagram;
use std::time::Duration;
use std::vec::Vec;

/// The kernel's end.
#[derive(Debug)]
pub(crate) struct FakeKernel(UnixDatagram);

/// What a message is to say.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Says {
    pub(crate) what: u32,
    pub(crate) cpu: u32,
    pub(crate) timestamp_ns: u64,
    pub(crate) seq: u32,
    pub(crate) ack: u32,
    /// The first word of the event's data.
    pub(crate) data: u32,
}

/// An exec on CPU 0, long ago.
pub(crate) const EXEC: Says =
    Says { what: kernel::PROC_EVENT_EXEC, cpu: 0, timestamp_ns: 1, seq: 1, ack: 0, data: 7 };

impl Says {
    /// The acknowledgement of the request that bears this number.
    pub(crate) fn ack_of(nonce: u32, err: u32) -> Self {
        let timestamp_ns = crate::syscall::monotonic();
        let ack = nonce.wrapping_add(1);
        Self { what: kernel::PROC_EVENT_NONE, timestamp_ns, ack, data: err, ..EXEC }
    }

    /// The message: 76 bytes.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let Self { what, cpu, timestamp_ns, seq, ack, data } = *self;
        let header = [76, kernel::NLMSG_DONE.into(), 0, 0];
        let cn_msg = [kernel::CN_IDX_PROC, kernel::CN_VAL_PROC, seq, ack];
        let words = header.iter().chain(&cn_msg).flat_map(|word| word.to_ne_bytes());
        let lengths = [40_u16, 0].into_iter().flat_map(u16::to_ne_bytes);
        let event = [what, cpu].into_iter().flat_map(u32::to_ne_bytes);
        let mut bytes: Vec<u8> = words.chain(lengths).chain(event).collect();
        if cfg!(target_endian = "big") {
            // The type is 16 bits wide, and flags follow it.
            bytes.swap(4, 6);
            bytes.swap(5, 7);
        }
        bytes.extend(timestamp_ns.to_ne_bytes());
        bytes.extend(data.to_ne_bytes());
        bytes.resize(76, 0);
        bytes
    }
}

/// A kernel that can only speak, to a listener whose queue takes so little that it overflows: then its drop
/// counter counts, which that of a pair never does, since its sender waits.
#[derive(Debug)]
pub(crate) struct HastyKernel(UdpSocket);

impl HastyKernel {
    /// Both ends. Where an IPv6 address has its flow label, which is 0, a netlink address has the port:
    /// the kernel's.
    pub(crate) fn pair(receive_buffer: i32) -> (Self, Fd) {
        let socket = || UdpSocket::bind("[::ffff:127.0.0.1]:0").unwrap();
        let (kernel, listener) = (socket(), socket());
        kernel.connect(listener.local_addr().unwrap()).unwrap();
        listener.connect(kernel.local_addr().unwrap()).unwrap();
        let listener = Fd::new(listener.into_raw_fd());
        let (level, name) = (libc::SOL_SOCKET, libc::SO_RCVBUF);
        crate::syscall::set_option_int(&listener, level, name, receive_buffer).unwrap();
        (Self(kernel), listener)
    }

    pub(crate) fn say(&self, says: Says) {
        assert_eq!(self.0.send(&says.bytes()).unwrap(), 76);
    }
}

impl FakeKernel {
    /// What a listener's end sends to say that no more requests come.
    pub(crate) const END: &[u8] = b"end";

    /// Both ends.
    pub(crate) fn pair() -> (Self, Fd) {
        let (kernel, listener) = UnixDatagram::pair().unwrap();
        kernel.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        (Self(kernel), Fd::new(listener.into_raw_fd()))
    }

    /// The next request: its operation and its number. None at the end.
    pub(crate) fn request(&self) -> Option<(u32, u32)> {
        let mut bytes = [0; 64];
        let length = self.0.recv(&mut bytes).ok()?;
        let word = |at: usize| u32::from_ne_bytes(bytes[at..at + 4].try_into().unwrap());
        (length >= 40).then(|| (word(36), word(28)))
    }

    /// Sends a datagram. Whether there is anybody to receive it.
    pub(crate) fn send(&self, datagram: &[u8]) -> bool {
        self.0.send(datagram).is_ok()
    }

    pub(crate) fn say(&self, says: Says) -> bool {
        self.send(&says.bytes())
    }
}
