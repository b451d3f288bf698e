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
//! use cnproc_parse::{EventData, Message, messages};
//!
//! # let datagram = [0_u8; 0];
//! for message in messages(&datagram) {
//!     match message {
//!         Ok(Message::Event(event)) => match event.data {
//!             EventData::Exec(exec) => println!("{} called execve", exec.process_tgid),
//!             _ => println!("{event}"),
//!         },
//!         Ok(_) => {}                       // not an event of this connector
//!         Err(error) => eprintln!("{error}"),
//!     }
//! }
//! ```

#![no_std]
#![forbid(unsafe_code)]

mod bytes;
mod cn_msg;
mod display;
mod error;
mod event;
mod filter;
pub mod kernel;
mod message;
mod nlmsg;
mod proc_event;
mod request;
mod sequence;

pub use bytes::ByteOrder;
pub use error::{Layer, ParseError, ParseErrorKind};
pub use event::{
    Ack, Comm, Coredump, Event, EventData, EventMask, Exec, Exit, Fork, Gid, Ptrace, Sid, Uid,
    Unknown, event_name, event_name_c,
};
pub use filter::{Filter, Program};
pub use message::{Message, Messages, messages, messages_in};
pub use request::{Operation, Request, RequestBytes};
pub use sequence::{Sequence, Step};
