//! Events: what the kernel tells, type by type.
//!
//! In every event `pid` is the kernel's: a thread; `tgid` is what user space calls a process.

use crate::kernel;
use core::ffi::CStr;

/// One event, as the kernel sent it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[doc(alias = "proc_event")]
pub struct Event {
    /// The CPU on which it happened.
    pub cpu: u32,
    /// When it happened: nanoseconds of `CLOCK_MONOTONIC`.
    ///
    /// (The kernel's header says "since system boot", but the clock stands still in suspend.)
    pub timestamp_ns: u64,
    /// `cn_msg.seq`: the number of the message on its CPU. It wraps around.
    pub seq: u32,
    /// `cn_msg.ack`: 0, or in an acknowledgement the request's `ack` + 1.
    pub ack: u32,
    /// How many bytes of `struct proc_event` the kernel sent: 40, or 32 before Linux 3.2.
    pub size: u32,
    /// What happened.
    pub data: EventData,
}

/// What happened, with the kernel's members for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EventData {
    /// The kernel answered a LISTEN or IGNORE: this listener's, or any other's.
    #[doc(alias = "PROC_EVENT_NONE")]
    Ack(Ack),
    /// A process or a thread was made.
    #[doc(alias = "PROC_EVENT_FORK")]
    Fork(Fork),
    /// A process runs a new program.
    #[doc(alias = "PROC_EVENT_EXEC")]
    Exec(Exec),
    /// A thread's real or effective user id changed.
    #[doc(alias = "PROC_EVENT_UID")]
    Uid(Uid),
    /// A thread's real or effective group id changed.
    #[doc(alias = "PROC_EVENT_GID")]
    Gid(Gid),
    /// A process became a session leader. Linux 2.6.32.
    #[doc(alias = "PROC_EVENT_SID")]
    Sid(Sid),
    /// A tracer attached or detached. Linux 3.1.
    #[doc(alias = "PROC_EVENT_PTRACE")]
    Ptrace(Ptrace),
    /// A thread's name changed. Linux 3.2.
    #[doc(alias = "PROC_EVENT_COMM")]
    Comm(Comm),
    /// A process dumps core. Linux 3.10.
    #[doc(alias = "PROC_EVENT_COREDUMP")]
    Coredump(Coredump),
    /// A thread ended; of a process only where no other thread lives on. See [`Exit`].
    #[doc(alias = "PROC_EVENT_EXIT")]
    Exit(Exit),
    /// A type of event that this version does not know.
    Unknown(Unknown),
}

/// The kernel's answer to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ack {
    /// 0, or a positive errno: why the request was refused.
    pub err: u32,
}

/// A process (`child_pid == child_tgid`) or a thread was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fork {
    /// The real parent's thread. Of a new thread: the process's parent, not the thread that made it.
    pub parent_pid: i32,
    /// The real parent.
    pub parent_tgid: i32,
    /// The new thread.
    pub child_pid: i32,
    /// The process that it belongs to.
    pub child_tgid: i32,
}

/// A process runs a new program. Its name is not told: no [`Comm`] follows either.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exec {
    /// Equal to `process_tgid`: the thread that called execve became the leader, and all others ended.
    pub process_pid: i32,
    /// The process.
    pub process_tgid: i32,
}

/// Real or effective user id changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Uid {
    /// The thread. libc changes all threads of a process one by one.
    pub process_pid: i32,
    /// Its process.
    pub process_tgid: i32,
    /// The real user id now.
    pub ruid: u32,
    /// The effective user id now.
    pub euid: u32,
}

/// Real or effective group id changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gid {
    /// The thread. libc changes all threads of a process one by one.
    pub process_pid: i32,
    /// Its process.
    pub process_tgid: i32,
    /// The real group id now.
    pub rgid: u32,
    /// The effective group id now.
    pub egid: u32,
}

/// A process became a session leader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sid {
    /// The leader of the process.
    pub process_pid: i32,
    /// The process.
    pub process_tgid: i32,
}

/// A tracer attached to a thread or detached from it. `PTRACE_TRACEME` makes no event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ptrace {
    /// The thread that is traced.
    pub process_pid: i32,
    /// Its process.
    pub process_tgid: i32,
    /// The tracing thread; 0: detached.
    pub tracer_pid: i32,
    /// The tracing process; 0: detached.
    pub tracer_tgid: i32,
}

/// A thread's name changed, by `prctl(PR_SET_NAME)` or, since Linux 5.15, `/proc/self/comm`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Comm {
    /// The thread.
    pub process_pid: i32,
    /// Its process.
    pub process_tgid: i32,
    /// Bytes that any user may choose: not always UTF-8, may hold control characters.
    /// See [`name`](Self::name).
    pub comm: [u8; 16],
}

impl Comm {
    /// The bytes before the first NUL; all 16 if there is none.
    pub fn name(&self) -> &[u8] {
        self.comm.split(|byte| *byte == 0).next().unwrap_or_default()
    }
}

/// A process dumps core. It comes before the core is written, also where RLIMIT_CORE is 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Coredump {
    /// The thread that caused it.
    pub process_pid: i32,
    /// The process.
    pub process_tgid: i32,
    /// The parent's thread. 0 before Linux 4.18.
    pub parent_pid: i32,
    /// The parent. 0 before Linux 4.18.
    pub parent_tgid: i32,
}

/// A thread ended.
///
/// `process_pid != process_tgid`: a thread that is not the leader; its process lives on, or has an
/// exit of its own. `process_pid == process_tgid`: the leader; this is the process's end, but for
/// two cases: the leader called `pthread_exit` while other threads live, or another thread called
/// execve, whereupon an [`Exec`] of the same process follows.
///
/// It is made just after the parent was told: `wait` may return in the parent before it, and whatever
/// the parent does next may come first in the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exit {
    /// The thread.
    pub process_pid: i32,
    /// Its process.
    pub process_tgid: i32,
    /// A wait status: `WIFEXITED` and its kin read it.
    pub exit_code: u32,
    /// The signal sent to the parent (17, SIGCHLD, as a rule; `u32::MAX` for a thread): not what
    /// ended the process.
    pub exit_signal: u32,
    /// The parent's thread. 0: see `parent_tgid`.
    pub parent_pid: i32,
    /// The parent. 0 for a thread that is not the leader, where the process had been reaped by the time
    /// (at once if the parent ignores SIGCHLD), and before Linux 4.18.
    pub parent_tgid: i32,
}

/// A type of event that this version does not know, as it came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unknown {
    /// `proc_event.what`
    pub what: u32,
    /// `proc_event.event_data`; the last 8 bytes are 0 if the kernel sent 16.
    pub bytes: [u8; 24],
}

impl EventData {
    /// The event's type, as in `proc_event.what`.
    #[inline]
    pub const fn what(&self) -> u32 {
        match self {
            Self::Ack(_) => kernel::PROC_EVENT_NONE,
            Self::Fork(_) => kernel::PROC_EVENT_FORK,
            Self::Exec(_) => kernel::PROC_EVENT_EXEC,
            Self::Uid(_) => kernel::PROC_EVENT_UID,
            Self::Gid(_) => kernel::PROC_EVENT_GID,
            Self::Sid(_) => kernel::PROC_EVENT_SID,
            Self::Ptrace(_) => kernel::PROC_EVENT_PTRACE,
            Self::Comm(_) => kernel::PROC_EVENT_COMM,
            Self::Coredump(_) => kernel::PROC_EVENT_COREDUMP,
            Self::Exit(_) => kernel::PROC_EVENT_EXIT,
            Self::Unknown(unknown) => unknown.what,
        }
    }

    /// Whether it concerns one thread of a process, not the process: a fork that made a thread, or
    /// an exit, a change of ids, of name or of tracer of a thread other than the leader.
    ///
    /// Exec, session and core dump concern the process whichever thread caused them.
    #[inline]
    pub const fn is_thread(&self) -> bool {
        match *self {
            Self::Fork(Fork { child_pid: pid, child_tgid: tgid, .. })
            | Self::Uid(Uid { process_pid: pid, process_tgid: tgid, .. })
            | Self::Gid(Gid { process_pid: pid, process_tgid: tgid, .. })
            | Self::Ptrace(Ptrace { process_pid: pid, process_tgid: tgid, .. })
            | Self::Comm(Comm { process_pid: pid, process_tgid: tgid, .. })
            | Self::Exit(Exit { process_pid: pid, process_tgid: tgid, .. }) => pid != tgid,
            Self::Ack(_) | Self::Exec(_) | Self::Sid(_) | Self::Coredump(_) | Self::Unknown(_) => {
                false
            }
        }
    }

    /// The process that it is about: of a fork, the child's. None of an acknowledgement or an
    /// unknown type.
    pub const fn process_tgid(&self) -> Option<i32> {
        match *self {
            Self::Fork(Fork { child_tgid: tgid, .. })
            | Self::Exec(Exec { process_tgid: tgid, .. })
            | Self::Uid(Uid { process_tgid: tgid, .. })
            | Self::Gid(Gid { process_tgid: tgid, .. })
            | Self::Sid(Sid { process_tgid: tgid, .. })
            | Self::Ptrace(Ptrace { process_tgid: tgid, .. })
            | Self::Comm(Comm { process_tgid: tgid, .. })
            | Self::Coredump(Coredump { process_tgid: tgid, .. })
            | Self::Exit(Exit { process_tgid: tgid, .. }) => Some(tgid),
            Self::Ack(_) | Self::Unknown(_) => None,
        }
    }
}

/// The name of an event's type: `"fork"` for 1. None if it is unknown.
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
mod tests {
    use super::*;
    use crate::mask::EventMask;

    #[test]
    fn a_name_ends_at_the_first_nul_or_not_at_all() {
        let name = |comm: &[u8; 16]| {
            let mut copy = [0; 16];
            let comm = Comm { process_pid: 1, process_tgid: 1, comm: *comm };
            let length = comm.name().len();
            copy[..length].copy_from_slice(comm.name());
            (copy, length)
        };
        assert_eq!(name(b"ab\0cd\0\0\0\0\0\0\0\0\0\0\0").1, 2);
        assert_eq!(name(b"0123456789abcdef"), (*b"0123456789abcdef", 16));
        assert_eq!(name(&[0; 16]).1, 0);
    }

    #[test]
    fn threads_are_told_from_processes() {
        let exit = |pid, tgid| {
            EventData::Exit(Exit {
                process_pid: pid,
                process_tgid: tgid,
                exit_code: 0,
                exit_signal: 17,
                parent_pid: 1,
                parent_tgid: 1,
            })
        };
        assert!(exit(8, 7).is_thread());
        assert!(!exit(7, 7).is_thread());
        let fork = |child_pid, child_tgid| {
            EventData::Fork(Fork { parent_pid: 3, parent_tgid: 2, child_pid, child_tgid })
        };
        assert!(fork(8, 7).is_thread());
        assert!(!fork(7, 7).is_thread());
        let coredump = Coredump { process_pid: 8, process_tgid: 7, parent_pid: 0, parent_tgid: 0 };
        assert!(!EventData::Coredump(coredump).is_thread());
        assert_eq!(exit(8, 7).process_tgid(), Some(7));
        assert_eq!(fork(8, 7).process_tgid(), Some(7));
    }

    #[test]
    fn every_type_has_a_name() {
        for bit in 0..32 {
            let what = 1 << bit;
            assert_eq!(event_name(what).is_some(), EventMask::ALL.bits() & what != 0);
        }
        assert_eq!(event_name(0), Some("ack"));
    }
}
