//! Which errors each system call may fail with, and which answers the library's documentation has for them.

use crate::log::Call;
use libc::c_int;
use support::kernel_version;

/// The errors to inject into a system call.
#[derive(Debug)]
pub(crate) struct Faults {
    pub(crate) call: &'static str,
    pub(crate) errors: &'static [&'static str],
    /// The variants of `cnproc_sys::Call` that stand for it.
    stands_for: &'static [&'static str],
}

const fn faults(
    call: &'static str,
    stands_for: &'static [&'static str],
    errors: &'static [&'static str],
) -> Faults {
    Faults { call, errors, stands_for }
}

const FILES: &[&str] = &["OpenProc", "OpenProcess"];

/// Of each call the errors of its manual page that can occur here, and those of sandboxes.
///
/// Not in it: EAGAIN of `recvmmsg`, which means that the queue is empty; and the errors of calls that cannot fail, which
/// are `write` to an eventfd with room, and those without a result.
pub(crate) const FAULTS: &[Faults] = &[
    faults(
        "socket",
        &["Socket"],
        &[
            "EACCES",
            "EAFNOSUPPORT",
            "EINVAL",
            "EMFILE",
            "ENFILE",
            "ENOBUFS",
            "ENOMEM",
            "ENOSYS",
            "EPERM",
            "EPROTONOSUPPORT",
        ],
    ),
    faults(
        "bind",
        &["Bind"],
        &["EACCES", "EADDRINUSE", "EADDRNOTAVAIL", "EINVAL", "ENOMEM", "ENOSYS", "EPERM"],
    ),
    faults("connect", &["Connect"], &["EACCES", "EADDRNOTAVAIL", "ENOMEM", "ENOSYS", "EPERM"]),
    faults(
        "setsockopt",
        &["AttachBpf", "AttachFilter", "SetNoEnobufs", "SetReceiveBuffer"],
        &["EACCES", "EINVAL", "ENOMEM", "ENOPROTOOPT", "ENOSYS", "EPERM"],
    ),
    faults(
        "getsockopt",
        &["GetReceiveBuffer", "GetMemory"],
        &["EACCES", "ENOBUFS", "ENOMEM", "ENOPROTOOPT", "ENOSYS", "EPERM"],
    ),
    faults(
        "sendto",
        &["Send", "SendTo"],
        &["EACCES", "EAGAIN", "ECONNREFUSED", "EINTR", "ENOBUFS", "ENOMEM", "ENOSYS", "EPERM"],
    ),
    faults("getsockname", &["GetSockName"], &["EACCES", "ENOBUFS", "ENOSYS", "EPERM"]),
    faults(
        "bpf",
        &["BpfGetInfo", "BpfMapCreate", "BpfProgLoad"],
        &["EACCES", "EINVAL", "EMFILE", "ENOMEM", "ENOSPC", "ENOSYS", "EPERM"],
    ),
    faults("recvmmsg", &["Recvmmsg"], &["EACCES", "EINTR", "ENOBUFS", "ENOMEM", "ENOSYS", "EPERM"]),
    faults("ppoll", &["Poll"], &["EINTR", "EINVAL", "ENOMEM", "ENOSYS", "EPERM"]),
    faults("mmap", &["Mmap"], &["EAGAIN", "ENFILE", "ENOMEM", "EPERM"]),
    faults("madvise", &["Mmap"], &["EAGAIN", "EINVAL", "ENOMEM", "EPERM"]),
    // EAGAIN: more would be locked than RLIMIT_MEMLOCK allows.
    faults("mremap", &["Mmap"], &["EAGAIN", "ENOMEM", "ENOSYS", "EPERM"]),
    faults("munmap", &[], &["EINVAL", "ENOMEM"]),
    faults("close", &[], &["EDQUOT", "EINTR", "EIO", "ENOSPC"]),
    faults("eventfd2", &["Eventfd"], &["EMFILE", "ENFILE", "ENODEV", "ENOMEM", "ENOSYS", "EPERM"]),
    faults("fcntl", &["Dup"], &["EINVAL", "EMFILE", "ENOSYS", "EPERM"]),
    faults("epoll_create1", &["EpollCreate"], &["EMFILE", "ENFILE", "ENOMEM", "ENOSYS", "EPERM"]),
    faults(
        "timerfd_create",
        &["EpollCreate"],
        &["EMFILE", "ENFILE", "ENODEV", "ENOMEM", "ENOSYS", "EPERM"],
    ),
    faults("epoll_ctl", &["EpollCtl"], &["ENOMEM", "ENOSPC", "ENOSYS", "EPERM"]),
    faults("epoll_wait", &["EpollWait"], &["EINTR", "ENOSYS", "EPERM"]),
    faults("epoll_pwait", &["EpollWait"], &["EINTR", "ENOSYS", "EPERM"]),
    faults("timerfd_settime", &["TimerSettime"], &["EINVAL", "ENOMEM", "ENOSYS", "EPERM"]),
    faults(
        "openat",
        FILES,
        &["EACCES", "EINTR", "ELOOP", "EMFILE", "ENFILE", "ENOENT", "ENOMEM", "EPERM", "ESRCH"],
    ),
    faults(
        "read",
        &["Eventfd", "OpenProc", "ReadProcess"],
        &["EACCES", "EAGAIN", "EINTR", "EIO", "ENOMEM", "EPERM", "ESRCH"],
    ),
    faults(
        "readlinkat",
        &["OpenProc", "ReadlinkProcess"],
        &["EACCES", "EIO", "ENAMETOOLONG", "ENOENT", "ENOMEM", "ENOSYS", "EPERM", "ESRCH"],
    ),
    faults(
        "newfstatat",
        FILES,
        &["EACCES", "EIO", "ENOENT", "ENOMEM", "ENOSYS", "EOVERFLOW", "EPERM"],
    ),
    // ENOENT: the directory of a process that is gone.
    faults("getdents64", &["ReadProc"], &["EACCES", "ENOENT", "ENOSYS", "EPERM"]),
    faults(
        "pidfd_open",
        &["PidfdOpen"],
        &["EINVAL", "EMFILE", "ENFILE", "ENODEV", "ENOMEM", "ENOSYS", "EPERM", "ESRCH"],
    ),
    // A pause that ends early.
    faults("clock_nanosleep", &[], &["EINTR", "ENOSYS", "EPERM"]),
    faults("getpgid", &[], &["EACCES", "ENOSYS", "EPERM"]),
    // Without the release the kernel counts as an old one.
    faults("uname", &[], &["ENOSYS", "EPERM"]),
    faults("getrandom", &[], &["EAGAIN", "EINTR", "ENOSYS", "EPERM"]),
    faults("getpid", &[], &[]),
    faults("sched_yield", &[], &[]),
    faults("write", &[], &[]),
    // The allocator's, for a fact that is returned as a vector.
    faults("brk", &[], &[]),
];

/// The faults of a system call of that name.
pub(crate) fn of(call: &str) -> Option<&'static Faults> {
    FAULTS.iter().find(|faults| faults.call == call)
}

/// The number of an error.
fn number(error: &str) -> c_int {
    match error {
        "EACCES" => libc::EACCES,
        "EADDRINUSE" => libc::EADDRINUSE,
        "EADDRNOTAVAIL" => libc::EADDRNOTAVAIL,
        "EAFNOSUPPORT" => libc::EAFNOSUPPORT,
        "EAGAIN" => libc::EAGAIN,
        "ECONNREFUSED" => libc::ECONNREFUSED,
        "EDQUOT" => libc::EDQUOT,
        "EINTR" => libc::EINTR,
        "EINVAL" => libc::EINVAL,
        "EIO" => libc::EIO,
        "ELOOP" => libc::ELOOP,
        "EMFILE" => libc::EMFILE,
        "ENAMETOOLONG" => libc::ENAMETOOLONG,
        "ENFILE" => libc::ENFILE,
        "ENOBUFS" => libc::ENOBUFS,
        "ENODEV" => libc::ENODEV,
        "ENOENT" => libc::ENOENT,
        "ENOMEM" => libc::ENOMEM,
        "ENOPROTOOPT" => libc::ENOPROTOOPT,
        "ENOSPC" => libc::ENOSPC,
        "ENOSYS" => libc::ENOSYS,
        "EOVERFLOW" => libc::EOVERFLOW,
        "EPERM" => libc::EPERM,
        "EPROTONOSUPPORT" => libc::EPROTONOSUPPORT,
        "ESRCH" => libc::ESRCH,
        _ => panic!("{error} has no number here"),
    }
}

/// Whether this call can fail so while what it is about is there.
pub(crate) fn is_possible(call: &Call, error: &str) -> bool {
    let path = call.bytes();
    let is_number = !path.is_empty() && path.iter().all(u8::is_ascii_digit);
    match (call.name.as_str(), error) {
        // A number that leads to no process is no file; the list of /proc is of no process.
        ("openat", "ESRCH") if is_number || path == b"." => false,
        // The thread has ended.
        ("openat", "ENOENT" | "ESRCH") => !path.ends_with(b"/stat"),
        _ => true,
    }
}

/// Whether the call after the one that made it may return the error: there was no memory for a text of a process, which
/// does not keep the process itself from being returned.
pub(crate) fn may_be_late(call: &Call) -> bool {
    ["mmap", "mremap"].contains(&call.name.as_str())
}

/// Whether the library documents this outcome, an error, for a call that failed so.
pub(crate) fn is_documented(outcome: &str, call: &Call, error: &str) -> bool {
    let faults = of(&call.name).unwrap();
    // A tracker has its own names for two of a listener's errors.
    let outcome = match outcome {
        "NoSuchProcess" => "ProcessGone",
        "ProcessesHidden" => "ProcessHidden",
        outcome => outcome,
    };
    if let Some(system) = outcome.strip_prefix("System ") {
        let (by, errno) = system.split_once(' ').unwrap();
        return faults.stands_for.contains(&by)
            && errno == number(error).to_string()
            && diagnosis(call, error).is_none();
    }
    if error == "EINTR" {
        return outcome == "Interrupted";
    }
    diagnosis(call, error).is_some_and(|diagnoses| diagnoses.contains(&outcome))
}

/// Whether the error means that a process is gone, or has no such file: a kernel thread has no program, and a deleted
/// path leads nowhere.
pub(crate) fn means_none(call: &Call, error: &str) -> bool {
    ["ENOENT", "ESRCH"].contains(&error)
        && ["openat", "readlinkat", "newfstatat"].contains(&call.name.as_str())
}

/// The diagnoses that a failed call leads to. None if the error is returned as it is.
fn diagnosis(call: &Call, error: &str) -> Option<&'static [&'static str]> {
    // A path below the directory of a process, and not the list of /proc.
    let is_in_process = !call.arguments.starts_with("AT_FDCWD") && call.bytes() != b".";
    Some(match (call.name.as_str(), error) {
        ("socket", "EPROTONOSUPPORT") => &["NoConnector"],
        ("socket", "EACCES" | "EPERM" | "EAFNOSUPPORT") | ("bind" | "sendto", "EACCES") => {
            &["Sandboxed"]
        }
        // The kernel itself refuses nobody since then.
        ("bind" | "sendto", "EPERM") if kernel_version() < (6, 6) => &["NotPermitted"],
        ("bind" | "sendto", "EPERM") => &["Sandboxed"],
        ("sendto", "ECONNREFUSED") => &["NetworkNamespace"],
        ("openat" | "read" | "readlinkat" | "newfstatat", "EACCES" | "EPERM") if is_in_process => {
            &["ProcessHidden"]
        }
        ("openat" | "readlinkat", "ENOENT") if is_in_process => &["ProcessHidden", "ProcessGone"],
        ("openat" | "read" | "readlinkat" | "newfstatat", "ESRCH") => &["ProcessGone"],
        ("newfstatat", "ENOENT") if is_in_process => &["ProcessGone"],
        ("pidfd_open", "ENOSYS") => &["NoPidfd"],
        ("pidfd_open", "ESRCH" | "EINVAL") => &["ProcessGone"],
        ("pidfd_open", "EPERM") => &["ProcessHidden"],
        _ => return None,
    })
}
