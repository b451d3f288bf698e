//! Detects use in a forked child, and hands the listener over to one.

use crate::error::Error;
use crate::sys::mapping::Mapping;
use crate::sys::process::getpid;
use core::ffi::c_int;
use core::sync::atomic::{AtomicU32, Ordering};

/// Which process a listener belongs to: the one that opened it, or the forked child that adopted it last;
/// none once its owner has closed it.
///
/// Each ownership has a number. The current one is in memory that parent and children share; the one that
/// this process had is in memory that fork wipes. Both are the same only in the owner.
#[derive(Debug)]
pub(crate) struct ForkGuard {
    current: Mapping<AtomicU32>,
    /// This process's ownership; [`NOBODY`] in a forked child, where the kernel can wipe it (Linux 4.14).
    /// Reading it costs nothing, while getpid is a system call for each receiving call.
    own: Option<Mapping<AtomicU32>>,
    /// Without such memory: the process that has the ownership `own_since`.
    pid: c_int,
    own_since: u32,
}

/// No ownership: that of a forked child, or of a listener that its owner has closed.
const NOBODY: u32 = 0;

impl ForkGuard {
    pub(crate) fn new() -> Result<Self, Error> {
        let current = Mapping::shared_with_children(1)?;
        let own = Mapping::wiped_on_fork(1).ok();
        let mut guard = Self { current, own, pid: 0, own_since: NOBODY };
        guard.become_owner(1);
        if let Some(current) = guard.current.first() {
            current.store(1, Ordering::Relaxed);
        }
        Ok(guard)
    }

    fn become_owner(&mut self, ownership: u32) {
        if let Some(own) = self.own.as_ref().and_then(|own| own.first()) {
            own.store(ownership, Ordering::Relaxed);
        }
        (self.pid, self.own_since) = (getpid(), ownership);
    }

    /// Makes this process the owner; whether that was possible. It is not once the owner has closed the
    /// listener.
    pub(crate) fn adopt(&mut self) -> bool {
        let next = |ownership: u32| (ownership != NOBODY).then(|| ownership.wrapping_add(1).max(1));
        let Some(current) = self.current.first() else { return false };
        let before = current.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next);
        let Some(ownership) = before.ok().and_then(next) else { return false };
        self.become_owner(ownership);
        true
    }

    /// Ends the ownership of the calling process, for all processes; whether it was the owner.
    pub(crate) fn close(&self) -> bool {
        let (own, current) = (self.own(), self.current.first());
        own != NOBODY
            && current.is_some_and(|current| {
                current.compare_exchange(own, NOBODY, Ordering::Relaxed, Ordering::Relaxed).is_ok()
            })
    }

    /// Whether the calling process is the owner.
    pub(crate) fn is_owner(&self) -> bool {
        let own = self.own();
        own != NOBODY
            && self.current.first().is_some_and(|current| current.load(Ordering::Relaxed) == own)
    }

    /// The ownership that the calling process has or had.
    fn own(&self) -> u32 {
        match self.own.as_ref().and_then(|own| own.first()) {
            Some(own) => own.load(Ordering::Relaxed),
            None if getpid() == self.pid => self.own_since,
            None => NOBODY,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::process::in_child;

    fn guards() -> [ForkGuard; 2] {
        let marked = ForkGuard::new().unwrap();
        assert!(marked.own.is_some(), "Linux 4.14");
        let unmarked = ForkGuard { own: None, ..ForkGuard::new().unwrap() };
        [marked, unmarked]
    }

    #[test]
    fn forked_child_is_not_the_owner() {
        for guard in guards() {
            assert!(guard.is_owner());
            assert!(!in_child(|| guard.is_owner()), "{guard:?}");
            assert!(guard.is_owner());
        }
    }

    #[test]
    fn adopting_child_is_the_owner_and_its_parent_no_longer() {
        for mut guard in guards() {
            assert!(in_child(|| {
                guard.adopt() && guard.is_owner() && !in_child(|| guard.is_owner())
            }));
            assert!(!guard.is_owner(), "{guard:?}");
            assert!(!guard.close());
            assert!(guard.adopt() && guard.is_owner());
        }
    }

    /// Its LISTEN has been given back to the kernel: a process that took it over would receive nothing.
    #[test]
    fn closed_listener_cannot_be_adopted() {
        for mut guard in guards() {
            assert!(!in_child(|| guard.close()), "{guard:?}");
            assert!(guard.close());
            assert!(!guard.is_owner() && !guard.adopt() && !guard.close());
            assert!(!in_child(|| guard.adopt() || guard.is_owner()));
        }
    }

    #[test]
    fn ownerships_that_wrap_leave_out_that_of_nobody() {
        for mut guard in guards() {
            guard.become_owner(u32::MAX);
            guard.current[0].store(u32::MAX, Ordering::Relaxed);
            assert!(guard.is_owner() && guard.adopt() && guard.is_owner());
            assert_eq!(guard.own(), 1);
        }
    }
}
