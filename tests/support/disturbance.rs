//! Tests on a kernel that other programs use as well. What they do can spoil a run of a test, for example by filling
//! the listener's queue. Such a run shows nothing, so the test runs again.

use crate::wait::HANG_LIMIT;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The exit status of a child process, or of a C program, whose run was spoilt: `EX_TEMPFAIL` of sysexits.h.
pub const STATUS: i32 = 75;

/// What unwinds the stack of a spoilt run.
#[derive(Debug)]
pub(crate) struct Disturbed(String);

/// Ends this run of the test, which will run again: other programs did what `how` says.
///
/// Only for what others can cause: a fault of the library must not look like it.
pub fn disturbed(how: impl Into<String>) -> ! {
    // Not a panic, so that nothing is printed.
    resume_unwind(Box::new(Disturbed(how.into())))
}

/// Runs a live test, again and again as long as a run is [`disturbed`], at most up to the hang limit. One at a time in
/// each test program, because such tests disturb each other.
pub fn undisturbed<T>(mut test: impl FnMut() -> T) -> T {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let begin = Instant::now();
    let mut pause = Duration::from_millis(1);
    loop {
        let panic = match catch_unwind(AssertUnwindSafe(&mut test)) {
            Ok(value) => return value,
            Err(panic) => panic,
        };
        let Disturbed(how) = match panic.downcast() {
            Ok(disturbed) => *disturbed,
            Err(panic) => resume_unwind(panic),
        };
        assert!(begin.elapsed() < HANG_LIMIT, "disturbed for {HANG_LIMIT:?}, lastly: {how}");
        eprintln!("disturbed, so it runs again: {how}");
        std::thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_secs(1));
    }
}
