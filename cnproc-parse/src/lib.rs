//! The Linux process events connector: bytes to [`Event`]s, and [`Request`]s to bytes.
//!
//! The kernel multicasts an event for each fork, exec, exit, change of ids, session, tracer or name,
//! and each core dump, to the sockets of family `NETLINK_CONNECTOR` that joined group
//! [`kernel::CN_IDX_PROC`]. This crate reads and writes those datagrams. It knows no socket (that is
//! `cnproc-sys`), needs neither `std` nor an allocator, and holds no `unsafe`.
//!
//! A datagram, as every kernel since 3.2 sends it (76 bytes; 68 before, with 16 bytes of data):
//!
//! ```text
//!  0               4       6       8               12              16
//!  +---------------+-------+-------+---------------+---------------+
//!  | nlmsg_len     | type  | flags | nlmsg_seq     | nlmsg_pid     |  struct nlmsghdr
//!  +---------------+-------+-------+---------------+-------+-------+
//!  | id.idx = 1    | id.val = 1    | seq           | ack           |  struct cn_msg
//!  +-------+-------+---------------+---------------+---------------+
//!  | len   | flags |                                                  36: struct proc_event
//!  +-------+-------+---------------+-------------------------------+
//!  | what          | cpu           | timestamp_ns                  |
//!  +---------------+---------------+-------------------------------+
//!  | event_data: 24 bytes, read according to `what`                |
//!  +---------------------------------------------------------------+
//! ```
//!
//! The event stands at offset 36, so its 64-bit timestamp is misaligned: a pointer cast there is
//! undefined behaviour in C as in Rust. Everything here is read byte by byte instead.
//!
//! ```
//! use cnproc_parse::{ByteOrder, EventData, Message, messages_in};
//!
//! // As Linux 6.18 sent it, on x86-64.
//! let datagram = [
//!     0x4c, 0x00, 0x00, 0x00, 0x03, 0x00, 0x00, 0x00, 0x5e, 0x3e, 0xa8, 0x05, 0x00, 0x00, 0x00, 0x00,
//!     0x01, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x5e, 0x3e, 0xa8, 0x05, 0x00, 0x00, 0x00, 0x00,
//!     0x28, 0x00, 0x00, 0x00, 0x02, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x44, 0x5d, 0x76, 0xdb,
//!     0x08, 0x03, 0x00, 0x00, 0x64, 0x14, 0x00, 0x00, 0x64, 0x14, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
//!     0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
//! ];
//! // `messages(&datagram)` if it comes from this machine.
//! for message in messages_in(&datagram, ByteOrder::Little) {
//!     match message? {
//!         Message::Event(event) => {
//!             let EventData::Exec(exec) = event.data() else { panic!("not an exec: {event}") };
//!             assert_eq!((exec.process_pid, exec.process_tgid), (5220, 5220));
//!             assert_eq!((event.cpu, event.timestamp_ns), (0, 3_336_576_589_124));
//!             assert_eq!(event.to_string(), "exec: tid=5220 pid=5220");
//!         }
//!         other => panic!("not an event: {other:?}"),
//!     }
//! }
//! assert_eq!(messages_in(&datagram, ByteOrder::Little).count(), 1);
//! # Ok::<(), cnproc_parse::ParseError>(())
//! ```

#![no_std]
#![forbid(unsafe_code)]

#[cfg(any(test, feature = "encode"))]
extern crate alloc;

mod bytes;
mod cn_msg;
mod display;
#[cfg(any(test, feature = "encode"))]
#[doc(hidden)]
pub mod encode;
mod error;
mod event;
mod event_data;
mod filter;
pub mod kernel;
mod mask;
mod message;
mod nlmsg;
mod proc_event;
mod request;
mod sequence;
mod single;

pub use bytes::ByteOrder;
pub use display::write_lost;
pub use error::{Layer, ParseError, ParseErrorKind};
pub use event::{Event, event_name, event_name_c};
pub use event_data::{
    Ack, Comm, Coredump, EventData, Exec, Exit, Fork, Gid, Ptrace, Sid, Uid, Unknown,
};
pub use filter::{Acks, Filter, Program};
pub use mask::EventMask;
pub use message::{Message, Messages, messages, messages_in};
pub use request::{Operation, Request, RequestBytes};
pub use sequence::{Sequence, SequenceStep};
pub use single::single_event;

/// The examples in the README are run as tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
