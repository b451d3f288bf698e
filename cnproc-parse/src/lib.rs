//! Datagrams of the Linux process events connector: bytes to [`Event`]s, and [`Request`]s to bytes.
//!
//! The kernel multicasts an event for each fork, exec, exit, core dump, and change of credentials,
//! session, tracer or name to the sockets of family `NETLINK_CONNECTOR` that joined group
//! [`kernel::CN_IDX_PROC`]. This crate reads and writes those datagrams. It opens no socket
//! (`cnproc-sys` does), needs neither `std` nor an allocator, and contains no `unsafe`.
//!
//! The layout of a datagram on Linux 3.2 and later (76 bytes; 68 before, with 16 bytes of data):
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
//! The event is at offset 36, so its 64-bit timestamp is misaligned: casting a pointer there is
//! undefined behaviour in C and in Rust. This crate copies words out of the byte slice instead.
//!
//! ```
//! use cnproc_parse::{ByteOrder, EventData, Message, messages_in};
//!
//! // Captured on Linux 6.18, x86-64.
//! let datagram = [
//!     0x4c, 0x00, 0x00, 0x00, 0x03, 0x00, 0x00, 0x00, 0x5e, 0x3e, 0xa8, 0x05, 0x00, 0x00, 0x00, 0x00,
//!     0x01, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x5e, 0x3e, 0xa8, 0x05, 0x00, 0x00, 0x00, 0x00,
//!     0x28, 0x00, 0x00, 0x00, 0x02, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x44, 0x5d, 0x76, 0xdb,
//!     0x08, 0x03, 0x00, 0x00, 0x64, 0x14, 0x00, 0x00, 0x64, 0x14, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
//!     0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
//! ];
//! // Use `messages(&datagram)` for datagrams of this machine's kernel.
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
#[doc(hidden)]
pub use display::write_lost;
pub use error::{Layer, ParseError, ParseErrorKind};
#[doc(hidden)]
pub use event::event_name_c;
pub use event::{Event, event_name};
pub use event_data::{
    Ack, Comm, Coredump, EventData, Exec, Exit, Fork, Gid, Ptrace, Sid, Uid, Unknown,
};
#[doc(hidden)]
pub use filter::Acks;
pub use filter::{Filter, Program};
pub use mask::{EventMask, EventTypes};
pub use message::{Message, Messages, messages, messages_in};
pub use request::{Operation, Request, RequestBytes};
#[doc(hidden)]
pub use sequence::{Sequence, SequenceStep};
pub use single::single_event;

/// The examples in the README are run as tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
