//! Each event type, caused on purpose, is delivered with the right fields.

use cnproc_sys::{Event, EventData, EventMask, Listener};
use std::ffi::c_int;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitStatus};
use support::child::{self, exit, pause};
use support::{live, require, task};

/// The process of this test.
fn process_id() -> c_int {
    std::process::id() as c_int
}

/// All events about a process between its FORK and its EXIT, which are there.
fn between_fork_and_exit(listener: &mut Listener, tgid: c_int) -> Vec<EventData> {
    let mut events: Vec<_> =
        live::life_of(listener, tgid).into_iter().map(|event| event.data()).collect();
    assert!(matches!(events.remove(0), EventData::Fork(_)));
    assert!(matches!(events.pop(), Some(EventData::Exit(_))));
    events
}

#[test]
fn fork_and_exit_of_process() {
    live::with(live::options(), |listener| {
        let child = child::fork(|| exit(7));
        let pid = child.pid();
        let events = live::life_of(listener, pid);
        // Not before: the event of a process that has been reaped does not name the parent.
        assert_eq!(child.exit_status(), 7);
        let [first, last] = events.as_slice() else { panic!("{events:?}") };
        let EventData::Fork(fork) = first.data() else { panic!("{first:?}") };
        assert_eq!((fork.child_pid, fork.child_tgid), (pid, pid));
        let parent = (task::thread_id(), process_id());
        assert_eq!((fork.parent_pid, fork.parent_tgid), parent, "the thread that forked");
        let EventData::Exit(exit) = last.data() else { panic!("{last:?}") };
        assert_eq!((exit.process_pid, exit.process_tgid), (pid, pid));
        assert_eq!((exit.exit_code, exit.exit_signal), (7 << 8, libc::SIGCHLD as u32));
        assert_eq!(exit.parent_tgid, process_id());
        assert!(first.timestamp_ns < last.timestamp_ns);
        assert_eq!((first.size, first.ack), (40, 0));
        assert!(!first.is_thread() && !last.is_thread());
    });
}

#[test]
fn exit_by_signal() {
    live::with(live::options(), |listener| {
        let child = child::fork(|| pause());
        let pid = child.pid();
        child.kill(libc::SIGKILL);
        child.wait();
        let events = live::life_of(listener, pid);
        let Some(EventData::Exit(exit)) = events.last().map(Event::data) else { panic!() };
        let status = ExitStatus::from_raw(exit.exit_code as i32);
        assert_eq!(status.signal(), Some(libc::SIGKILL));
        assert_eq!(exit.exit_signal, libc::SIGCHLD as u32, "what the parent got, not the cause");
    });
}

#[test]
fn fork_and_exit_of_thread() {
    live::with(live::options(), |listener| {
        let tid = std::thread::spawn(task::thread_id).join().unwrap();
        let fork = live::find(listener, |event| match event.data() {
            EventData::Fork(fork) if fork.child_pid == tid => {
                assert!(event.is_thread());
                Some(fork)
            }
            _ => None,
        });
        assert_eq!(fork.child_tgid, process_id());
        let exit = live::find(listener, |event| match event.data() {
            EventData::Exit(exit) if exit.process_pid == tid => {
                assert!(event.is_thread());
                Some(exit)
            }
            _ => None,
        });
        assert_eq!((exit.process_tgid, exit.exit_signal), (process_id(), u32::MAX));
        assert_eq!((exit.parent_pid, exit.parent_tgid), (0, 0));
    });
}

/// Runs `true`. Returns its pid.
fn run_true() -> c_int {
    let mut child = Command::new("/bin/true").spawn().unwrap();
    child.wait().unwrap();
    child.id() as c_int
}

#[test]
fn exec_without_comm() {
    live::with(live::options(), |listener| {
        let pid = run_true();
        let events = between_fork_and_exit(listener, pid);
        let execs: Vec<_> = events
            .iter()
            .filter_map(|data| if let EventData::Exec(exec) = data { Some(exec) } else { None })
            .collect();
        let [exec] = execs.as_slice() else { panic!("{events:?}") };
        assert_eq!((exec.process_pid, exec.process_tgid), (pid, pid));
        let has_comm = events.iter().any(|data| matches!(data, EventData::Comm(_)));
        assert!(!has_comm, "execve generates no COMM");
    });
}

#[test]
fn user_and_group_ids() {
    if !require::root() {
        return;
    }
    live::with(live::options(), |listener| {
        // SAFETY: no memory is involved.
        let child = child::fork(|| unsafe {
            libc::setresgid(100, 101, 102);
            libc::setresuid(200, 201, 202);
        });
        let pid = child.pid();
        child.wait();
        let events = between_fork_and_exit(listener, pid);
        let [EventData::Gid(gid), EventData::Uid(uid)] = events[..] else { panic!("{events:?}") };
        assert_eq!((gid.process_pid, gid.process_tgid, gid.rgid, gid.egid), (pid, pid, 100, 101));
        assert_eq!((uid.process_pid, uid.process_tgid, uid.ruid, uid.euid), (pid, pid, 200, 201));
    });
}

#[test]
fn session() {
    live::with(live::options(), |listener| {
        // SAFETY: no memory is involved.
        let child = child::fork(|| unsafe {
            libc::setsid();
        });
        let pid = child.pid();
        child.wait();
        let events = between_fork_and_exit(listener, pid);
        let [EventData::Sid(sid)] = events[..] else { panic!("{events:?}") };
        assert_eq!((sid.process_pid, sid.process_tgid), (pid, pid));
    });
}

#[test]
fn ptrace_attach_and_detach() {
    live::with(live::options(), |listener| {
        let child = child::fork(|| pause());
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
        let events = between_fork_and_exit(listener, pid);
        let [EventData::Ptrace(attach), EventData::Ptrace(detach)] = events[..] else {
            panic!("{events:?}")
        };
        assert_eq!((attach.process_pid, attach.process_tgid), (pid, pid));
        assert_eq!((attach.tracer_pid, attach.tracer_tgid), (task::thread_id(), process_id()));
        assert_eq!((detach.process_pid, detach.process_tgid), (pid, pid));
        assert_eq!((detach.tracer_pid, detach.tracer_tgid), (0, 0));
    });
}

#[test]
fn comm_of_arbitrary_bytes() {
    live::with(live::options(), |listener| {
        let name = c"\xff\x1b[2J\n\\ not-utf8 cut off";
        // SAFETY: the name ends with NUL.
        let child = child::fork(|| unsafe {
            libc::prctl(libc::PR_SET_NAME, name.as_ptr());
        });
        let pid = child.pid();
        child.wait();
        let events = live::life_of(listener, pid);
        let [_, event, _] = events.as_slice() else { panic!("{events:?}") };
        let EventData::Comm(comm) = event.data() else { panic!("{event:?}") };
        assert_eq!((comm.process_pid, comm.process_tgid), (pid, pid));
        assert_eq!(comm.name(), &name.to_bytes()[..15]);
        assert_eq!(
            event.to_string(),
            format!(r"comm: tid={pid} pid={pid} comm=\xff\x1b[2J\x0a\x5c not-utf")
        );
    });
}

#[test]
fn coredump_although_no_core_is_written() {
    live::with(live::options(), |listener| {
        // SAFETY: system calls; the limit is valid for reading.
        let child = child::fork(|| unsafe {
            let none = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
            libc::setrlimit(libc::RLIMIT_CORE, &none);
            libc::signal(libc::SIGQUIT, libc::SIG_DFL);
            libc::raise(libc::SIGQUIT);
        });
        let pid = child.pid();
        child.wait();
        let events = live::life_of(listener, pid);
        let [_, coredump, exit] = events.as_slice() else { panic!("{events:?}") };
        let EventData::Coredump(coredump) = coredump.data() else { panic!("{coredump:?}") };
        assert_eq!((coredump.process_pid, coredump.process_tgid), (pid, pid));
        assert_eq!(coredump.parent_tgid, process_id());
        let EventData::Exit(exit) = exit.data() else { panic!("{exit:?}") };
        let status = ExitStatus::from_raw(exit.exit_code as i32);
        assert_eq!(status.signal(), Some(libc::SIGQUIT));
    });
}

#[test]
fn own_ack_is_delivered_on_request() {
    live::with(live::options().acks(true), |listener| {
        live::find(listener, |event| match event.data() {
            EventData::Ack(ack) if ack.err == 0 && event.ack != 0 => Some(()),
            _ => None,
        });
        assert!(listener.stats().acks >= 1);
    });
}

#[test]
fn mask_passes_only_its_types() {
    let options = live::options().events(EventMask::EXEC | EventMask::EXIT);
    live::with(options, |listener| {
        let pid = run_true();
        let events: Vec<_> =
            live::life_of(listener, pid).into_iter().map(|event| event.data()).collect();
        assert!(matches!(events[..], [EventData::Exec(_), EventData::Exit(_)]), "{events:?}");
    });
}

#[test]
fn events_keep_the_order_in_which_they_happened() {
    live::with(live::options(), |listener| {
        let children: Vec<_> = (0..50).map(|_| child::fork(|| ())).collect();
        let pids: Vec<_> = children.iter().map(child::Child::pid).collect();
        let (mut forked, mut exited) = (Vec::new(), Vec::new());
        live::find(listener, |event| {
            match event.data() {
                EventData::Fork(fork) if pids.contains(&fork.child_pid) => {
                    forked.push(fork.child_pid);
                }
                EventData::Exit(exit) if pids.contains(&exit.process_pid) => {
                    assert!(forked.contains(&exit.process_pid), "EXIT before FORK");
                    exited.push(exit.process_pid);
                }
                _ => {}
            }
            (exited.len() == pids.len()).then_some(())
        });
        assert_eq!(forked, pids);
        exited.sort_unstable();
        exited.dedup();
        assert_eq!(exited.len(), pids.len(), "EXIT twice");
    });
}

#[test]
fn exit_of_reaped_process_names_no_parent() {
    live::with(live::options(), |listener| {
        let parent = child::fork(|| {
            // SAFETY: no memory is involved; the grandchild exits at once, and the kernel reaps it.
            unsafe {
                libc::signal(libc::SIGCHLD, libc::SIG_IGN);
                if libc::fork() == 0 {
                    exit(3);
                }
                while libc::wait(std::ptr::null_mut()) > 0 {}
            }
        });
        let mut grandchild = None;
        let exit = live::find(listener, |event| match event.data() {
            EventData::Fork(fork) if fork.parent_tgid == parent.pid() => {
                grandchild = Some(fork.child_pid);
                None
            }
            EventData::Exit(exit) if Some(exit.process_pid) == grandchild => Some(exit),
            _ => None,
        });
        assert_eq!(parent.exit_status(), 0);
        assert_eq!((exit.exit_code, exit.parent_pid, exit.parent_tgid), (3 << 8, 0, 0));
    });
}
