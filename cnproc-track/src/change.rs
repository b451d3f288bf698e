//! What happened to the table.

use crate::entry::Id;

/// A change of one process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delta {
    /// What happened.
    pub kind: Kind,
    /// To which process. After [`Kind::Exited`] the table still has its entry, until the next change.
    pub id: Id,
    /// No event reported it: the comparison with `/proc` showed it.
    pub inferred: bool,
    /// Events were lost and the table is not synchronised again yet: the process may be a later owner
    /// of the pid than the one in the table.
    pub in_doubt: bool,
}

/// What happened to a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// It was there when the table was synchronised with `/proc`; its start was not seen.
    Found,
    /// It was forked.
    Started,
    /// It executes another program.
    Executed,
    /// Its real or effective user or group ids changed.
    Ids,
    /// It became a session leader.
    Session,
    /// Its name changed.
    Renamed,
    /// It ended: the whole process, not one of its threads.
    Exited,
}
