//! What `/proc` contains about a process, read by hand.

use crate::wait;
use std::fs;

/// A field of `/proc/PID/stat`, counted as in proc(5), from the third on. None if there is no such process.
fn stat(pid: i32, field: usize) -> Option<String> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, fields) = stat.rsplit_once(')')?;
    fields.split_whitespace().nth(field - 3).map(str::to_owned)
}

/// Its state: `Z` for a zombie.
pub fn state(pid: i32) -> Option<char> {
    stat(pid, 3)?.chars().next()
}

/// Waits until the process is in that state.
pub fn await_state(pid: i32, wanted: char) {
    wait::until(&format!("process {pid} is in state {wanted}"), || {
        let state = state(pid);
        assert!(state.is_some(), "process {pid} does not exist");
        state == Some(wanted)
    });
}

/// The length of a tick, in which start times are given.
pub const TICK_NS: u64 = 10_000_000;

/// When the tick began in which the process started, in nanoseconds of CLOCK_BOOTTIME.
pub fn start_tick(pid: i32) -> Option<u64> {
    stat(pid, 22)?.parse::<u64>().ok().map(|ticks| ticks * TICK_NS)
}

/// Whether a process that exists started in the same tick in which it generated an event, so that its start does not show
/// whose event it is. With a millisecond to spare.
pub fn is_in_tick_of_start(pid: i32, event_ns: u64) -> bool {
    start_tick(pid).unwrap() + TICK_NS > event_ns + boottime_lead() + 1_000_000
}

/// Nanoseconds of a clock.
pub fn now(clock: libc::clockid_t) -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is valid for writing.
    unsafe { libc::clock_gettime(clock, &mut time) };
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// How far the clock of start times is ahead of the clock of events: the least of several readings, because time
/// passes between the two clocks.
pub fn boottime_lead() -> u64 {
    let once = || {
        let monotonic = now(libc::CLOCK_MONOTONIC);
        now(libc::CLOCK_BOOTTIME) - monotonic
    };
    (0..100).map(|_| once()).min().unwrap_or_default()
}

/// The version of the running kernel.
pub fn kernel_version() -> (u32, u32) {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap();
    let mut numbers = release.split(['.', '-', '\n']).map(|number| number.parse().unwrap_or(0));
    (numbers.next().unwrap(), numbers.next().unwrap())
}
