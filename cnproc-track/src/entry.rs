//! What the table holds of a process.

use crate::status::WaitStatus;
use core::fmt;
use core::num::NonZeroU64;
use core::ops::{BitOr, BitOrAssign};

/// Names a process for as long as the table exists: no other process is given the same.
///
/// Ids are handed out in increasing order: of two processes, the one that entered the table first has
/// the smaller id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Id(pub(crate) NonZeroU64);

impl Id {
    /// The id with that number. `None` for 0, which no process has.
    pub const fn new(number: u64) -> Option<Self> {
        match NonZeroU64::new(number) {
            Some(number) => Some(Self(number)),
            None => None,
        }
    }

    /// Its number.
    pub const fn get(self) -> u64 {
        self.0.get()
    }
}

/// A process: who it is and what is known of it.
///
/// Members for which [`known`](Self::known) has no bit hold what was inherited or known before, or 0.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Entry<U> {
    /// Its id in the table.
    pub id: Id,
    /// The process that forked it, which may be gone. `None`: it was there before the table, or its
    /// FORK was lost.
    ///
    /// The kernel reports the real parent: with `CLONE_PARENT`, the creator's parent.
    pub creator: Option<Id>,
    pub(crate) parent: Parent,
    /// Its process id.
    pub pid: i32,
    /// Its session.
    pub sid: i32,
    /// Real user id, of the thread group's leader.
    pub ruid: u32,
    /// Effective user id.
    pub euid: u32,
    /// Real group id.
    pub rgid: u32,
    /// Effective group id.
    pub egid: u32,
    /// When it started: nanoseconds of CLOCK_MONOTONIC. If it was found by a scan, to the clock tick.
    pub start_ns: u64,
    /// When it executed its present program; 0: not since the table exists.
    pub exec_ns: u64,
    /// When it ended; 0: it lives, or that was not seen.
    pub exit_ns: u64,
    /// How it ended. `None`: it lives, or that is not known.
    pub status: Option<WaitStatus>,
    /// Which of the members above and which texts are known.
    pub known: Known,
    /// Its name: bytes that any user may choose. See [`name`](Self::name).
    pub comm: [u8; 16],
    /// The caller's own.
    pub user: U,
}

impl<U> Entry<U> {
    /// The bytes of `comm` before the first NUL.
    pub fn name(&self) -> &[u8] {
        self.comm.split(|byte| *byte == 0).next().unwrap_or_default()
    }
}

/// Whose child a process is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Parent {
    /// The kernel's: its parent id is 0.
    Kernel,
    /// That process's, unless it has ended since: then the kernel gave its children to another.
    Process(Id),
    /// Not known, or not in the table.
    Unknown,
}

/// Which members of an [`Entry`] are known.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Known(u32);

impl Known {
    /// Nothing.
    pub const NONE: Self = Self(0);
    /// `comm`, as it is now.
    pub const COMM: Self = Self(1);
    /// `ruid` and `euid`.
    pub const UID: Self = Self(1 << 1);
    /// `rgid` and `egid`.
    pub const GID: Self = Self(1 << 2);
    /// `sid`.
    pub const SESSION: Self = Self(1 << 3);
    /// `creator`.
    pub const CREATOR: Self = Self(1 << 4);
    /// The command line is that of the present program.
    pub const CMDLINE: Self = Self(1 << 5);
    /// The executable is that of the present program.
    pub const EXE: Self = Self(1 << 6);
    /// The control group, as it was at the scan, the fork or the last exec.
    pub const CGROUP: Self = Self(1 << 7);

    /// The members of which a child has its parent's.
    pub(crate) const INHERITED: Self = Self(
        Self::COMM.0
            | Self::UID.0
            | Self::GID.0
            | Self::SESSION.0
            | Self::CMDLINE.0
            | Self::EXE.0
            | Self::CGROUP.0,
    );

    /// Those that every look at `/proc` can find out.
    pub(crate) const MEMBERS: Self =
        Self(Self::COMM.0 | Self::UID.0 | Self::GID.0 | Self::SESSION.0);

    /// What an exec replaces.
    pub(crate) const PROGRAM: Self = Self(Self::COMM.0 | Self::CMDLINE.0 | Self::EXE.0);

    /// The bits.
    pub const fn bits(self) -> u32 {
        self.0
    }

    /// Whether all of `other` are in this set.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Those in both sets.
    pub(crate) const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Those in this set alone.
    pub(crate) const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }
}

impl BitOr for Known {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitOrAssign for Known {
    fn bitor_assign(&mut self, other: Self) {
        *self = *self | other;
    }
}

impl fmt::Debug for Known {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = [
            (Self::COMM, "COMM"),
            (Self::UID, "UID"),
            (Self::GID, "GID"),
            (Self::SESSION, "SESSION"),
            (Self::CREATOR, "CREATOR"),
            (Self::CMDLINE, "CMDLINE"),
            (Self::EXE, "EXE"),
            (Self::CGROUP, "CGROUP"),
        ];
        let mut set = f.debug_set();
        for (bit, name) in names {
            if self.contains(bit) {
                set.entry(&format_args!("{name}"));
            }
        }
        set.finish()
    }
}
