//! Each event type, caused for real, arrives with the right fields.

use cnproc_sys::{Delivery, Event, EventData, EventMask, Listener};
use std::ffi::c_int;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitStatus};
use support::{child, live};

fn open() -> Option<Listener> {
    live::open(Listener::options())
}

/// Our own process.
fn me() -> c_int {
    // SAFETY: no arguments, cannot fail.
    unsafe { libc::getpid() }
}

/// The calling thread.
fn thread() -> c_int {
    // SAFETY: no arguments, cannot fail.
    unsafe { libc::gettid() }
}

/// All events about a process but its fork and its exit, which are there.
fn between_fork_and_exit(listener: &mut Listener, tgid: c_int) -> Vec<EventData> {
    let mut events: Vec<_> =
        live::life_of(listener, tgid).into_iter().map(|event| event.data()).collect();
    assert!(matches!(events.remove(0), EventData::Fork(_)));
    assert!(matches!(events.pop(), Some(EventData::Exit(_))));
    events
}

/// The first event of our own thread that is of the type wanted.
fn own<T>(listener: &mut Listener, wanted: impl Fn(&Event) -> Option<T>) -> T {
    live::until(listener, |delivery| match delivery {
        Delivery::Event(event) => wanted(&event),
        Delivery::Lost(_) => None,
    })
}

#[test]
fn fork_and_exit_of_a_process() {
    let Some(mut listener) = open() else { return };
    // SAFETY: ends the process.
    let child = child::fork(|| unsafe { libc::_exit(7) });
    let pid = child.pid();
    let events = live::life_of(&mut listener, pid);
    // Not before: of a process that has been reaped the event does not know the parent.
    assert_eq!(libc::WEXITSTATUS(child.wait()), 7);
    let [first, last] = events.as_slice() else { panic!("{events:?}") };
    let EventData::Fork(fork) = first.data() else { panic!("{first:?}") };
    assert_eq!((fork.child_pid, fork.child_tgid), (pid, pid));
    assert_eq!((fork.parent_pid, fork.parent_tgid), (thread(), me()), "the thread that forked");
    let EventData::Exit(exit) = last.data() else { panic!("{last:?}") };
    assert_eq!((exit.process_pid, exit.process_tgid), (pid, pid));
    assert_eq!((exit.exit_code, exit.exit_signal), (7 << 8, libc::SIGCHLD as u32));
    assert_eq!(exit.parent_tgid, me());
    assert!(first.timestamp_ns < last.timestamp_ns);
    assert_eq!((first.size, first.ack), (40, 0));
    assert!(!first.is_thread() && !last.is_thread());
}

#[test]
fn exit_by_a_signal() {
    let Some(mut listener) = open() else { return };
    // SAFETY: waits for a signal.
    let child = child::fork(|| while unsafe { libc::pause() } == -1 {});
    let pid = child.pid();
    child.kill(libc::SIGKILL);
    child.wait();
    let events = live::life_of(&mut listener, pid);
    let Some(EventData::Exit(exit)) = events.last().map(|event| event.data()) else { panic!() };
    let status = ExitStatus::from_raw(exit.exit_code.cast_signed());
    assert_eq!(status.signal(), Some(libc::SIGKILL));
    assert_eq!(exit.exit_signal, libc::SIGCHLD as u32, "what the parent got, not the cause");
}

#[test]
fn fork_and_exit_of_a_thread() {
    let Some(mut listener) = open() else { return };
    let tid = std::thread::spawn(thread).join().unwrap();
    let fork = own(&mut listener, |event| match event.data() {
        EventData::Fork(fork) if fork.child_pid == tid => {
            assert!(event.is_thread());
            Some(fork)
        }
        _ => None,
    });
    assert_eq!(fork.child_tgid, me());
    let exit = own(&mut listener, |event| match event.data() {
        EventData::Exit(exit) if exit.process_pid == tid => {
            assert!(event.is_thread());
            Some(exit)
        }
        _ => None,
    });
    assert_eq!((exit.process_tgid, exit.exit_signal), (me(), u32::MAX));
    assert_eq!((exit.parent_pid, exit.parent_tgid), (0, 0));
}

#[test]
fn exec() {
    let Some(mut listener) = open() else { return };
    let mut child = Command::new("/bin/true").spawn().unwrap();
    let pid = child.id().cast_signed();
    child.wait().unwrap();
    let events = between_fork_and_exit(&mut listener, pid);
    let execs: Vec<_> = events
        .iter()
        .filter_map(|data| if let EventData::Exec(exec) = data { Some(exec) } else { None })
        .collect();
    let [exec] = execs.as_slice() else { panic!("{events:?}") };
    assert_eq!((exec.process_pid, exec.process_tgid), (pid, pid));
    assert!(!events.iter().any(|data| matches!(data, EventData::Comm(_))), "exec emits no COMM");
}

#[test]
fn user_and_group_ids() {
    let Some(mut listener) = open() else { return };
    // SAFETY: system calls.
    let child = child::fork(|| unsafe {
        libc::setresgid(100, 101, 102);
        libc::setresuid(200, 201, 202);
    });
    let pid = child.pid();
    child.wait();
    let events = between_fork_and_exit(&mut listener, pid);
    let [EventData::Gid(gid), EventData::Uid(uid)] = events[..] else { panic!("{events:?}") };
    assert_eq!((gid.process_pid, gid.process_tgid, gid.rgid, gid.egid), (pid, pid, 100, 101));
    assert_eq!((uid.process_pid, uid.process_tgid, uid.ruid, uid.euid), (pid, pid, 200, 201));
}

#[test]
fn session() {
    let Some(mut listener) = open() else { return };
    // SAFETY: a system call.
    let child = child::fork(|| unsafe {
        libc::setsid();
    });
    let pid = child.pid();
    child.wait();
    let events = between_fork_and_exit(&mut listener, pid);
    let [EventData::Sid(sid)] = events[..] else { panic!("{events:?}") };
    assert_eq!((sid.process_pid, sid.process_tgid), (pid, pid));
}

#[test]
fn ptrace_attach_and_detach() {
    let Some(mut listener) = open() else { return };
    // SAFETY: waits for a signal.
    let child = child::fork(|| while unsafe { libc::pause() } == -1 {});
    let pid = child.pid();
    let mut status = 0;
    // SAFETY: the child is ours; `status` is valid for writing.
    unsafe {
        assert_eq!(libc::ptrace(libc::PTRACE_ATTACH, pid, 0, 0), 0);
        assert_eq!(libc::waitpid(pid, &mut status, 0), pid);
        assert!(libc::WIFSTOPPED(status));
        assert_eq!(libc::ptrace(libc::PTRACE_DETACH, pid, 0, 0), 0);
    }
    child.kill(libc::SIGKILL);
    child.wait();
    let events = between_fork_and_exit(&mut listener, pid);
    let [EventData::Ptrace(attach), EventData::Ptrace(detach)] = events[..] else {
        panic!("{events:?}")
    };
    assert_eq!((attach.process_pid, attach.process_tgid), (pid, pid));
    assert_eq!((attach.tracer_pid, attach.tracer_tgid), (thread(), me()));
    assert_eq!((detach.process_pid, detach.process_tgid), (pid, pid));
    assert_eq!((detach.tracer_pid, detach.tracer_tgid), (0, 0));
}

#[test]
fn a_name_of_any_bytes() {
    let Some(mut listener) = open() else { return };
    let name = c"\xff\x1b[2J\n\\ not-utf8 cut off";
    // SAFETY: the name ends with NUL.
    let child = child::fork(|| unsafe {
        libc::prctl(libc::PR_SET_NAME, name.as_ptr());
    });
    let pid = child.pid();
    child.wait();
    let events = live::life_of(&mut listener, pid);
    let [_, event, _] = events.as_slice() else { panic!("{events:?}") };
    let EventData::Comm(comm) = event.data() else { panic!("{event:?}") };
    assert_eq!((comm.process_pid, comm.process_tgid), (pid, pid));
    assert_eq!(comm.name(), &name.to_bytes()[..15]);
    assert_eq!(
        event.to_string(),
        format!(r"comm: tid={pid} pid={pid} comm=\xff\x1b[2J\x0a\x5c not-utf")
    );
}

#[test]
fn a_core_dump_comes_even_where_no_core_is_written() {
    let Some(mut listener) = open() else { return };
    // SAFETY: system calls; the limit is valid for reading.
    let child = child::fork(|| unsafe {
        let none = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
        libc::setrlimit(libc::RLIMIT_CORE, &none);
        libc::signal(libc::SIGQUIT, libc::SIG_DFL);
        libc::raise(libc::SIGQUIT);
    });
    let pid = child.pid();
    child.wait();
    let events = live::life_of(&mut listener, pid);
    let [_, coredump, exit] = events.as_slice() else { panic!("{events:?}") };
    let EventData::Coredump(coredump) = coredump.data() else { panic!("{coredump:?}") };
    assert_eq!((coredump.process_pid, coredump.process_tgid), (pid, pid));
    assert_eq!(coredump.parent_tgid, me());
    let EventData::Exit(exit) = exit.data() else { panic!("{exit:?}") };
    let status = ExitStatus::from_raw(exit.exit_code.cast_signed());
    assert_eq!(status.signal(), Some(libc::SIGQUIT));
}

#[test]
fn the_own_acknowledgement_where_it_is_asked_for() {
    let Some(mut listener) = live::open(Listener::options().acks(true)) else { return };
    own(&mut listener, |event| match event.data() {
        EventData::Ack(ack) if ack.err == 0 && event.ack != 0 => Some(()),
        _ => None,
    });
    assert!(listener.stats().acks >= 1);
}

#[test]
fn a_mask_lets_only_its_types_pass() {
    let mask = EventMask::EXEC | EventMask::EXIT;
    let Some(mut listener) = live::open(Listener::options().events(mask)) else { return };
    let mut child = Command::new("/bin/true").spawn().unwrap();
    let pid = child.id().cast_signed();
    child.wait().unwrap();
    let events: Vec<_> =
        live::life_of(&mut listener, pid).into_iter().map(|event| event.data()).collect();
    assert!(matches!(events[..], [EventData::Exec(_), EventData::Exit(_)]), "{events:?}");
}

#[test]
fn events_come_in_the_order_of_their_making() {
    let Some(mut listener) = open() else { return };
    // Waited for at the end: an exit may come after the parent's wait.
    let children: Vec<_> = (0..50).map(|_| child::fork(|| ())).collect();
    let pids: Vec<_> = children.iter().map(child::Child::pid).collect();
    let (mut forked, mut ended) = (Vec::new(), Vec::new());
    live::until(&mut listener, |delivery| {
        let Delivery::Event(event) = delivery else { panic!("{delivery:?}") };
        match event.data() {
            EventData::Fork(fork) if pids.contains(&fork.child_pid) => forked.push(fork.child_pid),
            EventData::Exit(exit) if pids.contains(&exit.process_pid) => {
                assert!(forked.contains(&exit.process_pid), "an exit before the fork");
                ended.push(exit.process_pid);
            }
            _ => {}
        }
        (ended.len() == pids.len()).then_some(())
    });
    assert_eq!(forked, pids);
    ended.sort_unstable();
    ended.dedup();
    assert_eq!(ended.len(), pids.len(), "an exit twice");
}

#[test]
fn an_exit_that_nobody_waits_for_names_no_parent() {
    let Some(mut listener) = open() else { return };
    let parent = child::fork(|| {
        // SAFETY: system calls without memory; the grandchild ends at once, and is reaped by the kernel.
        unsafe {
            libc::signal(libc::SIGCHLD, libc::SIG_IGN);
            if libc::fork() == 0 {
                libc::_exit(3);
            }
            while libc::wait(std::ptr::null_mut()) > 0 {}
        }
    });
    let mut grandchild = None;
    let exit = live::until(&mut listener, |delivery| {
        let Delivery::Event(event) = delivery else { panic!("{delivery:?}") };
        match event.data() {
            EventData::Fork(fork) if fork.parent_tgid == parent.pid() => {
                grandchild = Some(fork.child_pid);
                None
            }
            EventData::Exit(exit) if Some(exit.process_pid) == grandchild => Some(exit),
            _ => None,
        }
    });
    assert_eq!(parent.wait(), 0);
    assert_eq!((exit.exit_code, exit.parent_pid, exit.parent_tgid), (3 << 8, 0, 0));
}
