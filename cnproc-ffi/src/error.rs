//! Errors.
//!
//! The library returns two kinds of error numbers, negated: its own diagnoses, from 4001 on, and errnos. An
//! errno is that of a system call that failed, unchanged, or refuses an argument (EINVAL, E2BIG, EBADMSG).

use cnproc_sys::{Call, Errno, Error};
use core::ffi::{CStr, c_char, c_int};
use core::ptr;

/// The kernel has no connector (CONFIG_CONNECTOR).
pub const CNPROC_ENOCONNECTOR: c_int = 4001;
/// The kernel's connector has no process events (CONFIG_PROC_EVENTS).
pub const CNPROC_ENOPROCEVENTS: c_int = 4002;
/// The process is not in the initial network namespace.
pub const CNPROC_ENETNS: c_int = 4003;
/// The process is not in the initial user namespace.
pub const CNPROC_EUSERNS: c_int = 4004;
/// The process is not in the initial pid namespace.
pub const CNPROC_EPIDNS: c_int = 4005;
/// Not permitted: before Linux 6.6, listening requires CAP_NET_ADMIN.
pub const CNPROC_EPERM: c_int = 4006;
/// A sandbox or a security module refuses netlink sockets.
pub const CNPROC_ESANDBOX: c_int = 4007;
/// The kernel did not acknowledge the request in time.
pub const CNPROC_ENOACK: c_int = 4008;
/// Other processes have disabled events globally, and they could not be enabled again.
pub const CNPROC_EMUTED: c_int = 4009;
/// The listener belongs to another process: the parent, or a forked child that adopted it.
pub const CNPROC_EFORKED: c_int = 4010;
/// The kernel refused the request with an unexpected error.
pub const CNPROC_EREFUSED: c_int = 4011;
/// /proc is not mounted, or belongs to another pid namespace.
pub const CNPROC_ENOPROCFS: c_int = 4012;
/// A file in /proc/PID has an unknown form.
pub const CNPROC_EUNREADABLE: c_int = 4013;
/// The ring requires capabilities that the process does not have, or bpf(2) is refused.
pub const CNPROC_ERINGPERM: c_int = 4014;
/// The kernel has no ring, or this is a 32-bit program.
pub const CNPROC_ENORING: c_int = 4015;
/// The process is in the midst of an execve: it runs no program at the moment.
pub const CNPROC_EEXECUTING: c_int = 4016;
/// /proc hides the processes of other users: it is mounted with hidepid.
pub const CNPROC_EHIDDEN: c_int = 4017;
/// A tracker's table is full, and a process was left out.
pub const CNPROC_EFULL: c_int = 4018;

/// A diagnosis of a later cnproc-sys, for which this version has no number.
const UNKNOWN: c_int = 4000;

/// A negative error number. The sign is changed only here.
pub(crate) const fn negative(number: c_int) -> c_int {
    -number
}

pub(crate) const INVALID: c_int = negative(libc::EINVAL);

/// The negative error number of an error.
pub(crate) const fn number(error: &Error) -> c_int {
    negative(match *error {
        Error::NoConnector => CNPROC_ENOCONNECTOR,
        Error::NoProcessEvents => CNPROC_ENOPROCEVENTS,
        Error::NetworkNamespace => CNPROC_ENETNS,
        Error::UserNamespace => CNPROC_EUSERNS,
        Error::PidNamespace => CNPROC_EPIDNS,
        Error::NotPermitted => CNPROC_EPERM,
        Error::Sandboxed => CNPROC_ESANDBOX,
        Error::NoAck => CNPROC_ENOACK,
        Error::Muted => CNPROC_EMUTED,
        Error::Forked => CNPROC_EFORKED,
        Error::Refused(_) => CNPROC_EREFUSED,
        Error::NoProcfs => CNPROC_ENOPROCFS,
        Error::ProcessUnreadable => CNPROC_EUNREADABLE,
        Error::RingNotPermitted => CNPROC_ERINGPERM,
        Error::NoRing => CNPROC_ENORING,
        Error::ProcessExecuting => CNPROC_EEXECUTING,
        // The errnos by which /proc, pidfd_open and ppoll report the same.
        Error::ProcessGone => libc::ESRCH,
        Error::ProcessHidden => libc::EACCES,
        Error::NoPidfd => libc::ENOSYS,
        Error::Interrupted => libc::EINTR,
        Error::NotOfProcess => libc::EINVAL,
        Error::System { errno, .. } => errno.raw(),
        _ => UNKNOWN,
    })
}

/// The negative error number of a tracker's error.
pub(crate) const fn tracker_number(error: &cnproc_track::Error) -> c_int {
    use cnproc_track::Error as Tracker;
    negative(match error {
        Tracker::Listener(error) => return number(error),
        Tracker::ProcessesHidden => CNPROC_EHIDDEN,
        Tracker::NoSuchProcess => libc::ESRCH,
        Tracker::TableFull | Tracker::PidTooHigh(_) => CNPROC_EFULL,
        _ => UNKNOWN,
    })
}

/// As [`failed_call`], of a tracker's error.
pub(crate) const fn tracker_failed_call(error: &cnproc_track::Error) -> Option<Call> {
    match error {
        cnproc_track::Error::Listener(error) => failed_call(error),
        _ => None,
    }
}

/// The name of the system call that failed; NULL if the error has another cause.
pub(crate) const fn failed_call(error: &Error) -> Option<Call> {
    match *error {
        Error::System { call, .. } => Some(call),
        _ => None,
    }
}

/// The name of a call for C; NULL for none.
pub(crate) fn call_name(call: Option<Call>) -> *const c_char {
    call.map_or(ptr::null(), |call| call.name_c().as_ptr())
}

/// Cause and remedy of an error number.
const fn sentence(number: c_int) -> &'static CStr {
    match number {
        0 => c"success",
        CNPROC_ENOCONNECTOR => Error::NoConnector.sentence(),
        CNPROC_ENOPROCEVENTS => Error::NoProcessEvents.sentence(),
        CNPROC_ENETNS => Error::NetworkNamespace.sentence(),
        CNPROC_EUSERNS => Error::UserNamespace.sentence(),
        CNPROC_EPIDNS => Error::PidNamespace.sentence(),
        CNPROC_EPERM => Error::NotPermitted.sentence(),
        CNPROC_ESANDBOX => Error::Sandboxed.sentence(),
        CNPROC_ENOACK => Error::NoAck.sentence(),
        CNPROC_EMUTED => Error::Muted.sentence(),
        CNPROC_EFORKED => Error::Forked.sentence(),
        CNPROC_EREFUSED => Error::Refused(Errno::from_raw(libc::EINVAL)).sentence(),
        CNPROC_ENOPROCFS => Error::NoProcfs.sentence(),
        CNPROC_EUNREADABLE => Error::ProcessUnreadable.sentence(),
        CNPROC_ERINGPERM => Error::RingNotPermitted.sentence(),
        CNPROC_ENORING => Error::NoRing.sentence(),
        CNPROC_EEXECUTING => Error::ProcessExecuting.sentence(),
        CNPROC_EHIDDEN => {
            c"/proc hides other users' processes (hidepid): mount it without, or run as root or as a \
              member of the group that its option gid names"
        }
        CNPROC_EFULL => {
            c"the tracker's table is full, and a process was left out: raise \
              cnproc_tracker_options.max_processes"
        }
        UNKNOWN => c"a cause that this version of the library does not know: upgrade it",
        libc::EINTR => Error::Interrupted.sentence(),
        libc::ESRCH => Error::ProcessGone.sentence(),
        libc::EACCES => {
            c"permission denied: to see this of another user's process, run as root, give the \
              program CAP_SYS_PTRACE, or mount /proc without hidepid; if another function failed, \
              allow the system call in the sandbox"
        }
        libc::ENOSYS => {
            c"the system call does not exist: pidfds require Linux 5.3; on a later kernel, allow it \
              in the seccomp filter"
        }
        libc::EINVAL => {
            c"an argument is not valid: NULL, an unknown flag or event type, a size that fits no \
              version of the struct, or an event that has no process"
        }
        libc::E2BIG => {
            c"the struct is of a later version and requests what this library does not have: \
              upgrade the library, or leave the new members zero"
        }
        libc::EBADMSG => {
            c"not a message of the process events connector, or a truncated one: skip it"
        }
        1..UNKNOWN => match Errno::from_raw(number).sentence() {
            Some(sentence) => sentence,
            None => {
                c"a system call failed unexpectedly: cnproc_last_call() returns its name, and \
                  errno(3) describes the error number"
            }
        },
        _ => c"not an error number of this library",
    }
}

/// Returns a sentence that explains an error number, with its cause and a remedy. `err` is the result of
/// a function of this library, or its absolute value. The string is constant.
#[unsafe(no_mangle)]
pub extern "C" fn cnproc_strerror(err: c_int) -> *const c_char {
    sentence(err.saturating_abs()).as_ptr()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    const ERRORS: [Error; 21] = [
        Error::NoConnector,
        Error::NoProcessEvents,
        Error::NetworkNamespace,
        Error::UserNamespace,
        Error::PidNamespace,
        Error::NotPermitted,
        Error::Sandboxed,
        Error::NoAck,
        Error::Muted,
        Error::Forked,
        Error::Refused(Errno::from_raw(libc::EINVAL)),
        Error::NoProcfs,
        Error::ProcessUnreadable,
        Error::RingNotPermitted,
        Error::NoRing,
        Error::ProcessExecuting,
        Error::ProcessGone,
        Error::ProcessHidden,
        Error::NoPidfd,
        Error::Interrupted,
        Error::NotOfProcess,
    ];

    #[test]
    fn every_error_has_a_number_of_its_own_and_a_sentence() {
        let numbers: HashMap<_, _> = ERRORS.iter().map(|error| (number(error), error)).collect();
        assert_eq!(numbers.len(), ERRORS.len());
        for (number, error) in numbers {
            assert!(number < 0 && number != negative(UNKNOWN), "{error:?}");
            if number <= -CNPROC_ENOCONNECTOR {
                assert_eq!(sentence(-number), error.sentence());
            }
        }
    }

    #[test]
    fn tracker_error_has_its_cause_s_number_and_a_sentence() {
        use cnproc_track::Error as Tracker;
        let hidden = Tracker::ProcessesHidden;
        assert_eq!(tracker_number(&hidden), -CNPROC_EHIDDEN);
        let explained = sentence(CNPROC_EHIDDEN).to_str().unwrap();
        assert_eq!(explained, hidden.to_string());
        assert_eq!(tracker_number(&Tracker::NoSuchProcess), -libc::ESRCH);
        for full in [Tracker::TableFull, Tracker::PidTooHigh(7)] {
            assert_eq!(tracker_number(&full), -CNPROC_EFULL);
        }
        assert!(sentence(CNPROC_EFULL).to_str().unwrap().contains("max_processes"));
        let error = Error::System { call: Call::Bind, errno: Errno::from_raw(libc::EPERM) };
        let tracker = Tracker::Listener(error);
        assert_eq!(tracker_number(&tracker), -libc::EPERM);
        assert_eq!(tracker_failed_call(&tracker), Some(Call::Bind));
        assert_eq!(tracker_failed_call(&hidden), None);
    }

    #[test]
    fn errno_of_a_system_call_is_returned_unchanged_with_its_call() {
        for errno in 1..134 {
            let error = Error::System { call: Call::Bind, errno: Errno::from_raw(errno) };
            assert_eq!(number(&error), -errno);
            assert_eq!(failed_call(&error), Some(Call::Bind));
            assert_ne!(sentence(errno), sentence(c_int::MAX), "{errno}");
        }
        assert!(ERRORS.iter().all(|error| failed_call(error).is_none()));
    }

    #[test]
    fn number_outside_both_ranges_is_not_explained() {
        let unknown = sentence(c_int::MAX);
        for number in [CNPROC_EFULL + 1, 100_000, c_int::MIN, c_int::MIN + 1] {
            // SAFETY: it returns a constant string.
            let explained = unsafe { CStr::from_ptr(cnproc_strerror(number)) };
            assert_eq!(explained, unknown);
        }
    }
}
