//! Programs of `cnproc-sys/examples`.

use crate::{root, run, target};
use std::path::PathBuf;
use std::process::Command;

/// Builds an example, if it is not up to date. Returns the program.
pub fn rust_example(name: &str) -> PathBuf {
    run(Command::new("cargo")
        .args([
            "build",
            "--quiet",
            "--package",
            "cnproc-sys",
            "--features",
            "std",
            "--example",
            name,
        ])
        .current_dir(root()));
    target().join("debug/examples").join(name)
}
