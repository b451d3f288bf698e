//! The C library, built once by each test program that asks for it, and C programs linked with it.

use crate::root;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The C library as `make` builds it.
#[derive(Debug)]
pub struct CLibrary {
    /// `libcnproc.a`
    pub archive: PathBuf,
    /// `libcnproc.so`
    pub shared: PathBuf,
}

impl CLibrary {
    /// Builds it, if it is not up to date.
    pub fn get() -> &'static Self {
        static LIBRARY: OnceLock<CLibrary> = OnceLock::new();
        LIBRARY.get_or_init(|| {
            run(Command::new("make").arg("--no-print-directory").arg("-C").arg(root()).arg("lib"));
            let dir = target().join("c");
            Self { archive: dir.join("libcnproc.a"), shared: dir.join("libcnproc.so") }
        })
    }

    /// The static library with debug assertions and overflow checks: what breaks one ends the program.
    pub fn checked() -> &'static Path {
        static ARCHIVE: OnceLock<PathBuf> = OnceLock::new();
        ARCHIVE.get_or_init(|| {
            run(Command::new("cargo")
                .args(["build", "--package", "cnproc-cdylib", "--profile", "capi-dev"])
                .arg("--target-dir")
                .arg(target())
                .current_dir(root()));
            target().join("capi-dev").join("libcnproc.a")
        })
    }
}

/// The functions of the C library, as its map names them.
pub fn exports() -> Vec<String> {
    let map = std::fs::read_to_string(root().join("cnproc-ffi/libcnproc.map")).unwrap();
    let names = map.lines().filter_map(|line| line.trim().strip_suffix(';'));
    names.filter(|name| name.starts_with("cnproc_")).map(str::to_owned).collect()
}

/// The C programs of `tests/c` that test a behaviour each.
pub fn c_programs() -> Vec<&'static str> {
    let lines = include_str!("../c/programs").lines();
    lines.filter(|line| !line.starts_with('#') && !line.is_empty()).collect()
}

/// Cargo's target directory: that of the test program that runs.
pub fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

/// Compiles a C program of the repository with all warnings on and fatal, and links it with the static
/// library. Returns the program.
pub fn compile(source: &str) -> PathBuf {
    compile_with(source, &[])
}

/// As [`compile`], with further options.
pub fn compile_with(source: &str, options: &[&str]) -> PathBuf {
    compile_against(&CLibrary::get().archive, source, options)
}

/// As [`compile_with`], linked with that build of the library.
pub fn compile_against(archive: &Path, source: &str, options: &[&str]) -> PathBuf {
    let source = root().join(source);
    let name = source.file_stem().unwrap();
    let dir = target().join("c").join("programs");
    std::fs::create_dir_all(&dir).unwrap();
    // A name of its own for each caller, so that none runs, or removes, what another writes.
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let mut unique = name.to_os_string();
    unique.push(format!("-{}-{count}", std::process::id()));
    let program = dir.join(unique);
    run(cc()
        .args(["-std=c11", "-D_GNU_SOURCE", "-O1", "-g", "-pthread"])
        .args(["-Wall", "-Wextra", "-Wpedantic", "-Werror"])
        .args(options)
        .arg("-I")
        .arg(root().join("include"))
        .arg(&source)
        .arg(archive)
        .arg("-o")
        .arg(&program));
    program
}

/// The C compiler.
pub fn cc() -> Command {
    Command::new(std::env::var_os("CC").unwrap_or_else(|| "cc".into()))
}

/// Whether a program that a test needs is there. With `CNPROC_REQUIRE_LIVE` set, it must be.
pub fn has(program: &str) -> bool {
    match Command::new(program).arg("--version").output() {
        Ok(_) => true,
        Err(error) if std::env::var_os("CNPROC_REQUIRE_LIVE").is_none() => {
            eprintln!("skipped: {program}: {error}");
            false
        }
        Err(error) => panic!("{program}: {error}"),
    }
}

/// Runs a command that must succeed. Returns what it printed.
pub fn run(command: &mut Command) -> String {
    // What cargo sets for tests is not meant for the cargo that make runs.
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
