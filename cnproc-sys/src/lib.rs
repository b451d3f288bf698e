//! A listener for the Linux process events connector: the socket, its handshake, and exact loss
//! accounting.
//!
//! ```no_run
//! use cnproc_sys::{Delivery, EventData, EventMask, Listener};
//!
//! let mut listener = Listener::options().events(EventMask::EXEC | EventMask::EXIT).open()?;
//! for delivery in listener.deliveries() {
//!     match delivery? {
//!         Delivery::Event(event) => match event.data() {
//!             EventData::Exec(exec) => println!("{} runs a new program", exec.process_tgid),
//!             _ => println!("{event}"),
//!         },
//!         Delivery::Lost(count) => println!("{count} events were lost here"),
//!     }
//! }
//! # Ok::<(), cnproc_sys::Error>(())
//! ```
//!
//! # Guarantees
//!
//! - [`Listener`] opens only if the kernel acknowledged *this* listener's request. Otherwise [`Error`]
//!   names the cause and the remedy.
//! - Every event that the kernel generated for the listener is delivered or counted:
//!   [`Delivery::Lost`] is in the stream before the first event after a gap.
//! - Only the kernel's messages become events. Those of other processes are dropped and counted.
//! - [`Listener::process`] returns facts about an event's process, and not about a later one with the same
//!   pid; [`Process::identity`] is whether that is proven.
//! - Closing sends IGNORE to the kernel, once; a forked child never sends it.
//! - Nothing is allocated: memory is mapped when the listener is opened. A batch takes two or three
//!   system calls, with the wait for it.
//!
//! # Requirements
//!
//! Linux 2.6.15 or later with CONFIG_PROC_EVENTS, in the initial user, pid and network namespaces.
//! Before Linux 6.6, listening requires CAP_NET_ADMIN.
//!
//! # Features
//!
//! `std` (default): `AsFd`, `AsRawFd`, owned facts of processes, and `From<Error>` for
//! `std::io::Error`. Without it the crate needs only `libc`, and no allocator.

#![cfg_attr(not(any(feature = "std", test)), no_std)]
#![cfg_attr(
    not(target_pointer_width = "64"),
    allow(dead_code, reason = "what only the ring needs")
)]

mod error;
#[cfg(test)]
mod fake_kernel;
mod listener;
mod process;
mod procfs;
#[cfg_attr(not(target_pointer_width = "64"), path = "ring/absent.rs")]
mod ring;
mod socket;
mod stream;
mod sys;

pub use cnproc_parse::{
    Ack, Comm, Coredump, Event, EventData, EventMask, Exec, Exit, Fork, Gid, Ptrace, Sid, Uid,
    Unknown, event_name,
};
pub use error::{Call, Errno, Error};
#[doc(hidden)]
pub use listener::Filled;
pub use listener::{
    Batch, DEFAULT_ACK_TIMEOUT, DEFAULT_RECEIVE_BUFFER, Deliveries, Listener, Options, Resumed,
    Source, Stats, Waker,
};
pub use process::{Handle, Identity, Process, Replaced, Status, Text};
#[doc(hidden)]
pub use process::{Processes, Sight};
pub use stream::Delivery;
#[doc(hidden)]
pub use sys::clock::{monotonic, pause};
#[doc(hidden)]
pub use sys::mapping::{Growing, Mapping, zeros};

/// The examples in the README are run as tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
