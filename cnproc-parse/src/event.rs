//! An event, with the connector's sequence numbers.

use crate::event_data::{self, EventData};
use crate::kernel::{self, exit_proc_event};
use crate::mask::EventMask;
use core::ffi::CStr;
use core::fmt;
use core::mem::offset_of;

/// An event, as the kernel sent it.
///
/// The first four members are those of the kernel's `struct proc_event`; [`data`](Self::data) reads the
/// union. Two events are equal if all members are; of the union, only the members of the event's type
/// are compared.
#[derive(Clone, Copy, Default)]
#[non_exhaustive]
#[doc(alias = "proc_event")]
pub struct Event {
    /// The event's type, one of the `PROC_EVENT_*` in [`kernel`].
    pub what: u32,
    /// The CPU on which it happened.
    pub cpu: u32,
    /// When it happened: nanoseconds of `CLOCK_MONOTONIC`.
    ///
    /// (The comment in the kernel's header, "since system boot", is inexact: the clock stops in suspend.)
    pub timestamp_ns: u64,
    /// The kernel's union, in this machine's byte order. The last 8 bytes are 0 if the kernel sent only 16.
    pub event_data: [u8; event_data::SIZE],
    /// `cn_msg.seq`: the number of the message on its CPU. It wraps around at 32 bits.
    pub seq: u32,
    /// `cn_msg.ack`: 0; in an acknowledgement, the request's `ack` + 1.
    pub ack: u32,
    /// The number of bytes of `struct proc_event` that the kernel sent: 40, or 32 before Linux 3.2.
    pub size: u32,
}

/// In addition to FORK, the types that can concern a single thread.
const OF_THREADS: EventMask = EventMask::UID
    .union(EventMask::GID)
    .union(EventMask::PTRACE)
    .union(EventMask::COMM)
    .union(EventMask::EXIT);

impl Event {
    /// The members for the event's type.
    // Always inlined: a caller that looks for one type then contains the code for that type only, and the C
    // library is half a kilobyte smaller.
    #[inline(always)]
    pub fn data(&self) -> EventData {
        EventData::read(self.what, &self.event_data)
    }

    /// Whether this version of the crate knows the event's type.
    #[inline]
    pub const fn is_known(&self) -> bool {
        is_known(self.what)
    }

    /// Whether the event concerns a single thread and not its process: the fork of a thread, or the exit or
    /// a change of credentials, name or tracer of a thread other than the leader.
    ///
    /// Exec, session and core dump events concern the process, whichever thread caused them.
    #[inline]
    pub fn is_thread(&self) -> bool {
        let [process_pid, process_tgid, child_pid, child_tgid, ..] = self.words();
        match self.what {
            kernel::PROC_EVENT_FORK => child_pid != child_tgid,
            what if OF_THREADS.bits() & what != 0 => self.is_known() && process_pid != process_tgid,
            _ => false,
        }
    }

    /// The process that the event is about; for a fork, the child. `None` for an acknowledgement and for an
    /// unknown type.
    #[inline]
    pub fn process_tgid(&self) -> Option<i32> {
        self.process_ids().map(|[_, tgid]| tgid)
    }

    /// The thread that the event is about, as [`process_tgid`](Self::process_tgid).
    #[inline]
    pub fn process_pid(&self) -> Option<i32> {
        self.process_ids().map(|[pid, _]| pid)
    }

    /// Thread and process.
    #[inline]
    fn process_ids(&self) -> Option<[i32; 2]> {
        let [process_pid, process_tgid, child_pid, child_tgid, ..] = self.words();
        let ids = match self.what {
            kernel::PROC_EVENT_NONE => return None,
            kernel::PROC_EVENT_FORK => [child_pid, child_tgid],
            _ if self.is_known() => [process_pid, process_tgid],
            _ => return None,
        };
        Some(ids.map(i32::from_ne_bytes))
    }

    /// Whether the event is an exit with a nonzero `exit_code`.
    #[inline]
    pub(crate) fn is_nonzero_exit(&self) -> bool {
        let [_, _, exit_code, ..] = self.words();
        const { assert!(offset_of!(exit_proc_event, exit_code) == 8) };
        self.what == kernel::PROC_EVENT_EXIT && exit_code != [0; 4]
    }

    #[inline]
    fn words(&self) -> [[u8; 4]; 6] {
        event_data::words(&self.event_data)
    }
}

impl PartialEq for Event {
    fn eq(&self, other: &Self) -> bool {
        let numbers = |event: &Self| {
            let Self { what, cpu, timestamp_ns, seq, ack, size, event_data: _ } = *event;
            (what, cpu, timestamp_ns, seq, ack, size)
        };
        numbers(self) == numbers(other) && self.data() == other.data()
    }
}

impl Eq for Event {}

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what: _, cpu, timestamp_ns, event_data: _, seq, ack, size } = self;
        f.debug_struct("Event")
            .field("data", &self.data())
            .field("cpu", cpu)
            .field("timestamp_ns", timestamp_ns)
            .field("seq", seq)
            .field("ack", ack)
            .field("size", size)
            .finish()
    }
}

#[inline]
pub(crate) const fn is_known(what: u32) -> bool {
    let is_bit_at_most = what & what.wrapping_sub(1) == kernel::PROC_EVENT_NONE;
    is_bit_at_most && what & !EventMask::ALL.bits() == 0
}

/// The name of an event's type: `"fork"` for 1. `None` for an unknown type.
pub const fn event_name(what: u32) -> Option<&'static str> {
    match event_name_c(what) {
        Some(name) => match name.to_str() {
            Ok(name) => Some(name),
            Err(_) => None,
        },
        None => None,
    }
}

/// As [`event_name`], for C.
pub const fn event_name_c(what: u32) -> Option<&'static CStr> {
    Some(match what {
        kernel::PROC_EVENT_NONE => c"ack",
        kernel::PROC_EVENT_FORK => c"fork",
        kernel::PROC_EVENT_EXEC => c"exec",
        kernel::PROC_EVENT_UID => c"uid",
        kernel::PROC_EVENT_GID => c"gid",
        kernel::PROC_EVENT_SID => c"sid",
        kernel::PROC_EVENT_PTRACE => c"ptrace",
        kernel::PROC_EVENT_COMM => c"comm",
        kernel::PROC_EVENT_COREDUMP => c"coredump",
        kernel::PROC_EVENT_EXIT => c"exit",
        _ => return None,
    })
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// An event with this type and these first words of its union.
    pub(crate) fn event(what: u32, words: [u32; 4]) -> Event {
        let mut event_data = [0; 24];
        for (to, word) in event_data.chunks_mut(4).zip(words) {
            to.copy_from_slice(&word.to_ne_bytes());
        }
        Event { what, event_data, size: 40, ..Event::default() }
    }

    #[test]
    fn events_of_threads_and_of_processes_are_distinguished() {
        for what in (0..32).map(|bit| 1 << bit).chain([0]) {
            let of_threads = matches!(what, 1 | 4 | 0x40 | 0x100 | 0x200 | 0x8000_0000);
            let (leader, thread) = match what {
                kernel::PROC_EVENT_FORK => ([3, 2, 7, 7], [2, 2, 8, 7]),
                _ => ([7, 7, 3, 2], [8, 7, 2, 2]),
            };
            assert!(!event(what, leader).is_thread(), "{what:#x}");
            assert_eq!(event(what, thread).is_thread(), of_threads, "{what:#x}");
            assert!(!event(what | 3, thread).is_thread(), "{what:#x} and others");
            let has_process = event_name(what).is_some_and(|name| name != "ack");
            let ids = [event(what, thread).process_pid(), event(what, thread).process_tgid()];
            assert_eq!(ids, [8, 7].map(|id| has_process.then_some(id)), "{what:#x}");
        }
    }

    #[test]
    fn events_are_equal_if_the_members_of_their_type_are() {
        let exec = event(kernel::PROC_EVENT_EXEC, [7, 7, 0, 0]);
        assert_eq!(exec, event(kernel::PROC_EVENT_EXEC, [7, 7, 1, 2]), "beyond its members");
        assert_ne!(exec, event(kernel::PROC_EVENT_EXEC, [7, 8, 0, 0]));
        assert_ne!(exec, event(kernel::PROC_EVENT_SID, [7, 7, 0, 0]));
        for other in [
            Event { cpu: 1, ..exec },
            Event { timestamp_ns: 1, ..exec },
            Event { seq: 1, ..exec },
            Event { ack: 1, ..exec },
            Event { size: 32, ..exec },
        ] {
            assert_ne!(exec, other);
        }
    }

    #[test]
    fn known_types_have_names_and_others_have_none() {
        for bit in 0..32 {
            let what = 1 << bit;
            assert_eq!(event_name(what).is_some(), EventMask::ALL.bits() & what != 0);
            assert_eq!(event(what, [0; 4]).is_known(), event_name(what).is_some());
        }
        assert_eq!(event_name(0), Some("ack"));
        assert!(event(0, [0; 4]).is_known() && !event(3, [0; 4]).is_known());
    }
}
