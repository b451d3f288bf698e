//! What several test files need: the C library, a C compiler, and processes that make events.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "for tests")]

mod alone;
mod c_library;
pub mod child;
pub mod exit_code;
pub mod flood;
pub mod forger;
pub mod header;
pub mod header_layout;
pub mod live;
pub mod namespace;
mod rust_example;
pub mod seccomp;
pub mod task;
pub mod trace;

pub use alone::alone;
pub use c_library::{
    CLibrary, c_programs, cc, compile, compile_against, compile_with, exports, has, run, target,
};
pub use rust_example::rust_example;

use std::path::{Path, PathBuf};

/// The repository.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_path_buf()
}
