//! System calls that are refused after a listener was opened, as by a program that confines itself, or while it opens.

use cnproc_sys::{Call, Error, Event, EventData, EventMask, Listener, Options};
use std::ffi::c_long;
use std::panic::resume_unwind;
use std::thread;
use std::time::Duration;
use support::child::{self, exit};
use support::wait::HANG_LIMIT;
use support::{exit_code, kernel_version, live, require, seccomp, task};

/// Runs the test with a listener in a thread of its own, because what is refused there stays so.
fn in_thread(options: Options, test: fn(Listener)) {
    live::run(|| {
        let thread = thread::spawn(move || test(options.open().unwrap()));
        thread.join().unwrap_or_else(|panic| resume_unwind(panic));
    });
}

/// From now on the calling thread's calls of this kind fail.
fn refuse(call: c_long) {
    seccomp::refuse(call, None, libc::EPERM);
}

/// The number of open descriptors of this process.
fn descriptors() -> usize {
    // SAFETY: no memory is involved.
    (0..1024).filter(|fd| unsafe { libc::fcntl(*fd, libc::F_GETFD) } >= 0).count()
}

const NAMES: usize = 100;

/// Asserts that a refused change of the mask has changed nothing: names are delivered, which the new mask would leave
/// out, and nothing counts as lost.
fn assert_change_is_refused(mut listener: Listener, what: &str) {
    let descriptors_before = descriptors();
    let error = listener.set_events(EventMask::SID).unwrap_err().to_string();
    assert!(error.starts_with(what), "{error}");
    assert_eq!(descriptors(), descriptors_before);
    assert_eq!(listener.stats().events, EventMask::ALL);
    (0..NAMES).for_each(|number| task::set_name(format!("refused {number}")));
    let me = task::thread_id();
    let mut delivered = 0;
    live::find(&mut listener, |event| {
        if let EventData::Comm(comm) = event.data() {
            delivered += usize::from(comm.process_pid == me && comm.name().starts_with(b"refused"));
        }
        (delivered == NAMES).then_some(())
    });
    live::assert_nothing_lost(&listener);
}

#[test]
fn refused_drop_counter_leaves_the_mask_as_it_is() {
    in_thread(live::options(), |listener| {
        refuse(libc::SYS_getsockopt);
        assert_change_is_refused(listener, "getsockopt(SO_MEMINFO): EPERM");
    });
}

/// On its own socket only, and not on the second, which a filter requires.
#[test]
fn refused_filter_leaves_the_mask_as_it_is() {
    if live::is_with_ring() {
        // The mask of its program is a number in memory.
        return;
    }
    in_thread(live::options(), |listener| {
        let socket = Some((0, listener.raw_fd()));
        seccomp::refuse(libc::SYS_setsockopt, socket, libc::EPERM);
        assert_change_is_refused(listener, "setsockopt(SO_ATTACH_FILTER): EPERM");
    });
}

#[test]
fn refused_second_socket_leaves_the_mask_as_it_is() {
    in_thread(live::options(), |listener| {
        refuse(libc::SYS_socket);
        assert_change_is_refused(listener, "a sandbox");
    });
}

/// Each event of this thread is delivered before the next is generated, whatever errors there are in between.
fn assert_receives(listener: &mut Listener, mut on_error: impl FnMut(Error)) {
    let me = task::thread_id();
    for number in 0..20 {
        let name = format!("coalesced {number}");
        task::set_name(&name);
        loop {
            let batch = match listener.recv(Some(HANG_LIMIT)) {
                Ok(Some(batch)) => batch,
                Ok(None) => panic!("{name} was not delivered"),
                Err(error) => {
                    on_error(error);
                    continue;
                }
            };
            let is_it = |event: Event| matches!(event.data(), EventData::Comm(comm) if comm.process_pid == me && comm.name() == name.as_bytes());
            // All of the batch, so that nothing is left of it when the next is generated.
            if batch.map(live::event).filter(|event| is_it(*event)).count() > 0 {
                break;
            }
        }
    }
}

fn coalescing() -> Options {
    live::options().events(EventMask::COMM).coalesce(Duration::from_millis(2))
}

#[test]
fn coalescing_listener_works_after_a_refused_timer() {
    in_thread(coalescing(), |mut listener| {
        refuse(libc::SYS_timerfd_settime);
        assert_receives(&mut listener, |error| panic!("{error}"));
    });
}

#[test]
fn coalescing_listener_works_after_a_refused_watch() {
    in_thread(coalescing(), |mut listener| {
        refuse(libc::SYS_epoll_ctl);
        assert_receives(&mut listener, |error| panic!("{error}"));
    });
}

/// Then the error comes again and again, and so do the events.
#[test]
fn refused_timer_and_watch_are_an_error_and_no_silence() {
    in_thread(coalescing(), |mut listener| {
        refuse(libc::SYS_timerfd_settime);
        refuse(libc::SYS_epoll_ctl);
        let mut errors = 0;
        assert_receives(&mut listener, |error| {
            assert!(error.to_string().contains(": EPERM: "), "{error}");
            errors += 1;
        });
        // A ring is watched all the time, and without a timer delays nothing.
        assert_eq!(errors > 0, !live::is_with_ring());
    });
}

const NOBODY: u32 = 65534;

/// As in a real-time program: what a listener maps is locked, and an ordinary user may not lock as much.
#[test]
fn limit_of_locked_memory_is_named() {
    if !require::root() {
        return;
    }
    live::run(|| {
        let child = child::fork(|| {
            let limit = libc::rlimit { rlim_cur: 1 << 20, rlim_max: 1 << 20 };
            // SAFETY: system calls; the struct is valid for reading.
            unsafe {
                assert_eq!(libc::setrlimit(libc::RLIMIT_MEMLOCK, &limit), 0);
                assert_eq!(libc::syscall(libc::SYS_setresuid, NOBODY, NOBODY, NOBODY), 0);
                assert_eq!(libc::mlockall(libc::MCL_FUTURE), 0);
            }
            exit(match live::options().open() {
                Err(Error::System { call: Call::Mmap, errno }) => errno.raw(),
                Err(Error::NotPermitted) if kernel_version() < (6, 6) => libc::EAGAIN,
                Err(error) => exit_code::of(&error),
                Ok(_) => 0,
            })
        });
        assert_eq!(child.exit_status(), libc::EAGAIN);
    });
}
