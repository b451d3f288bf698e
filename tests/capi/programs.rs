//! The C programs of `tests/c/programs`, one per behaviour.

use std::process::Command;
use support::disturbance::undisturbed;
use support::wait;

/// Runs a program of `tests/c`.
fn run(name: &str) {
    let program = support::compile(&format!("tests/c/{name}.c"));
    undisturbed(|| {
        support::assert_passed(name, &wait::output(&mut Command::new(program.path())));
    });
}

/// A test for each program.
macro_rules! tests {
    ($($name:ident),* $(,)?) => {
        const TESTED: &[&str] = &[$(stringify!($name)),*];
        $(
            #[test]
            fn $name() {
                run(stringify!($name));
            }
        )*
    };
}

tests![
    adopt,
    arguments,
    cancelled,
    coalesce,
    errors,
    exec_by_thread,
    fork,
    hostile,
    hostile_process,
    hostile_tracker,
    namespaces,
    process,
    ring,
    signals,
    sized_structs,
    stats,
    stopped,
    threads,
    tracker,
    wake,
];

#[test]
fn each_listed_program_has_its_test() {
    assert_eq!(support::c_programs(), TESTED);
}

#[test]
fn hostile_programs_call_every_function() {
    let read = |path| std::fs::read_to_string(support::root().join(path)).unwrap();
    let names = ["hostile", "hostile_process", "hostile_tracker"];
    let programs: String = names.map(|name| read(format!("tests/c/{name}.c"))).concat();
    let exports = support::exports();
    assert!(!exports.is_empty());
    for name in exports {
        // Called, or in a list of functions to be called.
        let uses = [format!("{name}("), format!(" {name},")];
        assert!(uses.iter().any(|it| programs.contains(it)), "tests/c/hostile*.c lack {name}");
    }
}
