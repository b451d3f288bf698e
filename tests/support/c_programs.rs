//! The C programs of `tests/c`.

use crate::c_library::{CLibrary, cc, run, target};
use crate::disturbance::{self, disturbed};
use crate::{require, root};
use std::path::{Path, PathBuf};
use std::process::Output;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Those that test one behaviour each.
pub fn c_programs() -> Vec<&'static str> {
    let lines = include_str!("../c/programs").lines();
    lines.filter(|line| !line.starts_with('#') && !line.is_empty()).collect()
}

/// A compiled program. Removed when it goes.
#[derive(Debug)]
pub struct Program(PathBuf);

impl Program {
    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // A panic would hide that of a test that fails.
        let _removed = std::fs::remove_file(&self.0);
    }
}

/// Compiles a C program of the repository with all warnings on and fatal, and links it with the static library.
pub fn compile(source: &str) -> Program {
    compile_against(&CLibrary::get().archive, source, &[])
}

/// As [`compile`], linked with that build of the library, and with further options.
pub fn compile_against(archive: &Path, source: &str, options: &[&str]) -> Program {
    let source = root().join(source);
    let dir = target().join("c").join("programs");
    std::fs::create_dir_all(&dir).unwrap();
    // A name of its own for each caller, since what runs cannot be written again.
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let name = source.file_stem().unwrap().to_str().unwrap();
    let program = dir.join(format!("{name}-{}-{count}", std::process::id()));
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
    Program(program)
}

/// Asserts that a program's exit status is a pass, records a skip, and runs the test again if it was disturbed.
pub fn assert_passed(name: &str, output: &Output) {
    let text = String::from_utf8_lossy(&output.stderr);
    match output.status.code() {
        Some(0) => {}
        // 77, as automake has it.
        Some(77) => require::skip(text.lines().next().unwrap_or("it does not say why")),
        Some(disturbance::STATUS) => disturbed(format!("{name}: {text}")),
        _ => panic!("{name}: {}\n{text}", output.status),
    }
}
