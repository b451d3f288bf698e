//! Events of every type and size, datagrams of several messages, and damage to them.

use cnproc_parse::{
    Ack, ByteOrder, Comm, Coredump, Event, EventData, EventMask, Exec, Exit, Fork, Gid, Message,
    Ptrace, Sid, Uid, Unknown, encode, event_name,
};
use proptest::prelude::*;
use proptest::sample::Index;

/// A pid, often the one it is compared with.
fn pids() -> impl Strategy<Value = (i32, i32)> {
    prop_oneof![any::<i32>().prop_map(|pid| (pid, pid)), any::<(i32, i32)>()]
}

/// A number that is often 0.
fn number() -> impl Strategy<Value = u32> {
    prop_oneof![Just(0), any::<u32>()]
}

/// What a later kernel may send: a new bit, or anything.
fn unknown_what() -> impl Strategy<Value = u32> {
    prop_oneof![(0..32_u32).prop_map(|bit| 1 << bit), any::<u32>()]
        .prop_filter("a known type", |what| event_name(*what).is_none())
}

fn event_data() -> impl Strategy<Value = EventData> {
    prop_oneof![
        number().prop_map(|err| EventData::Ack(Ack { err })),
        (pids(), pids()).prop_map(|((parent_pid, parent_tgid), (child_pid, child_tgid))| {
            EventData::Fork(Fork { parent_pid, parent_tgid, child_pid, child_tgid })
        }),
        pids().prop_map(|(process_pid, process_tgid)| {
            EventData::Exec(Exec { process_pid, process_tgid })
        }),
        (pids(), number(), number()).prop_map(|((process_pid, process_tgid), ruid, euid)| {
            EventData::Uid(Uid { process_pid, process_tgid, ruid, euid })
        }),
        (pids(), number(), number()).prop_map(|((process_pid, process_tgid), rgid, egid)| {
            EventData::Gid(Gid { process_pid, process_tgid, rgid, egid })
        }),
        pids().prop_map(|(process_pid, process_tgid)| {
            EventData::Sid(Sid { process_pid, process_tgid })
        }),
        (pids(), pids()).prop_map(|((process_pid, process_tgid), (tracer_pid, tracer_tgid))| {
            EventData::Ptrace(Ptrace { process_pid, process_tgid, tracer_pid, tracer_tgid })
        }),
        (pids(), any::<[u8; 16]>()).prop_map(|((process_pid, process_tgid), comm)| {
            EventData::Comm(Comm { process_pid, process_tgid, comm })
        }),
        (pids(), pids()).prop_map(|((process_pid, process_tgid), (parent_pid, parent_tgid))| {
            EventData::Coredump(Coredump { process_pid, process_tgid, parent_pid, parent_tgid })
        }),
        (pids(), number(), number(), pids()).prop_map(
            |((process_pid, process_tgid), exit_code, exit_signal, (parent_pid, parent_tgid))| {
                EventData::Exit(Exit {
                    process_pid,
                    process_tgid,
                    exit_code,
                    exit_signal,
                    parent_pid,
                    parent_tgid,
                })
            }
        ),
        (unknown_what(), any::<[u8; 24]>())
            .prop_map(|(what, bytes)| EventData::Unknown(Unknown { what, bytes })),
    ]
}

/// An event as it reads when only 16 bytes of its data are sent. A comm needs all 24.
fn before_3_2(data: EventData) -> Option<EventData> {
    match data {
        EventData::Comm(_) => None,
        EventData::Exit(exit) => {
            Some(EventData::Exit(Exit { parent_pid: 0, parent_tgid: 0, ..exit }))
        }
        EventData::Unknown(mut unknown) => {
            unknown.bytes[16..].fill(0);
            Some(EventData::Unknown(unknown))
        }
        data => Some(data),
    }
}

/// An event of any type, in a size that a kernel of some time sends: past, present or to come.
pub(crate) fn event() -> impl Strategy<Value = Event> {
    let size = prop_oneof![Just(40_u32), Just(32), 33..40_u32, 41..80_u32];
    let numbers = (any::<u32>(), any::<u64>(), any::<u32>(), any::<u32>());
    (event_data(), size, numbers).prop_map(|(data, size, (cpu, timestamp_ns, seq, ack))| {
        let (data, size) = match before_3_2(data) {
            Some(data) if size < 40 => (data, size),
            _ => (data, size.max(40)),
        };
        let mut event = encode::event(&data);
        (event.cpu, event.timestamp_ns, event.seq) = (cpu, timestamp_ns, seq);
        (event.ack, event.size) = (ack, size);
        event
    })
}

fn message() -> impl Strategy<Value = Message> {
    prop_oneof![
        8 => event().prop_map(Message::Event),
        1 => Just(Message::Noop),
        1 => any::<i32>().prop_map(|error| Message::Error { error }),
        1 => Just(Message::Overrun),
        1 => (0..4_u32, 0..4_u32)
            .prop_filter("ours", |id| *id != (1, 1))
            .prop_map(|(idx, val)| Message::Foreign { idx, val }),
        1 => prop_oneof![Just(0), 5..=u16::MAX].prop_map(|nlmsg_type| Message::Unknown { nlmsg_type }),
    ]
}

/// Several messages, as one datagram holds them.
pub(crate) fn messages() -> impl Strategy<Value = Vec<Message>> {
    prop::collection::vec(message(), 0..6)
}

/// One way to spoil a datagram.
#[derive(Clone, Debug)]
enum Damage {
    Truncate(Index),
    Flip(Index, u8),
    /// A value for a header's field: a length, an id, a type, in the n-th message if all are whole.
    Field(Index, Field, u32),
    Overwrite(Index, Vec<u8>),
    Append(Vec<u8>),
}

#[derive(Clone, Copy, Debug)]
enum Field {
    NlmsgLen = 0,
    NlmsgType = 4,
    Idx = 16,
    Val = 20,
    Len = 32,
    What = 36,
}

fn damage() -> impl Strategy<Value = Damage> {
    let field = prop::sample::select(vec![
        Field::NlmsgLen,
        Field::NlmsgType,
        Field::Idx,
        Field::Val,
        Field::Len,
        Field::What,
    ]);
    let value = prop_oneof![0..120_u32, any::<u32>(), (0..32_u32).prop_map(|bit| 1 << bit)];
    let bytes = || prop::collection::vec(any::<u8>(), 1..40);
    prop_oneof![
        any::<Index>().prop_map(Damage::Truncate),
        (any::<Index>(), 0..8_u8).prop_map(|(index, bit)| Damage::Flip(index, bit)),
        (any::<Index>(), field, value)
            .prop_map(|(index, field, value)| { Damage::Field(index, field, value) }),
        (any::<Index>(), bytes()).prop_map(|(index, bytes)| Damage::Overwrite(index, bytes)),
        bytes().prop_map(Damage::Append),
    ]
}

fn put(datagram: &mut [u8], at: usize, bytes: &[u8]) {
    for (to, from) in datagram.iter_mut().skip(at).zip(bytes) {
        *to = *from;
    }
}

fn spoil(datagram: &mut Vec<u8>, damage: Damage, order: ByteOrder) {
    let length = datagram.len();
    if length == 0 {
        return;
    }
    match damage {
        Damage::Truncate(index) => datagram.truncate(index.index(length)),
        Damage::Flip(index, bit) => datagram[index.index(length)] ^= 1 << bit,
        Damage::Field(index, field, value) => {
            let at = 76 * index.index(length.div_ceil(76)) + field as usize;
            let narrow = matches!(field, Field::NlmsgType | Field::Len);
            match (order, narrow) {
                (ByteOrder::Little, false) => put(datagram, at, &value.to_le_bytes()),
                (ByteOrder::Big, false) => put(datagram, at, &value.to_be_bytes()),
                (ByteOrder::Little, true) => put(datagram, at, &(value as u16).to_le_bytes()),
                (ByteOrder::Big, true) => put(datagram, at, &(value as u16).to_be_bytes()),
            }
        }
        Damage::Overwrite(index, bytes) => put(datagram, index.index(length), &bytes),
        Damage::Append(bytes) => datagram.extend(bytes),
    }
}

/// Messages of which some events have about the sizes where an event begins to be one.
fn cut_messages() -> impl Strategy<Value = Vec<Message>> {
    let sizes = prop::collection::vec(prop::option::of(28..44_u32), 6);
    (messages(), sizes).prop_map(|(mut messages, sizes)| {
        for (message, size) in messages.iter_mut().zip(sizes) {
            if let (Message::Event(event), Some(size)) = (message, size) {
                event.size = size;
            }
        }
        messages
    })
}

/// A datagram as no kernel sends it: messages with up to three kinds of damage, or mere bytes.
pub(crate) fn damaged(order: ByteOrder) -> impl Strategy<Value = Vec<u8>> {
    let damages = prop::collection::vec(damage(), 0..4);
    let spoilt = (cut_messages(), damages).prop_map(move |(messages, damages)| {
        let mut datagram = encode::datagram(&messages, order);
        for damage in damages {
            spoil(&mut datagram, damage, order);
        }
        datagram
    });
    prop_oneof![8 => spoilt, 1 => prop::collection::vec(any::<u8>(), 0..200)]
}

/// Any mask that a filter can have.
pub(crate) fn mask() -> impl Strategy<Value = EventMask> {
    prop_oneof![
        Just(EventMask::ALL.bits()),
        any::<u32>().prop_map(|bits| bits & 0xe000_03c7),
        any::<(u32, u32)>().prop_map(|(a, b)| a & b & 0xe000_03c7),
        any::<u32>().prop_map(|bits| bits & 0x3c7 | 0x2000_0000),
    ]
    .prop_filter_map("empty", EventMask::from_bits)
}
