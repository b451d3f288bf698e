//! Datagrams of `tests/golden`: real ones, with what C read in them when they were captured, and some
//! made by hand.

#![allow(clippy::unwrap_used, clippy::panic, reason = "for tests")]

mod text;

use cnproc_parse::{ByteOrder, EventMask, event_name};
use std::fs;
use std::path::Path;

struct Golden {
    name: String,
    captured: bool,
    order: ByteOrder,
    datagram: Vec<u8>,
    lines: Vec<String>,
}

fn golden() -> Vec<Golden> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/golden");
    let files = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    files
        .filter(|path| path.extension().is_some_and(|it| it == "txt"))
        .map(|path| read(&path))
        .collect()
}

fn read(path: &Path) -> Golden {
    let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
    let mut order = None;
    let mut origin = None;
    let (mut datagram, mut lines) = (Vec::new(), Vec::new());
    for line in fs::read_to_string(path).unwrap().lines() {
        match line.split_once(' ').unwrap_or((line, "")) {
            ("#", text) => origin = Some(text.starts_with("Captured: Linux ")),
            ("order", "little") => order = Some(ByteOrder::Little),
            ("order", "big") => order = Some(ByteOrder::Big),
            ("bytes", hex) => {
                datagram.extend(hex.split(' ').map(|byte| u8::from_str_radix(byte, 16).unwrap()));
            }
            _ => lines.push(line.to_owned()),
        }
    }
    Golden { name, captured: origin.unwrap(), order: order.unwrap(), datagram, lines }
}

#[test]
fn every_golden_datagram_reads_as_it_should() {
    for Golden { name, order, datagram, lines, .. } in golden() {
        assert!(!lines.is_empty(), "{name} expects nothing");
        assert_eq!(text::describe(&datagram, order), lines, "{name}");
    }
}

/// What begins with `prefix` and says what a line of that type says.
fn has_every_type(prefix: &str, captured: bool) {
    let all = (0..32).map(|bit| 1 << bit).filter(|what| EventMask::ALL.bits() & what != 0);
    for what in all.chain([0]) {
        let name = format!("{prefix}{}", event_name(what).unwrap());
        let found = golden().into_iter().find(|golden| golden.name == name);
        let found = found.unwrap_or_else(|| panic!("there is no tests/golden/{name}.txt"));
        assert_eq!(found.captured, captured, "{name}");
        let begin = format!("event what={what:#x} ");
        assert!(found.lines.iter().all(|line| line.starts_with(&begin)), "{name}");
    }
}

#[test]
fn every_type_was_captured_from_a_kernel() {
    has_every_type("", true);
}

#[test]
fn every_type_was_made_in_big_endian() {
    has_every_type("made-big-", false);
}
