//! Messages to bytes: what the parser must undo.

use cnproc_parse::{
    Ack, ByteOrder, Comm, Coredump, Event, EventData, Exec, Exit, Fork, Gid, Message, Ptrace, Sid,
    Uid, Unknown,
};

/// Bytes in the order of some machine.
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
            self.u32(number.cast_unsigned());
        }
        self
    }

    fn raw(&mut self, bytes: &[u8]) -> &mut Self {
        self.bytes.extend(bytes);
        self
    }
}

/// A datagram of these messages. What they leave open is filled with 0xa5.
pub(crate) fn datagram(messages: &[Message], order: ByteOrder) -> Vec<u8> {
    let mut datagram = Vec::new();
    for one in messages {
        datagram.extend(message(one, order));
        datagram.resize(datagram.len().next_multiple_of(4), 0xa5);
    }
    datagram
}

/// One netlink message, without padding after it.
pub(crate) fn message(message: &Message, order: ByteOrder) -> Vec<u8> {
    let mut payload = Bytes { bytes: Vec::new(), order };
    let nlmsg_type = match *message {
        Message::Noop => 1,
        Message::Error { error } => {
            payload.i32s([error]);
            2
        }
        Message::Event(event) => {
            let event_bytes = proc_event(&event, order);
            payload.u32(1).u32(1).u32(event.seq).u32(event.ack);
            payload.u16(event_bytes.len() as u16).u16(0xa5a5).raw(&event_bytes);
            3
        }
        Message::Foreign { idx, val } => {
            payload.u32(idx).u32(val).u32(0).u32(0).u16(3).u16(0).raw(b"abc");
            3
        }
        Message::Overrun => 4,
        Message::Unknown { nlmsg_type } => nlmsg_type,
        _ => panic!("no bytes for {message:?}"),
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
    data(&mut bytes, &event.data());
    bytes.bytes.resize(event.size as usize, 0xa5);
    bytes.bytes
}

/// The type of an event, and the union in this machine's order.
pub(crate) fn event_data(event_data: &EventData) -> (u32, [u8; 24]) {
    let mut bytes = Bytes { bytes: Vec::new(), order: ByteOrder::NATIVE };
    data(&mut bytes, event_data);
    bytes.bytes.resize(24, 0xa5);
    let what = match event_data {
        EventData::Ack(_) => 0,
        EventData::Fork(_) => 1,
        EventData::Exec(_) => 2,
        EventData::Uid(_) => 4,
        EventData::Gid(_) => 0x40,
        EventData::Sid(_) => 0x80,
        EventData::Ptrace(_) => 0x100,
        EventData::Comm(_) => 0x200,
        EventData::Coredump(_) => 0x4000_0000,
        EventData::Exit(_) => 0x8000_0000,
        EventData::Unknown(unknown) => unknown.what,
        data => panic!("no type for {data:?}"),
    };
    (what, bytes.bytes.try_into().unwrap())
}

/// The members of the union that matter.
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
        data => panic!("no bytes for {data:?}"),
    };
}
