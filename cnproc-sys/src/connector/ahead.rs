//! Reading ahead: what the stream tells of a process since an event, while the caller is still at it.

use super::{Connector, failed};
use crate::error::Error;
use crate::loss::CPUS;
use crate::syscall::Mapping;
use cnproc_parse::{Event, EventData, EventMask, Message, Sequence, Step, messages};

/// What must be known to say that nothing is missing since an event. On the events' clock, in
/// nanoseconds; 0 is before all events.
#[derive(Debug)]
pub(super) struct Completeness {
    /// The last reading of the drop counter.
    drops: u32,
    /// All losses known were before this.
    lossless_since_ns: u64,
    /// The filter in force has been so since then.
    filter_since_ns: u64,
    /// The CPUs' numbers, to be counted on ahead of the account; and how many of them were used.
    cpus: Mapping<Sequence>,
    used: usize,
}

impl Completeness {
    pub(super) fn new() -> Result<Self, Error> {
        let cpus = Mapping::new(CPUS).map_err(failed("mmap"))?;
        Ok(Self { drops: 0, lossless_since_ns: 0, filter_since_ns: 0, cpus, used: 0 })
    }

    /// Losses became known: they may have been at any time before now.
    pub(super) const fn lost(&mut self, now_ns: u64) {
        self.lossless_since_ns = now_ns;
    }

    /// Takes a reading of the drop counter. Whether it is another than the last.
    pub(super) const fn observe_drops(&mut self, drops: u32) -> bool {
        core::mem::replace(&mut self.drops, drops) != drops
    }

    pub(super) const fn filter_changed(&mut self, now_ns: u64) {
        self.filter_since_ns = now_ns;
    }

    /// Whether numbers are missing in events, if those before them ended with `seen`.
    fn has_gap(&mut self, seen: &[Sequence], events: impl Iterator<Item = Event>) -> bool {
        self.cpus.iter_mut().take(self.used).for_each(Sequence::reset);
        for (cpu, seen) in self.cpus.iter_mut().zip(seen) {
            *cpu = *seen;
        }
        self.used = seen.len();
        for event in events {
            let index = event.cpu as usize;
            let Some(cpu) = self.cpus.get_mut(index) else { continue };
            self.used = self.used.max(index + 1);
            if matches!(cpu.observe(event.seq), Step::Gap(_)) {
                return true;
            }
        }
        false
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
    fn observe(&mut self, data: &EventData, tgid: i32) {
        match *data {
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

impl Connector {
    /// What the stream tells of a process since an event: reads it to its end, without waiting. All that
    /// is received stays for the caller, in order.
    pub(crate) fn since(&mut self, event: &Event, tgid: i32) -> Result<Since, Error> {
        let drained = self.receive_all()?;
        let mut since = Since::default();
        let (mut found, mut readable) = (false, true);
        for slot in self.arena.kept().iter().filter(|slot| slot.is_from_kernel()) {
            readable &= !slot.is_cut_off();
            for message in messages(slot.datagram()) {
                match message {
                    Ok(Message::Event(later)) if !found && later == *event => {
                        (since, found, readable) = (Since::default(), true, true);
                    }
                    // Until it is found: no longer kept, so what is later tells so by its time.
                    Ok(Message::Event(later))
                        if found || later.timestamp_ns > event.timestamp_ns =>
                    {
                        since.observe(&later.data, tgid);
                    }
                    Ok(_) => {}
                    Err(_) => readable = false,
                }
            }
        }
        let complete = drained
            && found
            && readable
            && self.completeness.lossless_since_ns < event.timestamp_ns
            && self.completeness.filter_since_ns <= event.timestamp_ns
            && !self.has_gap_ahead();
        since.all_forks = complete && self.filter.events.contains(EventMask::FORK);
        since.all_execs = complete && self.filter.events.contains(EventMask::EXEC);
        Ok(since)
    }

    /// Receives until the socket's queue is empty. Whether it got so far: else the arena is full.
    fn receive_all(&mut self) -> Result<bool, Error> {
        let drained = loop {
            let received = self.arena.receive(&self.fd, libc::MSG_DONTWAIT);
            let received = received.map_err(failed("recvmmsg"))?;
            if received.came == 0 && !received.overran {
                break received.drained;
            }
        };
        self.check_drops()?;
        Ok(drained)
    }

    /// Whether numbers are missing in what is queued. Behind a filter that can't be told, and only want
    /// of memory in the kernel loses what the drop counter doesn't see.
    fn has_gap_ahead(&mut self) -> bool {
        let Some(seen) = self.account.sequences() else { return false };
        let queued = self.arena.queued().iter().filter(|slot| slot.is_from_kernel());
        let events = queued.flat_map(|slot| messages(slot.datagram()));
        let events = events.filter_map(|message| match message {
            Ok(Message::Event(event)) => Some(event),
            _ => None,
        });
        self.completeness.has_gap(seen, events)
    }
}
