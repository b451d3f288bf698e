//! What looks at `/proc` show of a process that the table has: its program, its texts, its parent.

use super::Table;
use super::exits::Verdict;
use crate::entry::{Id, Known};
use crate::memory::Memory;
use crate::scan::{Observation, Presence};
use crate::slots::Slot;
use crate::texts::Text;

impl<U: Copy + Default, M: Memory> Table<U, M> {
    /// A process has executed another program, and was looked at: its name, and its ids if they are not
    /// known. Texts are set by [`set_text`](Self::set_text), if this returns true.
    pub fn set_program(&mut self, id: Id, seen: &Observation) -> bool {
        let Observation { snapshot, pending, .. } = seen;
        let Some(slot) = self.slots.find(id) else { return false };
        if !self.is_present(id, seen) {
            return false;
        }
        let Some(Slot { entry, life, .. }) = self.slot_mut(slot) else { return false };
        life.may_differ(snapshot);
        if pending.exec {
            return false;
        }
        if !pending.comm {
            entry.comm = snapshot.comm;
            entry.known |= Known::COMM;
        }
        if let (false, Some(ids)) = (entry.known.contains(Known::UID) || pending.uid, snapshot.ids)
        {
            (entry.ruid, entry.euid) = (ids.ruid, ids.euid);
            entry.known |= Known::UID;
        }
        if let (false, Some(ids)) = (entry.known.contains(Known::GID) || pending.gid, snapshot.ids)
        {
            (entry.rgid, entry.egid) = (ids.rgid, ids.egid);
            entry.known |= Known::GID;
        }
        true
    }

    /// Whether it was this process that was seen, alive or a zombie.
    pub fn is_present(&self, id: Id, seen: &Observation) -> bool {
        let Some(slot) = self.slots.find(id) else { return false };
        let Observation { snapshot, pending, is_complete, .. } = seen;
        let is_there = snapshot.presence != Presence::Gone && snapshot.has_run;
        is_there && *is_complete && !pending.fork && !self.differs(slot, seen)
    }

    /// Whether it was the present program of this process that was seen, as of the table's place in the
    /// stream.
    pub fn is_current(&self, id: Id, seen: &Observation) -> bool {
        self.is_present(id, seen) && seen.snapshot.presence.is_alive() && !seen.pending.exec
    }

    /// Keeps a text of a process. Whether another one of the same program was known.
    ///
    /// # Errors
    /// There is no memory. The process has the texts that it had, and this one is not known any more.
    pub fn set_text(&mut self, id: Id, text: Text, value: &[u8]) -> Result<bool, M::Error> {
        let bit = bit(text);
        let Some(slot) = self.slots.find(id).filter(|_| self.kept.contains(bit)) else {
            return Ok(false);
        };
        let Some(Slot { texts, entry, .. }) = self.slots.get(slot).copied() else {
            return Ok(false);
        };
        let is_known = entry.known.contains(bit);
        if is_known && self.texts.is(texts, text, value) {
            return Ok(false);
        }
        let owned = self.texts.own(texts);
        if let Ok(texts) = owned {
            self.texts.set(texts, text, value);
        }
        if let Some(Slot { texts, entry, .. }) = self.slot_mut(slot) {
            match owned {
                Ok(owned) => (*texts, entry.known) = (owned, entry.known | bit),
                Err(_) => entry.known = entry.known.without(bit),
            }
        }
        owned.map(|_| is_known)
    }

    /// A text of a process could not be read, while it may have executed another program unseen.
    pub fn forget_text(&mut self, id: Id, text: Text) {
        let Some(slot) = self.slots.find(id) else { return };
        if let Some(Slot { entry, .. }) = self.slot_mut(slot) {
            entry.known = entry.known.without(bit(text));
        }
    }

    /// A process was looked at to learn whose child it is now. Whether it was this process that was seen.
    pub fn set_parent(&mut self, id: Id, seen: &Observation) -> bool {
        let Some(slot) = self.slots.find(id) else { return false };
        if self.verdict(slot, seen) != Verdict::Alive {
            return false;
        }
        let parent = self.parent_seen(seen);
        if let Some(slot) = self.slot_mut(slot) {
            slot.entry.parent = parent;
        }
        true
    }
}

/// The member that shows whether a text is known.
const fn bit(text: Text) -> Known {
    match text {
        Text::Cmdline => Known::CMDLINE,
        Text::Exe => Known::EXE,
        Text::Cgroup => Known::CGROUP,
    }
}
