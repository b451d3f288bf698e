//! Whose event it is: what proves it, and what leaves it uncertain.

use super::{
    assert_doubtful, assert_proven, await_event, comm_is, doubts, exec_now, is_exec,
    is_exit_of_leader, is_uid, old, options, proven_young, take_name, young,
};
use cnproc_parse::kernel;
use cnproc_sys::{
    Delivery, Error, EventData, EventMask, Fork, Identity, Listener, Replaced, event_name,
};
use std::ffi::{c_int, c_void};
use std::sync::mpsc;
use support::child::{self, exit, pause};
use support::forger::{self, Forger};
use support::live::NOW;
use support::procfs::{await_state, is_in_tick_of_start};
use support::task::{cpus, exit_thread, pin, start_thread};
use support::wait::HANG_LIMIT;
use support::{live, require, task, wait};

#[test]
fn young_process_is_proven_by_stream_and_old_by_start() {
    if !require::root() {
        return;
    }
    for options in [live::options(), options()] {
        live::with(options, |listener| {
            let (_young, event) = proven_young(listener);
            assert!(comm_is(&listener.process(&event).unwrap(), b"named"));
            let (_old, event) = old(listener);
            let process = listener.process(&event).unwrap();
            assert_eq!(process.identity(), Identity::Proven);
            assert!(comm_is(&process, b"named"));
        });
    }
}

/// Events of children, more than queue or ring have room for.
fn flood() {
    for _ in 0..1000 {
        child::fork(|| {}).wait();
    }
}

#[test]
fn after_a_loss_only_the_start_proves() {
    if !require::root() {
        return;
    }
    for options in [live::options(), options(), options().skip_threads(true)] {
        live::with(options.receive_buffer(256 << 10), |listener| {
            let (_young, event) = proven_young(listener);
            flood();
            let process = listener.process(&event).unwrap();
            assert_eq!(process.identity(), Identity::Likely);
            assert!(comm_is(&process, b"named"));
            // The loss is reported all the same, and what comes after it is complete again.
            live::until(listener, |delivery| matches!(delivery, Delivery::Lost(1..)).then_some(()));
            live::drain(listener);
            proven_young(listener);

            let (_old, event) = old(listener);
            flood();
            assert_eq!(listener.process(&event).unwrap().identity(), Identity::Proven);
        });
    }
}

#[test]
fn without_forks_in_the_mask_only_the_start_proves() {
    if !require::root() {
        return;
    }
    let options = live::options().events(EventMask::UID | EventMask::EXIT);
    live::with(options, |listener| {
        let (_young, event) = young(listener);
        assert_eq!(listener.process(&event).unwrap().identity(), Identity::Likely);
        let (_old, event) = old(listener);
        assert_eq!(listener.process(&event).unwrap().identity(), Identity::Proven);
        // An EXIT that may be the process's, if that is young.
        let (young, event) = young(listener);
        young.kill(libc::SIGKILL);
        wait::until("its EXIT makes it uncertain whose event it is", || {
            matches!(listener.process(&event), Err(Error::ProcessGone))
        });
    });
}

#[test]
fn looking_ahead_takes_nothing_from_the_stream() {
    if !require::root() {
        return;
    }
    live::with(options(), |listener| {
        let child = child::fork(|| {
            for user in 1..=4 {
                // With the effective user 0 it may go on. SAFETY: no memory is involved.
                unsafe { libc::setresuid(user, 0, 0) };
            }
        });
        let pid = child.pid();
        child.wait();
        let mut delivered = Vec::new();
        while delivered.last() != Some(&"exit") {
            let mut batch = listener.recv(Some(HANG_LIMIT)).unwrap().unwrap();
            while let Some(delivery) = batch.next() {
                let event = live::event(delivery);
                if event.process_tgid() == Some(pid) {
                    assert!(matches!(batch.process(&event), Err(Error::ProcessGone)));
                    delivered.push(event_name(event.what).unwrap());
                } else if event.process_tgid().is_some() {
                    drop(batch.process(&event));
                }
            }
        }
        assert_eq!(delivered, ["fork", "uid", "uid", "uid", "uid", "exit"]);
        live::assert_nothing_lost(listener);
    });
}

extern "C" fn wait_for_a_signal(_: *mut c_void) -> c_int {
    pause()
}

extern "C" fn exec_sleep(_: *mut c_void) -> c_int {
    let arguments = [c"sleep".as_ptr(), c"100000".as_ptr(), std::ptr::null()];
    // SAFETY: the strings end with NUL, the array with NULL.
    unsafe { libc::execv(c"/bin/sleep".as_ptr(), arguments.as_ptr()) }
}

/// The leader's EXIT is in the stream, and the process is proven all the same: no FORK is.
#[test]
fn process_outlives_its_leader() {
    if !require::root() {
        return;
    }
    live::with(options(), |listener| {
        // When the witness has received the EXIT, the listener has it in its queue.
        let mut witness = options().open().unwrap();
        let before = doubts(listener);
        let child = child::fork(|| {
            take_name();
            start_thread(wait_for_a_signal, &());
            exit_thread(0);
        });
        let named = await_event(listener, child.pid(), is_uid);
        await_event(&mut witness, child.pid(), is_exit_of_leader);
        assert_proven(listener, &named, before);
        assert_eq!(listener.process(&named).unwrap().status().unwrap().threads, 2);
        let exit = await_event(listener, child.pid(), is_exit_of_leader);
        assert_eq!(listener.process(&exit).unwrap().identity(), Identity::Likely);
    });
}

/// EXIT of the leader, which did not call execve, then EXEC. The EXIT of a leader that is late has a thread's id.
#[test]
fn process_outlives_its_leader_in_exec_by_thread() {
    if !require::root() {
        return;
    }
    live::with(options(), |listener| {
        let before = doubts(listener);
        let child = child::fork(|| {
            take_name();
            start_thread(exec_sleep, &());
            pause()
        });
        let pid = child.pid();
        let named = await_event(listener, pid, is_uid);
        assert_proven(listener, &named, before);
        let process = listener.process(&named).unwrap();
        wait::until("the process runs another program", || {
            listener.replaced(&process) == Ok(Replaced::Yes)
        });
        assert_eq!(process.cmdline().unwrap(), b"sleep\x00100000\0");
        assert_proven(listener, &named, before);

        let mut exits = Vec::new();
        let exec = live::find(listener, |event| {
            if event.process_tgid() != Some(pid) {
                return None;
            }
            exits.extend(is_exit_of_leader(event).then_some(*event));
            is_exec(event).then_some(*event)
        });
        for exit in exits {
            let found = listener.process(&exit);
            assert!(matches!(found, Err(Error::ProcessGone)), "it did not end");
        }
        assert_proven(listener, &exec, before);
        let process = listener.process(&exec).unwrap();
        if listener.replaced(&process) != Ok(Replaced::No) {
            assert_doubtful(listener, before);
        }
    });
}

#[test]
fn thread_with_the_pid_is_not_the_process() {
    live::with(live::options().events(EventMask::EXEC), |listener| {
        let (started, start) = mpsc::channel();
        let (end, ends) = mpsc::channel::<()>();
        let thread = std::thread::spawn(move || {
            started.send(task::thread_id()).unwrap();
            ends.recv().unwrap_err();
        });
        let event = exec_now(start.recv().unwrap());
        assert!(matches!(listener.process(&event), Err(Error::ProcessGone)));
        assert!(listener.process(&exec_now(std::process::id() as i32)).is_ok());
        drop(end);
        thread.join().unwrap();
    });
}

/// The child has its parent's CPU, which the parent does not leave.
#[test]
fn process_that_has_not_run_is_likely() {
    if !require::root() {
        return;
    }
    live::with(options(), |listener| {
        std::thread::scope(|scope| {
            // In a thread of its own, since its priority stays.
            let run = scope.spawn(|| find_a_child_before_it_runs(listener));
            run.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        });
    });
}

fn find_a_child_before_it_runs(listener: &mut Listener) {
    pin(&cpus()[..1]);
    let first_come = libc::sched_param { sched_priority: 1 };
    // SAFETY: the struct is valid for reading.
    assert_eq!(unsafe { libc::sched_setscheduler(0, libc::SCHED_FIFO, &first_come) }, 0);
    let before = doubts(listener);
    let (child, event) = wait::some("the child starts at the beginning of a tick", || {
        let child = child::fork(|| pause());
        // Without a wait, in which the child would run.
        let event = loop {
            let batch = listener.recv(NOW).unwrap();
            let mut events = batch.expect("FORK was queued before fork returned").map(live::event);
            if let Some(event) = events.find(|event| event.process_tgid() == Some(child.pid())) {
                break event;
            }
        };
        is_in_tick_of_start(child.pid(), event.timestamp_ns).then_some((child, event))
    });
    let process = listener.process(&event).unwrap();
    assert_eq!(process.identity(), Identity::Likely);
    await_state(child.pid(), 'S');
    assert_proven(listener, &event, before);
}

#[test]
fn forged_fork_changes_no_proof() {
    if !require::root() {
        return;
    }
    live::with(options(), |listener| {
        let (child, event) = proven_young(listener);
        let before = doubts(listener);
        let (parent_pid, parent_tgid) = (1, 1);
        let (child_pid, child_tgid) = (child.pid(), child.pid());
        let fork = Fork { parent_pid, parent_tgid, child_pid, child_tgid };
        let forged = forger::event(&EventData::Fork(fork), 1, 0);
        assert_eq!(Forger::new().send(0, kernel::CN_IDX_PROC, &forged), 0);
        assert_proven(listener, &event, before);
        child.kill(libc::SIGKILL);
        await_event(listener, child.pid(), is_exit_of_leader);
        assert!(listener.stats().forged > 0);
    });
}

#[test]
fn event_without_process_is_refused() {
    live::with(options(), |listener| {
        let mut ack = exec_now(1);
        ack.what = kernel::PROC_EVENT_NONE;
        assert!(matches!(listener.process(&ack), Err(Error::NotOfProcess)));
        assert!(matches!(listener.process(&exec_now(0)), Err(Error::NotOfProcess)));
    });
}

#[test]
fn forked_child_is_refused() {
    live::with(options(), |listener| {
        let process = listener.process(&exec_now(1)).unwrap();
        let child = child::fork(|| {
            let is_refused = matches!(listener.process(&exec_now(1)), Err(Error::Forked))
                && matches!(listener.replaced(&process), Err(Error::Forked));
            exit(i32::from(!is_refused));
        });
        assert_eq!(child.exit_status(), 0);
    });
}
