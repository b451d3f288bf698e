//! Why there will be no events: found out by looking, once something has failed.

use crate::error::{Call, Errno, Error};
use crate::sys::{file, process};
use core::ffi::CStr;

/// A namespace in which the kernel accepts requests: the initial one, whose inode number is in
/// `include/linux/proc_ns.h`.
struct Initial {
    path: &'static CStr,
    name: &'static [u8],
    kind: process::Namespace,
    inode: u64,
}

const USER: Initial = Initial {
    path: c"/proc/self/ns/user",
    name: b"user:[4026531837]",
    kind: process::Namespace::User,
    inode: 4_026_531_837,
};

const PID: Initial = Initial {
    path: c"/proc/self/ns/pid",
    name: b"pid:[4026531836]",
    kind: process::Namespace::Pid,
    inode: 4_026_531_836,
};

/// `socket` failed.
pub(crate) fn no_socket(error: Error) -> Error {
    let Error::System { errno, .. } = error else { return error };
    match errno.raw() {
        libc::EPROTONOSUPPORT => Error::NoConnector,
        // Netlink itself is part of every kernel that has a connector.
        libc::EAFNOSUPPORT | libc::EACCES | libc::EPERM => Error::Sandboxed,
        _ => error,
    }
}

/// `bind` failed.
pub(crate) fn not_bound(error: Error) -> Error {
    let Error::System { errno, .. } = error else { return error };
    match errno.raw() {
        // Root in a user namespace of its own lacks the capability that counts.
        libc::EPERM if USER.is_elsewhere() => Error::UserNamespace,
        // Since Linux 6.6 anybody may bind.
        libc::EPERM if process::kernel_version() < (6, 6) => Error::NotPermitted,
        libc::EPERM | libc::EACCES => Error::Sandboxed,
        _ => error,
    }
}

/// A listener with a ring could not be opened.
pub(crate) fn no_ring(error: Error) -> Error {
    let Error::System { call, errno } = error else { return error };
    match errno.raw() {
        libc::EPERM | libc::EACCES => Error::RingNotPermitted,
        // A helper function that is hidden from programs without CAP_PERFMON, or by lockdown.
        libc::EINVAL if call == Call::BpfProgLoad => Error::RingNotPermitted,
        // A map type that the kernel does not know.
        libc::EINVAL => Error::NoRing,
        _ => error,
    }
}

/// The request could not be sent.
pub(crate) fn not_sent(error: Error) -> Error {
    let Error::System { errno, .. } = error else { return error };
    match errno.raw() {
        // The connector's end of the socket exists in the initial network namespace only.
        libc::ECONNREFUSED => Error::NetworkNamespace,
        libc::EPERM if process::kernel_version() < (6, 6) => Error::NotPermitted,
        libc::EPERM | libc::EACCES => Error::Sandboxed,
        _ => error,
    }
}

/// The kernel acknowledged with an error.
pub(crate) const fn refused(err: u32) -> Error {
    match err as i32 {
        libc::EPERM => Error::NotPermitted,
        err => Error::Refused(Errno(err)),
    }
}

/// A visible reason for which the kernel ignores every request, if there is one.
pub(crate) fn ignored() -> Option<Error> {
    if USER.is_elsewhere() {
        Some(Error::UserNamespace)
    } else if PID.is_elsewhere() {
        Some(Error::PidNamespace)
    } else if has_process_events() == Some(false) {
        Some(Error::NoProcessEvents)
    } else {
        None
    }
}

impl Initial {
    /// Whether this process is in another namespace. If that cannot be seen, no.
    fn is_elsewhere(&self) -> bool {
        match file::readlink(Call::OpenProc, None, self.path, &mut [0; 32]) {
            Ok(name) => name != self.name,
            // Without `/proc`.
            Err(_) => process::namespace_inode(self.kind).is_ok_and(|inode| inode != self.inode),
        }
    }
}

/// Whether `/proc/net/connector`, which lists the kernel's connectors, lists 1:1. None if it cannot be
/// read.
fn has_process_events() -> Option<bool> {
    let mut bytes = [0; 1024];
    let list = file::read_path(Call::OpenProc, c"/proc/net/connector", &mut bytes).ok()?;
    Some(lists_process_events(list))
}

/// Each line except the first is a name and an id, which ends it.
fn lists_process_events(list: &[u8]) -> bool {
    list.windows(5).any(|end| end == b" 1:1\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn list_of_connectors_is_read_by_id() {
        let with = b"Name            ID\ncn_proc         1:1\nw1              3:1\n";
        assert!(lists_process_events(with));
        assert!(!lists_process_events(b"Name            ID\nw1              11:1\n"));
        assert!(!lists_process_events(b""));
    }

    #[test]
    fn connector_of_this_machine_is_listed() {
        if !std::path::Path::new("/proc/net/connector").exists() {
            return crate::fake_kernel::skip("no connector in this network namespace");
        }
        assert_eq!(has_process_events(), Some(true));
    }

    #[test]
    fn namespace_is_compared_by_name_or_without_proc_by_inode() {
        let without_proc = Initial { path: c"/no/proc", ..PID };
        assert!(!PID.is_elsewhere() && !USER.is_elsewhere() && !without_proc.is_elsewhere());
        assert!(Initial { name: b"pid:[1]", ..PID }.is_elsewhere());
        // The kernel has the inode numbers since Linux 6.11.
        let is_visible = process::namespace_inode(process::Namespace::Pid).is_ok();
        assert_eq!(Initial { inode: 1, ..without_proc }.is_elsewhere(), is_visible);
        let user = Initial { path: c"/no/proc", ..USER };
        assert!(!user.is_elsewhere());
        assert_eq!(Initial { inode: 1, ..user }.is_elsewhere(), is_visible);
    }

    #[test]
    fn refused_socket_is_a_sandbox_and_a_missing_protocol_is_not() {
        let error = |errno| Error::System { call: Call::Socket, errno: Errno(errno) };
        for errno in [libc::EAFNOSUPPORT, libc::EACCES, libc::EPERM] {
            assert_eq!(no_socket(error(errno)), Error::Sandboxed);
        }
        assert_eq!(no_socket(error(libc::EPROTONOSUPPORT)), Error::NoConnector);
        assert_eq!(no_socket(error(libc::EMFILE)), error(libc::EMFILE));
        assert_eq!(not_bound(error(libc::EACCES)), Error::Sandboxed);
        assert_eq!(not_sent(error(libc::EACCES)), Error::Sandboxed);
    }
}
