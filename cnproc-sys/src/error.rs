//! Why a call failed, and what to do about it.

use core::ffi::CStr;
use core::fmt;

/// An error number of a system call: positive, as in `errno`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Errno(pub(crate) i32);

impl Errno {
    /// The number, as in `<errno.h>` of this architecture.
    pub const fn raw(self) -> i32 {
        self.0
    }

    /// Its name, if it is one that the library's system calls are documented to return.
    pub const fn name(self) -> Option<&'static str> {
        Some(match self.0 {
            libc::EPERM => "EPERM",
            libc::ENOENT => "ENOENT",
            libc::ESRCH => "ESRCH",
            libc::EINTR => "EINTR",
            libc::EIO => "EIO",
            libc::EBADF => "EBADF",
            libc::EAGAIN => "EAGAIN",
            libc::ENOMEM => "ENOMEM",
            libc::EACCES => "EACCES",
            libc::EFAULT => "EFAULT",
            libc::EINVAL => "EINVAL",
            libc::ENFILE => "ENFILE",
            libc::EMFILE => "EMFILE",
            libc::ENAMETOOLONG => "ENAMETOOLONG",
            libc::ENOSYS => "ENOSYS",
            libc::ENOPROTOOPT => "ENOPROTOOPT",
            libc::EPROTONOSUPPORT => "EPROTONOSUPPORT",
            libc::EOPNOTSUPP => "EOPNOTSUPP",
            libc::EAFNOSUPPORT => "EAFNOSUPPORT",
            libc::EADDRINUSE => "EADDRINUSE",
            libc::ENOBUFS => "ENOBUFS",
            libc::ENOTCONN => "ENOTCONN",
            libc::ECONNREFUSED => "ECONNREFUSED",
            _ => return None,
        })
    }
}

impl Errno {
    /// The error number `raw`, as in `errno`.
    #[doc(hidden)]
    pub const fn from_raw(raw: i32) -> Self {
        Self(raw)
    }

    /// Cause and remedy, where they are known.
    #[doc(hidden)]
    pub const fn sentence(self) -> Option<&'static CStr> {
        Some(match self.0 {
            libc::ENOMEM => c"out of memory, or of address space",
            libc::ENOBUFS => c"the kernel had no memory for the socket",
            libc::EMFILE => {
                c"this process has too many open file descriptors: close some, or raise \
                  RLIMIT_NOFILE"
            }
            libc::ENFILE => c"the system has too many open files: close some, or raise fs.file-max",
            libc::EAGAIN => {
                c"a limit on locked memory or a lack of kernel memory: raise RLIMIT_MEMLOCK"
            }
            libc::ENAMETOOLONG => {
                c"the path is longer than a page, and the kernel does not return such paths"
            }
            libc::EPERM | libc::EACCES | libc::ENOSYS => {
                c"the system call is refused, as by a seccomp filter: allow it"
            }
            _ => return None,
        })
    }
}

impl fmt::Display for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "errno {}", self.0),
        }
    }
}

/// A system call that failed. An enum, not a text, so that an [`Error`] is as small as two registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Call {
    /// Creates the socket.
    Socket,
    /// Joins the multicast group of the process events.
    Bind,
    /// Makes the kernel the only peer.
    Connect,
    /// Sends a request, LISTEN or IGNORE.
    Send,
    /// Receives events.
    Recvmmsg,
    /// Waits for events.
    Poll,
    /// Attaches the filter.
    AttachFilter,
    /// Creates the maps of the ring.
    BpfMapCreate,
    /// Loads the program of the ring.
    BpfProgLoad,
    /// Reads where the kernel keeps what that program reads.
    BpfGetInfo,
    /// Attaches that program.
    AttachBpf,
    /// Reads the socket's own address.
    GetSockName,
    /// Sends a message to the listener itself, to verify the ring.
    SendTo,
    /// Lets delivery resume as soon as a full queue has room.
    SetNoEnobufs,
    /// Enlarges the receive buffer.
    SetReceiveBuffer,
    /// Reads the size of the receive buffer.
    GetReceiveBuffer,
    /// Reads the drop counter.
    GetMemory,
    /// Maps memory for events.
    Mmap,
    /// Creates the descriptor that ends another thread's wait.
    Eventfd,
    /// Duplicates a descriptor.
    Dup,
    /// Creates the descriptors of a listener that coalesces wake-ups.
    EpollCreate,
    /// Asks which of these descriptors is ready.
    EpollWait,
    /// Watches the socket again.
    EpollCtl,
    /// Sets the timer of a listener that coalesces wake-ups.
    TimerSettime,
    /// Opens `/proc`.
    OpenProc,
    /// Lists `/proc`.
    ReadProc,
    /// Opens a process's directory, or a file in it.
    OpenProcess,
    /// Reads a file of a process.
    ReadProcess,
    /// Reads a symbolic link of a process.
    ReadlinkProcess,
    /// Opens a pidfd.
    PidfdOpen,
}

impl Call {
    /// Its name, as strace prints it.
    pub const fn name(self) -> &'static str {
        match self.name_c().to_str() {
            Ok(name) => name,
            Err(_) => "",
        }
    }

    /// As [`name`](Self::name), for C.
    #[doc(hidden)]
    pub const fn name_c(self) -> &'static CStr {
        match self {
            Self::Socket => c"socket(NETLINK_CONNECTOR)",
            Self::Bind => c"bind(CN_IDX_PROC)",
            Self::Connect => c"connect",
            Self::Send => c"send(PROC_CN_MCAST_LISTEN)",
            Self::Recvmmsg => c"recvmmsg",
            Self::Poll => c"ppoll",
            Self::AttachFilter => c"setsockopt(SO_ATTACH_FILTER)",
            Self::BpfMapCreate => c"bpf(BPF_MAP_CREATE)",
            Self::BpfProgLoad => c"bpf(BPF_PROG_LOAD)",
            Self::BpfGetInfo => c"bpf(BPF_OBJ_GET_INFO_BY_FD)",
            Self::AttachBpf => c"setsockopt(SO_ATTACH_BPF)",
            Self::GetSockName => c"getsockname",
            Self::SendTo => c"sendto",
            Self::SetNoEnobufs => c"setsockopt(NETLINK_NO_ENOBUFS)",
            Self::SetReceiveBuffer => c"setsockopt(SO_RCVBUF)",
            Self::GetReceiveBuffer => c"getsockopt(SO_RCVBUF)",
            Self::GetMemory => c"getsockopt(SO_MEMINFO)",
            Self::Mmap => c"mmap",
            Self::Eventfd => c"eventfd2",
            Self::Dup => c"fcntl(F_DUPFD_CLOEXEC)",
            Self::EpollCreate => c"epoll_create1, timerfd_create",
            Self::EpollWait => c"epoll_wait",
            Self::EpollCtl => c"epoll_ctl",
            Self::TimerSettime => c"timerfd_settime",
            Self::OpenProc => c"open(/proc)",
            Self::ReadProc => c"getdents64(/proc)",
            Self::OpenProcess => c"openat(/proc/PID)",
            Self::ReadProcess => c"read(/proc/PID)",
            Self::ReadlinkProcess => c"readlinkat(/proc/PID)",
            Self::PidfdOpen => c"pidfd_open",
        }
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Why a call failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Error {
    /// Before Linux 6.6 only CAP_NET_ADMIN may listen.
    NotPermitted,
    /// A sandbox or a security module refuses the socket or its address: a seccomp filter,
    /// `RestrictAddressFamilies=`, SELinux.
    Sandboxed,
    /// The kernel has no connector (CONFIG_CONNECTOR).
    NoConnector,
    /// The kernel has a connector, but no process events (CONFIG_PROC_EVENTS).
    NoProcessEvents,
    /// The kernel's connector exists in the initial network namespace only; this is another.
    NetworkNamespace,
    /// The kernel ignores requests from any user namespace except the initial one.
    UserNamespace,
    /// The kernel ignores requests from any pid namespace except the initial one.
    PidNamespace,
    /// The kernel accepted the request, but did not acknowledge it in time.
    NoAck,
    /// Other processes have disabled events globally, and they could not be enabled again.
    Muted,
    /// The kernel acknowledged the request with an error.
    Refused(Errno),
    /// The ring requires capabilities that this process does not have, or `bpf(2)` is refused.
    RingNotPermitted,
    /// The kernel lacks or hides what the ring relies on, or this is a 32-bit program.
    NoRing,
    /// A signal handler ran during the wait. No event was lost: call again.
    Interrupted,
    /// The calling process is not the one that owns the listener: it is a forked child, or a forked
    /// child has [adopted](crate::Listener::adopt) the listener; or its owner has closed it.
    Forked,
    /// The event's process is gone, or it cannot be distinguished from a later one with the same pid.
    ProcessGone,
    /// The event's process belongs to another user, and the caller may not see what it asked for.
    ProcessHidden,
    /// A file of the process has no form that the library can read.
    ProcessUnreadable,
    /// The process is in the midst of an execve: it runs no program at the moment.
    ProcessExecuting,
    /// `/proc` is not mounted, or belongs to another pid namespace.
    NoProcfs,
    /// The kernel has no pidfds (before Linux 5.3).
    NoPidfd,
    /// The event has no process: it is an acknowledgement, or its type is unknown.
    NotOfProcess,
    /// A system call failed.
    System {
        /// The call.
        call: Call,
        /// Its error number.
        errno: Errno,
    },
}

impl Error {
    /// What it means and what to do, without the names of call and errno. With a NUL for C.
    #[doc(hidden)]
    pub const fn sentence(&self) -> &'static CStr {
        match *self {
            Self::NotPermitted => {
                c"not permitted to listen for process events: before Linux 6.6 this requires \
                  CAP_NET_ADMIN; run as root, or give the program that capability \
                  (setcap cap_net_admin+ep)"
            }
            Self::Sandboxed => {
                c"a sandbox or security module refuses netlink sockets: allow AF_NETLINK in the \
                  seccomp filter or in systemd's RestrictAddressFamilies=, or in the SELinux policy"
            }
            Self::NoConnector => {
                c"this kernel has no connector: build it with CONFIG_CONNECTOR=y and \
                  CONFIG_PROC_EVENTS=y, or load the module cn"
            }
            Self::NoProcessEvents => {
                c"this kernel's connector has no process events: build it with CONFIG_PROC_EVENTS=y"
            }
            Self::NetworkNamespace => {
                c"the kernel sends process events in the initial network namespace only: run on \
                  the host, or give the container the host's network"
            }
            Self::UserNamespace => {
                c"the kernel ignores listeners in a user namespace other than the initial one: run \
                  on the host, or give the container the host's user namespace"
            }
            Self::PidNamespace => {
                c"the kernel ignores listeners in a pid namespace other than the initial one: run \
                  on the host, or give the container the host's pid namespace"
            }
            Self::NoAck => {
                c"the kernel did not acknowledge the request in time: it ignores requests from a user \
                  or pid namespace other than the initial one; elsewhere, try a longer timeout or a \
                  larger receive buffer"
            }
            Self::Muted => {
                c"other processes have disabled process events for all listeners (by surplus \
                  IGNOREs), and they could not be enabled again: find the process that sends them"
            }
            Self::Refused(_) => {
                c"the kernel refused the request with an unexpected error: report it to the authors"
            }
            Self::RingNotPermitted => {
                c"not permitted to use the ring: this requires CAP_BPF, CAP_PERFMON and \
                  CAP_NET_ADMIN, a seccomp filter that allows bpf(2), no lockdown of \
                  confidentiality, and before Linux 5.11 a higher RLIMIT_MEMLOCK"
            }
            Self::NoRing => {
                c"the ring is not available: it requires a 64-bit program, Linux 5.10 or later, and \
                  net.core.bpf_jit_harden or kernel.kptr_restrict below 2"
            }
            Self::Interrupted => {
                c"a signal handler ran during the wait; no event was lost: call again"
            }
            Self::Forked => {
                c"the listener belongs to another process since a fork, or was closed there: adopt it \
                  before that, or close this copy and open a new listener"
            }
            Self::ProcessGone => {
                c"the process is gone, or its pid may already belong to another one: ask sooner \
                  after the event"
            }
            Self::ProcessHidden => {
                c"not permitted to see this of another user's process: run as root, or give the \
                  program CAP_SYS_PTRACE; if /proc is mounted with hidepid, remount it without"
            }
            Self::ProcessExecuting => {
                c"the process is in the midst of an execve, which takes its time: ask again"
            }
            Self::ProcessUnreadable => {
                c"a file in /proc/PID has an unknown form: report it to the authors, with the \
                  kernel's version"
            }
            Self::NoProcfs => {
                c"/proc is not mounted here, or belongs to another pid namespace: mount it \
                  (mount -t proc proc /proc)"
            }
            Self::NoPidfd => c"this kernel has no pidfds: they require Linux 5.3",
            Self::NotOfProcess => {
                c"the event has no process: it is an acknowledgement, or its type is unknown"
            }
            Self::System { errno, .. } => match errno.sentence() {
                Some(sentence) => sentence,
                None => {
                    c"a system call failed unexpectedly: trace the program with strace, and report \
                      it to the authors"
                }
            },
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::System { call, errno } => write!(f, "{call}: {errno}: ")?,
            Self::Refused(errno) => write!(f, "request acknowledged with {errno}: ")?,
            _ => {}
        }
        f.write_str(self.sentence().to_str().unwrap_or_default())
    }
}

impl core::error::Error for Error {}

#[cfg(feature = "std")]
impl From<Error> for std::io::Error {
    fn from(error: Error) -> Self {
        use std::io::ErrorKind;
        let kind = match error {
            Error::NotPermitted
            | Error::Sandboxed
            | Error::RingNotPermitted
            | Error::ProcessHidden => ErrorKind::PermissionDenied,
            Error::NoConnector | Error::NoProcessEvents | Error::NoRing | Error::NoPidfd => {
                ErrorKind::Unsupported
            }
            Error::NetworkNamespace => ErrorKind::ConnectionRefused,
            Error::NoAck => ErrorKind::TimedOut,
            Error::Interrupted => ErrorKind::Interrupted,
            Error::ProcessGone | Error::NoProcfs => ErrorKind::NotFound,
            Error::ProcessUnreadable => ErrorKind::InvalidData,
            Error::ProcessExecuting => ErrorKind::ResourceBusy,
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
    fn every_variant_has_a_sentence_of_its_own() {
        let errors = [
            Error::NotPermitted,
            Error::Sandboxed,
            Error::NoConnector,
            Error::NoProcessEvents,
            Error::NetworkNamespace,
            Error::UserNamespace,
            Error::PidNamespace,
            Error::NoAck,
            Error::Muted,
            Error::Refused(Errno(libc::EINVAL)),
            Error::RingNotPermitted,
            Error::NoRing,
            Error::Interrupted,
            Error::Forked,
            Error::ProcessGone,
            Error::ProcessHidden,
            Error::ProcessUnreadable,
            Error::ProcessExecuting,
            Error::NoProcfs,
            Error::NoPidfd,
            Error::NotOfProcess,
            SYSTEM(libc::ENOMEM),
            SYSTEM(libc::EMFILE),
            SYSTEM(libc::ENOTTY),
        ];
        let sentences: std::collections::HashSet<_> = errors.iter().map(Error::sentence).collect();
        assert_eq!(sentences.len(), errors.len());
        for error in errors {
            assert!(error.to_string().ends_with(error.sentence().to_str().unwrap()), "{error:?}");
        }
    }

    #[test]
    fn system_call_is_named_as_strace_names_it() {
        assert!(SYSTEM(libc::EMFILE).to_string().starts_with("bind(CN_IDX_PROC): EMFILE: "));
        assert!(SYSTEM(9999).to_string().starts_with("bind(CN_IDX_PROC): errno 9999: "));
    }

    #[test]
    fn error_fits_two_registers_of_the_smallest_machine() {
        assert_eq!(size_of::<Result<(), Error>>(), 8);
    }
}
