//! `struct proc_event`: the innermost struct, 40 bytes, or 32 before Linux 3.2.

use crate::bytes::ByteOrder;
use crate::cn_msg::CnMsg;
use crate::error::{Layer, ParseError};
use crate::event::{
    Ack, Comm, Coredump, Event, EventData, Exec, Exit, Fork, Gid, Ptrace, Sid, Uid, Unknown,
};
use crate::kernel::{self, PROC_EVENT_SIZE_BEFORE_3_2};

const SIZE: usize = size_of::<kernel::proc_event>();
const HEADER: usize = core::mem::offset_of!(kernel::proc_event, event_data);
const DATA: usize = size_of::<kernel::event_data>();
const DATA_BEFORE_3_2: usize = PROC_EVENT_SIZE_BEFORE_3_2 - HEADER;

/// The union's words.
pub(crate) type Words = [[u8; 4]; DATA / 4];

/// Reads the event in `message`; `offset` is where in the datagram its data begin.
#[inline]
pub(crate) fn read(
    message: &CnMsg<'_>,
    offset: usize,
    order: ByteOrder,
) -> Result<Event, ParseError> {
    let available = message.data.len();
    let truncated = |needed| ParseError::truncated(Layer::ProcEvent, offset, needed, available);
    let short = || truncated(PROC_EVENT_SIZE_BEFORE_3_2);
    let (header, rest) = message.data.split_first_chunk::<HEADER>().ok_or_else(short)?;
    let data = match rest.first_chunk::<DATA>() {
        Some(data) => *data,
        None => zero_extended(rest.first_chunk::<DATA_BEFORE_3_2>().ok_or_else(short)?),
    };

    let [w0, w1, w2, w3, c0, c1, c2, c3, t0, t1, t2, t3, t4, t5, t6, t7] = *header;
    let what = order.u32([w0, w1, w2, w3]);
    if what == kernel::PROC_EVENT_COMM && available < SIZE {
        return Err(truncated(SIZE));
    }
    Ok(Event {
        cpu: order.u32([c0, c1, c2, c3]),
        timestamp_ns: order.u64([t0, t1, t2, t3, t4, t5, t6, t7]),
        seq: message.seq,
        ack: message.ack,
        // A cn_msg's length is 16 bits wide.
        size: available as u32,
        data: read_data(what, words(&data), order),
    })
}

/// What the union was before Linux 3.2, with zeros for the members that came after.
#[inline]
fn zero_extended(data: &[u8; DATA_BEFORE_3_2]) -> [u8; DATA] {
    let mut extended = [0; DATA];
    for (to, from) in extended.iter_mut().zip(data) {
        *to = *from;
    }
    extended
}

/// Whole words and not bytes, which the compiler would put together one by one.
#[inline]
fn words(data: &[u8; DATA]) -> Words {
    let mut words = [[0; 4]; DATA / 4];
    for (to, from) in words.iter_mut().zip(data.as_chunks().0) {
        *to = *from;
    }
    words
}

#[inline]
fn joined<const WORDS: usize, const BYTES: usize>(words: [[u8; 4]; WORDS]) -> [u8; BYTES] {
    let mut bytes = [0; BYTES];
    for (to, from) in bytes.iter_mut().zip(words.as_flattened()) {
        *to = *from;
    }
    bytes
}

#[inline]
pub(crate) fn read_data(what: u32, data: Words, order: ByteOrder) -> EventData {
    let [first, second, third, fourth, fifth, sixth] = data;
    let process_pid = order.i32(first);
    let process_tgid = order.i32(second);
    match what {
        kernel::PROC_EVENT_NONE => EventData::Ack(Ack { err: order.u32(first) }),
        kernel::PROC_EVENT_FORK => EventData::Fork(Fork {
            parent_pid: process_pid,
            parent_tgid: process_tgid,
            child_pid: order.i32(third),
            child_tgid: order.i32(fourth),
        }),
        kernel::PROC_EVENT_EXEC => EventData::Exec(Exec { process_pid, process_tgid }),
        kernel::PROC_EVENT_UID => EventData::Uid(Uid {
            process_pid,
            process_tgid,
            ruid: order.u32(third),
            euid: order.u32(fourth),
        }),
        kernel::PROC_EVENT_GID => EventData::Gid(Gid {
            process_pid,
            process_tgid,
            rgid: order.u32(third),
            egid: order.u32(fourth),
        }),
        kernel::PROC_EVENT_SID => EventData::Sid(Sid { process_pid, process_tgid }),
        kernel::PROC_EVENT_PTRACE => EventData::Ptrace(Ptrace {
            process_pid,
            process_tgid,
            tracer_pid: order.i32(third),
            tracer_tgid: order.i32(fourth),
        }),
        kernel::PROC_EVENT_COMM => EventData::Comm(Comm {
            process_pid,
            process_tgid,
            comm: joined([third, fourth, fifth, sixth]),
        }),
        kernel::PROC_EVENT_COREDUMP => EventData::Coredump(Coredump {
            process_pid,
            process_tgid,
            parent_pid: order.i32(third),
            parent_tgid: order.i32(fourth),
        }),
        kernel::PROC_EVENT_EXIT => EventData::Exit(Exit {
            process_pid,
            process_tgid,
            exit_code: order.u32(third),
            exit_signal: order.u32(fourth),
            parent_pid: order.i32(fifth),
            parent_tgid: order.i32(sixth),
        }),
        what => EventData::Unknown(Unknown { what, bytes: joined(data) }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// what, cpu 7, timestamp, and a union whose bytes are all different.
    fn golden(what: u32) -> [u8; SIZE] {
        let mut bytes: [u8; SIZE] = core::array::from_fn(|i| i as u8 + 1);
        bytes[..4].copy_from_slice(&what.to_le_bytes());
        bytes[4..8].copy_from_slice(&[7, 0, 0, 0]);
        bytes[8..16].copy_from_slice(&0x0123_4567_89ab_cdef_u64.to_le_bytes());
        bytes
    }

    fn read_little(data: &[u8]) -> Result<Event, ParseError> {
        let message = CnMsg { idx: 1, val: 1, seq: 5, ack: 6, data };
        read(&message, 36, ByteOrder::Little)
    }

    fn data_of(what: u32) -> EventData {
        read_little(&golden(what)).unwrap().data
    }

    const A: i32 = 0x1413_1211;
    const B: i32 = 0x1817_1615;
    const C: i32 = 0x1c1b_1a19;
    const D: i32 = 0x201f_1e1d;
    const E: i32 = 0x2423_2221;
    const F: i32 = 0x2827_2625;

    #[test]
    fn the_header_and_the_connectors_numbers() {
        let event = read_little(&golden(kernel::PROC_EVENT_EXEC)).unwrap();
        assert_eq!(event.cpu, 7);
        assert_eq!(event.timestamp_ns, 0x0123_4567_89ab_cdef);
        assert_eq!((event.seq, event.ack, event.size), (5, 6, 40));
    }

    #[test]
    fn each_type_reads_its_own_members() {
        assert_eq!(data_of(0), EventData::Ack(Ack { err: A as u32 }));
        assert_eq!(
            data_of(1),
            EventData::Fork(Fork { parent_pid: A, parent_tgid: B, child_pid: C, child_tgid: D })
        );
        assert_eq!(data_of(2), EventData::Exec(Exec { process_pid: A, process_tgid: B }));
        let (ruid, euid) = (C as u32, D as u32);
        assert_eq!(data_of(4), EventData::Uid(Uid { process_pid: A, process_tgid: B, ruid, euid }));
        assert_eq!(
            data_of(0x40),
            EventData::Gid(Gid { process_pid: A, process_tgid: B, rgid: ruid, egid: euid })
        );
        assert_eq!(data_of(0x80), EventData::Sid(Sid { process_pid: A, process_tgid: B }));
        assert_eq!(
            data_of(0x100),
            EventData::Ptrace(Ptrace {
                process_pid: A,
                process_tgid: B,
                tracer_pid: C,
                tracer_tgid: D
            })
        );
        let comm = core::array::from_fn(|i| i as u8 + 25);
        assert_eq!(data_of(0x200), EventData::Comm(Comm { process_pid: A, process_tgid: B, comm }));
        assert_eq!(
            data_of(0x4000_0000),
            EventData::Coredump(Coredump {
                process_pid: A,
                process_tgid: B,
                parent_pid: C,
                parent_tgid: D
            })
        );
        assert_eq!(
            data_of(0x8000_0000),
            EventData::Exit(Exit {
                process_pid: A,
                process_tgid: B,
                exit_code: C as u32,
                exit_signal: D as u32,
                parent_pid: E,
                parent_tgid: F
            })
        );
    }

    #[test]
    fn an_unknown_type_is_a_value_with_its_bytes() {
        let bytes = core::array::from_fn(|i| i as u8 + 17);
        assert_eq!(data_of(0x400), EventData::Unknown(Unknown { what: 0x400, bytes }));
    }

    #[test]
    fn before_3_2_an_exit_has_no_parent_and_comm_does_not_fit() {
        let event = read_little(&golden(kernel::PROC_EVENT_EXIT)[..32]).unwrap();
        assert_eq!(event.size, 32);
        assert_eq!(
            event.data,
            EventData::Exit(Exit {
                process_pid: A,
                process_tgid: B,
                exit_code: C as u32,
                exit_signal: D as u32,
                parent_pid: 0,
                parent_tgid: 0
            })
        );
        assert_eq!(
            read_little(&golden(kernel::PROC_EVENT_COMM)[..39]),
            Err(ParseError::truncated(Layer::ProcEvent, 36, 40, 39))
        );
    }

    #[test]
    fn less_than_any_kernel_sent_is_an_error() {
        for length in 0..PROC_EVENT_SIZE_BEFORE_3_2 {
            assert_eq!(
                read_little(&golden(kernel::PROC_EVENT_EXEC)[..length]),
                Err(ParseError::truncated(Layer::ProcEvent, 36, 32, length))
            );
        }
    }

    #[test]
    fn a_longer_event_of_a_later_kernel_keeps_its_first_40_bytes() {
        let mut longer = [0; 48];
        longer[..SIZE].copy_from_slice(&golden(kernel::PROC_EVENT_EXEC));
        let event = read_little(&longer).unwrap();
        assert_eq!(event.size, 48);
        assert_eq!(event.data, EventData::Exec(Exec { process_pid: A, process_tgid: B }));
    }
}
