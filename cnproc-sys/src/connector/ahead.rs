//! Reading ahead: what the stream tells of a process since an event, while the caller is still at it.

use super::{Connector, failed};
use crate::call::Call;
use crate::error::Error;
use cnproc_parse::{Event, EventData, EventMask, Message, messages};

/// What must be known to say that nothing is missing since an event. On the events' clock, in
/// nanoseconds; 0 is before all events.
#[derive(Debug, Default)]
pub(super) struct Completeness {
    /// All losses known were before this.
    lossless_since_ns: u64,
    /// The filter in force has been so since then.
    filter_since_ns: u64,
}

impl Completeness {
    /// Losses became known: they may have been at any time before now.
    pub(super) const fn lost(&mut self, now_ns: u64) {
        self.lossless_since_ns = now_ns;
    }

    pub(super) const fn filter_changed(&mut self, now_ns: u64) {
        self.filter_since_ns = now_ns;
    }
}

/// What the stream tells of a process since an event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Since {
    /// FORK: its pid is another's.
    pub(crate) reused: bool,
    /// EXIT of its leader, which may be its end.
    pub(crate) exited: bool,
    /// EXEC: it runs another program.
    pub(crate) replaced: bool,
    /// There was no FORK but those seen, until the stream was read to its end.
    pub(crate) all_forks: bool,
    /// As well, no EXEC.
    pub(crate) all_execs: bool,
}

impl Since {
    fn observe(&mut self, event: &Event, tgid: i32) {
        match event.data() {
            // As a thread's, too.
            EventData::Fork(fork) => self.reused |= fork.child_pid == tgid,
            EventData::Exit(exit) => {
                self.exited |= exit.process_pid == tgid && exit.process_tgid == tgid;
            }
            EventData::Exec(exec) => self.replaced |= exec.process_tgid == tgid,
            _ => {}
        }
    }
}

/// Whether they are one and the same, to the byte.
fn is_same(one: &Event, other: &Event) -> bool {
    let numbers = |event: &Event| (event.cpu, event.seq, event.timestamp_ns, event.what);
    numbers(one) == numbers(other) && one.event_data == other.event_data
}

impl Connector {
    /// What the stream tells of a process since an event: reads it to its end, without waiting. All that
    /// is received stays for the caller, in order.
    pub(crate) fn since(&mut self, event: &Event, tgid: i32) -> Result<Since, Error> {
        let drained = self.receive_all()?;
        let mut since = Since::default();
        let (mut found, mut readable, mut loss) = (false, true, false);
        self.account.look_ahead();
        let handed_over = self.arena.kept().len() - self.arena.queued().len();
        for (index, slot) in self.arena.kept().iter().enumerate() {
            if !slot.is_from_kernel() {
                continue;
            }
            let is_ahead = index >= handed_over;
            readable &= !slot.is_cut_off();
            for message in messages(slot.datagram()) {
                let Ok(Message::Event(later)) = message else {
                    readable &= message.is_ok();
                    continue;
                };
                loss |= is_ahead && self.account.shows_loss(&later);
                if !found && is_same(&later, event) {
                    (since, found, readable) = (Since::default(), true, true);
                } else if found || later.timestamp_ns > event.timestamp_ns {
                    // Until it is found: no longer kept, so what is later tells so by its time.
                    since.observe(&later, tgid);
                }
            }
        }
        let complete = drained
            && found
            && readable
            && !loss
            && self.completeness.lossless_since_ns < event.timestamp_ns
            && self.completeness.filter_since_ns <= event.timestamp_ns;
        since.all_forks = complete && self.filter.events.contains(EventMask::FORK);
        since.all_execs = complete && self.filter.events.contains(EventMask::EXEC);
        Ok(since)
    }

    /// Receives until the socket's queue is empty. Whether it got so far: else the arena is full.
    fn receive_all(&mut self) -> Result<bool, Error> {
        let drained = loop {
            let received = self.arena.receive(&self.fd, libc::MSG_DONTWAIT);
            let received = received.map_err(failed(Call::Recvmmsg))?;
            if received.came == 0 && !received.overran {
                break received.drained;
            }
        };
        self.check_drops()?;
        Ok(drained)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::Delivery;
    use crate::fake_kernel::{EXEC, FakeKernel, Says};
    use crate::options::Options;
    use cnproc_parse::kernel;
    use core::time::Duration;
    use std::vec::Vec;

    const TGID: i32 = 7;
    const COMPLETE: Since =
        Since { reused: false, exited: false, replaced: false, all_forks: true, all_execs: true };

    fn listener(options: Options) -> (FakeKernel, Connector) {
        let (kernel, fd) = FakeKernel::pair();
        (kernel, Connector::of(fd, &options).unwrap())
    }

    /// An event with these first words of data, at a time that is ten times its number.
    fn event(what: u32, seq: u32, data: [u32; 4]) -> Vec<u8> {
        let mut bytes = Says { what, seq, timestamp_ns: u64::from(seq) * 10, ..EXEC }.bytes();
        for (place, word) in bytes[52..].chunks_mut(4).zip(data) {
            place.copy_from_slice(&word.to_ne_bytes());
        }
        bytes
    }

    fn exec(seq: u32, tgid: u32) -> Vec<u8> {
        event(kernel::PROC_EVENT_EXEC, seq, [tgid, tgid, 0, 0])
    }

    fn fork(seq: u32, child_pid: u32, child_tgid: u32) -> Vec<u8> {
        event(kernel::PROC_EVENT_FORK, seq, [1, 1, child_pid, child_tgid])
    }

    fn exit(seq: u32, pid: u32) -> Vec<u8> {
        event(kernel::PROC_EVENT_EXIT, seq, [pid, 7, 0, 17])
    }

    fn next(connector: &mut Connector) -> Option<Delivery> {
        connector.recv(Some(Duration::ZERO)).unwrap()?.next()
    }

    fn next_event(connector: &mut Connector) -> Event {
        match next(connector) {
            Some(Delivery::Event(event)) => event,
            other => panic!("{other:?}"),
        }
    }

    /// What is told since the exec of `TGID`, number 1, if that follows.
    fn since_exec(later: &[Vec<u8>]) -> Since {
        let (kernel, mut connector) = listener(Connector::options());
        kernel.send(&exec(1, 7));
        let event = next_event(&mut connector);
        assert!(later.iter().all(|datagram| kernel.send(datagram)));
        connector.since(&event, TGID).unwrap()
    }

    #[test]
    fn what_follows_an_event_tells_of_its_process() {
        assert_eq!(since_exec(&[]), COMPLETE);
        assert_eq!(since_exec(&[fork(2, 7, 7)]), Since { reused: true, ..COMPLETE });
        assert_eq!(since_exec(&[fork(2, 7, 3)]), Since { reused: true, ..COMPLETE });
        assert_eq!(since_exec(&[exit(2, 7)]), Since { exited: true, ..COMPLETE });
        assert_eq!(since_exec(&[exec(2, 7)]), Since { replaced: true, ..COMPLETE });
        // Another process; a thread of this one, its birth and its end.
        assert_eq!(since_exec(&[fork(2, 8, 8), exec(3, 8)]), COMPLETE);
        assert_eq!(since_exec(&[fork(2, 9, 7), exit(3, 9)]), COMPLETE);
    }

    #[test]
    fn what_came_before_it_does_not() {
        let (kernel, mut connector) = listener(Connector::options());
        for datagram in [fork(1, 7, 7), exec(2, 7), exec(3, 7)] {
            kernel.send(&datagram);
        }
        let mut batch = connector.recv(None).unwrap().unwrap();
        let events: Vec<_> = batch.by_ref().collect();
        let since = |connector: &mut Connector, index: usize| match events[index] {
            Delivery::Event(event) => connector.since(&event, TGID).unwrap(),
            Delivery::Lost(_) => panic!(),
        };
        assert_eq!(since(&mut connector, 2), COMPLETE);
        assert_eq!(since(&mut connector, 1), Since { replaced: true, ..COMPLETE });
    }

    #[test]
    fn what_is_missing_after_it_makes_it_incomplete_and_before_it_does_not() {
        let incomplete = Since::default();
        assert_eq!(since_exec(&[exec(3, 8)]), incomplete, "number 2");
        assert_eq!(since_exec(&[exec(2, 8)[..70].to_vec()]), incomplete, "cut short");
        let two = [exec(2, 8), fork(3, 8, 8)].concat();
        assert_eq!(since_exec(&[two]), incomplete, "longer than there is room for");

        let (kernel, mut connector) = listener(Connector::options());
        kernel.send(&exec(1, 8));
        kernel.send(&exec(3, 7));
        next_event(&mut connector);
        assert_eq!(next(&mut connector), Some(Delivery::Lost(1)));
        let event = next_event(&mut connector);
        // Told late: for all that is known, it was now.
        assert_eq!(connector.since(&event, TGID).unwrap(), incomplete);
        let later = Says { seq: 4, timestamp_ns: u64::MAX / 2, ..EXEC };
        kernel.say(later);
        let event = next_event(&mut connector);
        assert_eq!(connector.since(&event, TGID).unwrap(), COMPLETE);
    }

    #[test]
    fn an_event_of_an_earlier_call_is_not_at_hand_but_what_is_still_counts() {
        let (kernel, mut connector) = listener(Connector::options());
        kernel.send(&exec(1, 7));
        let event = next_event(&mut connector);
        kernel.send(&fork(2, 9, 9));
        next_event(&mut connector);
        assert_eq!(connector.since(&event, TGID).unwrap(), Since::default());
        kernel.send(&fork(3, 7, 7));
        assert!(connector.since(&event, TGID).unwrap().reused);
    }

    #[test]
    fn an_event_that_an_earlier_call_read_and_did_not_hand_over_is_at_hand() {
        let (kernel, mut connector) = listener(Connector::options());
        kernel.send(&exec(1, 7));
        assert!(connector.recv(None).unwrap().is_some());
        let event = next_event(&mut connector);
        assert_eq!(connector.since(&event, TGID).unwrap(), COMPLETE);
    }

    #[test]
    fn what_is_filtered_out_is_missing() {
        let execs = EventMask::EXEC;
        let (kernel, mut connector) = listener(Connector::options().events(execs));
        kernel.send(&exec(1, 7));
        let event = next_event(&mut connector);
        let since = connector.since(&event, TGID).unwrap();
        assert_eq!(since, Since { all_forks: false, ..COMPLETE });
        connector.set_events(execs | EventMask::FORK).unwrap();
        assert_eq!(connector.since(&event, TGID).unwrap(), Since::default(), "since now only");
    }

    #[test]
    fn what_is_read_ahead_is_delivered_in_order_and_a_full_arena_is_no_end() {
        const MANY: u32 = 30_000;
        let (kernel, mut connector) = listener(Connector::options());
        kernel.send(&exec(1, 7));
        let mut event = next_event(&mut connector);
        std::thread::scope(|scope| {
            scope.spawn(|| (2..MANY).all(|seq| kernel.send(&exec(seq, 8))));
            while !connector.arena.is_full() {
                connector.receive_all().unwrap();
            }
            assert_eq!(connector.since(&event, TGID).unwrap(), Since::default());
            for seq in 2..MANY {
                while connector.arena.queued().is_empty() && !connector.is_read {
                    connector.receive_all().unwrap();
                }
                event = next_event(&mut connector);
                assert_eq!(event.seq, seq);
            }
        });
        assert_eq!(connector.since(&event, 8).unwrap(), COMPLETE);
    }
}
