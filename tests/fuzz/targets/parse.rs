//! The parser on any bytes, in both orders; and on what it reads, the line and the two forms of the filter.

#![no_main]

#[path = "../../../cnproc-parse/tests/properties/bpf.rs"]
mod bpf;

use cnproc_parse::{ByteOrder, Event, EventMask, Filter, Message, encode, messages_in};
use libfuzzer_sys::fuzz_target;

/// A mask and whether processes only, and a datagram.
type Input<'a> = (u32, &'a [u8]);

fn split(data: &[u8]) -> Option<Input<'_>> {
    // At the end, so that what a datagram begins with is where it is in a captured one.
    let (datagram, choice) = data.split_last_chunk::<4>()?;
    Some((u32::from_le_bytes(*choice), datagram))
}

fn check_event(event: &Event, filter: Filter) {
    let line = event.to_string();
    assert!(line.len() < 128 && line.bytes().all(|byte| matches!(byte, b' '..=b'~')), "{line:?}");
    let packet = encode::message(&Message::Event(*event), ByteOrder::NATIVE);
    let kept = bpf::run(filter.program().instructions(), &packet);
    assert_eq!(kept != 0, filter.matches(event), "{filter:?}");
    // What was read, written, is read the same.
    let again = messages_in(&packet, ByteOrder::NATIVE).next();
    assert_eq!(again, Some(Ok(Message::Event(*event))));
}

fn check(datagram: &[u8], order: ByteOrder, filter: Filter) {
    let mut messages = messages_in(datagram, order);
    let (mut items, mut end) = (0, 0);
    while let Some(item) = messages.next() {
        items += 1;
        assert!(messages.offset() > end && messages.offset() <= datagram.len());
        end = messages.offset();
        match item {
            Ok(Message::Event(event)) => check_event(&event, filter),
            Ok(_) => {}
            Err(error) => {
                assert!(error.offset < datagram.len() || end == datagram.len(), "{error}")
            }
        }
    }
    assert!(items <= datagram.len() / 16 + 1 && end == datagram.len());
    assert_eq!(messages.next(), None);
}

fuzz_target!(|data: &[u8]| {
    let Some((choice, datagram)) = split(data) else { return };
    let events = EventMask::from_bits(choice & 0xe000_03c7).unwrap_or(EventMask::ALL);
    let filter = Filter::new(events, choice & 0x400 != 0);
    check(datagram, ByteOrder::Little, filter);
    check(datagram, ByteOrder::Big, filter);
});
