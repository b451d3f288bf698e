//! No pointer of a caller's needs to be aligned. A test of this crate's own, since only with std does the
//! compiler check each access: elsewhere a misaligned one passes unseen on most machines.

use crate::handle::{cnproc, cnproc_open, cnproc_options};
use crate::parse::cnproc_parse;
use crate::strings::{cnproc_event_format, cnproc_event_is_thread};
use crate::types::cnproc_event;
use cnproc_parse::{ByteOrder, EventData, Exec, Message, encode};
use std::vec::Vec;

/// Room for anything, aligned for anything.
#[repr(C, align(16))]
struct Room([u8; 256]);

/// An exec of pid 1, in this machine's byte order.
fn datagram() -> Vec<u8> {
    let exec = EventData::Exec(Exec { process_pid: 1, process_tgid: 1 });
    encode::message(&Message::Event(encode::event(&exec)), ByteOrder::NATIVE)
}

#[test]
fn an_event_may_stand_anywhere() {
    for skew in 0..16 {
        let (mut input, mut event) = (Room([0; 256]), Room([0; 256]));
        input.0[skew..skew + 76].copy_from_slice(&datagram());
        let event: *mut cnproc_event = event.0[skew..].as_mut_ptr().cast();
        // SAFETY: 76 bytes, and room for an event.
        let consumed = unsafe { cnproc_parse(input.0[skew..].as_ptr().cast(), 76, event) };
        assert_eq!(consumed, 76);
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
fn options_may_stand_anywhere() {
    for skew in 0..16 {
        // Flags that are none, so that nothing is opened.
        let (options, mut out) = (Room([0xff; 256]), Room([0; 256]));
        let options: *const cnproc_options = options.0[skew..].as_ptr().cast();
        let out: *mut *mut cnproc = out.0[skew..].as_mut_ptr().cast();
        // SAFETY: room for both.
        let ret = unsafe { cnproc_open(out, options, size_of::<cnproc_options>()) };
        assert_eq!(ret, -libc::EINVAL);
    }
}
