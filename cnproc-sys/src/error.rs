//! What can go wrong: why there will be no events, and what to do about it.

use crate::call::Call;
use crate::errno::Errno;
use core::ffi::CStr;
use core::fmt;

/// Why a call failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Error {
    /// Linux before 6.6 lets only CAP_NET_ADMIN listen.
    NotPermitted,
    /// The kernel has no connector (CONFIG_CONNECTOR).
    NoConnector,
    /// The kernel has a connector, but no process events (CONFIG_PROC_EVENTS).
    NoProcessEvents,
    /// The kernel's connector is in the initial network namespace only; this is another.
    NetworkNamespace,
    /// The kernel ignores requests from any user namespace but the initial.
    UserNamespace,
    /// The kernel ignores requests from any pid namespace but the initial.
    PidNamespace,
    /// The kernel took the request, and no acknowledgement of it came in time.
    NoAnswer,
    /// Other programs have switched events off, and they could not be switched on again.
    SwitchedOff,
    /// The kernel acknowledged the request with an error.
    Refused(Errno),
    /// A signal handler ran while the call waited, or the machine was suspended, or the process stopped and
    /// continued. Nothing was lost: call again.
    Interrupted,
    /// This process is a child, by fork, of the one that opened the listener.
    ChildProcess,
    /// The event's process is gone, or it can't be told from a later one that has its pid.
    ProcessGone,
    /// The event's process belongs to another user, and this one may not see what was asked.
    ProcessHidden,
    /// `/proc` is not mounted, or is that of another pid namespace.
    NoProcfs,
    /// The kernel has no pidfds. Linux 5.3.
    NoPidfd,
    /// The event is of no process: an acknowledgement, or of an unknown type.
    NotOfProcess,
    /// A system call failed.
    System {
        /// Which: its name, and what it was to do.
        call: Call,
        /// How.
        errno: Errno,
    },
}

impl Error {
    /// The error number that stands for it in C: one for each kind, and any error number of a system
    /// call that is in the documented set; EIO for one that is not.
    pub const fn errno(&self) -> Errno {
        Errno(match *self {
            Self::NotPermitted => libc::EPERM,
            Self::NoConnector => libc::EPROTONOSUPPORT,
            Self::NoProcessEvents => libc::EOPNOTSUPP,
            Self::NetworkNamespace => libc::ECONNREFUSED,
            Self::UserNamespace => libc::EREMOTE,
            Self::PidNamespace => libc::ENOTUNIQ,
            Self::NoAnswer => libc::ETIMEDOUT,
            Self::SwitchedOff => libc::ENOTCONN,
            Self::Refused(_) => libc::EPROTO,
            Self::Interrupted => libc::EINTR,
            Self::ChildProcess => libc::ECHILD,
            Self::ProcessGone => libc::ESRCH,
            Self::ProcessHidden => libc::EACCES,
            Self::NoProcfs => libc::ENOENT,
            Self::NoPidfd => libc::ENOSYS,
            Self::NotOfProcess => libc::EINVAL,
            Self::System { errno, .. } => match errno.raw() {
                known @ (libc::ENOMEM | libc::ENOBUFS | libc::EMFILE | libc::ENFILE) => known,
                _ => libc::EIO,
            },
        })
    }
}

/// What an error number means in this library, and what to do. None if no call gives it.
pub const fn explain(errno: Errno) -> Option<&'static CStr> {
    Some(match errno.raw() {
        libc::EPERM => {
            c"not permitted to hear of process events: before Linux 6.6 it takes CAP_NET_ADMIN; \
              run as root, or give the program that capability (setcap cap_net_admin+ep)"
        }
        libc::EPROTONOSUPPORT => {
            c"this kernel has no connector: build it with CONFIG_CONNECTOR=y and \
              CONFIG_PROC_EVENTS=y, or load the module cn"
        }
        libc::EOPNOTSUPP => {
            c"this kernel's connector has no process events: build it with CONFIG_PROC_EVENTS=y"
        }
        libc::ECONNREFUSED => {
            c"the kernel sends process events in the initial network namespace only: run on the \
              host, or give the container the host's network"
        }
        libc::EREMOTE => {
            c"the kernel ignores listeners in a user namespace other than the initial: run on the \
              host, or give the container the host's user namespace"
        }
        libc::ENOTUNIQ => {
            c"the kernel ignores listeners in a pid namespace other than the initial: run on the \
              host, or give the container the host's pid namespace"
        }
        libc::ETIMEDOUT => {
            c"the kernel did not acknowledge the request in time, for no reason to be seen: try \
              again with a longer time-out or a larger receive buffer"
        }
        libc::ENOTCONN => {
            c"others switched process events off (IGNORE), and they could not be switched on again: \
              run with CAP_NET_ADMIN, and find who sends IGNORE"
        }
        libc::EPROTO => {
            c"the kernel refused the request with an unexpected error: report it to the authors"
        }
        libc::EINTR => c"a signal came while waiting; nothing was lost: call again",
        libc::ECHILD => {
            c"this process is a child of the one that opened the listener: close the copy, and open \
              a listener of its own"
        }
        libc::ESRCH => {
            c"the event's process is gone, or its pid is another's by now: ask sooner after the event"
        }
        libc::EACCES => {
            c"not permitted to see this of another user's process: run as root, or give the program \
              CAP_SYS_PTRACE; if /proc is mounted with hidepid, without it"
        }
        libc::ENOENT => {
            c"/proc is not mounted here, or is that of another pid namespace: mount the host's \
              (mount -t proc proc /proc)"
        }
        libc::ENOSYS => c"this kernel has no pidfds: that takes Linux 5.3",
        libc::EINVAL => {
            c"an argument is not valid: NULL, an unknown flag or event type, a size that fits no \
              version of the struct, or an event that is of no process"
        }
        libc::E2BIG => {
            c"the struct is of a newer version and asks for what this library does not have: \
              upgrade the library, or leave the new members zero"
        }
        libc::EBADMSG => {
            c"no message of the process events connector, or a truncated one: what stood before it \
              was read, the rest of the datagram cannot be"
        }
        libc::ENOMEM => c"out of memory, or of address space",
        libc::ENOBUFS => c"the kernel had no memory for the socket",
        libc::EMFILE => {
            c"this process has too many descriptors open: close some, or raise RLIMIT_NOFILE"
        }
        libc::ENFILE => c"the system has too many files open: close some, or raise fs.file-max",
        libc::EIO => {
            c"a system call failed as it should not: trace the program with strace, and report it \
              to the authors"
        }
        _ => return None,
    })
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::System { call, errno } => write!(f, "{call}: {errno}: ")?,
            Self::Refused(errno) => write!(f, "LISTEN acknowledged with {errno}: ")?,
            _ => {}
        }
        let sentence = explain(self.errno()).unwrap_or_default();
        f.write_str(sentence.to_str().unwrap_or_default())
    }
}

impl core::error::Error for Error {}

#[cfg(feature = "std")]
impl From<Error> for std::io::Error {
    fn from(error: Error) -> Self {
        use std::io::ErrorKind;
        let kind = match error {
            Error::NotPermitted => ErrorKind::PermissionDenied,
            Error::NoConnector | Error::NoProcessEvents => ErrorKind::Unsupported,
            Error::NetworkNamespace => ErrorKind::ConnectionRefused,
            Error::NoAnswer => ErrorKind::TimedOut,
            Error::Interrupted => ErrorKind::Interrupted,
            Error::ProcessGone | Error::NoProcfs => ErrorKind::NotFound,
            Error::ProcessHidden => ErrorKind::PermissionDenied,
            Error::NoPidfd => ErrorKind::Unsupported,
            Error::NotOfProcess => ErrorKind::InvalidInput,
            Error::System { errno, .. } => Self::from_raw_os_error(errno.raw()).kind(),
            _ => ErrorKind::Other,
        };
        Self::new(kind, error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;

    const SYSTEM: fn(i32) -> Error =
        |errno| Error::System { call: Call::Bind, errno: Errno(errno) };

    #[test]
    fn every_error_has_a_number_of_its_own_and_a_sentence() {
        let kinds = [
            Error::NotPermitted,
            Error::NoConnector,
            Error::NoProcessEvents,
            Error::NetworkNamespace,
            Error::UserNamespace,
            Error::PidNamespace,
            Error::NoAnswer,
            Error::SwitchedOff,
            Error::Refused(Errno(libc::EINVAL)),
            Error::Interrupted,
            Error::ChildProcess,
            Error::ProcessGone,
            Error::ProcessHidden,
            Error::NoProcfs,
            Error::NoPidfd,
            Error::NotOfProcess,
            SYSTEM(libc::ENOMEM),
            SYSTEM(libc::EMFILE),
            SYSTEM(libc::ENOTTY),
        ];
        let numbers: std::collections::HashSet<_> = kinds.iter().map(Error::errno).collect();
        assert_eq!(numbers.len(), kinds.len());
        for kind in kinds {
            let sentence = explain(kind.errno()).unwrap().to_str().unwrap();
            assert!(kind.to_string().ends_with(sentence), "{kind:?}");
        }
    }

    #[test]
    fn a_system_call_is_named_as_strace_would() {
        assert!(SYSTEM(libc::EMFILE).to_string().starts_with("bind(CN_IDX_PROC): EMFILE: "));
        assert!(SYSTEM(9999).to_string().starts_with("bind(CN_IDX_PROC): errno 9999: "));
        assert_eq!(SYSTEM(libc::ENOTTY).errno(), Errno(libc::EIO));
    }

    #[test]
    fn it_is_no_larger_than_two_registers_of_the_smallest_machine() {
        assert_eq!(size_of::<Result<(), Error>>(), 8);
    }

    #[test]
    fn what_no_call_gives_has_no_explanation() {
        assert_eq!(explain(Errno(0)), None);
        assert_eq!(explain(Errno(libc::ENOTTY)), None);
    }
}
