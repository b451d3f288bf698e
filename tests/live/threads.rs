//! Threads and processes: which of them an event concerns, and when a process has really ended.

use cnproc_sys::{Event, EventData, EventMask, Listener};
use std::ffi::{c_int, c_void};
use support::task::{exit_thread, set_name, sleep_ms, start_thread};
use support::{child, live};

/// An event as its type, whether its pid is the leader's, and `is_thread`.
fn shape(event: &Event, tgid: c_int) -> (&'static str, bool, bool) {
    let (kind, pid) = match event.data() {
        EventData::Fork(fork) => ("fork", fork.child_pid),
        EventData::Exec(exec) => ("exec", exec.process_pid),
        EventData::Comm(comm) => ("comm", comm.process_pid),
        EventData::Gid(gid) => ("gid", gid.process_pid),
        EventData::Exit(exit) => ("exit", exit.process_pid),
        _ => panic!("{event:?}"),
    };
    (kind, pid == tgid, event.is_thread())
}

const LEADER: bool = true;
const THREAD: bool = true;

extern "C" fn work_and_end_the_process(_: *mut c_void) -> c_int {
    // The leader has gone by then.
    sleep_ms(100);
    set_name(c"still at work");
    // SAFETY: ends the process.
    unsafe { libc::_exit(5) }
}

extern "C" fn become_another_program(_: *mut c_void) -> c_int {
    let arguments = [c"/bin/true".as_ptr(), std::ptr::null()];
    // SAFETY: strings and array end as execv wants; a failure ends the process.
    unsafe {
        libc::execv(c"/bin/true".as_ptr(), arguments.as_ptr());
        libc::_exit(9)
    }
}

extern "C" fn work_and_end(_: *mut c_void) -> c_int {
    set_name(c"thread");
    support::flood::set_group(4242);
    exit_thread(0)
}

/// All events of a process up to the end of its last thread.
fn all_of(listener: &mut Listener, tgid: c_int, exits: usize) -> Vec<Event> {
    let mut events = Vec::new();
    let mut ended = 0;
    live::until(listener, |delivery| {
        let cnproc_sys::Delivery::Event(event) = delivery else { panic!("{delivery:?}") };
        if event.process_tgid() != Some(tgid) {
            return None;
        }
        events.push(event);
        ended += usize::from(matches!(event.data(), EventData::Exit(_)));
        (ended == exits).then_some(())
    });
    events
}

/// The trap: the leader's exit looks like the process's end, with code 0, and its parent's ids. The program
/// runs on.
#[test]
fn exec_from_a_thread_shows_an_exit_of_the_leader_though_the_process_lives() {
    let Some(mut listener) = live::open(Listener::options()) else { return };
    let child = child::fork(|| {
        start_thread(become_another_program);
        loop {
            sleep_ms(1000);
        }
    });
    let pid = child.pid();
    assert_eq!(child.wait(), 0, "the wait status is that of the new program");
    let events = all_of(&mut listener, pid, 2);
    let shapes: Vec<_> = events.iter().map(|event| shape(event, pid)).collect();
    assert_eq!(
        shapes,
        [
            ("fork", LEADER, !THREAD),
            ("fork", !LEADER, THREAD),
            ("exit", LEADER, !THREAD),
            ("exec", LEADER, !THREAD),
            ("exit", LEADER, !THREAD),
        ]
    );
    let EventData::Exit(first) = events[2].data() else { panic!() };
    assert_eq!(first.exit_code, 0);
}

/// The trap: a leader that calls pthread_exit shows an exit, and its other threads work on.
#[test]
fn a_leader_that_exits_first_shows_an_exit_though_the_process_lives() {
    let Some(mut listener) = live::open(Listener::options()) else { return };
    let child = child::fork(|| {
        start_thread(work_and_end_the_process);
        exit_thread(3);
    });
    let pid = child.pid();
    let status = child.wait();
    assert_eq!(libc::WEXITSTATUS(status), 5);
    let events = all_of(&mut listener, pid, 2);
    let shapes: Vec<_> = events.iter().map(|event| shape(event, pid)).collect();
    assert_eq!(
        shapes,
        [
            ("fork", LEADER, !THREAD),
            ("fork", !LEADER, THREAD),
            ("exit", LEADER, !THREAD),
            ("comm", !LEADER, THREAD),
            ("exit", !LEADER, THREAD),
        ]
    );
    let EventData::Exit(leader) = events[2].data() else { panic!() };
    assert_eq!(leader.exit_code, 3 << 8, "the thread's, not the process's status");
}

fn with_a_thread() {
    start_thread(work_and_end);
    sleep_ms(100);
    set_name(c"leader");
}

#[test]
fn what_concerns_a_thread_only_says_so() {
    let Some(mut listener) = live::open(Listener::options()) else { return };
    let child = child::fork(with_a_thread);
    let pid = child.pid();
    child.wait();
    let events = all_of(&mut listener, pid, 2);
    let shapes: Vec<_> = events.iter().map(|event| shape(event, pid)).collect();
    assert_eq!(
        shapes,
        [
            ("fork", LEADER, !THREAD),
            ("fork", !LEADER, THREAD),
            ("comm", !LEADER, THREAD),
            ("gid", !LEADER, THREAD),
            ("exit", !LEADER, THREAD),
            ("comm", LEADER, !THREAD),
            ("exit", LEADER, !THREAD),
        ]
    );
}

#[test]
fn processes_leaves_out_what_concerns_a_thread_only() {
    for events in [EventMask::ALL, EventMask::FORK | EventMask::COMM | EventMask::EXIT] {
        let options = Listener::options().events(events).skip_threads(true);
        let Some(mut listener) = live::open(options) else { return };
        assert!(listener.stats().skip_threads);
        let child = child::fork(with_a_thread);
        let pid = child.pid();
        child.wait();
        let events = all_of(&mut listener, pid, 1);
        let shapes: Vec<_> = events.iter().map(|event| shape(event, pid)).collect();
        assert_eq!(
            shapes,
            [("fork", LEADER, !THREAD), ("comm", LEADER, !THREAD), ("exit", LEADER, !THREAD)]
        );
        assert_eq!(listener.stats().lost, 0, "what is left out is not lost");
    }
}

/// In the kernel: what is left out takes no room in the queue.
#[test]
fn processes_leaves_threads_out_in_the_kernel() {
    let options = Listener::options().events(EventMask::GID).skip_threads(true).receive_buffer(1);
    let Some(mut listener) = live::open(options) else { return };
    let flood = std::thread::spawn(|| (1..10_000).for_each(support::flood::set_group));
    flood.join().unwrap();
    while let Some(batch) = listener.recv(Some(std::time::Duration::ZERO)).unwrap() {
        batch.for_each(drop);
    }
    let stats = listener.stats();
    assert!(stats.lost + stats.delivered < 1000, "{stats:?}");
}
