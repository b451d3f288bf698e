//! The C programs of `tests/c/programs` under AddressSanitizer and UndefinedBehaviorSanitizer, which watch what C does,
//! while the library has its debug assertions; and under valgrind, which watches everything.

use std::process::{Command, Output};
use support::disturbance::undisturbed;
use support::{CLibrary, Program, assert_passed, require, wait};

const SANITIZERS: &[&str] = &["-fsanitize=address,undefined", "-fno-sanitize-recover=all"];

fn with_sanitizers(name: &str) -> Program {
    support::compile_against(CLibrary::checked(), &format!("tests/c/{name}.c"), SANITIZERS)
}

fn run(program: &Program, arguments: &[&str]) -> Output {
    let mut command = Command::new(program.path());
    // At a thread's end the sanitizer uses the stack, parts of which remain poisoned after a cancellation.
    wait::output(command.args(arguments).env("ASAN_OPTIONS", "use_sigaltstack=0"))
}

fn under_valgrind(program: &Program, arguments: &[&str]) -> Output {
    let mut command = Command::new("valgrind");
    command
        // The sanitizer finds leaks. Here a forked child that ends by _exit would count as one.
        .args(["--quiet", "--error-exitcode=99", "--leak-check=no"])
        .arg(program.path())
        .args(arguments);
    wait::output(&mut command)
}

#[test]
fn c_programs_pass_under_sanitizers() {
    for name in support::c_programs() {
        let program = with_sanitizers(name);
        undisturbed(|| assert_passed(name, &run(&program, &[])));
    }
}

#[test]
fn c_programs_pass_under_valgrind() {
    if !require::program("valgrind") {
        return;
    }
    for name in support::c_programs() {
        let program = support::compile(&format!("tests/c/{name}.c"));
        undisturbed(|| assert_passed(name, &under_valgrind(&program, &[])));
    }
}

fn assert_found(output: &Output, words: &str) {
    let text = String::from_utf8_lossy(&output.stderr);
    let is_found = !output.status.success() && text.contains(words);
    assert!(is_found, "{words} is not in\n{text}");
}

#[test]
fn sanitizers_find_faults() {
    let program = with_sanitizers("faults");
    for (fault, words) in [
        ("overflow", "AddressSanitizer: heap-buffer-overflow"),
        ("undefined", "runtime error: signed integer overflow"),
        ("leak", "LeakSanitizer: detected memory leaks"),
    ] {
        assert_found(&run(&program, &[fault]), words);
    }
    assert_passed("faults", &run(&program, &["none"]));
}

#[test]
fn listener_that_is_not_closed_is_a_leak() {
    let program = with_sanitizers("faults");
    undisturbed(|| {
        let output = run(&program, &["listener"]);
        if output.status.code() == Some(77) {
            assert_passed("faults", &output);
        } else {
            assert_found(&output, "in cnproc_open");
        }
    });
}

#[test]
fn valgrind_finds_faults_inside_the_library() {
    if !require::program("valgrind") {
        return;
    }
    let program = support::compile("tests/c/faults.c");
    for (fault, words) in [
        ("overflow", "Invalid read of size 1"),
        ("uninitialised", "depends on uninitialised value"),
        ("library", "Invalid write of size"),
    ] {
        assert_found(&under_valgrind(&program, &[fault]), words);
    }
    assert_passed("faults", &under_valgrind(&program, &["none"]));
}
