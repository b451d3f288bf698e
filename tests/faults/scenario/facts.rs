//! A process to ask about, and everything that can be asked.

use crate::step::{drop_step, fact, run, step};
use cnproc_sys::{
    Delivery, Error, Event, EventData, EventMask, Identity, Listener, Process, Replaced,
};
use std::ffi::{CString, c_int};
use std::os::unix::ffi::OsStringExt;
use std::ptr;

const MASK: EventMask = EventMask::FORK.union(EventMask::EXEC).union(EventMask::EXIT);

/// A child that runs the program of the second argument, and what its events are.
struct Subject {
    pid: c_int,
    fork: Event,
    exec: Event,
}

impl Subject {
    fn start(listener: &mut Listener) -> Self {
        let program = std::env::args_os().nth(2).unwrap();
        let program = CString::new(program.into_vec()).unwrap();
        let parent = std::process::id() as c_int;
        // SAFETY: this process has one thread.
        let pid = unsafe { libc::fork() };
        if pid == 0 {
            let arguments = [c"sleep".as_ptr(), c"100000".as_ptr(), ptr::null()];
            // SAFETY: the strings end with NUL, the array with NULL.
            unsafe {
                libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
                // Otherwise the parent has ended before.
                if libc::getppid() == parent {
                    libc::execv(program.as_ptr(), arguments.as_ptr());
                }
                libc::_exit(1);
            }
        }
        let (mut fork, mut exec) = (None, None);
        while exec.is_none() {
            for delivery in listener.recv(None).unwrap().into_iter().flatten() {
                let Delivery::Event(event) = delivery else { continue };
                match event.data() {
                    EventData::Fork(data) if data.child_pid == pid => fork = Some(event),
                    EventData::Exec(data) if data.process_tgid == pid => exec = Some(event),
                    _ => {}
                }
            }
        }
        Self { pid, fork: fork.unwrap(), exec: exec.unwrap() }
    }

    fn end(&self) {
        // SAFETY: the process has not been waited for; its status is not asked for.
        unsafe {
            libc::kill(self.pid, libc::SIGKILL);
            assert_eq!(libc::waitpid(self.pid, ptr::null_mut(), 0), self.pid);
        }
    }
}

/// Others cause doubts: they open listeners, and fill the queue.
fn doubts(listener: &Listener) -> u64 {
    let stats = listener.stats();
    stats.maybe_muted + stats.lost
}

/// A step whose answer may be less certain if others have caused doubts.
fn identify<T>(
    name: &str,
    listener: &mut Listener,
    call: impl Fn(&mut Listener) -> Result<T, Error>,
    text: impl Fn(&T) -> String,
) -> T {
    let with_doubts = || {
        let value = call(listener)?;
        Ok((value, doubts(listener) > 0))
    };
    let text = |(value, is_doubtful): &(T, bool)| {
        if *is_doubtful { "doubtful".to_owned() } else { text(value) }
    };
    run(name, with_doubts, text).0
}

fn identity(process: &Process) -> String {
    match process.identity() {
        Identity::Proven => "proven".to_owned(),
        _ => "likely".to_owned(),
    }
}

/// Ways to a process.
pub(crate) fn identify_process() {
    let mut listener = Listener::options().events(MASK).open().unwrap();
    let subject = Subject::start(&mut listener);
    let listener = &mut listener;
    // Received by an earlier call, perhaps: then it is likely at most.
    fact("process of a fork", || found(listener.process(&subject.fork)));
    let exec = |listener: &mut Listener| listener.process(&subject.exec);
    let process = identify("process of an exec", listener, exec, identity);
    let replaced = |listener: &mut Listener| listener.replaced(&process);
    identify("replaced", listener, replaced, |replaced| match replaced {
        Replaced::Unknown => "unknown".to_owned(),
        replaced => format!("{replaced:?}"),
    });
    drop_step("drop process", process);
    let with = |listener: &mut Listener| {
        listener.process_with(&subject.exec, |process| process.cmdline().is_ok())
    };
    drop(identify("process_with", listener, with, |(process, _)| identity(process)));
    let parent = |listener: &mut Listener| listener.parent(&subject.fork);
    drop(identify("parent", listener, parent, identity));
    fact("process_of_pid", || found(listener.process_of_pid(subject.pid)));
    let thread = a_thread();
    fact("process_of_pid of a thread", || found(listener.process_of_pid(thread)));
    subject.end();
    fact("process that is gone", || found(listener.process(&subject.exec)));
}

/// Whether there is a process.
fn found(process: Result<Process, Error>) -> Result<bool, Error> {
    match process {
        Err(Error::ProcessGone) => Ok(false),
        process => process.map(|_| true),
    }
}

/// A thread of this process that does not end before it.
fn a_thread() -> c_int {
    let (sender, receiver) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        // SAFETY: takes no arguments.
        sender.send(unsafe { libc::gettid() }).unwrap();
        loop {
            std::thread::park();
        }
    });
    receiver.recv().unwrap()
}

/// What can be asked of a process.
pub(crate) fn ask_process() {
    let mut listener = Listener::options().events(MASK).open().unwrap();
    let subject = Subject::start(&mut listener);
    let process = listener.process(&subject.exec).unwrap();
    fact("status", || {
        let status = process.status()?;
        Ok((status.ppid == std::process::id() as i32, status.euid, status.threads))
    });
    fact("nspid", || Ok(process.nspid()? == process.tgid()));
    fact("cmdline", || process.cmdline());
    fact("environ", || Ok(process.environ()?.is_empty()));
    fact("comm", || process.comm());
    fact("cgroup", || Ok(process.cgroup()?.is_empty()));
    fact("exe", || process.exe());
    fact("cwd", || process.cwd());
    fact("exe_is_deleted", || process.exe_is_deleted());
    drop_step("drop pidfd", step("pidfd", || process.pidfd()));
    drop_step("drop exe_fd", step("exe_fd", || process.exe_fd()));
    drop_step("drop directory", step("directory", || process.directory()));
    subject.end();
}
