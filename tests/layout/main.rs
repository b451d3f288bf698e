//! The library's layouts and constants are the kernel's: those of the headers installed, and those of the
//! kernel that runs.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "for tests")]

mod btf;
mod headers;
mod table;

/// A member that has no members, by its path from the outermost struct.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Member {
    path: String,
    offset: usize,
    size: usize,
    kind: Kind,
}

/// How a member reads: all of the connector's are integers, but for a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Signed,
    Unsigned,
    Bytes,
}
