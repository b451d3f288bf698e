//! What a test requires of the machine. Where that is missing the test is skipped; with `CNPROC_REQUIRE_LIVE` set it
//! fails instead.

use cnproc_sys::{Error, Listener};
use std::fs;
use std::io::Write;
use std::process::Command;

/// Whether skipping is an error.
fn is_everything_required() -> bool {
    std::env::var_os("CNPROC_REQUIRE_LIVE").is_some()
}

/// Skips the calling test, which must return then: records test and reason in the file that `CNPROC_SKIPPED` names,
/// from which `make check` prints a summary.
pub fn skip(reason: &str) {
    let reason = without_remedy(reason);
    assert!(!is_everything_required(), "CNPROC_REQUIRE_LIVE is set, but {reason}");
    let program = std::env::current_exe().unwrap();
    let program = program.file_stem().unwrap().to_string_lossy();
    let program = program.rsplit_once('-').map_or(&*program, |(name, _hash)| name);
    let thread = std::thread::current();
    // With one test at a time the thread has another name.
    let test = thread.name().unwrap_or("a test");
    eprintln!("skipped: {reason}");
    if let Some(path) = std::env::var_os("CNPROC_SKIPPED") {
        let mut file = fs::OpenOptions::new().append(true).create(true).open(path).unwrap();
        // In a single write, since several tests run at the same time.
        file.write_all(format!("{reason}\t{program}::{test}\n").as_bytes()).unwrap();
    }
}

/// The reason without the remedy that follows the cause in an error's sentence, so that equal causes are equal.
fn without_remedy(reason: &str) -> &str {
    let Some(sentence) = reason.strip_prefix("no listener: ") else { return reason };
    let remedy = sentence.find(": ").map_or(0, |at| sentence.len() - at);
    reason.split_at(reason.len() - remedy).0
}

/// Whether the error means that no process like this one can listen on such a machine.
pub fn explains_a_skip(error: Error) -> bool {
    matches!(
        error,
        Error::NotPermitted
            | Error::Sandboxed
            | Error::NoConnector
            | Error::NoProcessEvents
            | Error::NetworkNamespace
            | Error::UserNamespace
            | Error::PidNamespace
    )
}

/// Whether this process can listen.
pub fn live() -> bool {
    match Listener::options().open() {
        Ok(_) => true,
        Err(error) => {
            skip_unless_unexpected(error);
            false
        }
    }
}

/// Skips the calling test if the error means that listening is impossible here. Panics on any other.
pub(crate) fn skip_unless_unexpected(error: Error) {
    assert!(explains_a_skip(error), "{error}");
    skip(&format!("no listener: {error}"));
}

/// The capabilities that the tests use: CAP_KILL, CAP_SETGID, CAP_SETUID, CAP_NET_ADMIN, CAP_SYS_PTRACE, CAP_SYS_ADMIN,
/// CAP_SYS_NICE.
const CAPABILITIES: [u32; 7] = [5, 6, 7, 12, 19, 21, 23];

/// Whether this process is root, with the capabilities that root has outside of containers.
pub fn root() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let effective = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    let effective = effective.and_then(|bits| u64::from_str_radix(bits.trim(), 16).ok());
    let has = |capability| effective.unwrap_or_default() >> capability & 1 == 1;
    let is_root = CAPABILITIES.into_iter().all(has) && is_initial_user_namespace();
    if !is_root {
        skip("not root");
    }
    is_root
}

fn is_initial_user_namespace() -> bool {
    let map = fs::read_to_string("/proc/self/uid_map").unwrap_or_default();
    map.split_whitespace().eq(["0", "0", "4294967295"])
}

/// Whether a program is installed.
pub fn program(name: &str) -> bool {
    let is_there = Command::new(name).arg("--version").output().is_ok();
    if !is_there {
        skip(&format!("no {name}"));
    }
    is_there
}
