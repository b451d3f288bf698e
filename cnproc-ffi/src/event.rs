//! Events.
//!
//! As in the kernel, a pid is a thread, and a tgid is what user space calls a process.

#![allow(missing_debug_implementations, reason = "unions have none, and C needs none")]

use cnproc_parse::{EventMask, kernel};
use core::ffi::c_char;
use core::mem::{offset_of, size_of};
use static_assertions::const_assert_eq;

/// An acknowledgement. The event types are the kernel's PROC_EVENT_*; except this one they are bits, so that
/// they form masks.
pub const CNPROC_EVENT_NONE: u32 = 0x0000_0000_u32;
/// A process or thread was created.
pub const CNPROC_EVENT_FORK: u32 = 0x0000_0001_u32;
/// A process executed a program.
pub const CNPROC_EVENT_EXEC: u32 = 0x0000_0002_u32;
/// A user id changed.
pub const CNPROC_EVENT_UID: u32 = 0x0000_0004_u32;
/// A group id changed.
pub const CNPROC_EVENT_GID: u32 = 0x0000_0040_u32;
/// A process became a session leader. Linux 2.6.32.
pub const CNPROC_EVENT_SID: u32 = 0x0000_0080_u32;
/// A tracer attached or detached. Linux 3.1.
pub const CNPROC_EVENT_PTRACE: u32 = 0x0000_0100_u32;
/// A thread's name changed. Linux 3.2.
pub const CNPROC_EVENT_COMM: u32 = 0x0000_0200_u32;
/// A process dumps core. Linux 3.10.
pub const CNPROC_EVENT_COREDUMP: u32 = 0x4000_0000_u32;
/// A thread exited.
pub const CNPROC_EVENT_EXIT: u32 = 0x8000_0000_u32;
/// Only in masks: exits with a nonzero exit_code. With CNPROC_EVENT_EXIT, all exits.
pub const CNPROC_EVENT_NONZERO_EXIT: u32 = 0x2000_0000_u32;
/// The nine types from CNPROC_EVENT_FORK to CNPROC_EVENT_EXIT. In a mask, 0 means the same.
pub const CNPROC_EVENT_ALL: u32 = 0xc000_03c7_u32;
/// Not a type of the kernel: events were lost here. Never in a mask.
pub const CNPROC_EVENT_LOST: u32 = 0xffff_ffff_u32;

const_assert_eq!(CNPROC_EVENT_NONE, kernel::PROC_EVENT_NONE);
const_assert_eq!(CNPROC_EVENT_FORK, kernel::PROC_EVENT_FORK);
const_assert_eq!(CNPROC_EVENT_EXEC, kernel::PROC_EVENT_EXEC);
const_assert_eq!(CNPROC_EVENT_UID, kernel::PROC_EVENT_UID);
const_assert_eq!(CNPROC_EVENT_GID, kernel::PROC_EVENT_GID);
const_assert_eq!(CNPROC_EVENT_SID, kernel::PROC_EVENT_SID);
const_assert_eq!(CNPROC_EVENT_PTRACE, kernel::PROC_EVENT_PTRACE);
const_assert_eq!(CNPROC_EVENT_COMM, kernel::PROC_EVENT_COMM);
const_assert_eq!(CNPROC_EVENT_COREDUMP, kernel::PROC_EVENT_COREDUMP);
const_assert_eq!(CNPROC_EVENT_EXIT, kernel::PROC_EVENT_EXIT);
const_assert_eq!(CNPROC_EVENT_NONZERO_EXIT, kernel::PROC_EVENT_NONZERO_EXIT);
const_assert_eq!(CNPROC_EVENT_ALL, EventMask::ALL.bits());

/// CNPROC_EVENT_NONE: the kernel acknowledged a request of this listener or another one.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct cnproc_ack {
    /// 0, or a positive errno.
    pub err: u32,
}

/// CNPROC_EVENT_FORK: a process (child_pid == child_tgid) or a thread was created.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct cnproc_fork {
    /// The thread of the real parent; for a new thread, of its process's parent.
    pub parent_pid: i32,
    /// The real parent.
    pub parent_tgid: i32,
    /// The new thread.
    pub child_pid: i32,
    /// The process of the new thread.
    pub child_tgid: i32,
}

/// CNPROC_EVENT_EXEC: a process executed a program.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct cnproc_exec {
    /// Equal to process_tgid.
    pub process_pid: i32,
    /// The process.
    pub process_tgid: i32,
}

/// The real id.
#[repr(C)]
#[derive(Clone, Copy)]
pub union cnproc_id_r {
    /// For CNPROC_EVENT_UID.
    pub ruid: u32,
    /// For CNPROC_EVENT_GID.
    pub rgid: u32,
}

/// The effective id.
#[repr(C)]
#[derive(Clone, Copy)]
pub union cnproc_id_e {
    /// For CNPROC_EVENT_UID.
    pub euid: u32,
    /// For CNPROC_EVENT_GID.
    pub egid: u32,
}

/// CNPROC_EVENT_UID, CNPROC_EVENT_GID: a thread's real or effective id changed. libc changes the threads of a
/// process one by one.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct cnproc_id {
    /// The thread.
    pub process_pid: i32,
    /// Its process.
    pub process_tgid: i32,
    /// The real id now.
    pub r: cnproc_id_r,
    /// The effective id now.
    pub e: cnproc_id_e,
}

/// CNPROC_EVENT_SID: a process became a session leader.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct cnproc_sid {
    /// The leader of the process.
    pub process_pid: i32,
    /// The process.
    pub process_tgid: i32,
}

/// CNPROC_EVENT_PTRACE: a tracer attached, or detached (tracer_pid 0).
#[repr(C)]
#[derive(Clone, Copy)]
pub struct cnproc_ptrace {
    /// The traced thread.
    pub process_pid: i32,
    /// Its process.
    pub process_tgid: i32,
    /// The tracing thread, or 0.
    pub tracer_pid: i32,
    /// The tracing process, or 0.
    pub tracer_tgid: i32,
}

/// CNPROC_EVENT_COMM: a thread's name changed.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct cnproc_comm {
    /// The thread.
    pub process_pid: i32,
    /// Its process.
    pub process_tgid: i32,
    /// Bytes that any user can choose, with a final NUL only if there are fewer than 16: use %.16s, and for
    /// a terminal cnproc_event_format(), which escapes them.
    pub comm: [c_char; 16],
}

/// CNPROC_EVENT_COREDUMP: a process dumps core.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct cnproc_coredump {
    /// The thread that caused it.
    pub process_pid: i32,
    /// The process.
    pub process_tgid: i32,
    /// The parent's thread; 0 before Linux 4.18.
    pub parent_pid: i32,
    /// The parent; 0 before Linux 4.18.
    pub parent_tgid: i32,
}

/// CNPROC_EVENT_EXIT: a thread exited. If process_pid == process_tgid it is the leader, and its process exited
/// with it, unless other threads are alive (the leader called pthread_exit) or the EXEC of another thread
/// follows.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct cnproc_exit {
    /// The thread.
    pub process_pid: i32,
    /// Its process.
    pub process_tgid: i32,
    /// A wait status, for WIFEXITED() and similar.
    pub exit_code: u32,
    /// The signal sent to the parent, not the one that killed the process; UINT32_MAX for a thread.
    pub exit_signal: u32,
    /// The parent's thread; 0 in the same cases as parent_tgid.
    pub parent_pid: i32,
    /// The parent; 0 for a thread, if the process had already been reaped (which is immediate if the parent
    /// ignores SIGCHLD), and before Linux 4.18.
    pub parent_tgid: i32,
}

/// CNPROC_EVENT_LOST: events were lost. Without a filter, exactly here; with a mask or
/// CNPROC_OPEN_SKIP_THREADS, here or later, among what was queued at the time.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct cnproc_lost {
    /// The number of events lost.
    pub count: u64,
}

/// The member for cnproc_event.what. Bytes beyond it are zero; before Linux 3.12, undefined.
#[repr(C)]
#[derive(Clone, Copy)]
pub union cnproc_event_data {
    /// CNPROC_EVENT_NONE
    pub ack: cnproc_ack,
    /// CNPROC_EVENT_FORK
    pub fork: cnproc_fork,
    /// CNPROC_EVENT_EXEC
    pub exec: cnproc_exec,
    /// CNPROC_EVENT_UID, CNPROC_EVENT_GID
    pub id: cnproc_id,
    /// CNPROC_EVENT_SID
    pub sid: cnproc_sid,
    /// CNPROC_EVENT_PTRACE
    pub ptrace: cnproc_ptrace,
    /// CNPROC_EVENT_COMM
    pub comm: cnproc_comm,
    /// CNPROC_EVENT_COREDUMP
    pub coredump: cnproc_coredump,
    /// CNPROC_EVENT_EXIT
    pub exit: cnproc_exit,
    /// CNPROC_EVENT_LOST
    pub lost: cnproc_lost,
    /// Types that this header does not know.
    pub bytes: [u8; 24],
}

/// An event. The first 40 bytes are the kernel's struct proc_event: the same members at the same offsets. The
/// struct will never grow.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct cnproc_event {
    /// The type, a CNPROC_EVENT_*: selects the member of event_data.
    pub what: u32,
    /// The CPU on which it happened.
    pub cpu: u32,
    /// When it happened: nanoseconds of CLOCK_MONOTONIC.
    pub timestamp_ns: u64,
    /// What happened.
    pub event_data: cnproc_event_data,
    /// The number of the message on its CPU (cn_msg.seq). It wraps around.
    pub seq: u32,
    /// 0; in an acknowledgement, the request's number + 1 (cn_msg.ack).
    pub ack: u32,
    /// The number of bytes of struct proc_event that the kernel sent: 40, or 32 before Linux 3.2; 0 for
    /// CNPROC_EVENT_LOST.
    pub size: u32,
    /// Zero.
    pub reserved: [u32; 3],
}

const_assert_eq!(size_of::<cnproc_event_data>(), 24);
const_assert_eq!(size_of::<cnproc_event>(), 64);
const_assert_eq!(offset_of!(cnproc_event, event_data), 16);
const_assert_eq!(offset_of!(cnproc_event, seq), 40);
