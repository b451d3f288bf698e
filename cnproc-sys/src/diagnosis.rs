//! Why there will be no events: found out by looking, once something has failed.

use crate::errno::Errno;
use crate::error::Error;
use crate::syscall;
use core::ffi::CStr;

/// `include/linux/proc_ns.h`: the inode numbers of the initial namespaces.
const PROC_USER_INIT_INO: u64 = 0xeffffffd;
const PROC_PID_INIT_INO: u64 = 0xeffffffc;

/// `socket` failed.
pub(crate) const fn no_socket(errno: Errno) -> Error {
    match errno.raw() {
        libc::EPROTONOSUPPORT | libc::EAFNOSUPPORT => Error::NoConnector,
        _ => Error::System { call: "socket(NETLINK_CONNECTOR)", errno },
    }
}

/// `bind` failed.
pub(crate) fn not_bound(errno: Errno) -> Error {
    match errno.raw() {
        // Root in a user namespace of its own lacks the capability that counts.
        libc::EPERM if is_elsewhere(c"/proc/self/ns/user", PROC_USER_INIT_INO) => {
            Error::UserNamespace
        }
        libc::EPERM => Error::NotPermitted,
        _ => Error::System { call: "bind(CN_IDX_PROC)", errno },
    }
}

/// The request could not be sent.
pub(crate) const fn not_sent(errno: Errno) -> Error {
    match errno.raw() {
        // The connector's end of the socket exists in the initial network namespace only.
        libc::ECONNREFUSED => Error::NetworkNamespace,
        libc::EPERM => Error::NotPermitted,
        _ => Error::System { call: "send(PROC_CN_MCAST_LISTEN)", errno },
    }
}

/// The kernel acknowledged with an error.
pub(crate) const fn refused(err: u32) -> Error {
    match err.cast_signed() {
        libc::EPERM => Error::NotPermitted,
        err => Error::Refused(Errno(err)),
    }
}

/// A reason for which the kernel ignores the request altogether, if one is to be seen.
pub(crate) fn ignored() -> Option<Error> {
    if is_elsewhere(c"/proc/self/ns/user", PROC_USER_INIT_INO) {
        Some(Error::UserNamespace)
    } else if is_elsewhere(c"/proc/self/ns/pid", PROC_PID_INIT_INO) {
        Some(Error::PidNamespace)
    } else if has_process_events() == Some(false) {
        Some(Error::NoProcessEvents)
    } else {
        None
    }
}

/// Whether the namespace is another than the initial. Where it can't be seen, no.
pub(crate) fn is_elsewhere(namespace: &CStr, initial: u64) -> bool {
    syscall::inode(namespace).is_ok_and(|inode| inode != initial)
}

/// Whether `/proc/net/connector`, which lists the kernel's connectors, lists 1:1. None if it can't be
/// seen.
fn has_process_events() -> Option<bool> {
    let mut bytes = [0; 1024];
    let list = syscall::read_file(c"/proc/net/connector", &mut bytes).ok()?;
    Some(lists_process_events(list))
}

/// Each line but the first is a name and an id.
fn lists_process_events(list: &[u8]) -> bool {
    list.split(|byte| *byte == b'\n').any(|line| line.ends_with(b" 1:1"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_of_connectors_is_read_by_its_ids() {
        let with = b"Name            ID\ncn_proc         1:1\nw1              3:1\n";
        assert!(lists_process_events(with));
        assert!(!lists_process_events(b"Name            ID\nw1              11:1\n"));
        assert!(!lists_process_events(b""));
    }

    #[test]
    fn here_the_connector_is_listed() {
        assert_eq!(has_process_events(), Some(true));
    }

    #[test]
    fn a_namespace_that_cannot_be_seen_is_taken_for_the_initial() {
        assert!(!is_elsewhere(c"/proc/self/ns/no-such-namespace", PROC_PID_INIT_INO));
        assert!(is_elsewhere(c"/proc/self/ns/net", PROC_PID_INIT_INO));
    }
}
