//! Changes of the table.

use crate::entry::cnproc_entry;
use crate::error::{self, INVALID};
use crate::event::cnproc_event;
use crate::sized::{self, Extensible, Unpadded};
use crate::tracker::{cnproc_tracker, with_tracker};
use cnproc_track::{Change, Changed, Kind, Tracker};
use core::ffi::c_int;
use core::fmt;
use core::mem::offset_of;
use core::time::Duration;
use libc::ssize_t;
use static_assertions::const_assert_eq;

/// cnproc_change.type: the process was there when the tracker was opened, or has turned up in a resync.
pub const CNPROC_CHANGE_FOUND: c_int = 1;
/// cnproc_change.type: the process was forked.
pub const CNPROC_CHANGE_STARTED: c_int = 2;
/// cnproc_change.type: the process executes another program.
pub const CNPROC_CHANGE_EXECUTED: c_int = 3;
/// cnproc_change.type: its user or group ids changed, or are known now.
pub const CNPROC_CHANGE_IDS: c_int = 4;
/// cnproc_change.type: it became a session leader, or its session is known now.
pub const CNPROC_CHANGE_SESSION: c_int = 5;
/// cnproc_change.type: its name changed, or is known now.
pub const CNPROC_CHANGE_RENAMED: c_int = 6;
/// cnproc_change.type: the process exited, with its last thread. Its entry is as it last was.
pub const CNPROC_CHANGE_EXITED: c_int = 7;
/// cnproc_change.type: the table is complete as of here.
pub const CNPROC_CHANGE_SYNCED: c_int = 8;
/// cnproc_change.type: `count` events were lost. The table is repaired, up to the next CNPROC_CHANGE_SYNCED.
pub const CNPROC_CHANGE_LOST: c_int = 9;
/// cnproc_change.type: an event as it was received (CNPROC_TRACK_RAW). The entry is that of no process.
pub const CNPROC_CHANGE_EVENT: c_int = 10;

/// cnproc_change.flags: no event reported it; the comparison with /proc showed it.
pub const CNPROC_INFERRED: u32 = 0x1_u32;
/// cnproc_change.flags: events were lost, and the process may be a later owner of the pid.
pub const CNPROC_IN_DOUBT: u32 = 0x2_u32;

/// A change of the table. Later versions may have more members: those of the entry.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct cnproc_change {
    /// CNPROC_CHANGE_*.
    pub r#type: u32,
    /// CNPROC_INFERRED, CNPROC_IN_DOUBT, or both.
    pub flags: u32,
    /// CNPROC_CHANGE_LOST: how many events; 0 if unknown.
    pub count: u64,
    /// The event behind it; zeros if there is none.
    pub event: cnproc_event,
    /// Zero. For later versions.
    pub reserved: [u64; 4],
    /// The process as it is now, or as it last was; zeros if the change is not of a process.
    pub entry: cnproc_entry,
}

// SAFETY: integers, for which all bytes are a value, and a union of them.
unsafe impl Extensible for cnproc_change {
    const V1_SIZE: usize = 216;
}

// SAFETY: 16 + 64 + 32 + 104 bytes, structs without padding, 8-aligned.
unsafe impl Unpadded for cnproc_change {}

impl cnproc_change {
    fn new(kind: c_int) -> Self {
        // SAFETY: all bytes are a value.
        let event = unsafe { core::mem::zeroed() };
        Self {
            r#type: kind as u32,
            flags: 0,
            count: 0,
            event,
            reserved: [0; 4],
            entry: cnproc_entry::NONE,
        }
    }

    fn of(kind: Kind, changed: &Changed<'_, u64>) -> Self {
        let mut change = Self::new(match kind {
            Kind::Found => CNPROC_CHANGE_FOUND,
            Kind::Started => CNPROC_CHANGE_STARTED,
            Kind::Executed => CNPROC_CHANGE_EXECUTED,
            Kind::Ids => CNPROC_CHANGE_IDS,
            Kind::Session => CNPROC_CHANGE_SESSION,
            Kind::Renamed => CNPROC_CHANGE_RENAMED,
            Kind::Exited => CNPROC_CHANGE_EXITED,
            _ => 0,
        });
        if changed.is_inferred() {
            change.flags |= CNPROC_INFERRED;
        }
        if changed.is_in_doubt() {
            change.flags |= CNPROC_IN_DOUBT;
        }
        if let Some(event) = changed.event() {
            change.event = event.into();
        }
        change
    }
}

/// What C gets of a change, without the entry: it needs the table.
fn header(change: &Change<'_, u64>) -> cnproc_change {
    if let Some((kind, changed)) = change.process() {
        return cnproc_change::of(kind, changed);
    }
    match change {
        Change::Synced => cnproc_change::new(CNPROC_CHANGE_SYNCED),
        Change::Lost(count) => {
            let count = *count;
            cnproc_change { count, ..cnproc_change::new(CNPROC_CHANGE_LOST) }
        }
        Change::Event(event) => {
            cnproc_change { event: event.into(), ..cnproc_change::new(CNPROC_CHANGE_EVENT) }
        }
        _ => cnproc_change::new(0),
    }
}

/// Waits for the next change of the table, and writes it. `size` is sizeof *change. `timeout_ms` -1 waits
/// indefinitely, 0 does not wait. The table is then as of this change: what was received since is not in it
/// yet. Returns 1; 0 after the timeout or cnproc_tracker_wake(); or
///
/// -EINTR           a signal handler ran, with or without SA_RESTART: nothing was lost, call again
/// -EINVAL          an argument is not valid
/// -CNPROC_EFULL    a process was left out because the table is full: call again
/// -CNPROC_EFORKED  the tracker belongs to another process
/// -ENOMEM, -ENOBUFS, -EMFILE, -ENFILE, or another errno of a system call
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cnproc_tracker_recv(
    t: *mut cnproc_tracker,
    change: *mut cnproc_change,
    size: usize,
    timeout_ms: c_int,
) -> c_int {
    // First: a change that could not be written would be lost.
    if timeout_ms < -1 || sized::check(change, size).is_err() {
        return INVALID;
    }
    let timeout = u64::try_from(timeout_ms).ok().map(Duration::from_millis);
    let mut receive = |tracker: &mut Tracker| {
        let Some(received) = tracker.recv(timeout)? else { return Ok(0) };
        let mut value = header(&received);
        if let Some((_, changed)) = received.process() {
            let id = changed.entry().id;
            let table = tracker.table();
            if let Some(entry) = table.get_id(id) {
                value.entry = cnproc_entry::new(entry, table.ppid(entry));
            }
        }
        // SAFETY: by contract `size` bytes long.
        let written = unsafe { sized::write(change, size, &value) };
        Ok(written.map_or_else(error::negative, |()| 1) as ssize_t)
    };
    // SAFETY: by contract.
    unsafe { with_tracker(t, &mut receive) as c_int }
}

impl fmt::Debug for cnproc_change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { r#type, flags, count, entry, .. } = self;
        let mut change = f.debug_struct("cnproc_change");
        change.field("type", r#type).field("flags", flags).field("count", count);
        change.field("entry", entry).finish_non_exhaustive()
    }
}

const_assert_eq!(size_of::<cnproc_change>(), 216);
const_assert_eq!(offset_of!(cnproc_change, entry), 112);
