//! The library's layouts and constants are the kernel's: those of the installed headers, and those of the running
//! kernel.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "for tests")]

mod btf;
mod headers;
mod table;

/// A member without members of its own, by its path from the outermost struct.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Member {
    path: String,
    offset: usize,
    size: usize,
    kind: Kind,
}

/// How a member is read: all of the connector's are integers, except a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Signed,
    Unsigned,
    Bytes,
}
