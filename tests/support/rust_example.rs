//! Programs of the crates' `examples`.

use crate::{cargo, root, run, target};
use std::path::PathBuf;

/// Builds an example of a crate unless it is up to date. Returns the program.
pub fn rust_example(package: &str, name: &str) -> PathBuf {
    run(cargo()
        .args(["build", "--quiet", "--package", package, "--features", "std", "--example"])
        .arg(name)
        .current_dir(root()));
    target().join("debug/examples").join(name)
}
