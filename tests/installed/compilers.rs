//! A program outside the repository, in every dialect that the header promises, with all warnings on and fatal.

use crate::library::{Installed, Linking};
use std::path::Path;
use std::process::Command;
use support::disturbance::undisturbed;
use support::{assert_passed, require, root, wait};

const WARNINGS: [&str; 12] = [
    "-Wall",
    "-Wextra",
    "-Wpedantic",
    "-pedantic-errors",
    "-Wconversion",
    "-Wsign-conversion",
    "-Wshadow",
    "-Wcast-qual",
    "-Wcast-align",
    "-Wundef",
    "-Wwrite-strings",
    "-Werror",
];
const OF_C: [&str; 2] = ["-Wstrict-prototypes", "-Wmissing-prototypes"];
const OF_CPP: [&str; 2] = ["-Wold-style-cast", "-Wzero-as-null-pointer-constant"];

/// Those of the compilers that are installed.
fn installed<const N: usize>(compilers: [&str; N]) -> Vec<&str> {
    compilers.into_iter().filter(|compiler| require::program(compiler)).collect()
}

/// Compiles and runs a program, linked in both ways. It fails, or is skipped, as the C programs are.
fn check(compiler: &str, standard: &str, others: &[&str], source: &Path) {
    let installed = Installed::get();
    let flags = [&[standard], &WARNINGS[..], others].concat();
    for how in [Linking::Shared, Linking::Static] {
        let program = installed.compile(compiler, &flags, source, how);
        undisturbed(|| {
            let mut command = match how {
                Linking::Shared => installed.command(&program),
                Linking::Static => Command::new(&program),
            };
            assert_passed(standard, &wait::output(&mut command));
        });
    }
}

#[test]
fn header_compiles_as_c99_to_c2x() {
    let source = root().join("tests/c/header.c");
    for compiler in installed(["gcc", "clang"]) {
        for standard in ["-std=c99", "-std=c11", "-std=c17", "-std=c2x", "-std=gnu17"] {
            check(compiler, standard, &OF_C, &source);
        }
    }
}

#[test]
fn header_compiles_as_cpp_17_and_20() {
    let source = root().join("tests/c/listener.cpp");
    for compiler in installed(["g++", "clang++"]) {
        for standard in ["-std=c++17", "-std=c++20"] {
            check(compiler, standard, &OF_CPP, &source);
        }
    }
}

#[test]
fn examples_compile_as_c99() {
    let examples = Installed::get().prefix().join("share/doc/cnproc/examples");
    let compilers = installed(["gcc", "clang"]);
    for entry in std::fs::read_dir(examples).unwrap() {
        let source = entry.unwrap().path();
        for compiler in &compilers {
            let flags = [&["-std=c99"], &WARNINGS[..], &OF_C].concat();
            Installed::get().compile(compiler, &flags, &source, Linking::Shared);
        }
    }
}
