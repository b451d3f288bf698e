//! What the stream shows of a process since an event.

use crate::error::Error;
use crate::socket::Socket;
use crate::stream::Stream;
use cnproc_parse::{Event, EventMask};

/// What the stream shows of a process since an event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Evidence {
    /// FORK: the pid belongs to another process, or thread.
    pub(crate) reused: bool,
    /// EXIT of its leader, which may be the process's.
    pub(crate) exited: bool,
    /// EXEC: it runs another program.
    pub(crate) replaced: bool,
    /// There was no FORK except those seen, until the stream was read to its end.
    pub(crate) all_forks: bool,
    /// Likewise, no EXEC.
    pub(crate) all_execs: bool,
}

impl Evidence {
    /// Reads the stream to its end, without waiting, and looks at what it contains. Everything that is
    /// received stays for the caller, in order.
    ///
    /// An event happened later if its time is later: the kernel takes the times from a clock that all CPUs
    /// share, and between two events of one pid there is at least a wake-up.
    pub(crate) fn collect(
        socket: &mut Socket,
        stream: &mut Stream,
        event: &Event,
        tgid: i32,
    ) -> Result<Self, Error> {
        let is_drained = socket.drain(stream)?.drained;
        socket.read_drops(stream)?;
        socket.look_at_acks(stream, None)?;
        stream.look_ahead();
        let last = stream.last(tgid);
        let is_complete = is_drained && stream.is_complete_since(event);
        let events = stream.filter().events;
        Ok(Self {
            reused: last.fork_ns > event.timestamp_ns,
            exited: last.exit_ns > event.timestamp_ns,
            replaced: last.exec_ns > event.timestamp_ns,
            all_forks: is_complete && events.contains(EventMask::FORK),
            all_execs: is_complete && events.contains(EventMask::EXEC),
        })
    }

    /// Whether nothing of some kind is missing.
    pub(crate) const fn is_complete(&self) -> bool {
        self.all_forks || self.all_execs
    }

    /// The same, if events may be missing.
    pub(crate) const fn incomplete(self) -> Self {
        Self { all_forks: false, all_execs: false, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake_kernel::{Contents, EXEC, FakeKernel, exec, exit, fork};
    use crate::listener::{Listener, Options};
    use crate::stream::Delivery;
    use core::time::Duration;
    use std::vec::Vec;

    const TGID: i32 = 7;
    const COMPLETE: Evidence = Evidence {
        reused: false,
        exited: false,
        replaced: false,
        all_forks: true,
        all_execs: true,
    };

    fn open(options: Options) -> (FakeKernel, Listener) {
        let (kernel, fd) = FakeKernel::pair();
        (kernel, Listener::with_fd(fd, options))
    }

    fn next(listener: &mut Listener) -> Option<Delivery> {
        listener.recv(Some(Duration::ZERO)).unwrap()?.next()
    }

    fn next_event(listener: &mut Listener) -> Event {
        match next(listener) {
            Some(Delivery::Event(event)) => event,
            other => panic!("{other:?}"),
        }
    }

    /// The evidence since the exec of `TGID`, number 1, if these follow.
    fn evidence_after_exec(later: &[Vec<u8>]) -> Evidence {
        let (kernel, mut listener) = open(Listener::options());
        kernel.send(&exec(1, 7));
        let event = next_event(&mut listener);
        assert!(later.iter().all(|datagram| kernel.send(datagram)));
        listener.evidence(&event, TGID).unwrap()
    }

    #[test]
    fn later_events_are_evidence() {
        assert_eq!(evidence_after_exec(&[]), COMPLETE);
        assert_eq!(evidence_after_exec(&[fork(2, 7, 7)]), Evidence { reused: true, ..COMPLETE });
        assert_eq!(evidence_after_exec(&[fork(2, 7, 3)]), Evidence { reused: true, ..COMPLETE });
        assert_eq!(evidence_after_exec(&[exit(2, 7)]), Evidence { exited: true, ..COMPLETE });
        assert_eq!(evidence_after_exec(&[exec(2, 7)]), Evidence { replaced: true, ..COMPLETE });
        // Another process; a thread of this one, its birth and its end.
        assert_eq!(evidence_after_exec(&[fork(2, 8, 8), exec(3, 8)]), COMPLETE);
        assert_eq!(evidence_after_exec(&[fork(2, 9, 7), exit(3, 9)]), COMPLETE);
    }

    #[test]
    fn earlier_events_are_no_evidence() {
        let (kernel, mut listener) = open(Listener::options());
        for datagram in [fork(1, 7, 7), exec(2, 7), exec(3, 7)] {
            kernel.send(&datagram);
        }
        let mut batch = listener.recv(None).unwrap().unwrap();
        let events: Vec<_> = batch.by_ref().collect();
        let evidence = |listener: &mut Listener, index: usize| match events[index] {
            Delivery::Event(event) => listener.evidence(&event, TGID).unwrap(),
            Delivery::Lost(_) => panic!(),
        };
        assert_eq!(evidence(&mut listener, 2), COMPLETE);
        assert_eq!(evidence(&mut listener, 1), Evidence { replaced: true, ..COMPLETE });
    }

    #[test]
    fn missing_events_make_the_evidence_incomplete() {
        let incomplete = Evidence::default();
        assert_eq!(evidence_after_exec(&[exec(3, 8)]), incomplete, "number 2");
        assert_eq!(evidence_after_exec(&[exec(2, 8)[..70].to_vec()]), incomplete, "cut short");
        let two = [exec(2, 8), fork(3, 8, 8)].concat();
        assert_eq!(evidence_after_exec(&[two]), incomplete, "longer than there is room for");

        let (kernel, mut listener) = open(Listener::options());
        kernel.send(&exec(1, 8));
        kernel.send(&exec(3, 7));
        next_event(&mut listener);
        assert_eq!(next(&mut listener), Some(Delivery::Lost(1)));
        let event = next_event(&mut listener);
        // Reported late: it may have been lost as late as now.
        assert_eq!(listener.evidence(&event, TGID).unwrap(), incomplete);
        let later = Contents { seq: 4, timestamp_ns: u64::MAX / 2, ..EXEC };
        kernel.emit(later);
        let event = next_event(&mut listener);
        assert_eq!(listener.evidence(&event, TGID).unwrap(), COMPLETE);
    }

    #[test]
    fn event_of_an_earlier_call_is_not_covered() {
        let (kernel, mut listener) = open(Listener::options());
        kernel.send(&exec(1, 7));
        let event = next_event(&mut listener);
        kernel.send(&fork(2, 9, 9));
        next_event(&mut listener);
        assert_eq!(listener.evidence(&event, TGID).unwrap(), Evidence::default());
        kernel.send(&fork(3, 7, 7));
        assert!(listener.evidence(&event, TGID).unwrap().reused);
    }

    #[test]
    fn event_handed_over_late_is_covered() {
        let (kernel, mut listener) = open(Listener::options());
        kernel.send(&exec(1, 7));
        assert!(listener.recv(None).unwrap().is_some());
        let event = next_event(&mut listener);
        assert_eq!(listener.evidence(&event, TGID).unwrap(), COMPLETE);
    }

    #[test]
    fn filtered_types_make_the_evidence_incomplete() {
        let execs = EventMask::EXEC;
        let (kernel, mut listener) = open(Listener::options().events(execs));
        kernel.send(&exec(1, 7));
        let event = next_event(&mut listener);
        let evidence = listener.evidence(&event, TGID).unwrap();
        assert_eq!(evidence, Evidence { all_forks: false, ..COMPLETE });
        listener.set_events(execs | EventMask::FORK).unwrap();
        assert_eq!(listener.evidence(&event, TGID).unwrap(), Evidence::default(), "since now only");
    }

    #[test]
    fn look_ahead_keeps_the_order_and_a_full_queue_is_no_end() {
        const MANY: u32 = 30_000;
        let (kernel, mut listener) = open(Listener::options());
        kernel.send(&exec(1, 7));
        let mut event = next_event(&mut listener);
        std::thread::scope(|scope| {
            scope.spawn(|| (2..MANY).all(|seq| kernel.send(&exec(seq, 8))));
            while !listener.stream.is_full() {
                let Listener { socket, stream, .. } = &mut listener;
                socket.drain(stream).unwrap();
            }
            assert!(!listener.evidence(&event, TGID).unwrap().all_forks);
            for seq in 2..MANY {
                event = match listener.recv(None).unwrap().unwrap().next() {
                    Some(Delivery::Event(event)) => event,
                    other => panic!("{other:?}"),
                };
                assert_eq!(event.seq, seq);
            }
        });
        assert_eq!(listener.evidence(&event, 8).unwrap(), COMPLETE);
    }

    /// It may be a FORK, or hold one back.
    #[cfg(target_pointer_width = "64")]
    #[test]
    fn record_that_is_being_written_makes_the_evidence_incomplete() {
        let (_kernel, fd) = FakeKernel::pair();
        let (ring, writer) = crate::ring::Ring::in_memory();
        let socket = Socket::with_ring(fd, ring);
        let mut listener = Listener::with_test_socket(socket, Listener::options());
        writer.write(&exec(1, 7));
        let event = next_event(&mut listener);
        assert_eq!(listener.evidence(&event, TGID).unwrap(), COMPLETE);
        let position = writer.begin(&exec(2, 8));
        assert_eq!(listener.evidence(&event, TGID).unwrap(), Evidence::default());
        writer.write(&fork(3, 7, 7));
        assert_eq!(listener.evidence(&event, TGID).unwrap(), Evidence::default());
        assert_eq!(next(&mut listener), None);
        writer.complete(position);
        let reused = Evidence { reused: true, ..COMPLETE };
        assert_eq!(listener.evidence(&event, TGID).unwrap(), reused);
        assert_eq!([2, 3].map(|_| next_event(&mut listener).seq), [2, 3]);
    }

    #[test]
    fn each_datagram_is_looked_at_once() {
        let (kernel, mut listener) = open(Listener::options());
        (1..4).for_each(|seq| assert!(kernel.send(&exec(seq, seq))));
        let events: Vec<_> = listener.recv(None).unwrap().unwrap().collect();
        for delivery in events {
            let Delivery::Event(event) = delivery else { panic!() };
            kernel.send(&exec(event.seq + 10, event.process_tgid().unwrap() as u32));
            let evidence = listener.evidence(&event, event.process_tgid().unwrap()).unwrap();
            assert!(evidence.replaced && !evidence.reused, "{event:?}");
        }
    }
}
