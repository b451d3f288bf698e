//! The BPF program that copies a listener's events into the ring, as data.
//!
//! It runs on the listener's own socket, for each datagram, in the process that caused it. For an event it
//! returns 0, so that nothing is queued; it returns -1, "all of it", for a datagram that the socket is to
//! queue. It never returns another length, which would cut the event for other listeners.
//!
//! What costs that process most are the calls of helpers, not the bytes that they read: an event requires four.
//!
//! The kernel offers `probe_read_kernel` only to programs that are available under the GPL, too. So this one is
//! licensed under MIT, Apache-2.0 or GPL-2.0, at your option.

use super::assembler::{
    FP, Label, Line, R0, R1, R2, R3, R4, R6, R7, R8, RETURN, SECOND_HALF, add, add_register, and,
    and_register, assemble, atomic_add_64, call, copy, go_to, if_above, if_any_bit_32,
    if_below_register, if_equal, if_not_equal, if_not_equal_32, if_not_equal_register, length,
    load_16, load_32, load_64, load_map, load_map_value, set, set_32, shift_left, shift_right,
    store_32, store_value_64,
};
use crate::sys::bpf::Instruction;
use crate::sys::ring::{CPUS, RECORD, Shared};
use cnproc_parse::kernel::{
    CN_IDX_PROC, CN_VAL_PROC, NLMSG_DONE, PROC_EVENT_COMM, PROC_EVENT_EXIT, PROC_EVENT_FORK,
    PROC_EVENT_GID, PROC_EVENT_PTRACE, PROC_EVENT_UID, cn_msg, exit_proc_event, fork_proc_event,
    nlmsghdr, proc_event,
};
use core::mem::offset_of;

/// What is known only when the program is loaded.
#[derive(Clone, Copy, Debug)]
pub(super) struct Parameters {
    /// Where the kernel keeps the sender's port in `struct sk_buff`.
    pub(super) port: i32,
    /// Where it keeps the address of the datagram there.
    pub(super) data: i32,
    /// The descriptors of the maps.
    pub(super) shared: i32,
    pub(super) ring: i32,
}

/// Stand for the parameters.
const PORT: i32 = 0x7f00_0001;
const DATA: i32 = 0x7f00_0002;
const SHARED: i32 = 0x7f00_0003;
const RING: i32 = 0x7f00_0004;

/// Filter flags, in the upper half of [`Shared::wanted`]; the lower half has the types.
pub(super) const NONZERO_EXITS_ONLY: u32 = 1;
pub(super) const SKIP_THREADS: u32 = 2;
pub(super) const ACKS: u32 = 4;

// linux/bpf.h
const SKB_LOAD_BYTES: i32 = 26;
const PROBE_READ_KERNEL: i32 = 113;
const RINGBUF_OUTPUT: i32 = 130;
const RINGBUF_QUERY: i32 = 134;
const BPF_RB_NO_WAKEUP: i32 = 1;
const BPF_RB_AVAIL_DATA: i32 = 0;

/// The datagram, whole: what the kernel sends for each event.
pub(super) const DATAGRAM: usize =
    size_of::<nlmsghdr>() + size_of::<cn_msg>() + size_of::<proc_event>();

// The stack frame, from its end: a copy of the datagram, an address, a port.
const COPY: usize = DATAGRAM + 4;
const ADDRESS: usize = COPY + 8;
const SENDER: usize = ADDRESS + 8;

/// How far something is below the end of the frame.
const fn below(size: usize) -> i16 {
    -(size as i16)
}

/// Where a part of the copy is, by its offset in the datagram.
const fn part(offset: usize) -> i16 {
    below(COPY) + offset as i16
}

const NLMSG_LEN: i16 = part(offset_of!(nlmsghdr, nlmsg_len));
const NLMSG_TYPE: i16 = part(offset_of!(nlmsghdr, nlmsg_type));
const MESSAGE: usize = size_of::<nlmsghdr>();
const IDX: i16 = part(MESSAGE);
const VAL: i16 = part(MESSAGE + 4);
const LENGTH: i16 = part(MESSAGE + offset_of!(cn_msg, len));
const EVENT: usize = MESSAGE + size_of::<cn_msg>();
const WHAT: i16 = part(EVENT + offset_of!(proc_event, what));
const CPU: i16 = part(EVENT + offset_of!(proc_event, cpu));
const UNION: usize = EVENT + offset_of!(proc_event, event_data);
const EXIT_CODE: i16 = part(UNION + offset_of!(exit_proc_event, exit_code));
const CHILD_PID: i16 = part(UNION + offset_of!(fork_proc_event, child_pid));
const CHILD_TGID: i16 = part(UNION + offset_of!(fork_proc_event, child_tgid));
/// Of the types below, the thread and its process.
const PROCESS_PID: i16 = part(UNION);
const PROCESS_TGID: i16 = part(UNION + 4);

/// The types that threads have each for themselves, besides FORK.
const OF_THREADS: u32 =
    PROC_EVENT_EXIT | PROC_EVENT_UID | PROC_EVENT_GID | PROC_EVENT_PTRACE | PROC_EVENT_COMM;

/// A record is the datagram from `cn_msg.id.val` on, which every event has in common: in its place the
/// record has how many events its CPU has lost.
const RECORD_START: i16 = VAL;
const _: () = assert!(MESSAGE + 4 + RECORD == DATAGRAM);

/// As an immediate, whose sign is extended.
const NOBODY_SLEEPS: i32 = {
    let value = Shared::NOBODY_SLEEPS as i32;
    assert!(value as u64 == Shared::NOBODY_SLEEPS);
    value
};

const WAKE_AT: i16 = offset_of!(Shared, wake_at) as i16;
const WANTED: i16 = offset_of!(Shared, wanted) as i16;
const LOST: i16 = offset_of!(Shared, lost) as i16;
const FORGED: i16 = offset_of!(Shared, forged) as i16;
const ACKNOWLEDGED: i16 = offset_of!(Shared, acks) as i16;
const ODD: i16 = offset_of!(Shared, odd) as i16;
const LOST_OF_CPU: i16 = offset_of!(Shared, lost_of_cpu) as i16;

const COPIED: Label = Label(0);
const IS_EVENT: Label = Label(1);
const SKIP_EXIT_CODE: Label = Label(2);
const COMPARE_IDS: Label = Label(3);
const KEEP: Label = Label(4);
const LOOK: Label = Label(5);
const TOKEN: Label = Label(6);
const COUNT_ODD: Label = Label(7);
const COUNT_FORGED: Label = Label(8);
const DROP: Label = Label(9);

const LINES: &[Line] = &[
    // R6: the datagram, which is the kernel's struct sk_buff. R8: what is shared with the listener.
    copy(R6, R1),
    load_map_value(R8, SHARED),
    SECOND_HALF,
    //
    // 1. Who sent it? NETLINK_CB(skb).portid is 0 if and only if the kernel did. Other senders are counted,
    // and dropped: they take up no room, and wake nobody.
    copy(R3, R6),
    add(R3, PORT),
    set(R2, 4),
    copy(R1, FP),
    add(R1, below(SENDER) as i32),
    call(PROBE_READ_KERNEL),
    if_not_equal(R0, 0, COUNT_ODD),
    load_32(R1, FP, below(SENDER)),
    if_not_equal(R1, 0, COUNT_FORGED),
    //
    // 2. Copies the datagram.
    copy(R1, R6),
    set(R2, 0),
    copy(R3, FP),
    add(R3, below(COPY) as i32),
    set(R4, DATAGRAM as i32),
    call(SKB_LOAD_BYTES),
    if_equal(R0, 0, COPIED),
    // It is shorter. Another listener's filter may have cut it: its bytes are still in memory, behind its address.
    copy(R3, R6),
    add(R3, DATA),
    set(R2, 8),
    copy(R1, FP),
    add(R1, below(ADDRESS) as i32),
    call(PROBE_READ_KERNEL),
    if_not_equal(R0, 0, COUNT_ODD),
    load_64(R3, FP, below(ADDRESS)),
    set(R2, DATAGRAM as i32),
    copy(R1, FP),
    add(R1, below(COPY) as i32),
    call(PROBE_READ_KERNEL),
    if_not_equal(R0, 0, COUNT_ODD),
    Line::Label(COPIED),
    //
    // 3. Is it one event, and nothing else? Whatever else the kernel may send is left to the socket.
    load_32(R1, FP, NLMSG_LEN),
    if_not_equal(R1, DATAGRAM as i32, COUNT_ODD),
    load_16(R1, FP, NLMSG_TYPE),
    if_not_equal(R1, NLMSG_DONE as i32, COUNT_ODD),
    load_32(R1, FP, IDX),
    if_not_equal(R1, CN_IDX_PROC as i32, COUNT_ODD),
    load_32(R1, FP, VAL),
    if_not_equal(R1, CN_VAL_PROC as i32, COUNT_ODD),
    load_16(R1, FP, LENGTH),
    if_not_equal(R1, size_of::<proc_event>() as i32, COUNT_ODD),
    //
    // 4. Is it wanted? R1: the types wanted. R2: the flags.
    load_64(R1, R8, WANTED),
    copy(R2, R1),
    shift_right(R2, 32),
    load_32(R7, FP, WHAT),
    // Acknowledgements, whose type is 0, are counted.
    if_not_equal(R7, 0, IS_EVENT),
    set(R1, 1),
    atomic_add_64(R8, ACKNOWLEDGED, R1),
    and(R2, ACKS as i32),
    if_equal(R2, 0, DROP),
    go_to(KEEP),
    Line::Label(IS_EVENT),
    and_register(R1, R7),
    if_equal(R1, 0, DROP),
    // Of exits, those with code 0 may be unwanted.
    copy(R1, R2),
    and(R1, NONZERO_EXITS_ONLY as i32),
    if_equal(R1, 0, SKIP_EXIT_CODE),
    if_not_equal_32(R7, PROC_EVENT_EXIT, SKIP_EXIT_CODE),
    load_32(R1, FP, EXIT_CODE),
    if_equal(R1, 0, DROP),
    Line::Label(SKIP_EXIT_CODE),
    // Those of threads may be unwanted: where the ids of thread and process differ.
    and(R2, SKIP_THREADS as i32),
    if_equal(R2, 0, KEEP),
    load_32(R3, FP, CHILD_PID),
    load_32(R4, FP, CHILD_TGID),
    if_equal(R7, PROC_EVENT_FORK as i32, COMPARE_IDS),
    load_32(R3, FP, PROCESS_PID),
    load_32(R4, FP, PROCESS_TGID),
    if_any_bit_32(R7, OF_THREADS, COMPARE_IDS),
    go_to(KEEP),
    Line::Label(COMPARE_IDS),
    if_not_equal_register(R3, R4, DROP),
    Line::Label(KEEP),
    //
    // 5. Writes the record. R7: the address of the CPU's count of lost events, without its offset. The
    // kernel sends a CPU's events one after the other, so no two of them use it at the same time.
    load_32(R7, FP, CPU),
    if_above(R7, CPUS as i32 - 1, COUNT_ODD),
    shift_left(R7, 2),
    add_register(R7, R8),
    load_32(R1, R7, LOST_OF_CPU),
    store_32(FP, RECORD_START, R1),
    load_map(R1, RING),
    SECOND_HALF,
    copy(R2, FP),
    add(R2, RECORD_START as i32),
    set(R3, RECORD as i32),
    set(R4, BPF_RB_NO_WAKEUP),
    call(RINGBUF_OUTPUT),
    if_equal(R0, 0, LOOK),
    //
    // 6. There was no room: an event is lost. The listener may have emptied the ring meanwhile, and sleep.
    // (Where an atomic addition is no barrier, as on arm64, it may see the loss only with the next event.)
    load_32(R1, R7, LOST_OF_CPU),
    add(R1, 1),
    store_32(R7, LOST_OF_CPU, R1),
    set(R1, 1),
    atomic_add_64(R8, LOST, R1),
    load_64(R7, R8, WAKE_AT),
    if_equal(R7, NOBODY_SLEEPS, DROP),
    go_to(TOKEN),
    //
    // 7. Does the listener sleep? Asked only now: the record was completed by an atomic exchange, which is a
    // full barrier. The listener stores `wake_at` and then looks at the ring, with a barrier in between. So
    // either the program sees that the listener sleeps, or the listener sees the record.
    Line::Label(LOOK),
    load_64(R7, R8, WAKE_AT),
    if_equal(R7, NOBODY_SLEEPS, DROP),
    // Is it to be woken at once, or when that many bytes are in the ring?
    if_equal(R7, 1, TOKEN),
    load_map(R1, RING),
    SECOND_HALF,
    set(R2, BPF_RB_AVAIL_DATA),
    call(RINGBUF_QUERY),
    if_below_register(R0, R7, DROP),
    // Wakes it through the socket: the datagram itself is queued there, as a token.
    Line::Label(TOKEN),
    store_value_64(R8, WAKE_AT, NOBODY_SLEEPS),
    set_32(R0, -1),
    RETURN,
    //
    Line::Label(COUNT_ODD),
    set(R1, 1),
    atomic_add_64(R8, ODD, R1),
    set_32(R0, -1),
    RETURN,
    //
    Line::Label(COUNT_FORGED),
    set(R1, 1),
    atomic_add_64(R8, FORGED, R1),
    Line::Label(DROP),
    set(R0, 0),
    RETURN,
];

pub(super) type Program = [Instruction; length(LINES)];

const PROGRAM: Program = {
    let program = assemble(LINES);
    // No other immediate stands for a parameter.
    assert!(count_immediates(&program, PORT) == 1 && count_immediates(&program, DATA) == 1);
    assert!(count_immediates(&program, SHARED) == 1 && count_immediates(&program, RING) == 2);
    program
};

const fn count_immediates(program: &Program, value: i32) -> usize {
    let (mut rest, mut count) = (program.as_slice(), 0);
    while let [instruction, tail @ ..] = rest {
        count += (instruction.immediate == value) as usize;
        rest = tail;
    }
    count
}

/// The program, ready to be loaded.
pub(super) fn program(parameters: &Parameters) -> Program {
    let mut program = PROGRAM;
    for instruction in &mut program {
        instruction.immediate = match instruction.immediate {
            PORT => parameters.port,
            DATA => parameters.data,
            SHARED => parameters.shared,
            RING => parameters.ring,
            immediate => immediate,
        };
    }
    program
}
