//! Programs of `cnproc-sys/examples`.

use crate::{cargo, root, run, target};
use std::path::PathBuf;

/// Builds an example unless it is up to date. Returns the program.
pub fn rust_example(name: &str) -> PathBuf {
    run(cargo()
        .args(["build", "--quiet", "--package", "cnproc-sys", "--features", "std", "--example"])
        .arg(name)
        .current_dir(root()));
    target().join("debug/examples").join(name)
}
