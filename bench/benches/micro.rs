//! Parser, sequence counter and filter over real datagrams; next to the parser, what a C program does: a
//! cast and a switch, over the same bytes.

use cnproc_parse::{
    Event, EventData, EventMask, Filter, Message, Sequence, kernel, messages, single_event,
};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use std::fs;
use std::hint::black_box;
use std::path::Path;

// Brings the C in.
use cnproc_bench as _;

unsafe extern "C" {
    fn c_cast_and_switch(bytes: *const u8, len: usize) -> u64;
}

/// As the C function: a number made of the event's fields.
fn number(event: &Event) -> u64 {
    match event.data() {
        EventData::Fork(fork) => fork.child_pid as u64 + fork.parent_tgid as u64,
        EventData::Exec(exec) => exec.process_pid as u64,
        EventData::Uid(uid) => uid.process_pid as u64 + u64::from(uid.ruid),
        EventData::Gid(gid) => gid.process_pid as u64 + u64::from(gid.rgid),
        EventData::Sid(sid) => sid.process_pid as u64,
        EventData::Ptrace(ptrace) => ptrace.process_pid as u64 + ptrace.tracer_pid as u64,
        EventData::Comm(comm) => comm.process_pid as u64 + u64::from(comm.comm[0]),
        EventData::Coredump(coredump) => coredump.process_pid as u64,
        EventData::Exit(exit) => exit.process_pid as u64 + u64::from(exit.exit_code),
        _ => 0,
    }
}

/// By the way that takes any datagram.
fn by_messages(datagram: &[u8]) -> u64 {
    let mut last = 0;
    for message in messages(datagram) {
        if let Ok(Message::Event(event)) = message {
            last = number(&event);
        }
    }
    last
}

/// By the way of the usual one.
fn by_single_event(datagram: &[u8]) -> u64 {
    single_event(datagram).as_ref().map_or(0, number)
}

/// The golden datagrams that a kernel of this byte order sent.
fn captured() -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/golden");
    let mut datagrams = Vec::new();
    for entry in fs::read_dir(folder).expect("tests/golden") {
        let path = entry.expect("tests/golden").path();
        let Ok(text) = fs::read_to_string(&path) else { continue };
        if !text.starts_with("# Captured") || !path.extension().is_some_and(|name| name == "txt") {
            continue;
        }
        let bytes = text.lines().filter_map(|line| line.strip_prefix("bytes "));
        let byte = |hex: &str| u8::from_str_radix(hex, 16).expect("a byte in hex");
        datagrams.push(bytes.flat_map(str::split_whitespace).map(byte).collect());
    }
    assert!(datagrams.len() >= 9, "a datagram of each type");
    datagrams
}

fn events(datagrams: &[Vec<u8>]) -> Vec<Event> {
    let parsed = datagrams.iter().flat_map(|datagram| messages(datagram));
    parsed
        .filter_map(|message| match message {
            Ok(Message::Event(event)) => Some(event),
            _ => None,
        })
        .collect()
}

fn parser(criterion: &mut Criterion) {
    let datagrams = captured();
    let mut group = criterion.benchmark_group("parse");
    group.throughput(Throughput::Elements(datagrams.len() as u64));
    let c = |datagram: &Vec<u8>| {
        // SAFETY: the pointer and the length are of one vector.
        unsafe { c_cast_and_switch(datagram.as_ptr(), datagram.len()) }
    };
    for datagram in &datagrams {
        assert_eq!(by_messages(datagram), c(datagram), "both read the same");
        assert_eq!(by_single_event(datagram), c(datagram), "both read the same");
    }
    group.bench_function("C, cast and switch", |bencher| {
        bencher.iter(|| black_box(&datagrams).iter().map(c).fold(0, u64::wrapping_add));
    });
    for (name, read) in [
        ("cnproc-parse, messages", by_messages as fn(&[u8]) -> u64),
        ("cnproc-parse, single_event", by_single_event),
    ] {
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let numbers = black_box(&datagrams).iter().map(|datagram| read(datagram));
                numbers.fold(0, u64::wrapping_add)
            });
        });
    }
    group.finish();
}

fn counter_and_filter(criterion: &mut Criterion) {
    let events = events(&captured());
    let mut group = criterion.benchmark_group("check");
    group.throughput(Throughput::Elements(events.len() as u64));
    group.bench_function("sequence", |bencher| {
        let mut cpus = [Sequence::default(); 64];
        bencher.iter(|| {
            for event in black_box(&events) {
                if let Some(cpu) = cpus.get_mut(event.cpu as usize) {
                    black_box(cpu.observe(event.seq));
                }
            }
        });
    });
    group.bench_function("filter", |bencher| {
        let events_wanted = EventMask::from_bits(kernel::PROC_EVENT_EXEC).expect("a mask");
        let filter = black_box(Filter::new(events_wanted, true));
        bencher.iter(|| black_box(&events).iter().filter(|event| filter.matches(event)).count());
    });
    group.finish();
}

criterion_group!(micro, parser, counter_and_filter);
criterion_main!(micro);
