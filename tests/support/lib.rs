//! What tests share: the C library and C programs, children and threads, and listeners on the running kernel.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "for tests")]

mod c_library;
mod c_programs;
pub mod child;
pub mod disturbance;
pub mod exit_code;
pub mod flood;
pub mod forger;
mod gate;
pub mod header;
pub mod header_layout;
pub mod live;
pub mod namespace;
pub mod procfs;
pub mod require;
mod running;
mod rust_example;
pub mod seccomp;
mod shared;
pub mod task;
pub mod trace;
pub mod wait;

pub use c_library::{CLibrary, cargo, cc, exports, run, target};
pub use c_programs::{Program, assert_passed, c_programs, compile, compile_against};
pub use gate::Gate;
pub use procfs::kernel_version;
pub use running::{Ended, Running};
pub use rust_example::rust_example;
pub use shared::shared;

use std::path::{Path, PathBuf};

/// The repository.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_path_buf()
}
