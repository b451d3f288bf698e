//! Waiting for a condition. How long that takes depends on the machine, so tests set no limits of their own.

use std::io::Read;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

/// Detects a hang: no test waits longer for what must happen. The only limit in the tests; `HANG_LIMIT_MS` in
/// `tests/c/test.h` is its equal for C.
pub const HANG_LIMIT: Duration = Duration::from_secs(600);

/// Waits until the condition holds. Panics at the hang limit, naming what did not happen.
pub fn until(what: &str, mut condition: impl FnMut() -> bool) {
    some(what, || condition().then_some(()))
}

/// Waits until there is a value.
pub fn some<T>(what: &str, mut value: impl FnMut() -> Option<T>) -> T {
    let begin = Instant::now();
    loop {
        if let Some(value) = value() {
            return value;
        }
        assert!(begin.elapsed() < HANG_LIMIT, "in {HANG_LIMIT:?} this did not happen: {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// The same for a program that waits several times, and may run under a tool that makes it slow.
pub const PROGRAM_HANG_LIMIT: Duration = Duration::from_secs(3600);

/// Runs a program to its end. Panics if it hangs.
pub fn output(command: &mut Command) -> Output {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let (stdout, stderr) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
    let [stdout, stderr] =
        [Box::new(stdout) as Box<dyn Read + Send>, Box::new(stderr)].map(|mut from| {
            std::thread::spawn(move || {
                let mut bytes = Vec::new();
                from.read_to_end(&mut bytes).map(|_| bytes)
            })
        });
    let begin = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if begin.elapsed() > PROGRAM_HANG_LIMIT {
            child.kill().unwrap();
            panic!("{command:?} did not end in {PROGRAM_HANG_LIMIT:?}");
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    // A process that it started and that goes on keeps them open.
    until("its output ends", || stdout.is_finished() && stderr.is_finished());
    let [stdout, stderr] = [stdout, stderr].map(|bytes| bytes.join().unwrap().unwrap());
    Output { status, stdout, stderr }
}
