//! No pointer of a caller needs to be aligned. These tests are here, because the compiler checks each access
//! only in a build with std: elsewhere most machines accept a misaligned one.

use crate::event::cnproc_event;
use crate::handle::{cnproc, cnproc_open, cnproc_options};
use crate::inspect::{cnproc_event_format, cnproc_event_is_thread};
use crate::parse::cnproc_parse;
use cnproc_parse::{ByteOrder, EventData, Exec, Message, encode};
use std::vec::Vec;

/// Memory, aligned for every type.
#[repr(C, align(16))]
struct Room([u8; 256]);

/// An exec of pid 1, in this machine's byte order.
fn datagram() -> Vec<u8> {
    let exec = EventData::Exec(Exec { process_pid: 1, process_tgid: 1 });
    encode::message(&Message::Event(encode::event(&exec)), ByteOrder::NATIVE)
}

#[test]
fn misaligned_event_is_read_and_written() {
    for skew in 0..16 {
        let (mut input, mut event) = (Room([0; 256]), Room([0; 256]));
        input.0[skew..skew + 76].copy_from_slice(&datagram());
        let event: *mut cnproc_event = event.0[skew..].as_mut_ptr().cast();
        let mut offset = Room([0; 256]);
        let offset: *mut usize = offset.0[skew..].as_mut_ptr().cast();
        // SAFETY: 76 bytes, room for an event, and an offset of 0.
        let found = unsafe { cnproc_parse(input.0[skew..].as_ptr().cast(), 76, offset, event) };
        // SAFETY: an offset was written there.
        assert_eq!((found, unsafe { offset.read_unaligned() }), (1, 76));
        // SAFETY: an event was written there.
        assert_eq!(unsafe { cnproc_event_is_thread(event) }, 0);
        let mut line = Room([0; 256]);
        let text = line.0[skew..].as_mut_ptr().cast();
        // SAFETY: as above, and room for 128 bytes.
        let length = unsafe { cnproc_event_format(event, text, 128) };
        let length = usize::try_from(length).unwrap();
        assert_eq!(&line.0[skew..skew + length], b"exec: tid=1 pid=1");
    }
}

#[test]
fn misaligned_options_are_read() {
    for skew in 0..16 {
        // With unknown flags, so that nothing is opened.
        let (options, mut out) = (Room([0xff; 256]), Room([0; 256]));
        let options: *const cnproc_options = options.0[skew..].as_ptr().cast();
        let out: *mut *mut cnproc = out.0[skew..].as_mut_ptr().cast();
        // SAFETY: memory for both.
        let ret = unsafe { cnproc_open(out, options, size_of::<cnproc_options>()) };
        assert_eq!(ret, -libc::EINVAL);
    }
}
