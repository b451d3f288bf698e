//! The ABI is the committed one, `cnproc-ffi/libcnproc.abi`: of each function its name, version and types,
//! of each struct its layout.
//!
//! `CNPROC_BLESS=1 cargo test -p cnproc-tests --test capi abi` regenerates it: a change that abidiff reports
//! takes a new soname, unless it only adds something.
//!
//! Described is what C programs see: functions made from the header and the map, with debug information.
//! That of the library itself shows Rust types. Other tests compare the header with the Rust code, and
//! the library's symbols against the map.

#![cfg(target_arch = "x86_64")]
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use support::header::{functions, header};
use support::{cc, require, root, run, target};

fn committed() -> PathBuf {
    root().join("cnproc-ffi/libcnproc.abi")
}

fn map() -> String {
    fs::read_to_string(root().join("cnproc-ffi/libcnproc.map")).unwrap()
}

/// A shared library with a header's types, and these functions, which do nothing.
fn stand_in(name: &str, header: &str, prototypes: &[String], map: &str) -> PathBuf {
    let dir = target().join("c/abi").join(name);
    fs::create_dir_all(&dir).unwrap();
    let bodies = prototypes.iter().map(|prototype| {
        let body = if prototype.starts_with("void ") { "{ }" } else { "{ return 0; }" };
        format!("{prototype}\n{body}\n")
    });
    let source = format!("#include \"cnproc.h\"\n{}", bodies.collect::<String>());
    fs::write(dir.join("cnproc.h"), header).unwrap();
    fs::write(dir.join("functions.c"), source).unwrap();
    fs::write(dir.join("map"), map).unwrap();
    run(cc().current_dir(&dir).args(["-g", "-O0", "-fPIC", "-shared", "-o", "libcnproc.so"]).args(
        ["functions.c", "-Wl,--version-script=map", "-Wl,-soname,libcnproc.so.0", "-nostdlib"],
    ));
    dir.join("libcnproc.so")
}

fn prototypes() -> Vec<String> {
    functions().into_iter().map(|function| function.prototype).collect()
}

/// What abidiff says of a library in comparison with the committed description, and its exit status.
fn abidiff(library: &Path) -> (Option<i32>, String) {
    let output =
        Command::new("abidiff").arg("--harmless").arg(committed()).arg(library).output().unwrap();
    let said = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap());
    (output.status.code(), said.concat())
}

#[test]
fn the_abi_is_the_committed_one() {
    if !require::program("abidiff") {
        return;
    }
    let library = stand_in("same", &header(), &prototypes(), &map());
    if std::env::var_os("CNPROC_BLESS").is_some() {
        run(Command::new("abidw")
            .args(["--no-corpus-path", "--no-comp-dir-path", "--no-show-locs", "--out-file"])
            .args([committed(), library.clone()]));
    }
    assert_eq!(abidiff(&library), (Some(0), String::new()));
}

/// A change of the header or the map that abidiff must find.
#[test]
fn changes_are_found() {
    if !require::program("abidiff") {
        return;
    }
    let (header, map, prototypes) = (header(), map(), prototypes());
    let in_header = |from: &str, to: &str| {
        assert!(header.contains(from), "{from}");
        (header.replacen(from, to, 1), prototypes.clone(), map.clone())
    };
    let in_function = |from: &str, to: &str| {
        let changed: Vec<_> = prototypes.iter().map(|it| it.replace(from, to)).collect();
        assert_ne!(changed, prototypes, "{from}");
        // The types alone: the declarations would contradict.
        let types: Vec<_> = header.split("\n\n").filter(|item| !item.ends_with(");")).collect();
        (types.join("\n\n"), changed, map.clone())
    };
    let in_map = |from: &str, to: &str| {
        assert!(map.contains(from), "{from}");
        (header.clone(), prototypes.clone(), map.replacen(from, to, 1))
    };
    let changes = [
        ("a member more", in_header("uint32_t reserved[3];", "uint32_t reserved[4];")),
        ("a member's type", in_header("uint64_t timestamp_ns;", "uint32_t timestamp_ns[2];")),
        ("a member's name", in_header("uint32_t cpu;", "uint32_t processor;")),
        ("an argument's type", in_function("int timeout_ms", "long timeout_ms")),
        ("an argument more", in_function("int cnproc_fd(", "int cnproc_fd(int which, ")),
        ("a result's type", in_function("ssize_t cnproc_process_exe(", "int cnproc_process_exe(")),
        ("a function gone", in_map("    cnproc_fd;\n", "")),
        ("another version", in_map("CNPROC_0.1", "CNPROC_0.2")),
    ];
    for (what, (header, prototypes, map)) in changes {
        let library = stand_in("changed", &header, &prototypes, &map);
        let (status, said) = abidiff(&library);
        assert!(status.is_some_and(|status| status & 4 != 0), "{what}: {status:?} {said}");
    }
}
