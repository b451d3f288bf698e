//! Whose a listener is: the process's that opened it, and not a child's of it by fork.

use crate::syscall::{self, Mapping};
use core::ffi::c_int;
use core::sync::atomic::{AtomicU32, Ordering};

/// The process that made it.
#[derive(Debug)]
pub(crate) struct Owner {
    pid: c_int,
    /// 1, and 0 in a child: memory that fork wipes, where the kernel can (Linux 4.14). To read it
    /// costs nothing, and getpid is a system call for each time events are received.
    mark: Option<Mapping<AtomicU32>>,
}

impl Owner {
    pub(crate) fn new() -> Self {
        let mark: Option<Mapping<AtomicU32>> = Mapping::wiped_on_fork(1).ok();
        if let Some(mark) = mark.as_ref().and_then(|mark| mark.first()) {
            mark.store(1, Ordering::Relaxed);
        }
        Self { pid: syscall::getpid(), mark }
    }

    /// Whether that is the process that asks.
    pub(crate) fn is_this_process(&self) -> bool {
        match self.mark.as_ref().and_then(|mark| mark.first()) {
            Some(mark) => mark.load(Ordering::Relaxed) == 1,
            None => syscall::getpid() == self.pid,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_child_by_fork_is_another_by_the_mark_and_by_the_pid() {
        let marked = Owner::new();
        assert!(marked.mark.is_some(), "Linux 4.14");
        let unmarked = Owner { pid: marked.pid, mark: None };
        for owner in [marked, unmarked] {
            assert!(owner.is_this_process());
            assert!(!syscall::in_child(|| owner.is_this_process()), "{owner:?}");
            assert!(owner.is_this_process());
        }
    }
}
