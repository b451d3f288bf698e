//! Which files make install writes, and that make uninstall removes them.

use crate::library::Installed;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use support::{exports, root};

/// The files below a directory, and links with what they point to.
fn files(dir: &Path) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut dirs = vec![dir.to_path_buf()];
    while let Some(next) = dirs.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(dir).unwrap().display().to_string();
            if let Ok(to) = fs::read_link(&path) {
                assert!(path.exists(), "{name} points to nothing");
                found.insert(format!("{name} -> {}", to.display()));
            } else if path.is_dir() {
                dirs.push(path);
            } else {
                found.insert(name);
            }
        }
    }
    found
}

#[test]
fn install_writes_library_links_header_and_documents() {
    let installed = files(&Installed::get().prefix());
    let version = env!("CARGO_PKG_VERSION");
    for file in [
        &format!("lib/multiarch/libcnproc.so.{version}"),
        &format!("lib/multiarch/libcnproc.so.0 -> libcnproc.so.{version}"),
        "lib/multiarch/libcnproc.so -> libcnproc.so.0",
        "lib/multiarch/libcnproc.a",
        "lib/multiarch/pkgconfig/cnproc.pc",
        "include/cnproc.h",
        "share/man/man7/cnproc.7",
        "share/doc/cnproc/CHANGELOG.md",
        "share/doc/cnproc/LICENSE-APACHE",
        "share/doc/cnproc/LICENSE-MIT",
        "share/doc/cnproc/PORTING.md",
        "share/doc/cnproc/examples/proc_events.c",
    ] {
        assert!(installed.contains(file), "{file} is missing: {installed:#?}");
    }
}

#[test]
fn each_function_has_a_manual_page_of_its_name() {
    let installed = files(&Installed::get().prefix());
    for export in exports() {
        let page = format!("share/man/man3/{export}.3");
        assert!(
            installed.iter().any(|file| *file == page || file.starts_with(&format!("{page} -> "))),
            "{page} is missing: {installed:#?}"
        );
    }
}

#[test]
fn pkg_config_prints_version_and_directories() {
    let installed = Installed::get();
    assert_eq!(installed.pkg_config(&["--modversion"]), [env!("CARGO_PKG_VERSION")]);
    let flags = [
        format!("-I{}", installed.prefix().join("include").display()),
        format!("-L{}", installed.libdir().display()),
        "-lcnproc".to_owned(),
    ];
    assert_eq!(installed.pkg_config(&["--cflags", "--libs"]), flags);
    let text = fs::read_to_string(installed.libdir().join("pkgconfig/cnproc.pc")).unwrap();
    assert!(!text.contains('@'), "{text}");
    assert!(!text.contains(root().to_str().unwrap()), "{text}");
}

/// In a directory of its own, because the other tests need the files.
#[test]
fn uninstall_removes_everything() {
    let destdir = Installed::get().destdir.with_file_name("uninstalled");
    let other = Installed::get().with_destdir(destdir.clone());
    other.make("install");
    assert_eq!(files(&destdir), files(&Installed::get().destdir));
    other.make("uninstall");
    assert_eq!(files(&destdir), BTreeSet::new());
}
