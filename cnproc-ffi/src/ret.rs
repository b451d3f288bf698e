//! Results as C returns them: a count or 0, or a negative error number. The sign is turned here only.

use cnproc_sys::Error;
use core::ffi::{CStr, c_int};

/// A negative error number.
pub(crate) const fn error(errno: c_int) -> c_int {
    -errno
}

pub(crate) const INVALID: c_int = error(libc::EINVAL);

/// 0, or what went wrong.
pub(crate) fn status(result: Result<(), Error>) -> c_int {
    match result {
        Ok(()) => 0,
        Err(reason) => error(errno(&reason)),
    }
}

/// The number that stands for an error in C: one for each variant, and the errno of a system call if it is
/// documented; EIO if it is not.
pub(crate) const fn errno(reason: &Error) -> c_int {
    match *reason {
        Error::NotPermitted => libc::EPERM,
        Error::NoConnector | Error::Sandboxed => libc::EPROTONOSUPPORT,
        Error::NoProcessEvents => libc::EOPNOTSUPP,
        Error::NetworkNamespace => libc::ECONNREFUSED,
        Error::UserNamespace => libc::EREMOTE,
        Error::PidNamespace => libc::ENOTUNIQ,
        Error::NoAck => libc::ETIMEDOUT,
        Error::Muted => libc::ENOTCONN,
        Error::Refused(_) => libc::EPROTO,
        Error::Interrupted => libc::EINTR,
        Error::Forked => libc::ECHILD,
        Error::ProcessGone => libc::ESRCH,
        Error::ProcessHidden => libc::EACCES,
        Error::NoProcfs => libc::ENOENT,
        Error::NoPidfd => libc::ENOSYS,
        Error::NotOfProcess => libc::EINVAL,
        Error::System { errno, .. } => match errno.raw() {
            known @ (libc::ENOMEM | libc::ENOBUFS | libc::EMFILE | libc::ENFILE) => known,
            _ => libc::EIO,
        },
        _ => libc::EIO,
    }
}

/// What an error number means, and what to do. `None` if no function returns it.
pub(crate) const fn explain(errno: c_int) -> Option<&'static CStr> {
    Some(match errno {
        libc::EPERM => Error::NotPermitted.sentence(),
        libc::EPROTONOSUPPORT => Error::NoConnector.sentence(),
        libc::EOPNOTSUPP => Error::NoProcessEvents.sentence(),
        libc::ECONNREFUSED => Error::NetworkNamespace.sentence(),
        libc::EREMOTE => Error::UserNamespace.sentence(),
        libc::ENOTUNIQ => Error::PidNamespace.sentence(),
        libc::ETIMEDOUT => Error::NoAck.sentence(),
        libc::ENOTCONN => Error::Muted.sentence(),
        libc::EINTR => Error::Interrupted.sentence(),
        libc::ECHILD => Error::Forked.sentence(),
        libc::ESRCH => Error::ProcessGone.sentence(),
        libc::EACCES => Error::ProcessHidden.sentence(),
        libc::ENOENT => Error::NoProcfs.sentence(),
        libc::ENOSYS => Error::NoPidfd.sentence(),
        libc::EPROTO => {
            c"the kernel refused the request with an unexpected error: report it to the authors"
        }
        libc::EINVAL => {
            c"an argument is not valid: NULL, an unknown flag or event type, a size that fits no \
              version of the struct, or an event that has no process"
        }
        libc::E2BIG => {
            c"the struct is of a newer version and asks for what this library does not have: \
              upgrade the library, or leave the new members zero"
        }
        libc::EBADMSG => {
            c"not a message of the process events connector, or a truncated one: the messages \
              before it were read"
        }
        libc::ENOMEM => c"out of memory, or of address space",
        libc::ENOBUFS => c"the kernel had no memory for the socket",
        libc::EMFILE => {
            c"this process has too many open file descriptors: close some, or raise RLIMIT_NOFILE"
        }
        libc::ENFILE => c"the system has too many open files: close some, or raise fs.file-max",
        libc::EIO => {
            c"a system call failed unexpectedly: trace the program with strace, and report it to \
              the authors"
        }
        _ => return None,
    })
}
