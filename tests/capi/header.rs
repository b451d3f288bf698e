//! The committed header is what cbindgen makes of the crate, and compiles wherever C and C++ do.
//!
//! `CNPROC_BLESS=1 cargo test -p cnproc-tests --test capi header` writes it anew.

use std::fs;

#[test]
fn the_committed_header_is_the_generated_one() {
    let root = support::root();
    let crate_dir = root.join("cnproc-ffi");
    let config = cbindgen::Config::from_file(crate_dir.join("cbindgen.toml")).unwrap();
    let mut generated = Vec::new();
    cbindgen::generate_with_config(&crate_dir, config).unwrap().write(&mut generated);
    let generated = set_out(&String::from_utf8(generated).unwrap());
    let path = root.join("include/cnproc.h");
    if std::env::var_os("CNPROC_BLESS").is_some() {
        fs::write(&path, &generated).unwrap();
    }
    let committed = fs::read_to_string(&path).unwrap();
    assert!(
        committed == generated,
        "include/cnproc.h is not what cbindgen generates: run the test with CNPROC_BLESS=1, and \
         read what changed"
    );
}

/// How long a declaration may be to stay on one line.
const WIDTH: usize = 90;

/// The header as people read it: in ASCII, what fits on one line on one line, and no `//`.
fn set_out(generated: &str) -> String {
    let generated = generated.replace('…', "...");
    let mut lines = generated.lines().peekable();
    let mut text = String::new();
    while let Some(line) = lines.next() {
        let line = line.split("  // ").next().unwrap().trim_end_matches(" // __cplusplus");
        if let Some(indent) = line.strip_suffix("/**") {
            let first = lines.next().unwrap().trim_start();
            if lines.next_if(|next| next.trim() == "*/").is_some() {
                text += &format!("{indent}/{first} */\n");
            } else {
                text += &format!("{indent}/*\n{indent} {first}\n");
            }
        } else if line.ends_with(',') && !line.starts_with([' ', '#']) {
            let mut declaration = vec![line];
            while declaration.last().is_some_and(|line| line.ends_with(',')) {
                declaration.push(lines.next().unwrap());
            }
            let parts: Vec<_> = declaration.iter().map(|line| line.trim()).collect();
            let one = parts.join(" ");
            text += &if one.len() <= WIDTH { one } else { declaration.join("\n") };
            text += "\n";
        } else if !(line.is_empty() && text.ends_with("\n\n")) {
            text += &format!("{line}\n");
        }
    }
    text
}

/// Macros of the header are written by hand: each is held against what it mirrors.
#[test]
fn the_headers_version_is_the_packages() {
    let header = fs::read_to_string(support::root().join("include/cnproc.h")).unwrap();
    for (name, value) in [
        ("MAJOR", env!("CARGO_PKG_VERSION_MAJOR")),
        ("MINOR", env!("CARGO_PKG_VERSION_MINOR")),
        ("PATCH", env!("CARGO_PKG_VERSION_PATCH")),
    ] {
        let line = format!("#define CNPROC_VERSION_{name} {value}\n");
        assert!(header.contains(&line), "missing: {line}");
    }
}
