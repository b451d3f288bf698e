//! A table of a Linux machine's processes, kept right by the process events connector.
//!
//! Events report what changes; they do not report what is. A program that needs to know which processes
//! there are, who started them, under which names they run and how they end, must build a table
//! from a scan of `/proc` and the events that follow. This crate is that table.
//!
//! ```no_run
//! use cnproc_track::{Change, Tracker};
//!
//! let mut tracker = Tracker::options().cmdline(true).open()?;
//! while let Some(change) = tracker.recv(None)? {
//!     match change {
//!         Change::Started(process) => println!("{} was forked", process.pid),
//!         Change::Exited(process) => match process.status {
//!             Some(status) => println!("{}: {status}", process.name().escape_ascii()),
//!             None => println!("{} ended", process.name().escape_ascii()),
//!         },
//!         Change::Synced => println!("complete: {} processes", tracker.table().len()),
//!         Change::Lost(count) => println!("{count} events were lost: what they changed follows"),
//!         _ => {}
//!     }
//! }
//! # Ok::<(), cnproc_track::Error>(())
//! ```
//!
//! # Guarantees
//!
//! - After [`Change::Synced`] the table is exactly the machine's processes, as of the change returned
//!   last, until [`Change::Lost`]. After a loss it is compared with `/proc`, and the differences are
//!   returned as changes marked [`inferred`](Delta::inferred).
//! - A process appears once and ends once, with its last thread, not with its leader. Its [`Id`] is never
//!   given to another process.
//! - What an [`Entry`] contains is its own process's, never that of a later process with the same pid. What
//!   cannot be known is not [`known`](Entry::known).
//! - Nothing is read from `/proc` for a FORK, and no file stays open for a process. A look costs the same
//!   however many events wait.
//! - The table makes no system call and has no allocator; its memory is a [`Memory`]. An event takes
//!   constant time. What does not fit is reported, and the table stays as it was.
//!
//! # Parts
//!
//! A [`Tracker`] is a listener and a table: most programs need nothing else. Its parts can be used with
//! another source of events: a [`Table`] applies events and compares looks at `/proc`, and a [`Join`] does that
//! in the order that makes the table complete. `join.rs` contains the argument why nothing is missed between
//! scan and stream. It reads events and `/proc` from a [`Machine`].
//!
//! ```
//! use cnproc_parse::{Event, kernel};
//! use cnproc_track::{Heap, Kind, TableOptions, Outcome, Table};
//!
//! let mut table = Table::<(), _>::new(&Heap, &TableOptions::default())?;
//! let event = |what, timestamp_ns, words: [i32; 6]| {
//!     let mut event_data = [0; 24];
//!     for (to, word) in event_data.chunks_mut(4).zip(words) {
//!         to.copy_from_slice(&word.to_ne_bytes());
//!     }
//!     let mut event = Event::default();
//!     (event.what, event.timestamp_ns, event.event_data) = (what, timestamp_ns, event_data);
//!     event
//! };
//! // Process 4242 was forked by 1, and called itself "worker".
//! table.apply(&event(kernel::PROC_EVENT_FORK, 10, [1, 1, 4242, 4242, 0, 0]), None)?;
//! let [w1, w2] = [*b"work", *b"er\0\0"].map(i32::from_ne_bytes);
//! let renamed = event(kernel::PROC_EVENT_COMM, 20, [4242, 4242, w1, w2, 0, 0]);
//! let Outcome::Change(change) = table.apply(&renamed, None)? else { panic!("nothing changed") };
//! assert_eq!(change.kind, Kind::Renamed);
//!
//! let entry = table.get(4242).ok_or("not there")?;
//! assert_eq!((entry.id, entry.name()), (change.id, &b"worker"[..]));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Limits
//!
//! These rest on what the kernel does not report:
//!
//! - Between a loss and the next [`Change::Synced`], a pid may have been given to another process unseen:
//!   changes are then marked [`in_doubt`](Delta::in_doubt). The comparison recognizes a later owner of a
//!   pid by its start time, which `/proc` rounds to a clock tick: one that was forked in the same tick as the owner
//!   before passes for it. Without a loss that cannot happen.
//! - Of a child made with `CLONE_PARENT` the kernel reports the parent that it is given: creator, name and
//!   ids are that parent's until the child's own events say otherwise.
//! - A name that a thread gives to another thread while that one forks may be missing in the child.
//! - An EXIT may be late, but not by more than ten seconds. In that time after a synchronisation an EXIT of
//!   a process that its parent does not wait for (SIGCHLD ignored) may be that of a former owner of its pid:
//!   if the pid is given away again at once, the status is not known.
//! - While events come faster than the program takes them, the queue never runs empty, and the table is not
//!   compared with `/proc`: processes whose EXIT was lost stay in it until their pid is given away.
//!
//! # Features
//!
//! `std` (default): [`Heap`], memory of the global allocator; `AsFd` and `AsRawFd` of a tracker.

#![cfg_attr(not(any(feature = "std", test)), no_std)]
#![forbid(unsafe_code)]

mod change;
mod entry;
mod error;
mod join;
mod machine;
mod mapped;
mod memory;
mod pids;
mod scan;
mod slots;
mod status;
mod table;
mod texts;
mod tracker;

pub use change::{Delta, Kind};
pub use entry::{Entry, Id, Known};
pub use error::Error;
pub use join::{Choice, Join, JoinError, Update};
pub use machine::{Delivery, Look, Machine};
pub use mapped::Mapped;
#[cfg(any(feature = "std", test))]
pub use memory::Heap;
pub use memory::{Array, Memory};
pub use scan::{Ids, Observation, Pending, Presence, Snapshot};
pub use status::WaitStatus;
pub use table::{Compared, Outcome, Scope, Table, TableError, TableOptions};
pub use texts::Text;
pub use tracker::{Change, Changed, Options, Stats, Tracker};

/// The example in the README is run as a test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
