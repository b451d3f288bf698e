//! The members of each event type.
//!
//! As in the kernel, a `pid` is a thread, and a `tgid` is what user space calls a process.

use crate::kernel;

/// The size of `proc_event.event_data`, in bytes.
pub(crate) const SIZE: usize = size_of::<kernel::event_data>();

/// An event's type, with the kernel's members for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EventData {
    /// The kernel acknowledged a LISTEN or IGNORE of this listener or another one.
    #[doc(alias = "PROC_EVENT_NONE")]
    Ack(Ack),
    /// A process or a thread was created.
    #[doc(alias = "PROC_EVENT_FORK")]
    Fork(Fork),
    /// A process executed a program.
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
    /// A thread exited, and with the last thread its process. See [`Exit`].
    #[doc(alias = "PROC_EVENT_EXIT")]
    Exit(Exit),
    /// A type of event that this version does not know.
    Unknown(Unknown),
}

/// The kernel's acknowledgement of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ack {
    /// 0, or a positive errno if the request was refused.
    pub err: u32,
}

/// A process (`child_pid == child_tgid`) or a thread was created.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fork {
    /// The thread of the real parent. For a new thread this is the parent of its process, not the thread
    /// that created it.
    pub parent_pid: i32,
    /// The real parent.
    pub parent_tgid: i32,
    /// The new thread.
    pub child_pid: i32,
    /// The process of the new thread.
    pub child_tgid: i32,
}

/// A process executed a program. The event does not contain the program's name, and no [`Comm`] follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exec {
    /// Equal to `process_tgid`: the thread that called execve became the leader, and all others exited.
    pub process_pid: i32,
    /// The process.
    pub process_tgid: i32,
}

/// A thread's real or effective user id changed.
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

/// A thread's real or effective group id changed.
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

/// A tracer attached to a thread or detached from it. `PTRACE_TRACEME` generates no event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ptrace {
    /// The traced thread.
    pub process_pid: i32,
    /// Its process.
    pub process_tgid: i32,
    /// The tracing thread; 0 if it detached.
    pub tracer_pid: i32,
    /// The tracing process; 0 if it detached.
    pub tracer_tgid: i32,
}

/// A thread's name changed, by `prctl(PR_SET_NAME)` or, since Linux 5.15, `/proc/self/comm`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Comm {
    /// The thread.
    pub process_pid: i32,
    /// Its process.
    pub process_tgid: i32,
    /// Bytes that any user can choose: not always UTF-8, possibly with control characters.
    /// See [`name`](Self::name).
    pub comm: [u8; 16],
}

impl Comm {
    /// The bytes before the first NUL; all 16 if there is none.
    pub fn name(&self) -> &[u8] {
        self.comm.split(|byte| *byte == 0).next().unwrap_or_default()
    }
}

/// A process dumps core. The event precedes the writing of the core, and is sent even if RLIMIT_CORE is 0.
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

/// A thread exited.
///
/// If `process_pid != process_tgid`, the thread is not the leader of its process. If they are equal it
/// is the leader, and its process exited with it except in two cases: the leader called `pthread_exit`
/// while other threads are alive, or another thread called execve; then an [`Exec`] of the same
/// process follows.
///
/// The kernel generates the event just after it has notified the parent: `wait` can return in the parent
/// before it, and events of what the parent does next can precede it in the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exit {
    /// The thread.
    pub process_pid: i32,
    /// Its process.
    pub process_tgid: i32,
    /// A wait status, for `WIFEXITED` and similar.
    pub exit_code: u32,
    /// The signal sent to the parent (usually 17, SIGCHLD; `u32::MAX` for a thread), not the signal that
    /// killed the process.
    pub exit_signal: u32,
    /// The parent's thread. 0 in the same cases as `parent_tgid`.
    pub parent_pid: i32,
    /// The parent. 0 for a thread that is not the leader, if the process had already been reaped (which
    /// is immediate if the parent ignores SIGCHLD), and before Linux 4.18.
    pub parent_tgid: i32,
}

/// An event of a type that this version does not know, unchanged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unknown {
    /// `proc_event.what`
    pub what: u32,
    /// `proc_event.event_data`; the last 8 bytes are 0 if the kernel sent 16.
    pub bytes: [u8; 24],
}

/// The union as words: of single bytes, the compiler would assemble each member by shifts.
#[inline]
pub(crate) fn words(bytes: &[u8; SIZE]) -> [[u8; 4]; SIZE / 4] {
    let word =
        |at: usize| bytes.get(at..).and_then(<[u8]>::first_chunk).copied().unwrap_or_default();
    [word(0), word(4), word(8), word(12), word(16), word(20)]
}

impl EventData {
    /// Reads a union in this machine's byte order, for an event of that type.
    #[inline(always)]
    pub(crate) fn read(what: u32, bytes: &[u8; SIZE]) -> Self {
        let [first, second, third, fourth, fifth, sixth] = words(bytes);
        let process_pid = i32::from_ne_bytes(first);
        let process_tgid = i32::from_ne_bytes(second);
        match what {
            kernel::PROC_EVENT_NONE => Self::Ack(Ack { err: u32::from_ne_bytes(first) }),
            kernel::PROC_EVENT_FORK => Self::Fork(Fork {
                parent_pid: process_pid,
                parent_tgid: process_tgid,
                child_pid: i32::from_ne_bytes(third),
                child_tgid: i32::from_ne_bytes(fourth),
            }),
            kernel::PROC_EVENT_EXEC => Self::Exec(Exec { process_pid, process_tgid }),
            kernel::PROC_EVENT_UID => Self::Uid(Uid {
                process_pid,
                process_tgid,
                ruid: u32::from_ne_bytes(third),
                euid: u32::from_ne_bytes(fourth),
            }),
            kernel::PROC_EVENT_GID => Self::Gid(Gid {
                process_pid,
                process_tgid,
                rgid: u32::from_ne_bytes(third),
                egid: u32::from_ne_bytes(fourth),
            }),
            kernel::PROC_EVENT_SID => Self::Sid(Sid { process_pid, process_tgid }),
            kernel::PROC_EVENT_PTRACE => Self::Ptrace(Ptrace {
                process_pid,
                process_tgid,
                tracer_pid: i32::from_ne_bytes(third),
                tracer_tgid: i32::from_ne_bytes(fourth),
            }),
            kernel::PROC_EVENT_COMM => {
                let comm = bytes.last_chunk().copied().unwrap_or_default();
                Self::Comm(Comm { process_pid, process_tgid, comm })
            }
            kernel::PROC_EVENT_COREDUMP => Self::Coredump(Coredump {
                process_pid,
                process_tgid,
                parent_pid: i32::from_ne_bytes(third),
                parent_tgid: i32::from_ne_bytes(fourth),
            }),
            kernel::PROC_EVENT_EXIT => Self::Exit(Exit {
                process_pid,
                process_tgid,
                exit_code: u32::from_ne_bytes(third),
                exit_signal: u32::from_ne_bytes(fourth),
                parent_pid: i32::from_ne_bytes(fifth),
                parent_tgid: i32::from_ne_bytes(sixth),
            }),
            what => Self::Unknown(Unknown { what, bytes: *bytes }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The members read from a union whose bytes are all different.
    fn read(what: u32) -> EventData {
        EventData::read(what, &core::array::from_fn(|i| i as u8 + 17))
    }

    const fn word(first: u8) -> i32 {
        i32::from_ne_bytes([first, first + 1, first + 2, first + 3])
    }

    const A: i32 = word(17);
    const B: i32 = word(21);
    const C: i32 = word(25);
    const D: i32 = word(29);
    const E: i32 = word(33);
    const F: i32 = word(37);

    #[test]
    fn each_type_reads_its_own_members() {
        let (process_pid, process_tgid) = (A, B);
        assert_eq!(read(0), EventData::Ack(Ack { err: A as u32 }));
        let fork = Fork { parent_pid: A, parent_tgid: B, child_pid: C, child_tgid: D };
        assert_eq!(read(1), EventData::Fork(fork));
        assert_eq!(read(2), EventData::Exec(Exec { process_pid, process_tgid }));
        let (ruid, euid) = (C as u32, D as u32);
        assert_eq!(read(4), EventData::Uid(Uid { process_pid, process_tgid, ruid, euid }));
        let (rgid, egid) = (C as u32, D as u32);
        assert_eq!(read(0x40), EventData::Gid(Gid { process_pid, process_tgid, rgid, egid }));
        assert_eq!(read(0x80), EventData::Sid(Sid { process_pid, process_tgid }));
        let ptrace = Ptrace { process_pid, process_tgid, tracer_pid: C, tracer_tgid: D };
        assert_eq!(read(0x100), EventData::Ptrace(ptrace));
        let comm = core::array::from_fn(|i| i as u8 + 25);
        assert_eq!(read(0x200), EventData::Comm(Comm { process_pid, process_tgid, comm }));
        let coredump = Coredump { process_pid, process_tgid, parent_pid: C, parent_tgid: D };
        assert_eq!(read(0x4000_0000), EventData::Coredump(coredump));
        let exit = Exit {
            process_pid,
            process_tgid,
            exit_code: C as u32,
            exit_signal: D as u32,
            parent_pid: E,
            parent_tgid: F,
        };
        assert_eq!(read(0x8000_0000), EventData::Exit(exit));
    }

    #[test]
    fn unknown_type_keeps_its_bytes() {
        let bytes = core::array::from_fn(|i| i as u8 + 17);
        assert_eq!(read(0x400), EventData::Unknown(Unknown { what: 0x400, bytes }));
    }

    #[test]
    fn name_stops_before_the_first_nul() {
        let comm = |comm| Comm { process_pid: 1, process_tgid: 1, comm };
        assert_eq!(comm(*b"ab\0cd\0\0\0\0\0\0\0\0\0\0\0").name(), b"ab");
        assert_eq!(comm(*b"0123456789abcdef").name(), b"0123456789abcdef");
        assert_eq!(comm([0; 16]).name(), b"");
    }
}
