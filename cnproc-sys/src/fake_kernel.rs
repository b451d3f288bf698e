//! A kernel for tests: the other end of a socket pair, which sends what no live kernel can be made to send.
//! Messages of such a pair have no sender address, so they appear to come from port 0, the kernel's.

use crate::sys::fd::Fd;
use cnproc_parse::{ByteOrder, Event, Message, encode, kernel};
use std::env;
use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::net::UdpSocket;
use std::os::fd::IntoRawFd;
use std::os::unix::net::UnixDatagram;
use std::thread;
use std::time::Duration;
use std::vec::Vec;

/// The kernel's end.
#[derive(Debug)]
pub(crate) struct FakeKernel(UnixDatagram);

/// The contents of a message.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Contents {
    pub(crate) what: u32,
    pub(crate) cpu: u32,
    pub(crate) timestamp_ns: u64,
    pub(crate) seq: u32,
    pub(crate) ack: u32,
    /// The first word of the event's data.
    pub(crate) data: u32,
}

/// An exec on CPU 0, long ago.
pub(crate) const EXEC: Contents =
    Contents { what: kernel::PROC_EVENT_EXEC, cpu: 0, timestamp_ns: 1, seq: 1, ack: 0, data: 7 };

impl Contents {
    /// The acknowledgement of the request with this number.
    pub(crate) fn ack_of(nonce: u32, err: u32) -> Self {
        let timestamp_ns = crate::sys::clock::monotonic();
        let ack = nonce.wrapping_add(1);
        Self { what: kernel::PROC_EVENT_NONE, timestamp_ns, ack, data: err, ..EXEC }
    }

    /// The message: 76 bytes.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let Self { what, cpu, timestamp_ns, seq, ack, data } = *self;
        let mut event = Event::default();
        (event.what, event.cpu, event.timestamp_ns) = (what, cpu, timestamp_ns);
        (event.seq, event.ack, event.size) = (seq, ack, 40);
        event.event_data[..4].copy_from_slice(&data.to_ne_bytes());
        encode::message(&Message::Event(event), ByteOrder::NATIVE)
    }
}

/// An event with these first words of data, at a time that is ten times its number.
pub(crate) fn event(what: u32, seq: u32, data: [u32; 4]) -> Vec<u8> {
    let mut bytes = Contents { what, seq, timestamp_ns: u64::from(seq) * 10, ..EXEC }.bytes();
    for (place, word) in bytes[52..].chunks_mut(4).zip(data) {
        place.copy_from_slice(&word.to_ne_bytes());
    }
    bytes
}

pub(crate) fn exec(seq: u32, tgid: u32) -> Vec<u8> {
    event(kernel::PROC_EVENT_EXEC, seq, [tgid, tgid, 0, 0])
}

pub(crate) fn fork(seq: u32, child_pid: u32, child_tgid: u32) -> Vec<u8> {
    event(kernel::PROC_EVENT_FORK, seq, [1, 1, child_pid, child_tgid])
}

/// EXIT of a thread of process 7.
pub(crate) fn exit(seq: u32, pid: u32) -> Vec<u8> {
    event(kernel::PROC_EVENT_EXIT, seq, [pid, 7, 0, 17])
}

/// Skips the calling test, which must return then: records it for the summary of `make check`, as the tests
/// of other crates do. With `CNPROC_REQUIRE_LIVE` set the test fails instead.
pub(crate) fn skip(reason: &str) {
    assert!(env::var_os("CNPROC_REQUIRE_LIVE").is_none(), "required, but {reason}");
    let Some(path) = env::var_os("CNPROC_SKIPPED") else { return };
    let test = thread::current().name().unwrap_or("a test").to_owned();
    let mut file = OpenOptions::new().append(true).create(true).open(path).unwrap();
    file.write_all(format!("{reason}\tcnproc_sys::{test}\n").as_bytes()).unwrap();
}

/// A kernel that can only send, to a listener whose queue is so small that it overflows. Its drop counter
/// counts; that of a pair never does, because its sender waits.
#[derive(Debug)]
pub(crate) struct HastyKernel(UdpSocket);

impl HastyKernel {
    /// Both ends. Where an IPv6 address has its flow label, which is 0, a netlink address has the port:
    /// the kernel's. None, and the calling test is skipped, in a network namespace without a loopback
    /// interface.
    pub(crate) fn pair(receive_buffer: u32) -> Option<(Self, Fd)> {
        let socket = || UdpSocket::bind("[::ffff:127.0.0.1]:0").unwrap();
        let (kernel, listener) = (socket(), socket());
        match kernel.connect(listener.local_addr().unwrap()) {
            Err(error) if error.kind() == ErrorKind::NetworkUnreachable => {
                skip("no loopback interface");
                return None;
            }
            connected => connected.unwrap(),
        }
        listener.connect(kernel.local_addr().unwrap()).unwrap();
        let listener = Fd::new(listener.into_raw_fd());
        crate::sys::netlink::set_receive_buffer(&listener, receive_buffer).unwrap();
        Some((Self(kernel), listener))
    }

    pub(crate) fn emit(&self, contents: Contents) {
        assert_eq!(self.0.send(&contents.bytes()).unwrap(), 76);
    }
}

impl FakeKernel {
    /// What a listener's end sends after its last request.
    pub(crate) const END: &[u8] = b"end";

    /// Both ends.
    pub(crate) fn pair() -> (Self, Fd) {
        let (kernel, listener) = UnixDatagram::pair().unwrap();
        kernel.set_read_timeout(Some(Duration::from_secs(600))).unwrap();
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

    pub(crate) fn emit(&self, contents: Contents) -> bool {
        self.send(&contents.bytes())
    }
}
