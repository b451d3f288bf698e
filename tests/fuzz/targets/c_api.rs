//! The C entry points that take memory, with any contents, any length and any alignment. What is read is
//! exactly as long as it says, so that AddressSanitizer sees a step beyond.

#![no_main]

use cnproc_ffi::{
    cnproc, cnproc_event, cnproc_event_format, cnproc_event_is_thread, cnproc_event_name,
    cnproc_event_pid, cnproc_event_tgid, cnproc_open, cnproc_options, cnproc_parse,
    cnproc_strerror,
};
use cnproc_parse::{Message, messages};
use libfuzzer_sys::fuzz_target;
use std::ffi::{CStr, c_char};

const EVENT: usize = size_of::<cnproc_event>();

/// A copy at an address of that remainder, with nothing after it.
struct Exact {
    bytes: Box<[u8]>,
    skip: usize,
}

impl Exact {
    fn new(bytes: &[u8], skip: usize) -> Self {
        let bytes = std::iter::repeat_n(0xa5, skip).chain(bytes.iter().copied()).collect();
        Self { bytes, skip }
    }

    fn get(&self) -> &[u8] {
        &self.bytes[self.skip..]
    }
}

/// `cnproc_parse` returns the events and the errors of the parser.
fn parse(datagram: &[u8]) {
    let mut event = Exact::new(&[0xa5; EVENT], 1);
    let mut offset = 0;
    let mut parse = |offset: &mut usize| {
        let to = event.bytes[1..].as_mut_ptr().cast();
        // SAFETY: `datagram` is that long, and `to` has room for an event.
        let result = unsafe { cnproc_parse(datagram.as_ptr().cast(), datagram.len(), offset, to) };
        (result, to)
    };
    let mut messages = messages(datagram);
    while let Some(item) = messages.next() {
        let found = match item {
            Ok(Message::Event(found)) => Some(found),
            Ok(_) => continue,
            Err(_) => None,
        };
        let (result, seen) = parse(&mut offset);
        assert_eq!(offset, messages.offset());
        let Some(found) = found else {
            assert_eq!(result, -libc::EBADMSG);
            continue;
        };
        assert_eq!(result, 1);
        // SAFETY: an event was written there.
        let seen: cnproc_event = unsafe { seen.read_unaligned() };
        assert_eq!((seen.what, seen.cpu, seen.seq), (found.what, found.cpu, found.seq));
        assert_eq!((seen.timestamp_ns, seen.size), (found.timestamp_ns, found.size));
    }
    assert_eq!(parse(&mut offset).0, 0);
    assert_eq!(offset, datagram.len());
}

fn format(event: &[u8; EVENT], skip: usize, length: usize) {
    let event = Exact::new(event, skip);
    let at: *const cnproc_event = event.get().as_ptr().cast();
    let mut line = vec![0xa5_u8; length].into_boxed_slice();
    // SAFETY: an event is there, and as much room as it says.
    let needed = unsafe { cnproc_event_format(at, line.as_mut_ptr().cast::<c_char>(), length) };
    assert!((1..128).contains(&needed));
    if length > 0 {
        let text = CStr::from_bytes_until_nul(&line).unwrap().to_bytes();
        assert_eq!(text.len(), (needed as usize).min(length - 1));
        assert!(text.iter().all(|byte| matches!(byte, b' '..=b'~')));
    }
    // SAFETY: as above.
    let thread = unsafe { cnproc_event_is_thread(at) };
    assert!(thread == 0 || thread == 1);
    // SAFETY: as above.
    assert!(unsafe { cnproc_event_tgid(at) } >= 0 && unsafe { cnproc_event_pid(at) } >= 0);
}

fn texts(number: u32) {
    let name = cnproc_event_name(number);
    // SAFETY: a string of the library's.
    assert!(name.is_null() || unsafe { CStr::from_ptr(name) }.to_str().is_ok());
    // SAFETY: as above.
    assert!(unsafe { CStr::from_ptr(cnproc_strerror(number as i32)) }.to_str().is_ok());
}

/// Options that can't be right: no socket is made.
fn open(options: &[u8], skip: usize) {
    let mut options = options.to_vec();
    if let Some(flags) = options.first_chunk_mut::<8>() {
        // A flag that is none.
        *flags = (u64::from_ne_bytes(*flags) | 1 << 63).to_ne_bytes();
    }
    let options = Exact::new(&options, skip);
    let at: *const cnproc_options = options.get().as_ptr().cast();
    let mut out: *mut cnproc = std::ptr::dangling_mut();
    // SAFETY: the options are as long as it says.
    let ret = unsafe { cnproc_open(&mut out, at, options.get().len()) };
    assert!(ret == -libc::EINVAL || ret == -libc::E2BIG);
    assert_eq!(out, std::ptr::dangling_mut());
}

fuzz_target!(|data: &[u8]| {
    let Some((data, choice)) = data.split_last_chunk::<2>() else { return };
    let [skip, length] = choice.map(usize::from);
    let skip = skip % 8;
    parse(Exact::new(data, skip).get());
    open(data, skip);
    // An event as C would hold it: a captured one's stands behind its headers.
    for begin in [0, 36] {
        let mut event = [0; EVENT];
        for (to, from) in event.iter_mut().zip(data.iter().skip(begin)) {
            *to = *from;
        }
        format(&event, skip, length % 160);
        texts(u32::from_ne_bytes([event[0], event[1], event[2], event[3]]));
    }
});
