//! A listener for the Linux process events connector: the socket, its handshake, and an exact
//! account of what was lost.
//!
//! ```no_run
//! use cnproc_sys::{Connector, Delivery, EventData, EventMask};
//!
//! let mut connector = Connector::options().events(EventMask::EXEC | EventMask::EXIT).open()?;
//! while let Some(batch) = connector.recv(None)? {
//!     for delivery in batch {
//!         match delivery {
//!             Delivery::Event(event) => match event.data() {
//!                 EventData::Exec(exec) => println!("{} runs a new program", exec.process_tgid),
//!                 _ => println!("{event}"),
//!             },
//!             Delivery::Lost(count) => println!("{count} events were lost here"),
//!         }
//!     }
//! }
//! # Ok::<(), cnproc_sys::Error>(())
//! ```
//!
//! # What is promised
//!
//! - [`Connector`] opens only if the kernel acknowledged *this* listener's request. If there will be
//!   no events, [`Error`] says why, and what to do.
//! - Every event that the kernel made for the listener is delivered or counted:
//!   [`Delivery::Lost`] stands in the stream before the first event after a gap.
//! - Only the kernel's messages become events. Others' are dropped and counted.
//! - [`Connector::process`] tells of an event's process, and not of a later one that has its pid; or it
//!   says that this can't be known for certain.
//! - Whoever closes says so to the kernel (IGNORE), once, and a child by fork never does.
//! - After opening, nothing is allocated; a batch takes one or two system calls.
//!
//! # Features
//!
//! `std` (default): `AsFd`, `AsRawFd`, and `From<Error>` for `std::io::Error`. Without it the crate
//! needs `libc` alone: no allocator either.

#![cfg_attr(not(any(feature = "std", test)), no_std)]

mod batch;
mod call;
mod connector;
mod deadline;
mod diagnosis;
mod errno;
mod error;
#[cfg(test)]
mod fake_kernel;
mod fd;
mod gather;
mod handshake;
mod loss;
mod options;
mod owner;
mod process;
mod stats;
mod syscall;

pub use batch::Delivery;
pub use call::Call;
pub use cnproc_parse::{
    Ack, Comm, Coredump, Event, EventData, EventMask, Exec, Exit, Fork, Gid, Ptrace, Sid, Uid,
    Unknown, event_name, kernel,
};
pub use connector::{Batch, Check, Connector};
pub use errno::Errno;
pub use error::{Error, explain};
pub use options::{DEFAULT_ACK_TIMEOUT, DEFAULT_RECEIVE_BUFFER, Options};
pub use process::{Identity, Process, Replaced, Status};
pub use stats::Stats;

/// The examples in the README are run as tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
