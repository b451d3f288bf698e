//! The handshake with a kernel that answers as no live one can be made to.

use super::*;
use crate::errno::Errno;
use crate::fake_kernel::{EXEC, FakeKernel, Says};
use cnproc_parse::kernel;
use std::thread;
use std::vec::Vec;

const LONG_NS: u64 = 20_000_000_000;
const SHORT_NS: u64 = 50_000_000;

/// A handshake with a kernel that answers the first request as it is told to. What came of it, and
/// what the kernel was asked, up to the listener's end.
fn handshake(
    timeout_ns: u64,
    answer: impl FnOnce(&FakeKernel, u32) + Send,
) -> (Result<u64, Error>, Arena, Vec<u32>) {
    let (kernel, fd) = FakeKernel::pair();
    let mut arena = Arena::new().unwrap();
    thread::scope(|scope| {
        let asked = scope.spawn(move || {
            let (first, nonce) = kernel.request().unwrap();
            answer(&kernel, nonce);
            let rest = core::iter::from_fn(|| kernel.request().map(|(operation, _)| operation));
            core::iter::once(first).chain(rest).collect()
        });
        let mut listens = Listens::default();
        let result = listens.listen(&fd, &mut arena, timeout_ns);
        listens.ignore(&fd);
        syscall::send(&fd, FakeKernel::END).unwrap();
        (result, arena, asked.join().unwrap())
    })
}

/// How many IGNOREs are among what was asked. A listener that is answered late insists, by LISTENs and
/// what is invalid, and owes nothing for them.
fn ignores(asked: &[u32]) -> usize {
    asked.iter().filter(|operation| **operation == kernel::PROC_CN_MCAST_IGNORE).count()
}

#[test]
fn the_own_acknowledgement_ends_it_and_what_came_before_stays_in_order() {
    let (result, arena, asked) = handshake(LONG_NS, |kernel, nonce| {
        kernel.say(Says { seq: 4, ..EXEC });
        kernel.say(Says { seq: 5, ..EXEC });
        kernel.say(Says::ack_of(nonce, 0));
    });
    let clock_ahead = result.unwrap();
    assert!(clock_ahead < LONG_NS, "{clock_ahead}");
    let bytes = |says: Says| says.bytes();
    let queued: Vec<_> = arena.queued().iter().map(|slot| slot.datagram().to_vec()).collect();
    assert_eq!(queued[..2], [bytes(Says { seq: 4, ..EXEC }), bytes(Says { seq: 5, ..EXEC })]);
    assert_eq!(asked.first(), Some(&kernel::PROC_CN_MCAST_LISTEN));
    assert_eq!(ignores(&asked), 1);
}

#[test]
fn another_listeners_acknowledgement_is_not_ours_whatever_it_says() {
    let (result, ..) = handshake(LONG_NS, |kernel, nonce| {
        kernel.say(Says::ack_of(nonce.wrapping_sub(1), 0));
        kernel.say(Says::ack_of(nonce ^ 1 << 31, libc::EPERM as u32));
        kernel.say(Says::ack_of(nonce, 0));
    });
    assert!(result.is_ok());

    let (result, ..) = handshake(SHORT_NS, |kernel, nonce| {
        kernel.say(Says::ack_of(nonce.wrapping_add(1), 0));
        kernel.say(Says { what: kernel::PROC_EVENT_EXEC, ..Says::ack_of(nonce, 0) });
    });
    assert_eq!(result, Err(Error::NoAnswer));
}

/// `ack.err` is a positive errno. A refused LISTEN is not counted by the kernel: no IGNORE is due.
#[test]
fn a_refusal_is_told_by_its_errno_and_owes_no_ignore() {
    for (err, error) in
        [(libc::EPERM, Error::NotPermitted), (libc::EINVAL, Error::Refused(Errno(libc::EINVAL)))]
    {
        let (result, _, asked) = handshake(LONG_NS, |kernel, nonce| {
            kernel.say(Says::ack_of(nonce, err.cast_unsigned()));
        });
        assert_eq!(result, Err(error));
        assert_eq!(asked.first(), Some(&kernel::PROC_CN_MCAST_LISTEN));
        assert_eq!(ignores(&asked), 0);
    }
}

/// It comes so late that the listener insists already, and receives it while it does.
#[test]
fn a_late_acknowledgement_is_not_waited_for_again() {
    let (result, _, asked) = handshake(LONG_NS, |kernel, nonce| {
        const INVALID: u32 = 0;
        while kernel.request().is_some_and(|(operation, _)| operation != INVALID) {}
        kernel.say(Says::ack_of(nonce, 0));
    });
    assert!(result.is_ok());
    assert_eq!(ignores(&asked), 1);
}

#[test]
fn no_acknowledgement_is_an_error_in_time_and_the_listen_is_taken_back() {
    let (result, _, asked) = handshake(SHORT_NS, |_, _| ());
    assert_eq!(result, Err(Error::NoAnswer));
    assert_eq!(asked.first(), Some(&kernel::PROC_CN_MCAST_LISTEN));
    assert_eq!(asked.last(), Some(&kernel::PROC_CN_MCAST_IGNORE));
    assert_eq!(ignores(&asked), 1, "what insisting sent is not owed");
}

/// The queue is never empty, and never shows a later event either: until there is no more room.
#[test]
fn a_storm_without_an_acknowledgement_ends_too() {
    for timestamp_ns in [1, u64::MAX] {
        let (kernel, fd) = FakeKernel::pair();
        thread::scope(|scope| {
            scope.spawn(|| while kernel.say(Says { timestamp_ns, ..EXEC }) {});
            let asked = scope.spawn(|| while kernel.request().is_some() {});
            let mut arena = Arena::new().unwrap();
            let result = Listens::default().listen(&fd, &mut arena, LONG_NS);
            assert_eq!(result, Err(Error::NoAnswer));
            assert!(arena.is_full());
            syscall::send(&fd, FakeKernel::END).unwrap();
            asked.join().unwrap();
            drop(fd);
        });
    }
}

#[test]
fn what_was_made_after_the_request_shows_that_no_answer_is_to_come() {
    let sent = Sent { nonce: 7, before_ns: 10, after_ns: 20, drops: None };
    let answer = |says: Says| answer_in(&says.bytes(), &sent);
    assert_eq!(answer(Says { timestamp_ns: 20, ..EXEC }), Answer::Nothing);
    assert_eq!(answer(Says { timestamp_ns: 21, ..EXEC }), Answer::Passed);
    let acknowledged = Answer::Acknowledged { err: 2, timestamp_ns: 30 };
    assert_eq!(answer(Says { timestamp_ns: 30, ..Says::ack_of(7, 2) }), acknowledged);
    assert_eq!(answer(Says { timestamp_ns: 15, ..Says::ack_of(6, 0) }), Answer::Nothing);
}
