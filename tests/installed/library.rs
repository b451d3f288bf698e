//! The C library as `make install` leaves it.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use support::{cc, root, run, target};

/// As a distribution would set them.
const PREFIX: &str = "/opt/cnproc";
const LIBDIR: &str = "/opt/cnproc/lib/multiarch";

pub(crate) struct Installed {
    /// The copy of the repository that it was made from.
    copy: PathBuf,
    pub(crate) destdir: PathBuf,
}

/// How a program is linked.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Linking {
    Shared,
    Static,
}

impl Installed {
    pub(crate) fn get() -> &'static Self {
        static INSTALLED: OnceLock<Installed> = OnceLock::new();
        INSTALLED.get_or_init(|| {
            let dir = target().join("c/installed");
            drop(fs::remove_dir_all(&dir));
            let installed = Self { copy: dir.join("copy"), destdir: dir.join("destdir") };
            copy_repository(&installed.copy);
            installed.make("install");
            installed
        })
    }

    /// Runs make in the copy, as a packager would.
    pub(crate) fn make(&self, what: &str) {
        run(Command::new("make")
            .args(["--silent", "-C"])
            .arg(&self.copy)
            .arg(what)
            .arg(format!("DESTDIR={}", self.destdir.display()))
            .args([format!("PREFIX={PREFIX}"), format!("LIBDIR={LIBDIR}")])
            .env_remove("CARGO_TARGET_DIR"));
    }

    /// The same, for another place.
    pub(crate) fn with_destdir(&self, destdir: PathBuf) -> Self {
        Self { copy: self.copy.clone(), destdir }
    }

    pub(crate) fn prefix(&self) -> PathBuf {
        self.destdir.join(&PREFIX[1..])
    }

    pub(crate) fn libdir(&self) -> PathBuf {
        self.destdir.join(&LIBDIR[1..])
    }

    /// The words that pkg-config prints for the library.
    pub(crate) fn pkg_config(&self, arguments: &[&str]) -> Vec<String> {
        let words = run(Command::new("pkg-config")
            .args(arguments)
            .arg("cnproc")
            .env("PKG_CONFIG_LIBDIR", self.libdir().join("pkgconfig"))
            .env("PKG_CONFIG_SYSROOT_DIR", &self.destdir));
        split_words(&words)
    }

    /// Compiles a program out of the tree: `cc prog.c $(pkg-config --cflags --libs cnproc)`.
    pub(crate) fn compile(
        &self,
        compiler: &str,
        flags: &[&str],
        source: &Path,
        how: Linking,
    ) -> PathBuf {
        let dir = self.destdir.with_file_name("programs");
        fs::create_dir_all(&dir).unwrap();
        let name = source.file_stem().and_then(OsStr::to_str).unwrap();
        // A name of its own for each caller, since what runs cannot be written again.
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let program = dir.join(format!("{name}-{compiler}-{how:?}{}-{count}", flags.concat()));
        let mut command = Command::new(compiler);
        command.current_dir(&dir).args(flags).arg("-o").arg(&program).arg(source);
        match how {
            Linking::Shared => command.args(self.pkg_config(&["--cflags", "--libs"])),
            Linking::Static => {
                command.arg("-static").args(self.pkg_config(&["--static", "--cflags", "--libs"]))
            }
        };
        run(&mut command);
        program
    }

    /// An example, compiled from where it was installed.
    pub(crate) fn example(&self, name: &str) -> Command {
        let source = self.prefix().join(format!("share/doc/cnproc/examples/{name}.c"));
        let compiler = cc().get_program().to_str().unwrap().to_owned();
        self.command(self.compile(&compiler, &["-std=c99"], &source, Linking::Shared))
    }

    /// A program that finds the library where it was installed.
    pub(crate) fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command.env("LD_LIBRARY_PATH", self.libdir());
        command
    }
}

/// The words of a command line, in which a backslash quotes a blank.
fn split_words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut characters = line.trim().chars();
    while let Some(character) = characters.next() {
        match character {
            ' ' => words.push(String::new()),
            '\\' => words.last_mut().unwrap().extend(characters.next()),
            other => words.last_mut().unwrap().push(other),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// What an earlier build or run left behind in the repository, and its history.
const LEFT_BEHIND: [&str; 6] = [".git", "target", "results", "corpus", "artifacts", "coverage"];

/// Copies the files of the repository, as a source tarball has them.
fn copy_repository(to: &Path) {
    let mut dirs = vec![root()];
    while let Some(dir) = dirs.pop() {
        for entry in fs::read_dir(dir).unwrap().map(Result::unwrap) {
            let path = entry.path();
            let kind = entry.file_type().unwrap();
            if path == target() || LEFT_BEHIND.iter().any(|name| entry.file_name() == *name) {
                continue;
            } else if kind.is_dir() {
                dirs.push(path);
            } else if kind.is_file() {
                let copy = to.join(path.strip_prefix(root()).unwrap());
                fs::create_dir_all(copy.parent().unwrap()).unwrap();
                fs::copy(path, copy).unwrap();
            }
        }
    }
}
