//! Waiting for a condition. How long that takes depends on the machine, so tests set no limits of their own.

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
