//! Where there can be no ring, the listener works as if none had been asked for.

use cnproc_sys::{Call, Error, EventData, EventMask, Listener, Options, Source};
use std::ffi::c_int;
use std::thread;
use support::procfs::kernel_version;
use support::task::set_user;
use support::{child, live, require, seccomp};

fn options() -> Options {
    Listener::options().events(EventMask::UID)
}

/// In a thread of its own, after `restrict`: opens a listener that asks for a ring, and receives an event. Returns why
/// it has no ring.
fn reason(restrict: impl FnOnce() + Send + 'static) -> Option<Error> {
    let thread = thread::spawn(|| {
        restrict();
        let mut listener = options().ring(true).open().unwrap();
        let child = child::fork(|| set_user(79));
        live::find(&mut listener, |event| match event.data() {
            EventData::Uid(uid) if uid.process_tgid == child.pid() => {
                (uid.ruid == 79).then_some(())
            }
            _ => None,
        });
        let stats = listener.stats();
        assert_eq!(stats.source == Source::Ring, stats.ring_error.is_none());
        assert_eq!(stats.receive_buffer, options().open().unwrap().stats().receive_buffer);
        stats.ring_error
    });
    match thread.join() {
        Ok(reason) => reason,
        Err(panic) => std::panic::resume_unwind(panic),
    }
}

#[test]
fn ring_is_not_used_unless_asked_for() {
    live::with(options(), |listener| {
        let stats = listener.stats();
        assert_eq!((stats.source, stats.ring_error), (Source::Socket, None));
    });
}

#[test]
fn refused_calls_fall_back_to_the_socket() {
    const MAP_CREATE: Option<(u32, c_int)> = Some((0, 0));
    const PROG_LOAD: Option<(u32, c_int)> = Some((0, 5));
    const GET_INFO: Option<(u32, c_int)> = Some((0, 15));
    const ATTACH_BPF: Option<(u32, c_int)> = Some((2, libc::SO_ATTACH_BPF));
    super::run(|| {
        let bpf = |argument, errno| reason(move || seccomp::refuse(libc::SYS_bpf, argument, errno));
        for argument in [None, MAP_CREATE, PROG_LOAD, GET_INFO] {
            assert_eq!(bpf(argument, libc::EPERM), Some(Error::RingNotPermitted), "{argument:?}");
            assert_eq!(bpf(argument, libc::EACCES), Some(Error::RingNotPermitted), "{argument:?}");
        }
        assert_eq!(bpf(PROG_LOAD, libc::EINVAL), Some(Error::RingNotPermitted));
        assert_eq!(bpf(MAP_CREATE, libc::EINVAL), Some(Error::NoRing));
        assert_eq!(bpf(GET_INFO, libc::EINVAL), Some(Error::NoRing));

        let attach = reason(|| seccomp::refuse(libc::SYS_setsockopt, ATTACH_BPF, libc::ENOMEM));
        for (reason, expected, expected_errno) in [
            (bpf(None, libc::ENOSYS), Call::BpfProgLoad, libc::ENOSYS),
            (bpf(MAP_CREATE, libc::ENOSYS), Call::BpfMapCreate, libc::ENOSYS),
            (bpf(MAP_CREATE, libc::ENOMEM), Call::BpfMapCreate, libc::ENOMEM),
            (attach, Call::AttachBpf, libc::ENOMEM),
        ] {
            let Some(Error::System { call, errno }) = reason else { panic!("{reason:?}") };
            assert_eq!((call, errno.raw()), (expected, expected_errno));
        }
    });
}

/// The message that tries out the sender check is refused, as without CAP_NET_ADMIN.
#[test]
fn untried_sender_check_falls_back_to_the_socket() {
    // No request is five bytes long.
    const FIVE_BYTES: Option<(u32, c_int)> = Some((2, 5));
    super::run(|| {
        let reason = reason(|| seccomp::refuse(libc::SYS_sendto, FIVE_BYTES, libc::EPERM));
        assert_eq!(reason, Some(Error::RingNotPermitted));
    });
}

const CAP_NET_ADMIN: u32 = 12;
const CAP_SYS_ADMIN: u32 = 21;
const CAP_PERFMON: u32 = 38;
const CAP_BPF: u32 = 39;

/// Drops capabilities of the calling thread, and of no other.
fn drop_capabilities(capabilities: &[u32]) {
    const VERSION_3: u32 = 0x2008_0522;
    let mut header = [VERSION_3, 0];
    // Effective, permitted and inheritable, of the lower half and of the upper.
    let mut sets = [0_u32; 6];
    // SAFETY: header and sets have the sizes of version 3, and are valid for reading and writing.
    unsafe {
        assert_eq!(libc::syscall(libc::SYS_capget, header.as_mut_ptr(), sets.as_mut_ptr()), 0);
        for capability in capabilities {
            let (half, bit) = (3 * (capability / 32) as usize, 1 << (capability % 32));
            sets[half] &= !bit;
            sets[half + 1] &= !bit;
        }
        assert_eq!(libc::syscall(libc::SYS_capset, header.as_mut_ptr(), sets.as_ptr()), 0);
    }
}

#[test]
fn missing_capability_falls_back_to_the_socket() {
    super::run(|| {
        for missing in [CAP_BPF, CAP_PERFMON] {
            let reason = reason(move || drop_capabilities(&[CAP_SYS_ADMIN, missing]));
            assert_eq!(reason, Some(Error::RingNotPermitted), "{missing}");
        }
        // Before Linux 6.6, nobody may listen without that one.
        if kernel_version() >= (6, 6) {
            let reason = reason(|| drop_capabilities(&[CAP_NET_ADMIN]));
            assert_eq!(reason, Some(Error::RingNotPermitted));
        }
        assert_eq!(reason(|| drop_capabilities(&[CAP_SYS_ADMIN])), None, "three are enough");
    });
}

/// In a process of its own, because the limit is a process's. From Linux 5.11 on it does not concern BPF.
#[test]
fn limit_of_locked_memory_matters_before_linux_5_11_only() {
    super::run(|| {
        let child = child::fork(|| {
            let none = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
            // SAFETY: the limit is valid for reading.
            unsafe { libc::setrlimit(libc::RLIMIT_MEMLOCK, &none) };
            let Ok(listener) = Listener::options().ring(true).open() else { child::exit(3) };
            child::exit(match listener.stats().ring_error {
                None => 1,
                Some(Error::RingNotPermitted) => 2,
                Some(_) => 4,
            })
        });
        let expected = if kernel_version() < (5, 11) { 2 } else { 1 };
        assert_eq!(child.exit_status(), expected);
    });
}

/// Root, who may use BPF; but the process has entered a namespace whose listeners the kernel ignores.
#[test]
fn error_of_opening_is_the_same_with_a_ring() {
    if !require::root() {
        return;
    }
    live::run(|| {
        let outcome = thread::spawn(|| {
            // SAFETY: no memory is involved. Only the calling thread's namespace changes.
            assert_eq!(unsafe { libc::unshare(libc::CLONE_NEWNET) }, 0);
            options().ring(true).open().map(drop)
        });
        assert_eq!(outcome.join().unwrap(), Err(Error::NetworkNamespace));
    });
}
