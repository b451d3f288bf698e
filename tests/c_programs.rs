//! The C programs of `tests/c`, one per behaviour: 0 is a pass, 77 a skip, all else a failure.

#![allow(clippy::unwrap_used, clippy::panic, reason = "for tests")]

use std::process::Command;

/// Runs a program of `tests/c`.
fn run(name: &str) {
    let program = support::compile(&format!("tests/c/{name}.c"));
    let output = Command::new(&program).output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    std::fs::remove_file(&program).unwrap();
    match output.status.code() {
        Some(0) => {}
        Some(77) if std::env::var_os("CNPROC_REQUIRE_LIVE").is_none() => {
            eprintln!("skipped: {name}: {text}");
        }
        _ => panic!("{name}: {}\n{text}", output.status),
    }
}

#[test]
fn arguments() {
    run("arguments");
}

#[test]
fn namespaces() {
    run("namespaces");
}

#[test]
fn fork() {
    run("fork");
}

#[test]
fn signals() {
    run("signals");
}

#[test]
fn threads() {
    run("threads");
}

#[test]
fn exec_by_thread() {
    run("exec_by_thread");
}

#[test]
fn stats() {
    run("stats");
}

#[test]
fn hostile() {
    run("hostile");
}

#[test]
fn hostile_process() {
    run("hostile_process");
}

#[test]
fn hostile_leaves_no_function_out() {
    let read = |path| std::fs::read_to_string(support::root().join(path)).unwrap();
    let programs = read("tests/c/hostile.c") + &read("tests/c/hostile_process.c");
    let exports = support::exports();
    assert!(!exports.is_empty());
    for name in exports {
        // Called, or in a list of functions to be called.
        let uses = [format!("{name}("), format!(" {name},")];
        assert!(uses.iter().any(|it| programs.contains(it)), "tests/c/hostile*.c lack {name}");
    }
}

#[test]
fn coalesce() {
    run("coalesce");
}

#[test]
fn process() {
    run("process");
}

#[test]
fn sized_structs() {
    run("sized_structs");
}
