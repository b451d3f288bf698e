//! Facts of processes in every state: zombies, kernel threads, programs that were replaced or deleted.

use super::{
    Copied, Waiting, assert_proven, await_event, comm_is, doubts, exec_now, is_exec,
    is_exit_of_leader, options, take_name, young,
};
use cnproc_sys::{Error, EventData, Identity, Process, Replaced};
use std::fs;
use std::os::fd::AsRawFd;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;
use std::time::Instant;
use support::child::{self, Child, pause};
use support::wait::HANG_LIMIT;
use support::{live, procfs, require};

fn exe(process: &Process) -> Result<Vec<u8>, Error> {
    process.exe().map(|path| path.into_os_string().into_encoded_bytes())
}

fn cwd(process: &Process) -> Result<Vec<u8>, Error> {
    process.cwd().map(|path| path.into_os_string().into_encoded_bytes())
}

#[test]
fn zombie_is_still_the_process_and_a_reaped_one_is_gone() {
    if !require::root() {
        return;
    }
    live::with(options(), |listener| {
        let (child, event) = young(listener);
        let before = listener.process(&event).unwrap();
        child.kill(libc::SIGKILL);
        let exit = await_event(listener, child.pid(), is_exit_of_leader);
        let at_exit = listener.process(&exit).unwrap();
        assert_eq!(at_exit.identity(), Identity::Likely, "an EXIT may be late");
        for process in [&before, &at_exit] {
            assert_eq!(process.status().unwrap().state, b'Z');
            assert!(comm_is(process, b"named"));
            for fact in [Process::cmdline, exe, cwd] {
                assert_eq!(fact(process), Ok(Vec::new()));
            }
        }
        child.wait();
        assert!(matches!(listener.process(&event), Err(Error::ProcessGone)));
        assert!(matches!(listener.process(&exit), Err(Error::ProcessGone)));
        for process in [before, at_exit] {
            let facts =
                [Process::cmdline, Process::environ, exe, cwd, Process::comm, Process::cgroup];
            for fact in facts {
                assert_eq!(fact(&process), Err(Error::ProcessGone));
            }
            assert_eq!(process.nspid(), Err(Error::ProcessGone));
            assert!(matches!(process.exe_fd(), Err(Error::ProcessGone)));
            assert_eq!(process.status(), Err(Error::ProcessGone));
            assert!(matches!(process.pidfd(), Err(Error::ProcessGone)));
        }
    });
}

#[test]
fn kernel_thread_has_a_name_and_no_program() {
    if !require::root() {
        return;
    }
    live::with(options(), |listener| {
        const KTHREADD: i32 = 2;
        let process = listener.process(&exec_now(KTHREADD)).unwrap();
        assert_eq!(process.identity(), Identity::Proven, "by its start");
        assert!(comm_is(&process, b"kthreadd"));
        assert_eq!(process.cmdline(), Ok(Vec::new()));
        assert_eq!(process.exe(), Ok(PathBuf::new()));
        let status = process.status().unwrap();
        assert_eq!((status.ppid, status.sid, status.euid, status.threads), (0, 0, 0, 1));
    });
}

#[test]
fn command_line_of_two_mebibytes_is_complete() {
    let argument = "x".repeat(100_000);
    let mut command = Command::new("/bin/sh");
    command.args(["-c", "read line"]).args(std::iter::repeat_n(&argument, 21)).env_clear();
    // SAFETY: a system call, on a struct of numbers.
    unsafe {
        command.pre_exec(|| {
            let limit = libc::rlimit { rlim_cur: 64 << 20, rlim_max: libc::RLIM_INFINITY };
            libc::setrlimit(libc::RLIMIT_STACK, &limit);
            Ok(())
        });
    }
    let expected: Vec<u8> = ["/bin/sh", "-c", "read line"]
        .into_iter()
        .chain(std::iter::repeat_n(argument.as_str(), 21))
        .flat_map(|argument| [argument.as_bytes(), b"\0"].concat())
        .collect();
    assert!(expected.len() > 2 << 20);
    live::with(options(), |listener| {
        let waiting = Waiting::spawn(&mut command);
        let exec = await_event(listener, waiting.pid(), is_exec);
        let process = listener.process(&exec).unwrap();
        for room in [0, 1, 4096, expected.len() - 1, expected.len(), expected.len() + 1] {
            let mut buffer = vec![b'?'; room];
            let text = process.read_cmdline(&mut buffer).unwrap();
            assert_eq!(text.full_len(), expected.len());
            assert_eq!(text.is_truncated(), room < expected.len());
            assert_eq!(text.bytes(), &expected[..room.min(expected.len())]);
            let (written, rest) = buffer.split_at(room.min(expected.len()));
            assert!(written == &expected[..written.len()]);
            assert!(rest.iter().all(|byte| *byte == b'?'));
        }
    });
}

#[test]
fn deleted_program_is_shown_as_the_kernel_shows_it() {
    live::with(options(), |listener| {
        let program = Copied::new("deleted");
        let waiting = program.run();
        let exec = await_event(listener, waiting.pid(), is_exec);
        let process = listener.process(&exec).unwrap();
        assert_eq!(process.exe().unwrap(), program.0);
        fs::remove_file(&program.0).unwrap();
        let deleted = format!("{} (deleted)", program.0.display());
        assert_eq!(process.exe().unwrap(), PathBuf::from(&deleted));
        assert!(process.exe_is_deleted().unwrap());
        assert_eq!(process.read_exe(&mut [0; 3]).unwrap().full_len(), deleted.len());
    });
}

/// A shell script that executes itself again and again, each time with a higher number, once as it is and once padded:
/// what is read must be of one program, and `replaced` must know of the programs before it.
#[test]
fn process_that_execs_while_it_is_read_is_never_a_mixture() {
    let script = "exec sh \"$0\" $(($1+1)) $(printf %04000d $(($1+1)))";
    let path = std::env::temp_dir().join(format!("cnproc-exec-{}", std::process::id()));
    fs::write(&path, script).unwrap();
    live::with(options(), |listener| {
        let waiting = Waiting::spawn(Command::new("/bin/sh").arg(&path).arg("0"));
        let first = await_event(listener, waiting.pid(), is_exec);
        let process = listener.process(&first).unwrap();
        let begin = Instant::now();
        let (mut read, mut last) = (0, 0);
        while read < 200 || last < 20 {
            assert!(begin.elapsed() < HANG_LIMIT, "{read} times read, up to program {last}");
            let text = String::from_utf8(process.cmdline().unwrap()).unwrap();
            let arguments: Vec<_> = text.trim_end_matches('\0').split('\0').collect();
            if let [_, _, number, padded] = arguments[..] {
                last = number.parse::<u32>().unwrap();
                assert_eq!(format!("{last:04000}"), padded);
                read += 1;
            }
            // The EXEC of the last program may still be to come, but not that of the one before.
            if last > 1 {
                assert_eq!(listener.replaced(&process), Ok(Replaced::Yes), "by program {last}");
            }
        }
    });
    fs::remove_file(&path).unwrap();
}

fn is_child_of(pid: i32, parent: &Child) -> bool {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    status.contains(&format!("\nPPid:\t{}\n", parent.pid()))
}

#[test]
fn process_in_other_pid_namespace_has_its_outer_pid() {
    if !require::root() {
        return;
    }
    live::with(options(), |listener| {
        let before = doubts(listener);
        let outer = child::fork(|| {
            // SAFETY: no memory is involved.
            unsafe {
                assert_eq!(libc::unshare(libc::CLONE_NEWPID), 0);
                let inner = libc::fork();
                if inner == 0 {
                    take_name();
                    pause();
                }
                libc::waitpid(inner, std::ptr::null_mut(), 0);
            }
        });
        let event = live::find(listener, |event| match event.data() {
            EventData::Uid(uid)
                if uid.ruid == super::USER && is_child_of(uid.process_tgid, &outer) =>
            {
                Some(*event)
            }
            _ => None,
        });
        assert_proven(listener, &event, before);
        let process = listener.process(&event).unwrap();
        assert!(comm_is(&process, b"named"));
        assert_eq!(process.status().unwrap().ppid, outer.pid());
        assert_eq!(process.nspid(), Ok(1));
        let inside = fs::read_to_string(format!("/proc/{}/status", process.tgid())).unwrap();
        assert!(inside.contains(&format!("NSpid:\t{}\t1\n", process.tgid())), "{inside}");
        let pidfd = process.pidfd().unwrap();
        let (pidfd, signal) = (pidfd.as_raw_fd(), libc::SIGKILL);
        // SAFETY: no memory is involved.
        let sent = unsafe { libc::syscall(libc::SYS_pidfd_send_signal, pidfd, signal, 0, 0) };
        assert_eq!(sent, 0);
        outer.wait();
        assert_eq!(process.comm(), Err(Error::ProcessGone));
    });
}

#[test]
fn pidfd_becomes_readable_when_the_process_ends() {
    if !require::root() {
        return;
    }
    live::with(options(), |listener| {
        let (child, event) = young(listener);
        let process = listener.process(&event).unwrap();
        let pidfd = process.pidfd().unwrap();
        let ends_within = |timeout_ms| {
            let mut poll = libc::pollfd { fd: pidfd.as_raw_fd(), events: libc::POLLIN, revents: 0 };
            // SAFETY: `poll` is valid for writing.
            unsafe { libc::poll(&mut poll, 1, timeout_ms) == 1 }
        };
        assert!(!ends_within(0));
        let (raw, signal) = (pidfd.as_raw_fd(), libc::SIGKILL);
        // SAFETY: no memory is involved.
        unsafe { libc::syscall(libc::SYS_pidfd_send_signal, raw, signal, 0, 0) };
        assert!(ends_within(HANG_LIMIT.as_millis() as i32));
        assert_eq!(procfs::state(child.pid()), Some('Z'));
        assert_eq!(libc::WTERMSIG(child.wait()), libc::SIGKILL);
    });
}
