//! The library does without std and without an allocator: it builds where there is nothing but `core`.
//!
//! A sysroot is made of the toolchain's own `core`, and of nothing else. Whatever asks for `std` or `alloc`
//! there, be it a dependency, does not compile. And what was linked asks for libc alone.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

fn rustc() -> Command {
    Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()))
}

fn stdout(output: Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn host() -> String {
    let version = stdout(rustc().arg("-vV").output().unwrap());
    version.lines().find_map(|line| line.strip_prefix("host: ")).unwrap().to_owned()
}

/// A folder of this test's own.
fn folder(test: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("no_std").join(test);
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// A sysroot with `core` alone.
fn core_alone(test: &str) -> PathBuf {
    let target = format!("lib/rustlib/{}/lib", host());
    let whole = stdout(rustc().args(["--print", "sysroot"]).output().unwrap());
    let sysroot = folder(test).join("sysroot");
    let _ = fs::remove_dir_all(&sysroot);
    fs::create_dir_all(sysroot.join(&target)).unwrap();
    let mut linked = 0;
    for entry in fs::read_dir(Path::new(whole.trim()).join(&target)).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if name.starts_with("libcore-") || name.starts_with("libcompiler_builtins-") {
            std::os::unix::fs::symlink(&path, sysroot.join(&target).join(name)).unwrap();
            linked += 1;
        }
    }
    assert!(linked >= 2, "no core in {whole}");
    sysroot
}

#[test]
fn the_library_builds_with_core_alone() {
    let sysroot = core_alone("library");
    let output = Command::new(env!("CARGO"))
        .args(["build", "--package", "cnproc-ffi", "--target", &host(), "--target-dir"])
        .arg(folder("library").join("target"))
        .current_dir(support::root())
        // Unlike RUSTFLAGS, it may contain blanks.
        .env("CARGO_ENCODED_RUSTFLAGS", format!("--sysroot={}", sysroot.display()))
        .output()
        .unwrap();
    stdout(output);
}

/// What the test above rests on.
#[test]
fn with_core_alone_there_is_no_std_and_no_alloc() {
    let sysroot = core_alone("proof");
    for (source, builds) in [
        ("#![no_std] pub fn f() -> u32 { u32::MAX.count_ones() }", true),
        ("pub fn f() -> u32 { 0 }", false),
        ("#![no_std] extern crate std;", false),
        ("#![no_std] extern crate alloc;", false),
    ] {
        let mut rustc = rustc()
            .args(["--edition=2024", "--crate-type=rlib", "--emit=metadata", "-", "--sysroot"])
            .arg(&sysroot)
            .args(["--target", &host(), "--out-dir"])
            .arg(folder("proof"))
            .stdin(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        rustc.stdin.take().unwrap().write_all(source.as_bytes()).unwrap();
        let output = rustc.wait_with_output().unwrap();
        let text = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.success(), builds, "{source}\n{text}");
        assert!(builds || text.contains("can't find crate for"), "{source}\n{text}");
    }
}

/// Without `panic = "abort"` in the profile std would be linked without a word.
#[test]
fn the_shared_library_needs_libc_alone() {
    let library = &support::CLibrary::get().shared;
    let dynamic = Command::new("readelf").arg("--dynamic").arg(library).output().unwrap();
    let dynamic = stdout(dynamic);
    let needed: Vec<_> = dynamic
        .lines()
        .filter(|line| line.contains("(NEEDED)"))
        .map(|line| line.split(['[', ']']).nth(1).unwrap())
        .collect();
    assert!(matches!(needed.as_slice(), ["libc.so.6"]), "{needed:?}");
}
