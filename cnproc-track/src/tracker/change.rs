//! What a tracker returns.

use crate::change::{Delta, Kind};
use crate::entry::Entry;
use cnproc_sys::Event;
use core::ops::Deref;

/// What has happened.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Change<'t, U> {
    /// A process was there when the tracker was opened, or has turned up in a comparison with `/proc`.
    Found(Changed<'t, U>),
    /// A process was forked.
    Started(Changed<'t, U>),
    /// A process executes another program.
    Executed(Changed<'t, U>),
    /// The user or group ids of a process changed, or are known now.
    Ids(Changed<'t, U>),
    /// A process became a session leader, or its session is known now.
    Session(Changed<'t, U>),
    /// The name of a process changed, or is known now.
    Renamed(Changed<'t, U>),
    /// A process ended: all of its threads. Its entry is as it last was; [`Entry::status`] is how it ended.
    Exited(Changed<'t, U>),
    /// The table is complete as of here: exactly the machine's processes, or those of the scope.
    Synced,
    /// That number of events was lost; 0: unknown. Changes are in doubt until the next `Synced`.
    Lost(u64),
    /// An event, as it was received: [`Options::raw`](crate::Options::raw).
    Event(Event),
}

/// A process that changed: its [`Entry`], as it is now.
#[derive(Clone, Copy, Debug)]
pub struct Changed<'t, U> {
    entry: &'t Entry<U>,
    delta: Delta,
    event: Option<Event>,
}

impl<'t, U> Changed<'t, U> {
    /// The process's entry, for as long as the tracker is not used otherwise.
    pub const fn entry(&self) -> &'t Entry<U> {
        self.entry
    }

    /// Whether no event reported it, but a comparison with `/proc` showed it.
    pub const fn is_inferred(&self) -> bool {
        self.delta.inferred
    }

    /// Whether events were lost before, and the table has not been synchronised again yet: the process may
    /// be a later owner of the pid than the one in the table.
    pub const fn is_in_doubt(&self) -> bool {
        self.delta.in_doubt
    }

    /// The event behind it; none if it is inferred.
    pub const fn event(&self) -> Option<&Event> {
        self.event.as_ref()
    }
}

impl<U> Deref for Changed<'_, U> {
    type Target = Entry<U>;

    fn deref(&self) -> &Entry<U> {
        self.entry
    }
}

impl<'t, U> Change<'t, U> {
    pub(super) const fn new(delta: Delta, entry: &'t Entry<U>, event: Option<Event>) -> Self {
        let changed = Changed { entry, delta, event };
        match delta.kind {
            Kind::Found => Self::Found(changed),
            Kind::Started => Self::Started(changed),
            Kind::Executed => Self::Executed(changed),
            Kind::Ids => Self::Ids(changed),
            Kind::Session => Self::Session(changed),
            Kind::Renamed => Self::Renamed(changed),
            Kind::Exited => Self::Exited(changed),
        }
    }

    /// What happened to which process; `None` of [`Synced`](Self::Synced), [`Lost`](Self::Lost) and
    /// [`Event`](Self::Event).
    pub const fn process(&self) -> Option<(Kind, &Changed<'t, U>)> {
        match self {
            Self::Found(changed)
            | Self::Started(changed)
            | Self::Executed(changed)
            | Self::Ids(changed)
            | Self::Session(changed)
            | Self::Renamed(changed)
            | Self::Exited(changed) => Some((changed.delta.kind, changed)),
            Self::Synced | Self::Lost(_) | Self::Event(_) => None,
        }
    }
}
