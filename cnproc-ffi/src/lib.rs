//! The C API of cnproc: `include/cnproc.h`, which is generated from this crate, is its manual.
//!
//! Nothing is decided here. Arguments are checked, values converted, errors turned into negative error
//! numbers; the rest is `cnproc-sys` and `cnproc-parse`.

#![cfg_attr(not(test), no_std)]
#![allow(non_camel_case_types, reason = "the names are those that C sees")]
#![allow(
    clippy::missing_safety_doc,
    reason = "the text is the header's: see the calling contract there"
)]

mod convert;
#[cfg(test)]
mod misaligned;
mod ret;
mod sized;
mod types;

// In the header's order, which a blank line keeps.
mod handle;

mod recv;

mod stats;

mod strings;

mod process;

mod parse;

mod version;

pub use handle::{
    cnproc, cnproc_close, cnproc_fd, cnproc_open, cnproc_options, cnproc_resume, cnproc_set_events,
};
pub use parse::cnproc_parse;
pub use process::{
    cnproc_process, cnproc_process_cgroup, cnproc_process_close, cnproc_process_cmdline,
    cnproc_process_comm, cnproc_process_cwd, cnproc_process_exe, cnproc_process_get_status,
    cnproc_process_identity, cnproc_process_open, cnproc_process_pidfd, cnproc_process_replaced,
    cnproc_process_status,
};
pub use recv::cnproc_recv;
pub use stats::{cnproc_get_stats, cnproc_stats};
pub use strings::{
    cnproc_event_format, cnproc_event_is_thread, cnproc_event_name, cnproc_strerror,
};
pub use types::{
    cnproc_ack, cnproc_comm, cnproc_coredump, cnproc_event, cnproc_event_data, cnproc_exec,
    cnproc_exit, cnproc_fork, cnproc_id, cnproc_id_e, cnproc_id_r, cnproc_lost, cnproc_ptrace,
    cnproc_sid,
};
pub use version::{cnproc_version, cnproc_version_string};

/// The example in the README is run as a test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
