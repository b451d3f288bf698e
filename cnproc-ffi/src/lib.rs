//! The C API of cnproc. Its reference is the manual, starting with cnproc(7); `include/cnproc.h` is generated
//! from this crate.
//!
//! The functions check arguments, convert values, block cancellation, and turn errors into negative error
//! numbers. The rest is `cnproc-sys`, `cnproc-track` and `cnproc-parse`.

#![cfg_attr(not(test), no_std)]
#![allow(non_camel_case_types, reason = "the names are those of the C API")]
#![allow(
    clippy::missing_safety_doc,
    reason = "the text is the header's, and the calling contract is in cnproc(7)"
)]

mod cancel;
mod convert;
mod memory;
#[cfg(test)]
mod misaligned;
mod sized;
mod text;

// The sections of the header, in its order, which the blank lines keep. The first line of a module's
// documentation is the section's title.
mod event;

mod inspect;

mod handle;

mod receive;

mod resume;

mod stats;

mod error;

mod process;

mod facts;

mod tracker;

mod entry;

mod change;

mod parse;

mod version;

pub use change::{
    CNPROC_CHANGE_EVENT, CNPROC_CHANGE_EXECUTED, CNPROC_CHANGE_EXITED, CNPROC_CHANGE_FOUND,
    CNPROC_CHANGE_IDS, CNPROC_CHANGE_LOST, CNPROC_CHANGE_RENAMED, CNPROC_CHANGE_SESSION,
    CNPROC_CHANGE_STARTED, CNPROC_CHANGE_SYNCED, CNPROC_IN_DOUBT, CNPROC_INFERRED, cnproc_change,
    cnproc_tracker_recv,
};
pub use entry::{
    CNPROC_KNOWN_CGROUP, CNPROC_KNOWN_CMDLINE, CNPROC_KNOWN_COMM, CNPROC_KNOWN_CREATOR,
    CNPROC_KNOWN_EXE, CNPROC_KNOWN_EXIT_CODE, CNPROC_KNOWN_GID, CNPROC_KNOWN_PPID,
    CNPROC_KNOWN_SESSION, CNPROC_KNOWN_UID, cnproc_entry, cnproc_tracker_cgroup,
    cnproc_tracker_cmdline, cnproc_tracker_exe, cnproc_tracker_get, cnproc_tracker_get_id,
    cnproc_tracker_get_stats, cnproc_tracker_next, cnproc_tracker_process, cnproc_tracker_set_user,
    cnproc_tracker_stats,
};
pub use error::*;
pub use event::*;
pub use facts::{
    cnproc_process_cgroup, cnproc_process_cmdline, cnproc_process_comm, cnproc_process_cwd,
    cnproc_process_dirfd, cnproc_process_environ, cnproc_process_exe, cnproc_process_exe_fd,
    cnproc_process_exe_is_deleted, cnproc_process_get_status, cnproc_process_nspid,
    cnproc_process_pidfd, cnproc_process_status,
};
pub use handle::{
    CNPROC_OPEN_ACKS, CNPROC_OPEN_RING, CNPROC_OPEN_SKIP_THREADS, cnproc, cnproc_adopt,
    cnproc_close, cnproc_last_call, cnproc_open, cnproc_options, cnproc_set_events,
};
pub use inspect::{
    cnproc_event_format, cnproc_event_is_thread, cnproc_event_name, cnproc_event_pid,
    cnproc_event_tgid,
};
pub use parse::cnproc_parse;
pub use process::{
    CNPROC_IDENTITY_LIKELY, CNPROC_IDENTITY_PROVEN, CNPROC_REPLACED_NO, CNPROC_REPLACED_UNKNOWN,
    CNPROC_REPLACED_YES, cnproc_process, cnproc_process_close, cnproc_process_identity,
    cnproc_process_open, cnproc_process_open_cmdline, cnproc_process_open_parent,
    cnproc_process_open_pid, cnproc_process_replaced,
};
pub use receive::{cnproc_fd, cnproc_recv, cnproc_wake};
pub use resume::{
    CNPROC_RESUMED_ALREADY_ON, CNPROC_RESUMED_RESTORED, CNPROC_RESUMED_UNKNOWN, cnproc_resume,
};
pub use stats::{
    CNPROC_SOURCE_RING, CNPROC_SOURCE_SOCKET, CNPROC_STATS_LOWER_BOUND, CNPROC_STATS_SKIP_THREADS,
    cnproc_get_stats, cnproc_stats,
};
pub use tracker::{
    CNPROC_SCOPE_ALL, CNPROC_SCOPE_CHOSEN, CNPROC_SCOPE_DESCENDANTS, CNPROC_TRACK_CGROUP,
    CNPROC_TRACK_CMDLINE, CNPROC_TRACK_EXE, CNPROC_TRACK_RAW, CNPROC_TRACK_RING, cnproc_tracker,
    cnproc_tracker_add, cnproc_tracker_adopt, cnproc_tracker_close, cnproc_tracker_fd,
    cnproc_tracker_last_call, cnproc_tracker_open, cnproc_tracker_options, cnproc_tracker_resume,
    cnproc_tracker_resync, cnproc_tracker_wake,
};
pub use version::{cnproc_version, cnproc_version_string};

/// The example in the README is run as a test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
