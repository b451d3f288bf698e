//! Ways to a process and from it: by pid, as a parent, facts first; its descriptors, and the rest of its facts.

use cnproc_sys::{Delivery, Error, Event, EventData, EventMask, Identity, Listener};
use std::fs;
use std::io::Read;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use support::{child, live};

fn options() -> cnproc_sys::Options {
    Listener::options().events(EventMask::FORK | EventMask::EXEC | EventMask::EXIT)
}

/// A program that waits for its input to end.
fn waiting(command: &mut Command) -> Child {
    command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap()
}

fn exec_of(listener: &mut Listener, child: &Child) -> Event {
    let pid = child.id() as i32;
    live::until(listener, |delivery| match delivery {
        Delivery::Event(event) => match event.data() {
            EventData::Exec(exec) if exec.process_tgid == pid => Some(event),
            _ => None,
        },
        Delivery::Lost(_) => None,
    })
}

fn end(mut child: Child) {
    drop(child.stdin.take());
    child.wait().unwrap();
}

#[test]
fn environment_is_that_of_the_exec() {
    let Some(mut listener) = live::open(options()) else { return };
    let child = waiting(Command::new("cat").env_clear().env("ONE", "1").env("TWO", "2 3"));
    let exec = exec_of(&mut listener, &child);
    let process = listener.process(&exec).unwrap();
    assert_eq!(process.environ().unwrap(), b"ONE=1\0TWO=2 3\0");
    end(child);
    assert_eq!(process.environ(), Err(Error::ProcessGone));
}

#[test]
fn process_of_a_pid_is_identified_from_then_on() {
    let Some(mut listener) = live::open(options()) else { return };
    let child = waiting(&mut Command::new("cat"));
    exec_of(&mut listener, &child);
    let pid = child.id() as i32;
    let process = listener.process_of_pid(pid).unwrap();
    assert_eq!((process.tgid(), process.identity()), (pid, Identity::Proven));
    assert_eq!(process.cmdline().unwrap(), b"cat\0");
    assert_eq!(process.nspid().unwrap(), pid);
    end(child);
    assert_eq!(process.cmdline(), Err(Error::ProcessGone));
    assert!(matches!(listener.process_of_pid(pid), Err(Error::ProcessGone)));
    assert!(matches!(listener.process_of_pid(0), Err(Error::ProcessGone)));
    assert!(matches!(listener.process_of_pid(-1), Err(Error::ProcessGone)));
}

#[test]
fn thread_id_is_no_process() {
    let Some(mut listener) = live::open(options()) else { return };
    // SAFETY: no memory is involved.
    let own = unsafe { libc::syscall(libc::SYS_gettid) as i32 };
    assert_ne!(own, std::process::id() as i32, "tests run in threads");
    assert!(matches!(listener.process_of_pid(own), Err(Error::ProcessGone)));
}

#[test]
fn parent_of_a_fork_is_likely() {
    let Some(mut listener) = live::open(options()) else { return };
    let child = child::fork(|| ());
    let fork = live::until(&mut listener, |delivery| match delivery {
        Delivery::Event(event) => match event.data() {
            EventData::Fork(fork) if fork.child_pid == child.pid() => Some(event),
            _ => None,
        },
        Delivery::Lost(_) => None,
    });
    let parent = listener.parent(&fork).unwrap();
    assert_eq!(parent.tgid(), std::process::id() as i32);
    assert_eq!(parent.identity(), Identity::Likely);
    assert_eq!(parent.exe().unwrap(), std::env::current_exe().unwrap());
    child.wait();
    let exec = {
        let child = waiting(&mut Command::new("cat"));
        let exec = exec_of(&mut listener, &child);
        end(child);
        exec
    };
    assert!(matches!(listener.parent(&exec), Err(Error::NotOfProcess)));
}

#[test]
fn facts_read_first_belong_to_the_identified_process() {
    let Some(mut listener) = live::open(options()) else { return };
    let child = waiting(Command::new("cat").arg("-u"));
    let exec = exec_of(&mut listener, &child);
    let (process, cmdline) = listener.process_with(&exec, |process| process.cmdline()).unwrap();
    assert_eq!(cmdline.unwrap(), b"cat\0-u\0");
    assert_eq!(process.tgid(), child.id() as i32);
    end(child);
    let mut count = 0;
    let gone = listener.process_with(&exec, |_| count += 1);
    assert!(matches!(gone, Err(Error::ProcessGone)));
    assert_eq!(count, 0, "there was no directory to read through");
}

/// A copy of `cat` under a name of our own.
fn program(name: &str) -> PathBuf {
    let directory = std::env::temp_dir().join(format!("cnproc-access-{}", std::process::id()));
    fs::create_dir_all(&directory).unwrap();
    let path = directory.join(name);
    fs::copy("/bin/cat", &path).unwrap();
    path
}

#[test]
fn file_called_deleted_is_told_from_a_deleted_one() {
    let Some(mut listener) = live::open(options()) else { return };
    let path = program("x (deleted)");
    // The name matters where one program is many.
    let child = waiting(Command::new(&path).arg0("cat"));
    let exec = exec_of(&mut listener, &child);
    let process = listener.process(&exec).unwrap();
    assert_eq!(process.exe().unwrap(), path);
    assert!(!process.exe_is_deleted().unwrap());
    fs::remove_file(&path).unwrap();
    assert!(process.exe_is_deleted().unwrap());
    // Another file of that name is not the program.
    fs::write(program("x (deleted) (deleted)"), "").unwrap();
    assert!(process.exe_is_deleted().unwrap());
    end(child);
}

#[test]
fn program_is_opened_although_it_was_deleted() {
    let Some(mut listener) = live::open(options()) else { return };
    let path = program("deleted");
    let child = waiting(Command::new(&path).arg0("cat"));
    let exec = exec_of(&mut listener, &child);
    let process = listener.process(&exec).unwrap();
    let inode = fs::metadata(&path).unwrap().ino();
    fs::remove_file(&path).unwrap();
    let mut exe = fs::File::from(OwnedFd::from(process.exe_fd().unwrap()));
    assert_eq!(exe.metadata().unwrap().ino(), inode);
    let mut magic = [0; 4];
    exe.read_exact(&mut magic).unwrap();
    assert_eq!(&magic, b"\x7fELF");
    end(child);
}

#[test]
fn directory_stays_bound_to_the_process() {
    let Some(mut listener) = live::open(options()) else { return };
    let child = waiting(&mut Command::new("cat"));
    let exec = exec_of(&mut listener, &child);
    let process = listener.process(&exec).unwrap();
    let directory = process.directory().unwrap();
    let limits = || {
        let (directory, name) = (directory.as_raw_fd(), c"limits".as_ptr());
        // SAFETY: the name ends with NUL.
        let fd = unsafe { libc::openat(directory, name, libc::O_RDONLY | libc::O_CLOEXEC) };
        if fd >= 0 {
            // SAFETY: it is ours.
            unsafe { libc::close(fd) };
        }
        fd >= 0
    };
    assert!(limits());
    end(child);
    assert!(!limits());
}
