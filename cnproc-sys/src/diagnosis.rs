//! Why there will be no events: found out by looking, once something has failed.

use crate::call::Call;
use crate::errno::Errno;
use crate::error::Error;
use crate::syscall;
use core::ffi::CStr;

/// What the initial namespaces are called: their inode numbers are in `include/linux/proc_ns.h`.
const INITIAL_USER: &[u8] = b"user:[4026531837]";
const INITIAL_PID: &[u8] = b"pid:[4026531836]";

/// `socket` failed.
pub(crate) const fn no_socket(errno: Errno) -> Error {
    match errno.raw() {
        libc::EPROTONOSUPPORT | libc::EAFNOSUPPORT => Error::NoConnector,
        _ => Error::System { call: Call::Socket, errno },
    }
}

/// `bind` failed.
pub(crate) fn not_bound(errno: Errno) -> Error {
    match errno.raw() {
        // Root in a user namespace of its own lacks the capability that counts.
        libc::EPERM if is_elsewhere(c"/proc/self/ns/user", INITIAL_USER) => Error::UserNamespace,
        libc::EPERM => Error::NotPermitted,
        _ => Error::System { call: Call::Bind, errno },
    }
}

/// The request could not be sent.
pub(crate) const fn not_sent(errno: Errno) -> Error {
    match errno.raw() {
        // The connector's end of the socket exists in the initial network namespace only.
        libc::ECONNREFUSED => Error::NetworkNamespace,
        libc::EPERM => Error::NotPermitted,
        _ => Error::System { call: Call::Send, errno },
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
    if is_elsewhere(c"/proc/self/ns/user", INITIAL_USER) {
        Some(Error::UserNamespace)
    } else if is_elsewhere(c"/proc/self/ns/pid", INITIAL_PID) {
        Some(Error::PidNamespace)
    } else if has_process_events() == Some(false) {
        Some(Error::NoProcessEvents)
    } else {
        None
    }
}

/// Whether the namespace is another than the initial. Where it can't be seen, no.
pub(crate) fn is_elsewhere(namespace: &CStr, initial: &[u8]) -> bool {
    syscall::readlink(namespace, &mut [0; 32]).is_ok_and(|name| name != initial)
}

/// Whether `/proc/net/connector`, which lists the kernel's connectors, lists 1:1. None if it can't be
/// seen.
fn has_process_events() -> Option<bool> {
    let mut bytes = [0; 1024];
    let list = syscall::read_file(c"/proc/net/connector", &mut bytes).ok()?;
    Some(lists_process_events(list))
}

/// Each line but the first is a name and an id, which is its end.
fn lists_process_events(list: &[u8]) -> bool {
    list.windows(5).any(|end| end == b" 1:1\n")
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
        assert!(!is_elsewhere(c"/proc/self/ns/no-such-namespace", INITIAL_PID));
        assert!(is_elsewhere(c"/proc/self/ns/net", INITIAL_PID));
    }
}
