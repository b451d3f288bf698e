//! Other languages load the shared library.

use crate::library::Installed;
use std::process::Command;
use support::{has, root, run};

#[test]
fn python_receives_a_live_event_with_ctypes() {
    if !has("python3") {
        return;
    }
    let shared = Installed::get().libdir().join("libcnproc.so.0");
    run(Command::new("python3").arg(root().join("tests/c/listener.py")).arg(shared));
}
