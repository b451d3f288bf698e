//! The handshake with a kernel that answers as no live one can be made to.

use super::*;
use crate::error::Errno;
use crate::fake_kernel::{Contents, EXEC, FakeKernel};
use crate::stream::{DropCounter, Stream};
use crate::sys::fd::Fd;
use cnproc_parse::Filter;
use cnproc_parse::kernel;
use std::thread;
use std::vec::Vec;

const LONG_NS: u64 = 20_000_000_000;
const SHORT_NS: u64 = 50_000_000;

fn listener(fd: Fd) -> (Socket, Stream) {
    let socket = Socket::with_fd(fd).unwrap();
    (socket, Stream::new(Filter::EVERYTHING, false, DropCounter::Total, u32::MAX).unwrap())
}

/// A handshake with a kernel that answers the first request by `answer`. Returns the result, the stream, and
/// the operations that the kernel was asked for, up to the listener's end.
fn handshake(
    timeout_ns: u64,
    answer: impl FnOnce(&FakeKernel, u32) + Send,
) -> (Result<u64, Error>, Stream, Vec<u32>) {
    let (kernel, fd) = FakeKernel::pair();
    let (mut socket, mut stream) = listener(fd);
    thread::scope(|scope| {
        let asked = scope.spawn(move || {
            let (first, nonce) = kernel.request().unwrap();
            answer(&kernel, nonce);
            let rest = core::iter::from_fn(|| kernel.request().map(|(operation, _)| operation));
            core::iter::once(first).chain(rest).collect()
        });
        let mut membership = Membership::default();
        let result = membership.listen(&mut socket, &mut stream, timeout_ns);
        membership.ignore(&socket);
        netlink::send(socket.fd(), FakeKernel::END).unwrap();
        (result, stream, asked.join().unwrap())
    })
}

/// The number of IGNOREs among the operations. A listener that is answered late forces the kernel to resume, by
/// LISTENs and invalid requests, and owes nothing for them.
fn ignores(asked: &[u32]) -> usize {
    asked.iter().filter(|operation| **operation == kernel::PROC_CN_MCAST_IGNORE).count()
}

#[test]
fn own_ack_ends_it_and_earlier_events_stay_in_order() {
    let (result, stream, asked) = handshake(LONG_NS, |kernel, nonce| {
        kernel.emit(Contents { seq: 4, ..EXEC });
        kernel.emit(Contents { seq: 5, ..EXEC });
        kernel.emit(Contents::ack_of(nonce, 0));
    });
    let clock_ahead = result.unwrap();
    assert!(clock_ahead < LONG_NS, "{clock_ahead}");
    let bytes = |contents: Contents| contents.bytes();
    let queued: Vec<_> = stream.waiting_from(0).map(|(_, datagram)| datagram.to_vec()).collect();
    assert_eq!(
        queued[..2],
        [bytes(Contents { seq: 4, ..EXEC }), bytes(Contents { seq: 5, ..EXEC })]
    );
    assert_eq!(asked.first(), Some(&kernel::PROC_CN_MCAST_LISTEN));
    assert_eq!(ignores(&asked), 1);
}

#[test]
fn ack_of_another_listener_is_not_ours() {
    let (result, ..) = handshake(LONG_NS, |kernel, nonce| {
        kernel.emit(Contents::ack_of(nonce.wrapping_sub(1), 0));
        kernel.emit(Contents::ack_of(nonce ^ 1 << 31, libc::EPERM as u32));
        kernel.emit(Contents::ack_of(nonce, 0));
    });
    assert!(result.is_ok());

    let (result, ..) = handshake(SHORT_NS, |kernel, nonce| {
        kernel.emit(Contents::ack_of(nonce.wrapping_add(1), 0));
        kernel.emit(Contents { what: kernel::PROC_EVENT_EXEC, ..Contents::ack_of(nonce, 0) });
    });
    assert_eq!(result, Err(Error::NoAck));
}

/// `ack.err` is a positive errno. A refused LISTEN is not counted by the kernel: no IGNORE is due.
#[test]
fn refusal_is_returned_by_errno_and_owes_no_ignore() {
    for (err, error) in
        [(libc::EPERM, Error::NotPermitted), (libc::EINVAL, Error::Refused(Errno(libc::EINVAL)))]
    {
        let (result, _, asked) = handshake(LONG_NS, |kernel, nonce| {
            kernel.emit(Contents::ack_of(nonce, err as u32));
        });
        assert_eq!(result, Err(error));
        assert_eq!(asked.first(), Some(&kernel::PROC_CN_MCAST_LISTEN));
        assert_eq!(ignores(&asked), 0);
    }
}

/// It comes so late that the listener insists already, and receives it while it does.
#[test]
fn late_ack_is_not_awaited_again() {
    let (result, _, asked) = handshake(LONG_NS, |kernel, nonce| {
        const INVALID: u32 = 0;
        while kernel.request().is_some_and(|(operation, _)| operation != INVALID) {}
        kernel.emit(Contents::ack_of(nonce, 0));
    });
    assert!(result.is_ok());
    assert_eq!(ignores(&asked), 1);
}

#[test]
fn missing_ack_is_an_error_and_the_listen_is_taken_back() {
    let (result, _, asked) = handshake(SHORT_NS, |_, _| ());
    assert_eq!(result, Err(Error::NoAck));
    assert_eq!(asked.first(), Some(&kernel::PROC_CN_MCAST_LISTEN));
    assert_eq!(asked.last(), Some(&kernel::PROC_CN_MCAST_IGNORE));
    assert_eq!(ignores(&asked), 1, "what insisting sent is not owed");
}

/// The queue is never empty, and never shows a later event either: until there is no more room.
#[test]
fn storm_without_an_ack_ends() {
    for timestamp_ns in [1, u64::MAX] {
        let (kernel, fd) = FakeKernel::pair();
        thread::scope(|scope| {
            scope.spawn(|| while kernel.emit(Contents { timestamp_ns, ..EXEC }) {});
            let asked = scope.spawn(|| while kernel.request().is_some() {});
            let (mut socket, mut stream) = listener(fd);
            let result = Membership::default().listen(&mut socket, &mut stream, LONG_NS);
            assert_eq!(result, Err(Error::NoAck));
            assert!(stream.is_full());
            netlink::send(socket.fd(), FakeKernel::END).unwrap();
            asked.join().unwrap();
            drop(socket);
        });
    }
}

#[test]
fn later_event_shows_that_no_answer_will_come() {
    let sent =
        Sent { nonce: 7, before_ns: 10, after_ns: 20, drops: None, overran: false, position: 0 };
    let answer = |contents: Contents| answer_in(&contents.bytes(), &sent);
    assert_eq!(answer(Contents { timestamp_ns: 20, ..EXEC }), Answer::Nothing);
    assert_eq!(answer(Contents { timestamp_ns: 21, ..EXEC }), Answer::Passed);
    let acknowledged = Answer::Acknowledged { err: 2, timestamp_ns: 30 };
    assert_eq!(answer(Contents { timestamp_ns: 30, ..Contents::ack_of(7, 2) }), acknowledged);
    assert_eq!(answer(Contents { timestamp_ns: 15, ..Contents::ack_of(6, 0) }), Answer::Nothing);
}
