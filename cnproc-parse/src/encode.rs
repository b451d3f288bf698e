//! Messages to bytes, for tests: the inverse of the parser. Bytes without a meaning are 0xa5.

use crate::bytes::ByteOrder;
use crate::event::Event;
use crate::event_data::{
    Ack, Comm, Coredump, EventData, Exec, Exit, Fork, Gid, Ptrace, Sid, Uid, Unknown,
};
use crate::kernel;
use crate::message::Message;
use alloc::vec::Vec;

/// Bytes in a given order.
struct Bytes {
    bytes: Vec<u8>,
    order: ByteOrder,
}

impl Bytes {
    fn u16(&mut self, number: u16) -> &mut Self {
        self.bytes.extend(match self.order {
            ByteOrder::Little => number.to_le_bytes(),
            ByteOrder::Big => number.to_be_bytes(),
        });
        self
    }

    fn u32(&mut self, number: u32) -> &mut Self {
        self.bytes.extend(match self.order {
            ByteOrder::Little => number.to_le_bytes(),
            ByteOrder::Big => number.to_be_bytes(),
        });
        self
    }

    fn u64(&mut self, number: u64) -> &mut Self {
        self.bytes.extend(match self.order {
            ByteOrder::Little => number.to_le_bytes(),
            ByteOrder::Big => number.to_be_bytes(),
        });
        self
    }

    fn i32s<const N: usize>(&mut self, numbers: [i32; N]) -> &mut Self {
        for number in numbers {
            self.u32(number as u32);
        }
        self
    }

    fn raw(&mut self, bytes: &[u8]) -> &mut Self {
        self.bytes.extend(bytes);
        self
    }
}

/// A datagram of these messages.
pub fn datagram(messages: &[Message], order: ByteOrder) -> Vec<u8> {
    let mut datagram = Vec::new();
    for one in messages {
        datagram.extend(message(one, order));
        datagram.resize(datagram.len().next_multiple_of(4), 0xa5);
    }
    datagram
}

/// One netlink message, without padding after it.
pub fn message(message: &Message, order: ByteOrder) -> Vec<u8> {
    let mut payload = Bytes { bytes: Vec::new(), order };
    let nlmsg_type = match *message {
        Message::Noop => kernel::NLMSG_NOOP,
        Message::Error { error } => {
            payload.i32s([error]);
            kernel::NLMSG_ERROR
        }
        Message::Event(event) => {
            let event_bytes = proc_event(&event, order);
            payload.u32(kernel::CN_IDX_PROC).u32(kernel::CN_VAL_PROC);
            payload.u32(event.seq).u32(event.ack);
            payload.u16(event_bytes.len() as u16).u16(0xa5a5).raw(&event_bytes);
            kernel::NLMSG_DONE
        }
        Message::Foreign { idx, val } => {
            payload.u32(idx).u32(val).u32(0).u32(0).u16(3).u16(0).raw(b"abc");
            kernel::NLMSG_DONE
        }
        Message::Overrun => kernel::NLMSG_OVERRUN,
        Message::Unknown { nlmsg_type } => nlmsg_type,
    };
    let mut bytes = Bytes { bytes: Vec::new(), order };
    bytes.u32(16 + payload.bytes.len() as u32).u16(nlmsg_type).u16(0xa5a5);
    bytes.u32(0xa5a5_a5a5).u32(0xa5a5_a5a5).raw(&payload.bytes);
    bytes.bytes
}

/// `event.size` bytes of a `struct proc_event`.
fn proc_event(event: &Event, order: ByteOrder) -> Vec<u8> {
    let mut bytes = Bytes { bytes: Vec::new(), order };
    bytes.u32(event.what).u32(event.cpu).u64(event.timestamp_ns);
    if order == ByteOrder::NATIVE {
        bytes.raw(&event.event_data);
    } else {
        data(&mut bytes, &event.data());
    }
    bytes.bytes.resize(event.size as usize, 0xa5);
    bytes.bytes
}

/// An event with this data, from CPU 0, as every kernel since 3.2 sends it; its other numbers are 0.
pub fn event(event_data: &EventData) -> Event {
    let mut bytes = Bytes { bytes: Vec::new(), order: ByteOrder::NATIVE };
    data(&mut bytes, event_data);
    let what = match event_data {
        EventData::Ack(_) => kernel::PROC_EVENT_NONE,
        EventData::Fork(_) => kernel::PROC_EVENT_FORK,
        EventData::Exec(_) => kernel::PROC_EVENT_EXEC,
        EventData::Uid(_) => kernel::PROC_EVENT_UID,
        EventData::Gid(_) => kernel::PROC_EVENT_GID,
        EventData::Sid(_) => kernel::PROC_EVENT_SID,
        EventData::Ptrace(_) => kernel::PROC_EVENT_PTRACE,
        EventData::Comm(_) => kernel::PROC_EVENT_COMM,
        EventData::Coredump(_) => kernel::PROC_EVENT_COREDUMP,
        EventData::Exit(_) => kernel::PROC_EVENT_EXIT,
        EventData::Unknown(unknown) => unknown.what,
    };
    let mut event_data = [0xa5; 24];
    for (to, from) in event_data.iter_mut().zip(bytes.bytes) {
        *to = from;
    }
    Event { what, cpu: 0, timestamp_ns: 0, event_data, seq: 0, ack: 0, size: 40 }
}

/// The members of the union that this type has.
fn data(bytes: &mut Bytes, data: &EventData) {
    match *data {
        EventData::Ack(Ack { err }) => bytes.u32(err),
        EventData::Fork(Fork { parent_pid, parent_tgid, child_pid, child_tgid }) => {
            bytes.i32s([parent_pid, parent_tgid, child_pid, child_tgid])
        }
        EventData::Exec(Exec { process_pid, process_tgid })
        | EventData::Sid(Sid { process_pid, process_tgid }) => {
            bytes.i32s([process_pid, process_tgid])
        }
        EventData::Uid(Uid { process_pid, process_tgid, ruid: real, euid: effective })
        | EventData::Gid(Gid { process_pid, process_tgid, rgid: real, egid: effective }) => {
            bytes.i32s([process_pid, process_tgid]).u32(real).u32(effective)
        }
        EventData::Ptrace(Ptrace { process_pid, process_tgid, tracer_pid, tracer_tgid }) => {
            bytes.i32s([process_pid, process_tgid, tracer_pid, tracer_tgid])
        }
        EventData::Comm(Comm { process_pid, process_tgid, comm }) => {
            bytes.i32s([process_pid, process_tgid]).raw(&comm)
        }
        EventData::Coredump(Coredump { process_pid, process_tgid, parent_pid, parent_tgid }) => {
            bytes.i32s([process_pid, process_tgid, parent_pid, parent_tgid])
        }
        EventData::Exit(exit) => {
            let Exit { process_pid, process_tgid, exit_code, exit_signal, .. } = exit;
            bytes.i32s([process_pid, process_tgid]).u32(exit_code).u32(exit_signal);
            bytes.i32s([exit.parent_pid, exit.parent_tgid])
        }
        EventData::Unknown(Unknown { bytes: data, .. }) => bytes.raw(&data),
    };
}
