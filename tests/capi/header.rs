//! The committed header is what cbindgen makes of the crate, and compiles wherever C and C++ do.
//!
//! `CNPROC_BLESS=1 cargo test -p cnproc-tests --test capi header` regenerates it.

use std::fs;
use support::header_layout::lay_out;

#[test]
fn the_committed_header_is_the_generated_one() {
    let root = support::root();
    let crate_dir = root.join("cnproc-ffi");
    let config = cbindgen::Config::from_file(crate_dir.join("cbindgen.toml")).unwrap();
    let mut generated = Vec::new();
    cbindgen::generate_with_config(&crate_dir, config).unwrap().write(&mut generated);
    let generated = lay_out(&String::from_utf8(generated).unwrap());
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

/// The version macros are written by hand.
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
