//! Threads: which thread or process an event is about, and EXITs of a leader whose process lives on.

use cnproc_sys::{Delivery, Event, EventData, EventMask, Listener};
use std::ffi::{c_int, c_void};
use support::child::{self, exit, pause};
use support::disturbance::disturbed;
use support::task::{exit_thread, set_name, start_thread};
use support::{Gate, live, require, task};

/// An event as its type, whether its pid is the leader's, and `is_thread`.
type Shape = (&'static str, bool, bool);

fn shape(event: &Event, tgid: c_int) -> Shape {
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

/// A gate for a thread. Each run has its own, because a spoilt one may leave it open.
fn new_gate() -> &'static Gate {
    Box::leak(Box::new(Gate::new()))
}

/// The next `count` events of a process.
fn events_of(listener: &mut Listener, tgid: c_int, count: usize) -> Vec<Event> {
    let mut events = Vec::new();
    live::find(listener, |event| {
        events.extend((event.process_tgid() == Some(tgid)).then_some(*event));
        (events.len() == count).then_some(())
    });
    events
}

fn shapes(events: &[Event], tgid: c_int) -> Vec<Shape> {
    events.iter().map(|event| shape(event, tgid)).collect()
}

extern "C" fn outlive_the_leader(gate: *mut c_void) -> c_int {
    // SAFETY: it is never freed.
    unsafe { &*gate.cast::<Gate>() }.wait();
    set_name("still at work");
    exit(5)
}

extern "C" fn exec_true(_: *mut c_void) -> c_int {
    let arguments = [c"/bin/true".as_ptr(), std::ptr::null()];
    // SAFETY: strings and array end as execv requires.
    unsafe { libc::execv(c"/bin/true".as_ptr(), arguments.as_ptr()) };
    exit(9)
}

/// The trap: the leader's EXIT looks as if the process ended, with code 0 and its parent's ids.
#[test]
fn exec_by_thread_shows_an_exit_of_the_leader() {
    live::with(live::options(), |listener| {
        let child = child::fork(|| {
            start_thread(exec_true, &());
            pause();
        });
        let pid = child.pid();
        let events = events_of(listener, pid, 5);
        let is_exit_of_thread =
            |event: &Event| event.is_thread() && matches!(event.data(), EventData::Exit(_));
        if events.iter().any(is_exit_of_thread) {
            disturbed("the leader was so late with its EXIT that it had given its pid away");
        }
        assert_eq!(
            shapes(&events, pid),
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
        assert_eq!(child.exit_status(), 0, "that of the new program");
    });
}

/// The trap: a leader that calls pthread_exit shows an EXIT, and its other threads go on.
#[test]
fn leader_that_exits_first_shows_its_exit_first() {
    live::with(live::options(), |listener| {
        let gate = new_gate();
        let child = child::fork(|| {
            start_thread(outlive_the_leader, gate);
            exit_thread(3);
        });
        let pid = child.pid();
        let events = events_of(listener, pid, 3);
        assert_eq!(
            shapes(&events, pid),
            [("fork", LEADER, !THREAD), ("fork", !LEADER, THREAD), ("exit", LEADER, !THREAD),]
        );
        let EventData::Exit(leader) = events[2].data() else { panic!() };
        assert_eq!(leader.exit_code, 3 << 8, "the thread's status, not the process's");
        gate.open();
        let events = events_of(listener, pid, 2);
        assert_eq!(shapes(&events, pid), [("comm", !LEADER, THREAD), ("exit", !LEADER, THREAD)]);
        assert_eq!(child.exit_status(), 5);
    });
}

extern "C" fn work_and_exit(_: *mut c_void) -> c_int {
    set_name("thread");
    task::set_group(4242);
    exit_thread(0)
}

/// A thread that works and exits, then a leader that does when the gate is opened.
fn with_a_thread(gate: &Gate) {
    start_thread(work_and_exit, &());
    gate.wait();
    set_name("leader");
}

#[test]
fn events_of_a_thread_alone_are_marked() {
    if !require::root() {
        return;
    }
    live::with(live::options(), |listener| {
        let gate = new_gate();
        let child = child::fork(|| with_a_thread(gate));
        let pid = child.pid();
        let events = events_of(listener, pid, 5);
        assert_eq!(
            shapes(&events, pid),
            [
                ("fork", LEADER, !THREAD),
                ("fork", !LEADER, THREAD),
                ("comm", !LEADER, THREAD),
                ("gid", !LEADER, THREAD),
                ("exit", !LEADER, THREAD),
            ]
        );
        gate.open();
        let events = events_of(listener, pid, 2);
        assert_eq!(shapes(&events, pid), [("comm", LEADER, !THREAD), ("exit", LEADER, !THREAD)]);
        assert_eq!(child.exit_status(), 0);
    });
}

#[test]
fn skip_threads_leaves_out_events_of_a_thread_alone() {
    for events in [EventMask::ALL, EventMask::FORK | EventMask::COMM | EventMask::EXIT] {
        let options = live::options().events(events).skip_threads(true);
        live::with(options, |listener| {
            assert!(listener.stats().skip_threads);
            let mut every_event = live::options().open().unwrap();
            let gate = new_gate();
            let child = child::fork(|| with_a_thread(gate));
            let pid = child.pid();
            live::find(&mut every_event, |event| {
                let is_exit = matches!(event.data(), EventData::Exit(exit)
                    if exit.process_tgid == pid && exit.process_pid != pid);
                is_exit.then_some(())
            });
            gate.open();
            let events = live::life_of(listener, pid);
            assert_eq!(
                shapes(&events, pid),
                [("fork", LEADER, !THREAD), ("comm", LEADER, !THREAD), ("exit", LEADER, !THREAD)]
            );
            assert_eq!(child.exit_status(), 0);
            // What is left out is not lost.
            live::assert_nothing_lost(listener);
        });
    }
}

/// The kernel filter leaves them out, so that they take no room in the queue.
#[test]
fn skip_threads_leaves_no_thread_in_the_queue() {
    if !require::root() {
        return;
    }
    let options = live::options().events(EventMask::GID).skip_threads(true).receive_buffer(1);
    live::with(options, |listener| {
        let of_thread = std::thread::spawn(|| {
            (1..10_000).for_each(task::set_group);
            task::thread_id()
        });
        let thread = of_thread.join().unwrap();
        while let Some(batch) = listener.recv(live::NOW).unwrap() {
            for delivery in batch {
                let is_of_thread = matches!(delivery, Delivery::Event(event)
                    if matches!(event.data(), EventData::Gid(gid) if gid.process_pid == thread));
                assert!(!is_of_thread, "{delivery:?}");
            }
        }
        // The queue has room for two or three events.
        if listener.stats().lost > 1000 {
            disturbed("another flood");
        }
    });
}
