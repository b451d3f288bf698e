//! The C library, built once by each test program that uses it.

use crate::root;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The C library as `make` builds it.
#[derive(Debug)]
pub struct CLibrary {
    /// `libcnproc.a`
    pub archive: PathBuf,
    /// `libcnproc.so`
    pub shared: PathBuf,
}

impl CLibrary {
    /// Builds it unless it is up to date.
    pub fn get() -> &'static Self {
        static LIBRARY: OnceLock<CLibrary> = OnceLock::new();
        LIBRARY.get_or_init(|| {
            run(Command::new("make").arg("--no-print-directory").arg("-C").arg(root()).arg("lib"));
            let dir = target().join("c");
            Self { archive: dir.join("libcnproc.a"), shared: dir.join("libcnproc.so") }
        })
    }

    /// The static library with debug assertions and overflow checks: a failed one ends the program.
    pub fn checked() -> &'static Path {
        static ARCHIVE: OnceLock<PathBuf> = OnceLock::new();
        ARCHIVE.get_or_init(|| {
            run(cargo()
                .args(["build", "--manifest-path", "cnproc-ffi/cdylib/Cargo.toml"])
                .args(["--profile", "capi-dev"])
                .arg("--target-dir")
                .arg(target())
                .current_dir(root()));
            target().join("capi-dev").join("libcnproc.a")
        })
    }
}

/// The functions of the C library that its map lists.
pub fn exports() -> Vec<String> {
    let map = std::fs::read_to_string(root().join("cnproc-ffi/libcnproc.map")).unwrap();
    let names = map.lines().filter_map(|line| line.trim().strip_suffix(';'));
    names.filter(|name| name.starts_with("cnproc_")).map(str::to_owned).collect()
}

/// Cargo's target directory.
pub fn target() -> PathBuf {
    let dir = std::env::var_os("CARGO_TARGET_DIR").map_or("target".into(), PathBuf::from);
    // A relative path counts from where cargo was started.
    root().join(dir)
}

/// The cargo that runs the tests.
pub fn cargo() -> Command {
    Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

/// The C compiler.
pub fn cc() -> Command {
    Command::new(std::env::var_os("CC").unwrap_or_else(|| "cc".into()))
}

/// Runs a command that must succeed. Returns what it printed.
pub fn run(command: &mut Command) -> String {
    // The variables that cargo sets for tests would mislead the cargo that make runs.
    for (name, _) in std::env::vars_os() {
        let name_str = name.to_string_lossy();
        if name_str.starts_with("CARGO_")
            && name_str != "CARGO_TARGET_DIR"
            && name_str != "CARGO_HOME"
        {
            command.env_remove(&name);
        }
    }
    command.env_remove("MAKEFLAGS").env_remove("MFLAGS");
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(
        output.status.success(),
        "{command:?} failed:\n{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}
