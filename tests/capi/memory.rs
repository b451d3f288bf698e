//! The C programs of `tests/c/programs` under AddressSanitizer, UndefinedBehaviorSanitizer and valgrind: with the
//! first two what C does is watched, and the library has its debug assertions; with the last all is watched.
//! One runs at a time: what others do is events, too, and a listener in valgrind is slow.

use std::process::{Command, Output};
use support::{CLibrary, alone};

const SANITIZERS: &[&str] = &["-fsanitize=address,undefined", "-fno-sanitize-recover=all"];

fn under_sanitizers(name: &str, arguments: &[&str]) -> Output {
    let source = format!("tests/c/{name}.c");
    let program = support::compile_against(CLibrary::checked(), &source, SANITIZERS);
    let output = Command::new(&program).args(arguments).output().unwrap();
    std::fs::remove_file(program).unwrap();
    output
}

fn under_valgrind(name: &str, arguments: &[&str]) -> Output {
    let program = support::compile(&format!("tests/c/{name}.c"));
    let output = Command::new("valgrind")
        // Of leaks the sanitizer tells. Here a child by fork that ends by _exit would count as one.
        .args(["--quiet", "--error-exitcode=99", "--leak-check=no"])
        .arg(&program)
        .args(arguments)
        .output()
        .unwrap();
    std::fs::remove_file(program).unwrap();
    output
}

fn passes(name: &str, output: &Output) {
    let text = String::from_utf8_lossy(&output.stderr);
    match output.status.code() {
        Some(0) => {}
        Some(77) if std::env::var_os("CNPROC_REQUIRE_LIVE").is_none() => {
            eprintln!("skipped: {name}: {text}");
        }
        _ => panic!("{name}: {}\n{text}", output.status),
    }
}

#[test]
fn no_c_program_is_faulty_under_sanitizers() {
    let _alone = alone();
    for name in support::c_programs() {
        passes(name, &under_sanitizers(name, &[]));
    }
}

#[test]
fn no_c_program_is_faulty_under_valgrind() {
    if !support::has("valgrind") {
        return;
    }
    let _alone = alone();
    for name in support::c_programs() {
        // Valgrind judges memory alone, and says 99. A listener that is many times slower may lose
        // events to a busy machine, and so end early at its own checks, which programs.rs judges.
        let mut runs = (0..3).map(|_| under_valgrind(name, &[]));
        let ended = runs.find(|output| output.status.code() != Some(1));
        match ended {
            Some(output) => passes(name, &output),
            None => eprintln!("ended early in valgrind, without a fault: {name}"),
        }
    }
}

fn tells(output: &Output, words: &str) {
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && text.contains(words), "not told: {words}\n{text}");
}

#[test]
fn the_sanitizers_are_there() {
    let _alone = alone();
    for (fault, words) in [
        ("overflow", "AddressSanitizer: heap-buffer-overflow"),
        ("undefined", "runtime error: signed integer overflow"),
        ("leak", "LeakSanitizer: detected memory leaks"),
    ] {
        tells(&under_sanitizers("faults", &[fault]), words);
    }
    passes("faults", &under_sanitizers("faults", &["none"]));
}

#[test]
fn a_listener_that_is_not_closed_is_a_leak() {
    let _alone = alone();
    let output = under_sanitizers("faults", &["listener"]);
    if output.status.code() == Some(77) {
        return passes("faults", &output);
    }
    tells(&output, "in cnproc_open");
}

#[test]
fn valgrind_is_there_and_sees_into_the_library() {
    if !support::has("valgrind") {
        return;
    }
    let _alone = alone();
    for (fault, words) in [
        ("overflow", "Invalid read of size 1"),
        ("uninitialised", "depends on uninitialised value"),
        ("library", "Invalid write of size"),
    ] {
        tells(&under_valgrind("faults", &[fault]), words);
    }
    passes("faults", &under_valgrind("faults", &["none"]));
}
