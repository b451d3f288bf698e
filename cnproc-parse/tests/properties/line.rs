//! The classic line of an event.

use crate::strategies::{damaged, event};
use crate::{config, order};
use cnproc_parse::{Event, EventData, messages_in};
use proptest::prelude::*;

/// As the classic program prints it, and in its manner, but by the formatting machinery of `core`.
fn expected(event: &Event) -> String {
    match event.data() {
        EventData::Ack(ack) if ack.err == 0 => "set mcast listen ok".into(),
        EventData::Ack(ack) => format!("set mcast listen failed: errno={}", ack.err),
        EventData::Fork(e) => format!(
            "fork: parent tid={} pid={} -> child tid={} pid={}",
            e.parent_pid, e.parent_tgid, e.child_pid, e.child_tgid
        ),
        EventData::Exec(e) => format!("exec: tid={} pid={}", e.process_pid, e.process_tgid),
        EventData::Uid(e) => format!(
            "uid change: tid={} pid={} from {} to {}",
            e.process_pid, e.process_tgid, e.ruid as i32, e.euid as i32
        ),
        EventData::Gid(e) => format!(
            "gid change: tid={} pid={} from {} to {}",
            e.process_pid, e.process_tgid, e.rgid as i32, e.egid as i32
        ),
        EventData::Sid(e) => format!("sid change: tid={} pid={}", e.process_pid, e.process_tgid),
        EventData::Ptrace(e) => format!(
            "ptrace: tid={} pid={} tracer tid={} pid={}",
            e.process_pid, e.process_tgid, e.tracer_pid, e.tracer_tgid
        ),
        EventData::Comm(e) => {
            let name = e.comm.split(|byte| *byte == 0).next().unwrap();
            let name: String = name
                .iter()
                .map(|byte| match byte {
                    b'\\' => "\\x5c".into(),
                    b' '..=b'~' => char::from(*byte).to_string(),
                    byte => format!("\\x{byte:02x}"),
                })
                .collect();
            format!("comm: tid={} pid={} comm={name}", e.process_pid, e.process_tgid)
        }
        EventData::Coredump(e) => {
            format!("coredump: tid={} pid={}", e.process_pid, e.process_tgid)
        }
        EventData::Exit(e) => format!(
            "exit: tid={} pid={} exit_code={}",
            e.process_pid, e.process_tgid, e.exit_code as i32
        ),
        EventData::Unknown(e) => format!("unhandled proc event: what=0x{:x}", e.what),
        data => panic!("no line for {data:?}"),
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn every_event_has_its_line(event in event()) {
        prop_assert_eq!(event.to_string(), expected(&event));
    }

    /// 128 bytes hold it with a final NUL, and a terminal shows it as it is.
    #[test]
    fn every_line_is_short_and_printable(event in event()) {
        let line = event.to_string();
        prop_assert!(line.len() < 128, "{} bytes: {line}", line.len());
        prop_assert!(line.bytes().all(|byte| matches!(byte, b' '..=b'~')), "{line:?}");
    }

    #[test]
    fn every_error_is_a_sentence(
        (order, datagram) in order().prop_flat_map(|order| (Just(order), damaged(order)))
    ) {
        for error in messages_in(&datagram, order).filter_map(Result::err) {
            let text = error.to_string();
            let begin = format!("{} at offset {} ", error.layer.name(), error.offset);
            prop_assert!(text.starts_with(&begin), "{text}");
        }
    }
}
