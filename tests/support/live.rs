//! Tests with a listener on the running kernel. They follow their own pids: other programs generate events, too.

use crate::disturbance::{Disturbed, disturbed, undisturbed};
use crate::require;
use crate::wait::HANG_LIMIT;
use cnproc_sys::{Delivery, Event, EventData, Listener, Options};
use std::ffi::c_int;
use std::os::fd::AsRawFd;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::{Duration, Instant};

/// A timeout of zero.
pub const NOW: Option<Duration> = Some(Duration::ZERO);

/// Whether the tests are to use a ring: `CNPROC_TEST_RING` is set.
pub fn is_with_ring() -> bool {
    std::env::var_os("CNPROC_TEST_RING").is_some()
}

/// The default options, with a ring if the tests are to use one.
pub fn options() -> Options {
    Listener::options().ring(is_with_ring())
}

/// Opens a listener. None, and the calling test is skipped, if this process cannot listen.
pub fn open(options: Options) -> Option<Listener> {
    match options.open() {
        Ok(listener) => Some(listener),
        Err(error) => {
            require::skip_unless_unexpected(error);
            None
        }
    }
}

/// Runs a test with a listener, and runs it again if it was disturbed. Skips it if this process cannot listen.
pub fn with(options: Options, mut test: impl FnMut(&mut Listener)) {
    undisturbed(|| {
        let Some(mut listener) = open(options) else { return };
        let run = catch_unwind(AssertUnwindSafe(|| test(&mut listener)));
        if let Err(panic) = run {
            if panic.is::<Disturbed>() {
                assert_has_been_full(&mut listener);
            }
            resume_unwind(panic);
        }
    });
}

/// Runs a test that opens its listeners itself, and runs it again if it was disturbed. Skips it if this process cannot
/// listen.
pub fn run(mut test: impl FnMut()) {
    undisturbed(|| {
        if require::live() {
            test();
        }
    });
}

/// What an event takes of the receive buffer is 832 bytes on x86-64, and less than this everywhere.
const BYTES_PER_EVENT: u32 = 2048;

/// A listener that lost events because of others has delivered a full queue. Otherwise the library is at fault.
fn assert_has_been_full(listener: &mut Listener) {
    while let Ok(Some(batch)) = listener.recv(NOW) {
        batch.for_each(drop);
    }
    let stats = listener.stats();
    let least = u64::from(stats.receive_buffer / BYTES_PER_EVENT);
    let is_plausible = stats.lost == 0 || stats.delivered + stats.forged >= least;
    assert!(is_plausible, "events were lost though the queue was never full: {stats:?}");
}

/// The event. A loss is a disturbance: other programs have filled the queue.
pub fn event(delivery: Delivery) -> Event {
    match delivery {
        Delivery::Event(event) => event,
        Delivery::Lost(count) => disturbed(format!("{count} events lost")),
    }
}

/// Asserts that nothing has been lost. If there was, it is a disturbance.
pub fn assert_nothing_lost(listener: &Listener) {
    let stats = listener.stats();
    if stats.lost > 0 {
        disturbed(format!("{} events lost", stats.lost));
    }
}

/// Receives until `wanted` returns a value. It decides on losses, too.
pub fn until<T>(listener: &mut Listener, mut wanted: impl FnMut(Delivery) -> Option<T>) -> T {
    let begin = Instant::now();
    loop {
        let batch = listener.recv(Some(Duration::from_millis(100))).unwrap();
        if let Some(found) = batch.into_iter().flatten().find_map(&mut wanted) {
            return found;
        }
        assert!(begin.elapsed() < HANG_LIMIT, "the event did not come in {HANG_LIMIT:?}");
    }
}

/// Receives events until `wanted` returns a value. A loss is a disturbance.
pub fn find<T>(listener: &mut Listener, mut wanted: impl FnMut(&Event) -> Option<T>) -> T {
    until(listener, |delivery| wanted(&event(delivery)))
}

/// All events about process `tgid`, up to its leader's EXIT.
pub fn life_of(listener: &mut Listener, tgid: i32) -> Vec<Event> {
    let mut events = Vec::new();
    find(listener, |event| {
        if event.process_tgid() != Some(tgid) {
            return None;
        }
        events.push(*event);
        let is_exit = matches!(event.data(), EventData::Exit(exit) if exit.process_pid == tgid);
        is_exit.then_some(())
    });
    events
}

/// Whether the listener's descriptor becomes readable in that time.
pub fn is_readable(listener: &Listener, timeout: Duration) -> bool {
    let mut polled = libc::pollfd { fd: listener.as_raw_fd(), events: libc::POLLIN, revents: 0 };
    // SAFETY: one pollfd, valid for reading and writing.
    let count = unsafe { libc::poll(&mut polled, 1, timeout.as_millis() as c_int) };
    assert!(count >= 0, "{}", std::io::Error::last_os_error());
    polled.revents == libc::POLLIN
}

/// Receives whatever is queued. Returns how many messages that was, with those that others have forged.
pub fn drain(listener: &mut Listener) -> u64 {
    let messages = |listener: &Listener| {
        let stats = listener.stats();
        stats.delivered + stats.lost + stats.forged
    };
    let before = messages(listener);
    while let Some(batch) = listener.recv(NOW).unwrap() {
        batch.for_each(drop);
    }
    messages(listener) - before
}
