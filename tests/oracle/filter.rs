//! The kernel accepts every filter program, and its result is that of the function: on a pair of datagram sockets, whose
//! filters get the same bytes as a netlink socket's.

use crate::strategies;
use cnproc_parse::{ByteOrder, EventMask, Filter, Message, encode, kernel};
use proptest::prelude::*;
use proptest::test_runner::{Config, FileFailurePersistence};
use std::io::ErrorKind;
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixDatagram;

struct Pair {
    sender: UnixDatagram,
    receiver: UnixDatagram,
}

impl Pair {
    fn new() -> Self {
        let (sender, receiver) = UnixDatagram::pair().unwrap();
        receiver.set_nonblocking(true).unwrap();
        Self { sender, receiver }
    }

    fn attach(&self, filter: &Filter) {
        let program = filter.program();
        let mut instructions: Vec<_> = program
            .instructions()
            .iter()
            .map(|&kernel::sock_filter { code, jt, jf, k }| libc::sock_filter { code, jt, jf, k })
            .collect();
        let program = libc::sock_fprog {
            len: instructions.len().try_into().unwrap(),
            filter: instructions.as_mut_ptr(),
        };
        // SAFETY: the program and its instructions live until the call returns.
        let ret = unsafe {
            libc::setsockopt(
                self.receiver.as_raw_fd(),
                libc::SOL_SOCKET,
                libc::SO_ATTACH_FILTER,
                (&raw const program).cast(),
                size_of::<libc::sock_fprog>() as libc::socklen_t,
            )
        };
        assert_eq!(ret, 0, "{filter:?}: {}", std::io::Error::last_os_error());
    }

    /// Whether the packet passes. It must not be cut short.
    fn passes(&self, packet: &[u8]) -> bool {
        // To the sender, a packet that the filter drops is sent.
        assert_eq!(self.sender.send(packet).unwrap(), packet.len());
        let mut received = [0; 256];
        match self.receiver.recv(&mut received) {
            Ok(length) => {
                assert_eq!(received.get(..length), Some(packet));
                true
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => false,
            Err(error) => panic!("recv: {error}"),
        }
    }
}

#[test]
fn kernel_accepts_every_program() {
    let pair = Pair::new();
    let bits: Vec<_> = (0..32).map(|bit| 1_u32 << bit).collect();
    let bits: Vec<_> =
        bits.into_iter().filter(|bit| EventMask::from_bits(*bit).is_some()).collect();
    assert_eq!(bits.len(), 10);
    for choice in 1..1_u32 << bits.len() {
        let chosen = bits.iter().enumerate().filter(|(index, _)| choice & 1 << index != 0);
        let events = EventMask::from_bits(chosen.map(|(_, bit)| bit).sum()).unwrap();
        for processes in [false, true] {
            pair.attach(&Filter::new(events, processes));
        }
    }
}

fn config() -> Config {
    let kept = FileFailurePersistence::WithSource("regressions");
    let config = Config { failure_persistence: Some(Box::new(kept)), ..Config::default() };
    Config { cases: config.cases.max(2048), ..config }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn kernel_and_function_agree(
        events in prop::collection::vec(strategies::event(), 8),
        mask in strategies::mask(),
        processes in any::<bool>(),
    ) {
        let filter = Filter::new(mask, processes);
        let pair = Pair::new();
        pair.attach(&filter);
        for event in events {
            let packet = encode::message(&Message::Event(event), ByteOrder::NATIVE);
            prop_assert_eq!(pair.passes(&packet), filter.matches(&event), "{:?}", event);
        }
    }
}
