//! The event as C sees it.

#![allow(missing_debug_implementations, reason = "unions have none, and C needs none")]

use core::ffi::c_char;
use core::mem::{offset_of, size_of};
use static_assertions::const_assert_eq;

/// CNPROC_EVENT_NONE: the kernel acknowledged a request, this listener's or another's.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct cnproc_ack {
    /// 0, or a positive errno.
    pub err: u32,
}

/// CNPROC_EVENT_FORK: a process (child_pid == child_tgid) or a thread was made.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct cnproc_fork {
    /// The real parent's thread; of a new thread, the process's parent.
    pub parent_pid: i32,
    /// The real parent.
    pub parent_tgid: i32,
    /// The new thread.
    pub child_pid: i32,
    /// The process it belongs to.
    pub child_tgid: i32,
}

/// CNPROC_EVENT_EXEC: a process runs a new program.
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
    /// of CNPROC_EVENT_UID
    pub ruid: u32,
    /// of CNPROC_EVENT_GID
    pub rgid: u32,
}

/// The effective id.
#[repr(C)]
#[derive(Clone, Copy)]
pub union cnproc_id_e {
    /// of CNPROC_EVENT_UID
    pub euid: u32,
    /// of CNPROC_EVENT_GID
    pub egid: u32,
}

/// CNPROC_EVENT_UID, CNPROC_EVENT_GID: real or effective id changed. libc changes all threads of a
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

/// CNPROC_EVENT_SID: a process became a session leader. Linux 2.6.32.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct cnproc_sid {
    /// The leader of the process.
    pub process_pid: i32,
    /// The process.
    pub process_tgid: i32,
}

/// CNPROC_EVENT_PTRACE: a tracer attached, or detached (tracer_pid 0). Linux 3.1.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct cnproc_ptrace {
    /// The thread that is traced.
    pub process_pid: i32,
    /// Its process.
    pub process_tgid: i32,
    /// The tracing thread, or 0.
    pub tracer_pid: i32,
    /// The tracing process, or 0.
    pub tracer_tgid: i32,
}

/// CNPROC_EVENT_COMM: a thread's name changed. Linux 3.2.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct cnproc_comm {
    /// The thread.
    pub process_pid: i32,
    /// Its process.
    pub process_tgid: i32,
    /// Bytes that any user chooses. Ends with NUL only if it is shorter than 16: print it with %.16s,
    /// and to a terminal not at all (cnproc_event_format escapes it).
    pub comm: [c_char; 16],
}

/// CNPROC_EVENT_COREDUMP: a process dumps core. Linux 3.10.
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

/// CNPROC_EVENT_EXIT: a thread ended. Where process_pid == process_tgid it is the leader, and with it
/// the process, unless other threads live on (the leader called pthread_exit) or the EXEC of another
/// thread follows.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct cnproc_exit {
    /// The thread.
    pub process_pid: i32,
    /// Its process.
    pub process_tgid: i32,
    /// A wait status, for WIFEXITED() and its kin.
    pub exit_code: u32,
    /// The signal sent to the parent, not the one that ended the process. UINT32_MAX for a thread.
    pub exit_signal: u32,
    /// The parent's thread; 0 as parent_tgid.
    pub parent_pid: i32,
    /// The parent; 0 for a thread, where the process had been reaped by the time (at once if the parent
    /// ignores SIGCHLD), and before Linux 4.18.
    pub parent_tgid: i32,
}

/// CNPROC_EVENT_LOST: events were lost. Where nothing is left out, exactly here; with a mask, or
/// CNPROC_OPEN_SKIP_THREADS, here or further on, as far as the queue reached: never before.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct cnproc_lost {
    /// How many.
    pub count: u64,
}

/// What happened: the member that belongs to cnproc_event.what. What it does not fill is zero; before
/// Linux 3.12, anything.
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
    /// of a type that this header does not know
    pub bytes: [u8; 24],
}

/// An event. Its first 40 bytes are the kernel's struct proc_event: the same members, at the same
/// offsets. It will never grow.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct cnproc_event {
    /// CNPROC_EVENT_FORK, …: which member of event_data there is.
    pub what: u32,
    /// The CPU on which it happened.
    pub cpu: u32,
    /// When: nanoseconds of CLOCK_MONOTONIC.
    pub timestamp_ns: u64,
    /// What happened.
    pub event_data: cnproc_event_data,
    /// The message's number on its CPU (cn_msg.seq). It wraps around.
    pub seq: u32,
    /// 0; in an acknowledgement, the request's number + 1 (cn_msg.ack).
    pub ack: u32,
    /// How many bytes of struct proc_event the kernel sent: 40, or 32 before Linux 3.2. 0 for
    /// CNPROC_EVENT_LOST.
    pub size: u32,
    /// Zero.
    pub reserved: [u32; 3],
}

const_assert_eq!(size_of::<cnproc_event_data>(), 24);
const_assert_eq!(size_of::<cnproc_event>(), 64);
const_assert_eq!(offset_of!(cnproc_event, event_data), 16);
const_assert_eq!(offset_of!(cnproc_event, seq), 40);
