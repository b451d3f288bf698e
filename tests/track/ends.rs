//! The end of a process: that of its last thread.

use crate::watch::{Watch, open, roomy};
use crate::workers::shell;
use cnproc_track::Change;
use std::ffi::{c_int, c_void};
use support::child::{self, Child, exit, pause};
use support::task::{exit_thread, start_thread};
use support::{Gate, live};

fn new_gate() -> &'static Gate {
    Box::leak(Box::new(Gate::new()))
}

extern "C" fn end_with_seven(gate: *mut c_void) -> c_int {
    // SAFETY: it is never freed.
    unsafe { &*gate.cast::<Gate>() }.wait();
    exit(7)
}

/// A program that waits for a line and exits with 5.
extern "C" fn execute(gate: *mut c_void) -> c_int {
    // SAFETY: it is never freed.
    unsafe { &*gate.cast::<Gate>() }.wait();
    shell(c"kill -STOP $$; exit 5", [])
}

/// Waits until the leader's EXIT of this process has been applied.
fn await_leaders_exit(watch: &mut Watch, pid: i32) {
    watch.until("the leader has left", |_| support::procfs::state(pid) == Some('Z'));
    // Whatever is sent later comes after it.
    let marker = child::fork(|| exit(0));
    let marker_pid = marker.pid();
    let id = watch.id_of(marker_pid);
    marker.wait();
    watch.until_ended(id);
}

#[test]
fn process_ends_with_its_last_thread_and_with_its_status() {
    live::run(|| {
        let Some(mut watch) = open(roomy()) else { return };
        watch.until_synced();
        let gate = new_gate();
        let child = child::fork(|| {
            start_thread(end_with_seven, gate);
            exit_thread(0);
        });
        let (pid, id) = (child.pid(), watch.id_of(child.pid()));
        await_leaders_exit(&mut watch, pid);
        assert_eq!(watch.lives[&id].end, None, "its leader has ended, and it has not");
        assert_eq!(watch.tracker.table().get(pid).map(|entry| entry.id), Some(id));
        gate.open();
        let status = child.wait();
        watch.until_ended(id);
        watch.assert_nothing_lost();
        assert_eq!(status, 7 << 8);
        assert_eq!(watch.status(id), Some(7 << 8));
    });
}

#[test]
fn exec_by_a_thread_is_no_end() {
    live::run(|| {
        let Some(mut watch) = open(roomy().cmdline(true)) else { return };
        watch.until_synced();
        let gate = new_gate();
        let child = child::fork(|| {
            start_thread(execute, gate);
            pause();
        });
        let id = watch.id_of(child.pid());
        gate.open();
        watch.until("it executes", |watch| watch.lives[&id].execs == 1);
        support::procfs::await_state(child.pid(), 'T');
        watch.drain();
        assert_eq!(watch.lives[&id].end, None);
        child.kill(libc::SIGCONT);
        let status = child.wait();
        watch.until_ended(id);
        watch.assert_nothing_lost();
        assert_eq!((status, watch.status(id)), (5 << 8, Some(5 << 8)));
        assert_eq!(watch.lives[&id].name.as_deref(), Some(&b"sh"[..]));
    });
}

#[test]
fn entry_is_as_it_last_was_when_a_process_ends() {
    live::run(|| {
        let Some(mut tracker) = open(roomy().cmdline(true)).map(|watch| watch.tracker) else {
            return;
        };
        let child: Child = child::fork(|| exit(3));
        let pid = child.pid();
        child.wait();
        loop {
            let Some(change) = tracker.recv(None).unwrap() else { continue };
            if let Change::Exited(process) = change {
                if process.pid == pid {
                    assert_eq!(process.status.and_then(|status| status.code()), Some(3));
                    assert_eq!(process.exit_ns, process.event().unwrap().timestamp_ns);
                    let id = process.id;
                    assert!(tracker.table().get(pid).is_none_or(|entry| entry.id != id));
                    assert!(tracker.table().get_id(id).is_some() && !tracker.table().is_live(id));
                    break;
                }
            }
        }
    });
}
