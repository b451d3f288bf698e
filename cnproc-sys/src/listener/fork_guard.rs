//! Detects use in a forked child, and hands the listener over to one.

use crate::error::Error;
use crate::sys::mapping::Mapping;
use crate::sys::process::getpid;
use core::ffi::c_int;
use core::sync::atomic::{AtomicU32, Ordering};

/// Which process a listener belongs to: the one that opened it, or the forked child that adopted it last.
///
/// Each ownership has a number. The current one is in memory that parent and children share; the one that
/// this process had is in memory that fork wipes. Both are the same only in the owner.
#[derive(Debug)]
pub(crate) struct ForkGuard {
    current: Mapping<AtomicU32>,
    /// This process's ownership; 0 in a forked child, where the kernel can wipe it (Linux 4.14). Reading it
    /// costs nothing, while getpid is a system call for each receiving call.
    own: Option<Mapping<AtomicU32>>,
    /// Without such memory: the process that has the ownership `own_since`.
    pid: c_int,
    own_since: u32,
}

impl ForkGuard {
    pub(crate) fn new() -> Result<Self, Error> {
        let current = Mapping::shared_with_children(1)?;
        let own = Mapping::wiped_on_fork(1).ok();
        let mut guard = Self { current, own, pid: 0, own_since: 0 };
        guard.adopt();
        Ok(guard)
    }

    /// Makes this process the owner.
    pub(crate) fn adopt(&mut self) {
        let Some(current) = self.current.first() else { return };
        let ownership = current.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
        if let Some(own) = self.own.as_ref().and_then(|own| own.first()) {
            own.store(ownership, Ordering::Relaxed);
        }
        (self.pid, self.own_since) = (getpid(), ownership);
    }

    /// Whether the calling process is the owner.
    pub(crate) fn is_owner(&self) -> bool {
        let own = match self.own.as_ref().and_then(|own| own.first()) {
            Some(own) => own.load(Ordering::Relaxed),
            None if getpid() == self.pid => self.own_since,
            None => 0,
        };
        own != 0 && self.current.first().is_some_and(|now| now.load(Ordering::Relaxed) == own)
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
                guard.adopt();
                guard.is_owner() && !in_child(|| guard.is_owner())
            }));
            assert!(!guard.is_owner(), "{guard:?}");
            guard.adopt();
            assert!(guard.is_owner());
        }
    }
}
