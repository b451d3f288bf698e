//! Other languages load the shared library.

use crate::library::Installed;
use std::process::Command;
use support::disturbance::undisturbed;
use support::{assert_passed, require, root, wait};

#[test]
fn python_receives_a_live_event_with_ctypes() {
    if !require::program("python3") {
        return;
    }
    let shared = Installed::get().libdir().join("libcnproc.so.0");
    let program = root().join("tests/c/listener.py");
    undisturbed(|| {
        let mut command = Command::new("python3");
        command.arg(&program).arg(&shared);
        assert_passed("listener.py", &wait::output(&mut command));
    });
}
