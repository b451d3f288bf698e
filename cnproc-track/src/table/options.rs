//! How large a table may become, what it holds, and what does not fit.

use crate::slots::NoSlot;
use core::fmt;

/// How large a table may become, and what it holds.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct TableOptions {
    /// Pids below this can be held. The default is the highest limit that the kernel allows.
    pub pids: usize,
    /// How many processes may be in the table at a time.
    pub max_processes: usize,
    /// How many that have ended stay to be looked up; at least the last one does.
    pub keep_ended: usize,
    /// How many bytes are kept of each text.
    pub text_bytes: usize,
    /// Which texts are kept.
    pub cmdline: bool,
    /// Which texts are kept.
    pub exe: bool,
    /// Which texts are kept.
    pub cgroup: bool,
    /// Which processes are in the table.
    pub scope: Scope,
}

impl TableOptions {
    /// All processes, without texts.
    pub const DEFAULT: Self = Self {
        pids: 1 << 22,
        max_processes: 1 << 22,
        keep_ended: 0,
        text_bytes: 256,
        cmdline: false,
        exe: false,
        cgroup: false,
        scope: Scope::All,
    };
}

impl Default for TableOptions {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// Which processes are in the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum Scope {
    /// All of the machine.
    #[default]
    All,
    /// Those that were chosen: [`Table::choose`](crate::Table::choose).
    Chosen,
    /// Those that were chosen, and from then on their descendants.
    Descendants,
}

/// A process could not be taken in. The table is as it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TableError<E> {
    /// There are as many processes as [`TableOptions::max_processes`] allows.
    Full,
    /// The pid is not below [`TableOptions::pids`].
    Pid(i32),
    /// There is no memory.
    Memory(E),
}

impl<E: fmt::Display> fmt::Display for TableError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full => {
                f.write_str("the table is full, and a process was left out: allow more processes")
            }
            Self::Pid(pid) => {
                write!(f, "the table has no place for pid {pid}: allow higher pids")
            }
            Self::Memory(error) => write!(
                f,
                "there is no memory for the table, and a process was left out: allow fewer \
                 processes or less text ({error})"
            ),
        }
    }
}

impl<E: fmt::Debug + fmt::Display> core::error::Error for TableError<E> {}

impl<E> From<NoSlot<E>> for TableError<E> {
    fn from(error: NoSlot<E>) -> Self {
        match error {
            NoSlot::Full => Self::Full,
            NoSlot::Memory(error) => Self::Memory(error),
        }
    }
}
