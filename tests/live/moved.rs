//! A process that enters another namespace or root directory, before it opens a listener or afterwards.

use cnproc_sys::{Delivery, Error, Event, EventData, EventMask, Identity, Listener, Process};
use std::ffi::{CStr, CString, c_int};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::time::Duration;
use support::child::{self, exit, exit_status};
use support::wait::HANG_LIMIT;
use support::{disturbance, exit_code, kernel_version, live, namespace, require, task, trace};

/// An empty directory, to be a root directory without `/proc`. Removed when it goes.
struct EmptyRoot(PathBuf, CString);

impl EmptyRoot {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("cnproc-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        let c_path = CString::new(path.as_os_str().as_bytes()).unwrap();
        Self(path, c_path)
    }

    /// Makes it the calling process's. Takes no locks.
    fn enter(&self) {
        // SAFETY: system calls, on strings that end with NUL.
        unsafe {
            assert_eq!(libc::chroot(self.1.as_ptr()), 0);
            assert_eq!(libc::chdir(c"/".as_ptr()), 0);
        }
    }
}

impl Drop for EmptyRoot {
    fn drop(&mut self) {
        // A panic would hide that of a test that fails.
        let _removed = std::fs::remove_dir(&self.0);
    }
}

#[test]
fn namespace_is_named_without_proc() {
    if !require::root() {
        return;
    }
    // Before, there is no other way to see it, and the sentence names it as a cause.
    let is_visible = kernel_version() >= (6, 11);
    assert!(Error::NoAck.to_string().contains("namespace"));
    let root = EmptyRoot::new("without-proc");
    live::run(|| {
        for (namespaces, error) in
            [(libc::CLONE_NEWPID, Error::PidNamespace), (libc::CLONE_NEWUSER, Error::UserNamespace)]
        {
            let outcome = namespace::run_in(namespaces, || {
                root.enter();
                match live::options().ack_timeout(Duration::from_millis(200)).open() {
                    Ok(_) => 0,
                    Err(error) => exit_code::of(&error),
                }
            });
            let expected = match (is_visible, error) {
                (true, error) => error,
                (false, Error::UserNamespace) if kernel_version() < (6, 6) => Error::NotPermitted,
                (false, _) => Error::NoAck,
            };
            assert!(
                outcome.is_none_or(|outcome| outcome == exit_code::of(&expected)),
                "{outcome:?} is not that of {expected:?}"
            );
        }
    });
}

/// Waits for the event of a process. Takes no locks.
fn await_event(listener: &mut Listener, wanted: impl Fn(&Event) -> bool) -> Event {
    loop {
        let Ok(Some(batch)) = listener.recv(Some(HANG_LIMIT)) else { exit(2) };
        for delivery in batch {
            match delivery {
                Delivery::Event(event) if wanted(&event) => return event,
                Delivery::Event(_) => {}
                Delivery::Lost(_) => exit(disturbance::STATUS),
            }
        }
    }
}

fn is_uid_of(event: &Event, pid: c_int) -> bool {
    matches!(event.data(), EventData::Uid(uid) if uid.process_tgid == pid)
}

/// Forks a process that generates a UID event; with that pid, if one is given. Takes no locks.
fn fork_user(pid: Option<c_int>, then: impl FnOnce()) -> c_int {
    loop {
        match task::fork_as(pid) {
            0 => {
                task::end_with_parent();
                task::set_name("moved");
                task::set_user(54321);
                then();
                exit(0)
            }
            // The pid is not free yet.
            -1 if pid.is_some() => {}
            -1 => exit(3),
            child => return child as c_int,
        }
    }
}

fn reap(pid: c_int, signal: c_int) {
    // SAFETY: the process has not been waited for; its status is not asked for.
    unsafe {
        if signal != 0 {
            libc::kill(pid, signal);
        }
        assert_eq!(libc::waitpid(pid, std::ptr::null_mut(), 0), pid);
    }
}

fn has_name(process: &Process, name: &[u8]) -> bool {
    process.read_comm(&mut [0; 16]).is_ok_and(|comm| comm.bytes() == name)
}

/// `/proc` is opened together with the listener.
#[test]
fn process_is_proven_after_chroot() {
    if !require::root() {
        return;
    }
    let root = EmptyRoot::new("chroot");
    live::run(|| {
        let child = child::fork(|| {
            let options = live::options().events(EventMask::FORK | EventMask::UID);
            let Ok(mut listener) = options.open() else { exit(1) };
            root.enter();
            let subject = fork_user(None, || child::pause());
            let event = await_event(&mut listener, |event| is_uid_of(event, subject));
            let process = listener.process(&event);
            let stats = listener.stats();
            let status = match process {
                Ok(process) if !has_name(&process, b"moved") => 4,
                Ok(process) if process.identity() == Identity::Proven => 0,
                Ok(_) if stats.maybe_muted + stats.lost > 0 => disturbance::STATUS,
                Ok(_) => 5,
                Err(_) => 6,
            };
            reap(subject, libc::SIGKILL);
            drop(listener);
            exit(status)
        });
        assert_eq!(child.exit_status(), 0);
    });
}

const NO_SUCH_NAMESPACE: c_int = 99;

/// Enters a time namespace in which the machine was booted a second later. Takes no locks.
fn enter_time_namespace() {
    // SAFETY: system calls; strings end with NUL, and what is written is valid for reading.
    unsafe {
        if libc::unshare(libc::CLONE_NEWTIME) != 0 {
            exit(NO_SUCH_NAMESPACE);
        }
        let open = |path: &CStr, flags| libc::open(path.as_ptr(), flags | libc::O_CLOEXEC);
        let offsets = open(c"/proc/self/timens_offsets", libc::O_WRONLY);
        let earlier = b"boottime -1 0\n";
        let length = earlier.len();
        assert_eq!(libc::write(offsets, earlier.as_ptr().cast(), length), length as isize);
        let namespace = open(c"/proc/self/ns/time_for_children", libc::O_RDONLY);
        assert_eq!(libc::setns(namespace, libc::CLONE_NEWTIME), 0);
        libc::close(offsets);
        libc::close(namespace);
    }
}

/// There, a process that got the pid after the event seems to have started before it.
#[test]
fn start_proves_nothing_after_entering_a_time_namespace() {
    if !require::root() {
        return;
    }
    live::run(|| {
        let child = child::fork(|| {
            // Without FORK: only the start could prove anything.
            let Ok(mut listener) = live::options().events(EventMask::UID).open() else { exit(1) };
            let first = fork_user(None, || ());
            let event = await_event(&mut listener, |event| is_uid_of(event, first));
            reap(first, 0);
            enter_time_namespace();
            let second = fork_user(Some(first), || child::pause());
            let status = match listener.process(&event) {
                Ok(process) if process.identity() == Identity::Likely => 0,
                Ok(_) => 4,
                Err(Error::ProcessGone) => 5,
                Err(_) => 6,
            };
            reap(second, libc::SIGKILL);
            drop(listener);
            exit(status)
        });
        match child.exit_status() {
            NO_SUCH_NAMESPACE => require::skip("no time namespaces in this kernel"),
            status => assert_eq!(status, 0),
        }
    });
}

/// The kernel ignores its requests from then on, though events still come.
#[test]
fn resume_names_the_user_namespace_entered_since() {
    if !require::root() {
        return;
    }
    live::run(|| {
        let (requests, status) = trace::requests_of(|| {
            let options = live::options().events(EventMask::GID);
            let Ok(mut listener) = options.open() else { exit(1) };
            // SAFETY: this process has one thread, and takes no locks.
            let child = unsafe { libc::fork() };
            if child == 0 {
                assert_eq!(listener.adopt(), Ok(()));
                // SAFETY: no memory is involved.
                if unsafe { libc::unshare(libc::CLONE_NEWUSER) } != 0 {
                    exit(NO_SUCH_NAMESPACE);
                }
                let is_named = listener.resume() == Err(Error::UserNamespace);
                exit(if is_named { 0 } else { 2 });
            }
            let mut status = 0;
            // SAFETY: `status` is valid for writing.
            assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
            // Closed where the kernel takes the IGNORE.
            assert_eq!(listener.adopt(), Ok(()));
            drop(listener);
            exit(libc::WEXITSTATUS(status))
        });
        match exit_status(status) {
            NO_SUCH_NAMESPACE => return require::skip("no user namespaces in this kernel"),
            status => assert_eq!(status, 0),
        }
        // LISTEN, one question, IGNORE; more only if a full queue has dropped an answer.
        assert!(requests.len() < 10, "{requests:?}");
    });
}
