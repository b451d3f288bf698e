//! Tests on the live kernel. They follow their own pids: other programs make events, too.

use cnproc_sys::{Delivery, Event, Listener, Options};
use std::time::{Duration, Instant};

/// Opens a listener. None where the kernel does not let this process listen, and the test may be
/// skipped: with `CNPROC_REQUIRE_LIVE` set, it may not.
pub fn open(options: Options) -> Option<Listener> {
    match options.open() {
        Ok(listener) => Some(listener),
        Err(error) if std::env::var_os("CNPROC_REQUIRE_LIVE").is_none() => {
            eprintln!("skipped: {error}");
            None
        }
        Err(error) => panic!("live tests are required: {error}"),
    }
}

/// How long a test waits for what must come.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Receives until `wanted` has found what it looks for. Losses are its to judge.
pub fn until<T>(listener: &mut Listener, mut wanted: impl FnMut(Delivery) -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        if let Some(batch) = listener.recv(Some(Duration::from_millis(100))).unwrap() {
            for delivery in batch {
                if let Some(found) = wanted(delivery) {
                    return found;
                }
            }
        }
    }
    panic!("what the test waits for did not come in {PATIENCE:?}");
}

/// All events about process `tgid`, up to and with its end.
pub fn life_of(listener: &mut Listener, tgid: i32) -> Vec<Event> {
    let mut events = Vec::new();
    until(listener, |delivery| {
        let Delivery::Event(event) = delivery else { panic!("{delivery:?}") };
        if event.process_tgid() != Some(tgid) {
            return None;
        }
        events.push(event);
        let ended =
            matches!(event.data(), cnproc_sys::EventData::Exit(exit) if exit.process_pid == tgid);
        ended.then_some(())
    });
    events
}
