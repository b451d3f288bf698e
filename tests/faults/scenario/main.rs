//! What the library is asked for while one of its system calls fails: each argument names a scenario.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "for tests")]

mod facts;
mod receive;
mod step;
mod track;

use cnproc_sys::{Error, EventMask, Listener, Options, Resumed};
use receive::{Account, NOW};
use std::time::Duration;
use step::{drop_step, fact, log_descriptors, pad, run, step};

fn main() {
    log_descriptors();
    match std::env::args().nth(1).unwrap().as_str() {
        "everything" => life(Listener::options()),
        "filtered" => life(filtered()),
        "coalescing" => coalescing(filtered()),
        "overflow" => overflow(Listener::options(), [EventMask::UID, EventMask::ALL]),
        "filtered_overflow" => {
            overflow(filtered(), [EventMask::UID | EventMask::SID, EventMask::UID])
        }
        "ring" => life(Listener::options().ring(true)),
        "ring_coalescing" => coalescing(filtered().ring(true)),
        "ring_overflow" => {
            let masks = [EventMask::UID | EventMask::SID, EventMask::ALL];
            overflow(filtered().ring(true), masks);
        }
        "witness" => witness(),
        "set_events" => set_events(),
        "adopt" => adopt(),
        "identify" => facts::identify_process(),
        "facts" => facts::ask_process(),
        "track_scan" => track::scan(),
        "track_stream" => track::stream(),
        "track_loss" => track::loss(),
        "track_handles" => track::handles(),
        "track_descendants" => track::descendants(),
        "track_adopt" => track::adopt(),
        other => panic!("there is no scenario {other}"),
    }
    log_descriptors();
}

fn filtered() -> Options {
    Listener::options().events(EventMask::UID)
}

/// In a flood of others there is no room for the answer; then some is taken, and the answer may be less certain.
fn resume(name: &str, listener: &mut Listener) {
    let ask = || match listener.resume()? {
        Resumed::Unknown if count_queued(listener)? > READ_AHEAD / 2 => {
            Ok((Resumed::Unknown, true))
        }
        resumed => Ok((resumed, false)),
    };
    run(
        name,
        ask,
        |(resumed, is_flooded)| {
            if *is_flooded { "doubtful".to_owned() } else { format!("{resumed:?}") }
        },
    );
}

/// So many events the library reads ahead at most.
const READ_AHEAD: usize = 16_384;

/// Takes some of what is queued, of which nothing belongs to the account.
fn count_queued(listener: &mut Listener) -> Result<usize, Error> {
    let mut count = 0;
    while count < READ_AHEAD
        && let Some(batch) = listener.recv(NOW)?
    {
        count += batch.count();
    }
    Ok(count)
}

/// Everything that a listener does without a process.
fn life(options: Options) {
    let mut account = Account::new();
    let mut listener = step("open", || options.open());
    account.generate(1);
    account.receive_all("recv", &mut listener);
    let waker = step("waker", || listener.waker());
    waker.wake();
    // What others generate may come first.
    while step("recv until woken", || listener.recv(None).map(|batch| batch.map(Iterator::count)))
        .is_some()
    {}
    drop_step("drop waker", waker);
    resume("resume", &mut listener);
    account.generate(2);
    account.receive_all("recv after resume", &mut listener);
    account.log(&listener);
    drop_step("drop", listener);
}

/// Two delays, of one event and of many.
fn coalescing(options: Options) {
    let options = options.coalesce(Duration::from_millis(2));
    let mut account = Account::new();
    let mut listener = step("open", || options.open());
    for (name, count) in [("recv one", 1), ("recv many", 20), ("recv one more", 1)] {
        account.generate(count);
        account.receive_all(name, &mut listener);
    }
    account.log(&listener);
    drop_step("drop", listener);
}

/// A queue, or a ring of 63 events, that is full again and again, also while the mask changes.
fn overflow(options: Options, masks: [EventMask; 2]) {
    let mut account = Account::new();
    let mut listener = step("open", || options.receive_buffer(1).open());
    for mask in masks {
        account.generate(70);
        account.receive_what_is_queued("recv", &mut listener);
        account.generate(70);
        step("set_events", || listener.set_events(mask));
    }
    account.generate(70);
    account.receive_what_is_queued("recv last", &mut listener);
    account.log(&listener);
    drop_step("drop", listener);
}

/// A filtered listener that has not looked at the acknowledgements for a while.
fn witness() {
    let mut account = Account::new();
    let mut listener = filtered().open().unwrap();
    drop(Listener::options().open().unwrap());
    // The interval at which the library looks.
    std::thread::sleep(Duration::from_millis(101));
    account.generate(1);
    account.receive_all("recv", &mut listener);
    // Acknowledgements are not forgotten because a call failed.
    fact("acknowledgements", || {
        listener.resume()?;
        Ok(listener.stats().maybe_muted > 0)
    });
    account.log(&listener);
}

/// Every kind of change: from a filter to none and back, and from one to another.
fn set_events() {
    let mut account = Account::new();
    let mut listener = step("open", || Listener::options().open());
    let (few, more) = (EventMask::UID, EventMask::UID | EventMask::SID);
    for (name, mask) in
        [("to a filter", few), ("to another", more), ("to none", EventMask::ALL), ("back", few)]
    {
        account.generate(2);
        step(name, || listener.set_events(mask));
        account.generate(2);
        account.receive_all("recv", &mut listener);
    }
    account.log(&listener);
    drop_step("drop", listener);
}

/// A daemon: its parent opens, and the child adopts.
fn adopt() {
    let mut account = Account::new();
    let mut listener = step("open", || filtered().open());
    // SAFETY: this process has one thread.
    let child = unsafe { libc::fork() };
    if child == 0 {
        pad();
        account.adopt();
        step("adopt", || listener.adopt());
        account.generate(2);
        account.receive_all("recv in the child", &mut listener);
        resume("resume in the child", &mut listener);
        account.log(&listener);
        drop_step("drop in the child", listener);
        return;
    }
    let mut status = 0;
    // SAFETY: `status` is valid for writing.
    assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
    assert_eq!(status, 0);
    fact("recv in the parent", || match listener.recv(NOW) {
        Err(Error::Forked) => Ok("forked"),
        _ => Ok("received"),
    });
    fact("resume in the parent", || match listener.resume() {
        Err(Error::Forked) => Ok(None),
        result => result.map(Some::<Resumed>),
    });
    drop_step("drop in the parent", listener);
}
