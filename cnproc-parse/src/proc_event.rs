//! `struct proc_event`: the innermost struct, 40 bytes, or 32 before Linux 3.2.

use crate::bytes::ByteOrder;
use crate::cn_msg::CnMsg;
use crate::error::{Layer, ParseError};
use crate::event::{Event, is_known};
use crate::event_data;
use crate::kernel::{self, PROC_EVENT_SIZE_BEFORE_3_2, comm_proc_event};
use core::mem::offset_of;

const SIZE: usize = size_of::<kernel::proc_event>();
const HEADER: usize = offset_of!(kernel::proc_event, event_data);
const DATA_BEFORE_3_2: usize = PROC_EVENT_SIZE_BEFORE_3_2 - HEADER;

/// The union's bytes.
type Data = [u8; event_data::SIZE];

/// Reads the event in `message`; `offset` is the position of its data in the datagram.
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
    let event_data = match rest.first_chunk() {
        Some(data) => *data,
        None => zero_extended(rest.first_chunk().ok_or_else(short)?),
    };

    let [w0, w1, w2, w3, c0, c1, c2, c3, t0, t1, t2, t3, t4, t5, t6, t7] = *header;
    let what = order.u32([w0, w1, w2, w3]);
    if what == kernel::PROC_EVENT_COMM && available < SIZE {
        return Err(truncated(SIZE));
    }
    Ok(Event {
        what,
        cpu: order.u32([c0, c1, c2, c3]),
        timestamp_ns: order.u64([t0, t1, t2, t3, t4, t5, t6, t7]),
        event_data: if order == ByteOrder::NATIVE { event_data } else { swapped(what, event_data) },
        seq: message.seq,
        ack: message.ack,
        // Fits: cn_msg.len is 16 bits wide.
        size: available as u32,
    })
}

/// The 16-byte union of Linux before 3.2, extended with zeros.
fn zero_extended(data: &[u8; DATA_BEFORE_3_2]) -> Data {
    let mut extended: Data = [0; event_data::SIZE];
    for (to, from) in extended.iter_mut().zip(data) {
        *to = *from;
    }
    extended
}

/// Converts from the other byte order. A name is bytes, and the members of an unknown type are unknown:
/// both stay as they are.
#[cold]
fn swapped(what: u32, mut data: Data) -> Data {
    let numbers = match what {
        kernel::PROC_EVENT_COMM => offset_of!(comm_proc_event, comm),
        what if is_known(what) => data.len(),
        _ => 0,
    };
    for number in data.get_mut(..numbers).unwrap_or_default().chunks_exact_mut(4) {
        number.reverse();
    }
    data
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event_data::{EventData, Exec, Exit};

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

    const A: i32 = 0x1413_1211;
    const B: i32 = 0x1817_1615;

    #[test]
    fn header_and_connector_numbers_are_read() {
        let event = read_little(&golden(kernel::PROC_EVENT_EXEC)).unwrap();
        assert_eq!(event.cpu, 7);
        assert_eq!(event.timestamp_ns, 0x0123_4567_89ab_cdef);
        assert_eq!((event.seq, event.ack, event.size), (5, 6, 40));
    }

    #[test]
    fn union_is_converted_to_native_order_except_names_and_unknown_types() {
        const PLAIN: Data = [
            17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38,
            39, 40,
        ];
        for (what, turned) in [(kernel::PROC_EVENT_EXIT, 24), (kernel::PROC_EVENT_COMM, 8), (3, 0)]
        {
            let data = |order| {
                let mut bytes = golden(what);
                if order == ByteOrder::Big {
                    bytes[..4].reverse();
                }
                let message = CnMsg { idx: 1, val: 1, seq: 5, ack: 6, data: &bytes };
                read(&message, 36, order).unwrap().event_data
            };
            let mut expected = PLAIN;
            expected[..turned].chunks_mut(4).for_each(<[u8]>::reverse);
            let (native, other) = match ByteOrder::NATIVE {
                ByteOrder::Little => (ByteOrder::Little, ByteOrder::Big),
                ByteOrder::Big => (ByteOrder::Big, ByteOrder::Little),
            };
            assert_eq!(data(native), PLAIN, "{what:#x}");
            assert_eq!(data(other), expected, "{what:#x}");
        }
    }

    #[test]
    fn event_of_32_bytes_has_no_exit_parent_and_no_comm() {
        let event = read_little(&golden(kernel::PROC_EVENT_EXIT)[..32]).unwrap();
        assert_eq!(event.size, 32);
        assert_eq!(
            event.data(),
            EventData::Exit(Exit {
                process_pid: A,
                process_tgid: B,
                exit_code: 0x1c1b_1a19,
                exit_signal: 0x201f_1e1d,
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
    fn event_shorter_than_32_bytes_is_an_error() {
        for length in 0..PROC_EVENT_SIZE_BEFORE_3_2 {
            assert_eq!(
                read_little(&golden(kernel::PROC_EVENT_EXEC)[..length]),
                Err(ParseError::truncated(Layer::ProcEvent, 36, 32, length))
            );
        }
    }

    #[test]
    fn longer_event_of_a_later_kernel_keeps_its_first_40_bytes() {
        let mut longer = [0; 48];
        longer[..SIZE].copy_from_slice(&golden(kernel::PROC_EVENT_EXEC));
        let event = read_little(&longer).unwrap();
        assert_eq!(event.size, 48);
        assert_eq!(event.data(), EventData::Exec(Exec { process_pid: A, process_tgid: B }));
    }
}
