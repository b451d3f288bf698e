//! A program out of the tree, in every dialect that the header promises, all warnings on and fatal.

use crate::library::{Installed, Linking};
use std::path::Path;
use support::{has, root, run};

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

/// Compiles and runs a program, linked in both ways.
fn check(compiler: &str, standard: &str, others: &[&str], source: &Path) {
    let installed = Installed::get();
    let flags = [&[standard], &WARNINGS[..], others].concat();
    for how in [Linking::Shared, Linking::Static] {
        let program = installed.compile(compiler, &flags, source, how);
        match how {
            Linking::Shared => run(&mut installed.command(program)),
            Linking::Static => run(&mut std::process::Command::new(program)),
        };
    }
}

#[test]
fn c_from_99_to_2x() {
    let source = root().join("tests/c/header.c");
    for compiler in ["gcc", "clang"].into_iter().filter(|compiler| has(compiler)) {
        for standard in ["-std=c99", "-std=c11", "-std=c17", "-std=c2x", "-std=gnu17"] {
            check(compiler, standard, &OF_C, &source);
        }
    }
}

#[test]
fn cpp_17_and_20() {
    let source = root().join("tests/c/listener.cpp");
    for compiler in ["g++", "clang++"].into_iter().filter(|compiler| has(compiler)) {
        for standard in ["-std=c++17", "-std=c++20"] {
            check(compiler, standard, &OF_CPP, &source);
        }
    }
}

#[test]
fn the_examples_with_both_compilers() {
    let examples = Installed::get().prefix().join("share/doc/cnproc/examples");
    for entry in std::fs::read_dir(examples).unwrap() {
        let source = entry.unwrap().path();
        for compiler in ["gcc", "clang"].into_iter().filter(|compiler| has(compiler)) {
            let flags = [&["-std=c99"], &WARNINGS[..], &OF_C].concat();
            Installed::get().compile(compiler, &flags, &source, Linking::Shared);
        }
    }
}
