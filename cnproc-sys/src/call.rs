//! The system calls that may fail, by what they were to do.

use core::fmt;

/// A system call that failed. A number and not a text, so that an [`Error`](crate::Error) is as small as
/// two registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Call {
    /// To make the socket.
    Socket,
    /// To join the group of the process events.
    Bind,
    /// To make the kernel the only peer.
    Connect,
    /// To say LISTEN.
    Send,
    /// To receive events.
    Recvmmsg,
    /// To attach the filter.
    AttachFilter,
    /// To go on when the queue is full.
    SetNoEnobufs,
    /// To enlarge the receive buffer.
    SetReceiveBuffer,
    /// To set how long to wait.
    SetReceiveTimeout,
    /// To ask how large the receive buffer is.
    GetReceiveBuffer,
    /// To ask what was dropped.
    GetMemory,
    /// To make room for events.
    Mmap,
    /// To make what a listener that gathers waits on.
    EpollCreate,
    /// To wait, where a listener gathers.
    EpollWait,
    /// To begin a gathering.
    EpollCtl,
    /// To find processes.
    OpenProc,
    /// To find a process.
    OpenProcess,
    /// To read a file of a process.
    ReadProcess,
    /// To read a link of a process.
    ReadlinkProcess,
    /// To get a descriptor of a process.
    PidfdOpen,
}

impl Call {
    /// Its name, as strace has it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Socket => "socket(NETLINK_CONNECTOR)",
            Self::Bind => "bind(CN_IDX_PROC)",
            Self::Connect => "connect",
            Self::Send => "send(PROC_CN_MCAST_LISTEN)",
            Self::Recvmmsg => "recvmmsg",
            Self::AttachFilter => "setsockopt(SO_ATTACH_FILTER)",
            Self::SetNoEnobufs => "setsockopt(NETLINK_NO_ENOBUFS)",
            Self::SetReceiveBuffer => "setsockopt(SO_RCVBUF)",
            Self::SetReceiveTimeout => "setsockopt(SO_RCVTIMEO)",
            Self::GetReceiveBuffer => "getsockopt(SO_RCVBUF)",
            Self::GetMemory => "getsockopt(SO_MEMINFO)",
            Self::Mmap => "mmap",
            Self::EpollCreate => "epoll_create1, timerfd_create",
            Self::EpollWait => "epoll_wait",
            Self::EpollCtl => "timerfd_settime, epoll_ctl",
            Self::OpenProc => "open(/proc)",
            Self::OpenProcess => "openat(/proc/PID)",
            Self::ReadProcess => "read(/proc/PID)",
            Self::ReadlinkProcess => "readlinkat(/proc/PID)",
            Self::PidfdOpen => "pidfd_open",
        }
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
