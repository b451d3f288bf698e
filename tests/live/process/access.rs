//! Ways to a process and from it: by pid, as a parent, facts first; its descriptors, and the rest of its facts.

use super::{Copied, Waiting, await_event, is_exec, options};
use cnproc_sys::{Error, Event, EventData, Identity, Listener};
use std::fs;
use std::io::Read;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::process::Command;
use support::{child, live, task};

/// Runs a program that waits for its input. Returns its EXEC, too.
fn exec(listener: &mut Listener, command: &mut Command) -> (Waiting, Event) {
    let waiting = Waiting::spawn(command);
    let exec = await_event(listener, waiting.pid(), is_exec);
    (waiting, exec)
}

#[test]
fn environment_is_that_of_the_exec() {
    live::with(options(), |listener| {
        let mut command = Command::new("cat");
        command.env_clear().env("ONE", "1").env("TWO", "2 3");
        let (waiting, exec) = exec(listener, &mut command);
        let process = listener.process(&exec).unwrap();
        assert_eq!(process.environ().unwrap(), b"ONE=1\0TWO=2 3\0");
        waiting.end();
        assert_eq!(process.environ(), Err(Error::ProcessGone));
    });
}

#[test]
fn process_of_a_pid_is_identified_from_then_on() {
    live::with(options(), |listener| {
        let (waiting, _) = exec(listener, &mut Command::new("cat"));
        let pid = waiting.pid();
        let process = listener.process_of_pid(pid).unwrap();
        assert_eq!((process.tgid(), process.identity()), (pid, Identity::Proven));
        assert_eq!(process.cmdline().unwrap(), b"cat\0");
        assert_eq!(process.nspid().unwrap(), pid);
        waiting.end();
        assert_eq!(process.cmdline(), Err(Error::ProcessGone));
        for pid in [pid, 0, -1] {
            assert!(matches!(listener.process_of_pid(pid), Err(Error::ProcessGone)));
        }
    });
}

#[test]
fn thread_id_is_no_process() {
    live::with(options(), |listener| {
        std::thread::scope(|scope| {
            let found = scope.spawn(|| listener.process_of_pid(task::thread_id()));
            assert!(matches!(found.join().unwrap(), Err(Error::ProcessGone)));
        });
    });
}

#[test]
fn parent_of_a_fork_is_likely() {
    live::with(options(), |listener| {
        let child = child::fork(|| ());
        let fork = live::find(listener, |event| match event.data() {
            EventData::Fork(fork) if fork.child_pid == child.pid() => Some(*event),
            _ => None,
        });
        let parent = listener.parent(&fork).unwrap();
        assert_eq!(parent.tgid(), std::process::id() as i32);
        assert_eq!(parent.identity(), Identity::Likely);
        assert_eq!(parent.exe().unwrap(), std::env::current_exe().unwrap());
        let (_waiting, exec) = exec(listener, &mut Command::new("cat"));
        assert!(matches!(listener.parent(&exec), Err(Error::NotOfProcess)));
    });
}

#[test]
fn facts_read_first_belong_to_the_identified_process() {
    live::with(options(), |listener| {
        let (waiting, exec) = exec(listener, Command::new("cat").arg("-u"));
        let (process, cmdline) = listener.process_with(&exec, |process| process.cmdline()).unwrap();
        assert_eq!(cmdline.unwrap(), b"cat\0-u\0");
        assert_eq!(process.tgid(), waiting.pid());
        waiting.end();
        let mut count = 0;
        let gone = listener.process_with(&exec, |_| count += 1);
        assert!(matches!(gone, Err(Error::ProcessGone)));
        assert_eq!(count, 0, "there was no directory to read through");
    });
}

#[test]
fn file_called_deleted_is_distinguished_from_a_deleted_one() {
    live::with(options(), |listener| {
        let program = Copied::new("x (deleted)");
        let waiting = program.run();
        let exec = await_event(listener, waiting.pid(), is_exec);
        let process = listener.process(&exec).unwrap();
        assert_eq!(process.exe().unwrap(), program.0);
        assert!(!process.exe_is_deleted().unwrap());
        fs::remove_file(&program.0).unwrap();
        assert!(process.exe_is_deleted().unwrap());
        // Another file of that name is not the program.
        let other = Copied::new("x (deleted) (deleted)");
        assert!(process.exe_is_deleted().unwrap(), "{}", other.0.display());
    });
}

#[test]
fn program_is_opened_although_it_was_deleted() {
    live::with(options(), |listener| {
        let program = Copied::new("opened");
        let waiting = program.run();
        let exec = await_event(listener, waiting.pid(), is_exec);
        let process = listener.process(&exec).unwrap();
        let inode = fs::metadata(&program.0).unwrap().ino();
        fs::remove_file(&program.0).unwrap();
        let mut exe = fs::File::from(OwnedFd::from(process.exe_fd().unwrap()));
        assert_eq!(exe.metadata().unwrap().ino(), inode);
        let mut magic = [0; 4];
        exe.read_exact(&mut magic).unwrap();
        assert_eq!(&magic, b"\x7fELF");
    });
}

#[test]
fn directory_stays_bound_to_the_process() {
    live::with(options(), |listener| {
        let (waiting, exec) = exec(listener, &mut Command::new("cat"));
        let process = listener.process(&exec).unwrap();
        let directory = process.directory().unwrap();
        let has_limits = || {
            let (directory, name) = (directory.as_raw_fd(), c"limits".as_ptr());
            // SAFETY: the name ends with NUL.
            let fd = unsafe { libc::openat(directory, name, libc::O_RDONLY | libc::O_CLOEXEC) };
            if fd >= 0 {
                // SAFETY: it is ours.
                unsafe { libc::close(fd) };
            }
            fd >= 0
        };
        assert!(has_limits());
        waiting.end();
        assert!(!has_limits());
    });
}
