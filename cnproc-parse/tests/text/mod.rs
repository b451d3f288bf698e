//! A datagram as text, a line for each message: the form of `tests/golden` and of the C oracle.

use cnproc_parse::{
    Ack, ByteOrder, Comm, Coredump, Event, EventData, Exec, Exit, Fork, Gid, Message, ParseError,
    Ptrace, Sid, Uid, Unknown, messages_in,
};
use std::fmt::Write;

/// What the parser sees in a datagram.
pub(crate) fn describe(datagram: &[u8], order: ByteOrder) -> Vec<String> {
    let line = |item: Result<Message, ParseError>| match item {
        Ok(Message::Event(event)) => event_line(&event),
        Ok(Message::Noop) => "noop".into(),
        Ok(Message::Error { error }) => format!("error {error}"),
        Ok(Message::Overrun) => "overrun".into(),
        Ok(Message::Foreign { idx, val }) => format!("foreign idx={idx} val={val}"),
        Ok(Message::Unknown { nlmsg_type }) => format!("unknown type={nlmsg_type}"),
        Ok(message) => panic!("no line for {message:?}"),
        Err(error) => format!("bad {} offset={}", error.layer.name(), error.offset),
    };
    messages_in(datagram, order).map(line).collect()
}

fn event_line(event: &Event) -> String {
    let Event { what, cpu, timestamp_ns, seq, ack, size, .. } = event;
    let mut line = format!(
        "event what={what:#x} cpu={cpu} timestamp_ns={timestamp_ns} seq={seq} ack={ack} size={size}"
    );
    // The members' names are the kernel's.
    macro_rules! members {
        ($($member:ident),*) => {{ $(write!(line, " {}={}", stringify!($member), $member).unwrap();)* }};
    }
    match event.data() {
        EventData::Ack(Ack { err }) => members!(err),
        EventData::Fork(Fork { parent_pid, parent_tgid, child_pid, child_tgid }) => {
            members!(parent_pid, parent_tgid, child_pid, child_tgid);
        }
        EventData::Exec(Exec { process_pid, process_tgid })
        | EventData::Sid(Sid { process_pid, process_tgid }) => members!(process_pid, process_tgid),
        EventData::Uid(Uid { process_pid, process_tgid, ruid, euid }) => {
            members!(process_pid, process_tgid, ruid, euid);
        }
        EventData::Gid(Gid { process_pid, process_tgid, rgid, egid }) => {
            members!(process_pid, process_tgid, rgid, egid);
        }
        EventData::Ptrace(Ptrace { process_pid, process_tgid, tracer_pid, tracer_tgid }) => {
            members!(process_pid, process_tgid, tracer_pid, tracer_tgid);
        }
        EventData::Comm(Comm { process_pid, process_tgid, comm }) => {
            let comm = hex(&comm);
            members!(process_pid, process_tgid, comm);
        }
        EventData::Coredump(Coredump { process_pid, process_tgid, parent_pid, parent_tgid }) => {
            members!(process_pid, process_tgid, parent_pid, parent_tgid);
        }
        EventData::Exit(Exit {
            process_pid,
            process_tgid,
            exit_code,
            exit_signal,
            parent_pid,
            parent_tgid,
        }) => members!(process_pid, process_tgid, exit_code, exit_signal, parent_pid, parent_tgid),
        EventData::Unknown(Unknown { bytes, .. }) => {
            let bytes = hex(&bytes);
            members!(bytes);
        }
        data => panic!("no line for {data:?}"),
    }
    line
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
