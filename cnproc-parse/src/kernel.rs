//! The kernel's constants and structs, under the kernel's names.
//!
//! Sources: `include/uapi/linux/{netlink,connector,cn_proc}.h`. The structs give sizes and offsets, which are
//! checked below against the numbers of the headers. Datagrams are never cast to them.

#![allow(non_camel_case_types, missing_docs, missing_debug_implementations)]

use core::mem::{align_of, offset_of, size_of};
use static_assertions::const_assert_eq;

/// `linux/netlink.h`: the netlink family of the connector.
pub const NETLINK_CONNECTOR: i32 = 11;

/// `linux/netlink.h`: a message without content.
pub const NLMSG_NOOP: u16 = 1;
/// `linux/netlink.h`: an error, `struct nlmsgerr`.
pub const NLMSG_ERROR: u16 = 2;
/// `linux/netlink.h`: the type of every connector message.
pub const NLMSG_DONE: u16 = 3;
/// `linux/netlink.h`: data was lost.
pub const NLMSG_OVERRUN: u16 = 4;

/// `linux/netlink.h`: messages in a datagram start at multiples of this.
pub const NLMSG_ALIGNTO: usize = 4;

/// `linux/connector.h`: the process events connector, and its multicast group.
pub const CN_IDX_PROC: u32 = 1;
/// `linux/connector.h`: the process events connector.
pub const CN_VAL_PROC: u32 = 1;

/// `linux/cn_proc.h`, `enum proc_cn_mcast_op`: start sending events.
pub const PROC_CN_MCAST_LISTEN: u32 = 1;
/// `linux/cn_proc.h`, `enum proc_cn_mcast_op`: stop sending events.
pub const PROC_CN_MCAST_IGNORE: u32 = 2;

/// `linux/cn_proc.h`: the acknowledgement of a LISTEN or IGNORE.
pub const PROC_EVENT_NONE: u32 = 0x0000_0000;
/// `linux/cn_proc.h`: a process or thread was created.
pub const PROC_EVENT_FORK: u32 = 0x0000_0001;
/// `linux/cn_proc.h`: a process executed a program.
pub const PROC_EVENT_EXEC: u32 = 0x0000_0002;
/// `linux/cn_proc.h`: real or effective user id changed.
pub const PROC_EVENT_UID: u32 = 0x0000_0004;
/// `linux/cn_proc.h`: real or effective group id changed.
pub const PROC_EVENT_GID: u32 = 0x0000_0040;
/// `linux/cn_proc.h`: a process became a session leader. Since Linux 2.6.32.
pub const PROC_EVENT_SID: u32 = 0x0000_0080;
/// `linux/cn_proc.h`: a tracer attached or detached. Since Linux 3.1.
pub const PROC_EVENT_PTRACE: u32 = 0x0000_0100;
/// `linux/cn_proc.h`: a thread's name changed. Since Linux 3.2.
pub const PROC_EVENT_COMM: u32 = 0x0000_0200;
/// `linux/cn_proc.h`: in a mask only: exits with a nonzero `exit_code`. Since Linux 6.6.
pub const PROC_EVENT_NONZERO_EXIT: u32 = 0x2000_0000;
/// `linux/cn_proc.h`: a process dumps core. Since Linux 3.10.
pub const PROC_EVENT_COREDUMP: u32 = 0x4000_0000;
/// `linux/cn_proc.h`: a thread exited.
pub const PROC_EVENT_EXIT: u32 = 0x8000_0000;
/// `linux/cn_proc.h`: all of the above. Since Linux 6.6.
pub const PROC_EVENT_ALL: u32 = 0xe000_03c7;

/// The size of an event before Linux 3.2, whose union was 16 bytes: the smallest that any kernel sends.
pub const PROC_EVENT_SIZE_BEFORE_3_2: usize = 32;

/// `linux/netlink.h`
#[repr(C)]
#[derive(Clone, Copy)]
pub struct nlmsghdr {
    pub nlmsg_len: u32,
    pub nlmsg_type: u16,
    pub nlmsg_flags: u16,
    pub nlmsg_seq: u32,
    pub nlmsg_pid: u32,
}

/// `linux/connector.h`
#[repr(C)]
#[derive(Clone, Copy)]
pub struct cb_id {
    pub idx: u32,
    pub val: u32,
}

/// `linux/connector.h`; `len` bytes of data follow.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct cn_msg {
    pub id: cb_id,
    pub seq: u32,
    pub ack: u32,
    pub len: u16,
    pub flags: u16,
}

/// `linux/cn_proc.h`: the filtered request. Since Linux 6.6.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct proc_input {
    pub mcast_op: u32,
    pub event_type: u32,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct ack_proc_event {
    pub err: u32,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct fork_proc_event {
    pub parent_pid: i32,
    pub parent_tgid: i32,
    pub child_pid: i32,
    pub child_tgid: i32,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct exec_proc_event {
    pub process_pid: i32,
    pub process_tgid: i32,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct id_proc_event {
    pub process_pid: i32,
    pub process_tgid: i32,
    /// `ruid` or `rgid`
    pub r: u32,
    /// `euid` or `egid`
    pub e: u32,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct sid_proc_event {
    pub process_pid: i32,
    pub process_tgid: i32,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct ptrace_proc_event {
    pub process_pid: i32,
    pub process_tgid: i32,
    pub tracer_pid: i32,
    pub tracer_tgid: i32,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct comm_proc_event {
    pub process_pid: i32,
    pub process_tgid: i32,
    pub comm: [u8; 16],
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct coredump_proc_event {
    pub process_pid: i32,
    pub process_tgid: i32,
    pub parent_pid: i32,
    pub parent_tgid: i32,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct exit_proc_event {
    pub process_pid: i32,
    pub process_tgid: i32,
    pub exit_code: u32,
    pub exit_signal: u32,
    pub parent_pid: i32,
    pub parent_tgid: i32,
}

/// The union in `struct proc_event`.
#[repr(C)]
#[derive(Clone, Copy)]
pub union event_data {
    pub ack: ack_proc_event,
    pub fork: fork_proc_event,
    pub exec: exec_proc_event,
    pub id: id_proc_event,
    pub sid: sid_proc_event,
    pub ptrace: ptrace_proc_event,
    pub comm: comm_proc_event,
    pub coredump: coredump_proc_event,
    pub exit: exit_proc_event,
}

/// `linux/cn_proc.h`. In the kernel `timestamp_ns` is 8-aligned on every architecture.
#[repr(C, align(8))]
#[derive(Clone, Copy)]
pub struct proc_event {
    pub what: u32,
    pub cpu: u32,
    pub timestamp_ns: u64,
    pub event_data: event_data,
}

/// `linux/filter.h`: an instruction of a classic BPF program.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct sock_filter {
    pub code: u16,
    pub jt: u8,
    pub jf: u8,
    pub k: u32,
}

/// The alignment of the kernel's `__u32`: 4, except 2 on m68k.
#[allow(dead_code, reason = "Rust 1.85 does not see uses in the types of constants")]
const WORD: usize = align_of::<u32>();

/// Size, alignment, and the offset of every member.
macro_rules! layout {
    ($type:ident: $size:literal, $align:expr; $($($member:ident).+ = $offset:literal),* $(,)?) => {
        const_assert_eq!(size_of::<$type>(), $size);
        const_assert_eq!(align_of::<$type>(), $align);
        $(const_assert_eq!(offset_of!($type, $($member).+), $offset);)*
    };
}

layout!(nlmsghdr: 16, WORD;
    nlmsg_len = 0, nlmsg_type = 4, nlmsg_flags = 6, nlmsg_seq = 8, nlmsg_pid = 12);
layout!(cb_id: 8, WORD; idx = 0, val = 4);
layout!(cn_msg: 20, WORD; id = 0, id.idx = 0, id.val = 4, seq = 8, ack = 12, len = 16, flags = 18);
layout!(proc_input: 8, WORD; mcast_op = 0, event_type = 4);
layout!(sock_filter: 8, WORD; code = 0, jt = 2, jf = 3, k = 4);
layout!(ack_proc_event: 4, WORD; err = 0);
layout!(fork_proc_event: 16, WORD;
    parent_pid = 0, parent_tgid = 4, child_pid = 8, child_tgid = 12);
layout!(exec_proc_event: 8, WORD; process_pid = 0, process_tgid = 4);
layout!(id_proc_event: 16, WORD; process_pid = 0, process_tgid = 4, r = 8, e = 12);
layout!(sid_proc_event: 8, WORD; process_pid = 0, process_tgid = 4);
layout!(ptrace_proc_event: 16, WORD;
    process_pid = 0, process_tgid = 4, tracer_pid = 8, tracer_tgid = 12);
layout!(comm_proc_event: 24, WORD; process_pid = 0, process_tgid = 4, comm = 8);
layout!(coredump_proc_event: 16, WORD;
    process_pid = 0, process_tgid = 4, parent_pid = 8, parent_tgid = 12);
layout!(exit_proc_event: 24, WORD;
    process_pid = 0, process_tgid = 4, exit_code = 8, exit_signal = 12,
    parent_pid = 16, parent_tgid = 20);
layout!(event_data: 24, WORD;
    ack = 0, fork = 0, exec = 0, id = 0, sid = 0, ptrace = 0, comm = 0, coredump = 0, exit = 0);
layout!(proc_event: 40, 8; what = 0, cpu = 4, timestamp_ns = 8, event_data = 16);

const_assert_eq!(
    PROC_EVENT_ALL,
    PROC_EVENT_FORK
        | PROC_EVENT_EXEC
        | PROC_EVENT_UID
        | PROC_EVENT_GID
        | PROC_EVENT_SID
        | PROC_EVENT_PTRACE
        | PROC_EVENT_COMM
        | PROC_EVENT_NONZERO_EXIT
        | PROC_EVENT_COREDUMP
        | PROC_EVENT_EXIT
);
