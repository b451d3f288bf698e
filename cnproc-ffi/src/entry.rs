//! The table of a tracker.

use crate::error;
use crate::memory;
use crate::process::cnproc_process;
use crate::sized::{self, Extensible, Unpadded};
use crate::stats::cnproc_stats;
use crate::text::TextBuffer;
use crate::tracker::{cnproc_tracker, with_tracker};
use cnproc_track::{Entry, Error, Id, Known, Text, Tracker};
use core::ffi::{c_char, c_int};
use libc::ssize_t;
use static_assertions::const_assert_eq;

/// cnproc_entry.known: `comm`, as it is now.
pub const CNPROC_KNOWN_COMM: u32 = 0x1_u32;
/// cnproc_entry.known: `ruid` and `euid`.
pub const CNPROC_KNOWN_UID: u32 = 0x2_u32;
/// cnproc_entry.known: `rgid` and `egid`.
pub const CNPROC_KNOWN_GID: u32 = 0x4_u32;
/// cnproc_entry.known: `sid`.
pub const CNPROC_KNOWN_SESSION: u32 = 0x8_u32;
/// cnproc_entry.known: `creator_id`.
pub const CNPROC_KNOWN_CREATOR: u32 = 0x10_u32;
/// cnproc_entry.known: the command line is that of the present program.
pub const CNPROC_KNOWN_CMDLINE: u32 = 0x20_u32;
/// cnproc_entry.known: the path is that of the present program.
pub const CNPROC_KNOWN_EXE: u32 = 0x40_u32;
/// cnproc_entry.known: the control groups, as of the scan, the fork or the last exec.
pub const CNPROC_KNOWN_CGROUP: u32 = 0x80_u32;
/// cnproc_entry.known: `ppid`.
pub const CNPROC_KNOWN_PPID: u32 = 0x100_u32;
/// cnproc_entry.known: `exit_code`. Only of a process that has exited.
pub const CNPROC_KNOWN_EXIT_CODE: u32 = 0x200_u32;

// Rust's bits, written out for cbindgen.
const_assert_eq!(CNPROC_KNOWN_COMM, Known::COMM.bits());
const_assert_eq!(CNPROC_KNOWN_UID, Known::UID.bits());
const_assert_eq!(CNPROC_KNOWN_GID, Known::GID.bits());
const_assert_eq!(CNPROC_KNOWN_SESSION, Known::SESSION.bits());
const_assert_eq!(CNPROC_KNOWN_CREATOR, Known::CREATOR.bits());
const_assert_eq!(CNPROC_KNOWN_CMDLINE, Known::CMDLINE.bits());
const_assert_eq!(CNPROC_KNOWN_EXE, Known::EXE.bits());
const_assert_eq!(CNPROC_KNOWN_CGROUP, Known::CGROUP.bits());

/// A process of the table. What is not known is 0, or as it was before. Later versions may have more members.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct cnproc_entry {
    /// Never given to another process while the tracker is open, and never 0.
    pub id: u64,
    /// The process that forked it, which may have exited; 0 if unknown.
    pub creator_id: u64,
    /// Its process id.
    pub pid: i32,
    /// Its parent now; 0 for the kernel's children, or if unknown.
    pub ppid: i32,
    /// Its session.
    pub sid: i32,
    /// Which members and texts are known: CNPROC_KNOWN_*.
    pub known: u32,
    /// Real user id.
    pub ruid: u32,
    /// Effective user id.
    pub euid: u32,
    /// Real group id.
    pub rgid: u32,
    /// Effective group id.
    pub egid: u32,
    /// When it started: nanoseconds of CLOCK_MONOTONIC; to the clock tick if it was found by a scan.
    pub start_ns: u64,
    /// When it executed its present program; 0 if that was not seen.
    pub exec_ns: u64,
    /// When it exited; 0 if it has not, or if that was not seen.
    pub exit_ns: u64,
    /// The caller's own: 0, or that of cnproc_tracker_set_user().
    pub user: u64,
    /// How it exited: the wait status of the process, for WIFEXITED() and WIFSIGNALED().
    pub exit_code: u32,
    /// Zero. For later versions.
    pub reserved: u32,
    /// Its name. Bytes after the first NUL are zero.
    pub comm: [c_char; 16],
}

// SAFETY: integers, for which all bytes are a value.
unsafe impl Extensible for cnproc_entry {
    const V1_SIZE: usize = 104;
}

// SAFETY: 2 * 8 + 8 * 4 + 4 * 8 + 2 * 4 + 16 bytes, 8-aligned.
unsafe impl Unpadded for cnproc_entry {}

impl cnproc_entry {
    /// All zeros: no process.
    pub(crate) const NONE: Self = Self {
        id: 0,
        creator_id: 0,
        pid: 0,
        ppid: 0,
        sid: 0,
        known: 0,
        ruid: 0,
        euid: 0,
        rgid: 0,
        egid: 0,
        start_ns: 0,
        exec_ns: 0,
        exit_ns: 0,
        user: 0,
        exit_code: 0,
        reserved: 0,
        comm: [0; 16],
    };

    /// An entry for C, and its parent, if that is known.
    #[inline(never)]
    pub(crate) fn new(entry: &Entry<u64>, ppid: Option<i32>) -> Self {
        let mut known = entry.known.bits();
        if ppid.is_some() {
            known |= CNPROC_KNOWN_PPID;
        }
        if entry.status.is_some() {
            known |= CNPROC_KNOWN_EXIT_CODE;
        }
        Self {
            id: entry.id.get(),
            creator_id: entry.creator.map_or(0, Id::get),
            pid: entry.pid,
            ppid: ppid.unwrap_or(0),
            sid: entry.sid,
            known,
            ruid: entry.ruid,
            euid: entry.euid,
            rgid: entry.rgid,
            egid: entry.egid,
            start_ns: entry.start_ns,
            exec_ns: entry.exec_ns,
            exit_ns: entry.exit_ns,
            user: entry.user,
            exit_code: entry.status.map_or(0, |status| status.0),
            reserved: 0,
            comm: entry.comm.map(|byte| byte as c_char),
        }
    }
}

/// Finds a process by its id: also one that has exited, while it is kept.
fn find(tracker: &Tracker, id: u64) -> Result<Id, Error> {
    let id = Id::new(id).filter(|id| tracker.table().get_id(*id).is_some());
    id.ok_or(Error::NoSuchProcess)
}

/// Writes the entry of the process that `find` returns.
///
/// # Safety
/// That of [`with_tracker`] and of [`sized::write`].
unsafe fn get(
    t: *const cnproc_tracker,
    entry: *mut cnproc_entry,
    size: usize,
    choose: &mut dyn FnMut(&Tracker) -> Result<Id, Error>,
) -> c_int {
    let mut get = |tracker: &mut Tracker| {
        let id = choose(tracker)?;
        let ppid = tracker.ppid(id)?;
        let table = tracker.table();
        let Some(found) = table.get_id(id) else { return Err(Error::NoSuchProcess) };
        // One that has exited keeps its last parent, while that is there.
        let ppid = ppid.or_else(|| table.ppid(found));
        // SAFETY: by contract `size` bytes long; NULL is checked there.
        let written = unsafe { sized::write(entry, size, &cnproc_entry::new(found, ppid)) };
        Ok(written.map_or_else(error::negative, |()| 0) as ssize_t)
    };
    // SAFETY: by contract.
    unsafe { with_tracker(t, &mut get) as c_int }
}

/// Writes the entry of the process that has this pid, as of the change returned last. `size` is sizeof
/// *entry. If its former parent has exited, `ppid` is looked up in /proc. Returns 0, or
///
/// -ESRCH           no process in the table has it
/// -EINVAL          an argument is not valid
/// -CNPROC_EFORKED  the tracker belongs to another process
/// -EMFILE, -ENFILE, or another errno of a system call
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cnproc_tracker_get(
    t: *mut cnproc_tracker,
    pid: i32,
    entry: *mut cnproc_entry,
    size: usize,
) -> c_int {
    let mut choose = |tracker: &Tracker| {
        tracker.table().get(pid).map(|entry| entry.id).ok_or(Error::NoSuchProcess)
    };
    // SAFETY: by contract.
    unsafe { get(t, entry, size, &mut choose) }
}

/// As cnproc_tracker_get(), by id: also of a process that has exited, while it is kept.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cnproc_tracker_get_id(
    t: *mut cnproc_tracker,
    id: u64,
    entry: *mut cnproc_entry,
    size: usize,
) -> c_int {
    // SAFETY: by contract.
    unsafe { get(t, entry, size, &mut |tracker| find(tracker, id)) }
}

/// Writes the next process of the table, and moves *cursor on, which is 0 at first. Visits every process that
/// is in the table all the time once, in no particular order. Looks nothing up in /proc. Returns 1, 0 behind
/// the last one, or
///
/// -EINVAL          an argument is not valid
/// -CNPROC_EFORKED  the tracker belongs to another process
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cnproc_tracker_next(
    t: *mut cnproc_tracker,
    cursor: *mut u64,
    entry: *mut cnproc_entry,
    size: usize,
) -> c_int {
    if cursor.is_null() {
        return error::INVALID;
    }
    let mut next = |tracker: &mut Tracker| {
        // SAFETY: not NULL, and by contract points to an integer, which may be misaligned.
        let mut place = usize::try_from(unsafe { cursor.read_unaligned() }).unwrap_or(usize::MAX);
        let table = tracker.table();
        let found = table.next(&mut place).map(|next| cnproc_entry::new(next, table.ppid(next)));
        // SAFETY: by contract `size` bytes long; NULL is checked there.
        let written = unsafe { sized::write(entry, size, &found.unwrap_or(cnproc_entry::NONE)) };
        if let Err(errno) = written {
            return Ok(error::negative(errno) as ssize_t);
        }
        // SAFETY: as above.
        unsafe { cursor.write_unaligned(place as u64) };
        Ok(ssize_t::from(found.is_some()))
    };
    // SAFETY: by contract.
    unsafe { with_tracker(t, &mut next) as c_int }
}

/// # Safety
/// That of [`with_tracker`] and of [`TextBuffer::new`].
unsafe fn text(
    t: *const cnproc_tracker,
    id: u64,
    text: Text,
    buf: *mut c_char,
    len: usize,
) -> ssize_t {
    // SAFETY: by contract.
    let Some(mut buffer) = (unsafe { TextBuffer::new(buf, len) }) else {
        return error::INVALID as ssize_t;
    };
    let mut write = |tracker: &mut Tracker| {
        let id = find(tracker, id)?;
        Ok(buffer.write(tracker.table().text(id, text).unwrap_or_default()) as ssize_t)
    };
    // SAFETY: by contract.
    unsafe { with_tracker(t, &mut write) }
}

/// Writes the command line that is kept of a process, as snprintf does: at most `len` bytes, with a final NUL.
/// It is that of its present program, or inherited from the program of its parent at the fork, if `known` has
/// CNPROC_KNOWN_CMDLINE; otherwise it may be out of date. `buf` may be NULL if `len` is 0. Each argument ends
/// with a NUL. Returns the length of what is kept; 0 if there is none; or
///
/// -ESRCH           no process in the table has that id
/// -EINVAL          an argument is not valid
/// -CNPROC_EFORKED  the tracker belongs to another process
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cnproc_tracker_cmdline(
    t: *mut cnproc_tracker,
    id: u64,
    buf: *mut c_char,
    len: usize,
) -> ssize_t {
    // SAFETY: by contract.
    unsafe { text(t, id, Text::Cmdline, buf, len) }
}

/// Writes the path of the program that is kept of a process; otherwise as cnproc_tracker_cmdline().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cnproc_tracker_exe(
    t: *mut cnproc_tracker,
    id: u64,
    buf: *mut c_char,
    len: usize,
) -> ssize_t {
    // SAFETY: by contract.
    unsafe { text(t, id, Text::Exe, buf, len) }
}

/// Writes the control groups that are kept of a process, in the form of /proc/PID/cgroup; otherwise as
/// cnproc_tracker_cmdline().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cnproc_tracker_cgroup(
    t: *mut cnproc_tracker,
    id: u64,
    buf: *mut c_char,
    len: usize,
) -> ssize_t {
    // SAFETY: by contract.
    unsafe { text(t, id, Text::Cgroup, buf, len) }
}

/// Sets `user` of a process. Returns 0, or
///
/// -ESRCH           no process in the table has that id
/// -EINVAL          `t` is NULL
/// -CNPROC_EFORKED  the tracker belongs to another process
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cnproc_tracker_set_user(
    t: *mut cnproc_tracker,
    id: u64,
    user: u64,
) -> c_int {
    let mut set = |tracker: &mut Tracker| {
        let id = find(tracker, id)?;
        if let Some(place) = tracker.user_mut(id) {
            *place = user;
        }
        Ok(0)
    };
    // SAFETY: by contract.
    unsafe { with_tracker(t, &mut set) as c_int }
}

/// Opens a process of the table: all facts then come from that one process. It is CNPROC_IDENTITY_PROVEN. On
/// success *out is the process, to be closed with cnproc_process_close(). Returns 0, or
///
/// -ESRCH               it has exited, or no process in the table has that id
/// -EINVAL              an argument is not valid
/// -CNPROC_EUNREADABLE  a file in /proc/PID has an unknown form
/// -CNPROC_EFORKED      the tracker belongs to another process
/// -ENOMEM, -EMFILE, -ENFILE, or another errno of a system call
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cnproc_tracker_process(
    out: *mut *mut cnproc_process,
    t: *mut cnproc_tracker,
    id: u64,
) -> c_int {
    if out.is_null() {
        return error::INVALID;
    }
    let mut open = |tracker: &mut Tracker| {
        let id = find(tracker, id)?;
        let Some(process) = memory::place(cnproc_process { process: tracker.process(id)? }) else {
            return Ok(error::negative(libc::ENOMEM) as ssize_t);
        };
        // SAFETY: not NULL, and by contract points to a pointer, which may be misaligned.
        unsafe { out.write_unaligned(process.as_ptr()) };
        Ok(0)
    };
    // SAFETY: by contract.
    unsafe { with_tracker(t, &mut open) as c_int }
}

/// What a tracker has seen since it was opened. Later versions may have more members.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct cnproc_tracker_stats {
    /// Processes in the table.
    pub processes: u64,
    /// Comparisons with /proc completed, after the first.
    pub resyncs: u64,
    /// Changes that no event reported.
    pub inferred: u64,
    /// Memory that the table has in use, in bytes, without the index by pid: of that, 4 bytes for each pid, only
    /// pages are in use where a pid was.
    pub memory_bytes: u64,
    /// Zero. For later versions.
    pub reserved: [u64; 4],
    /// Its listener's.
    pub listener: cnproc_stats,
}

// SAFETY: integers, for which all bytes are a value.
unsafe impl Extensible for cnproc_tracker_stats {
    const V1_SIZE: usize = 176;
}

// SAFETY: 8 * 8 bytes and a struct of 112 without padding, 8-aligned.
unsafe impl Unpadded for cnproc_tracker_stats {}

/// Writes what the tracker has seen since it was opened. `size` is sizeof *stats. Returns 0, or
///
/// -EINVAL          an argument is not valid
/// -CNPROC_EFORKED  the tracker belongs to another process
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cnproc_tracker_get_stats(
    t: *const cnproc_tracker,
    stats: *mut cnproc_tracker_stats,
    size: usize,
) -> c_int {
    let mut get = |tracker: &mut Tracker| {
        let seen = tracker.stats();
        let value = cnproc_tracker_stats {
            processes: seen.processes as u64,
            resyncs: seen.resyncs,
            inferred: seen.inferred,
            memory_bytes: seen.memory_bytes as u64,
            reserved: [0; 4],
            listener: seen.listener.into(),
        };
        // SAFETY: by contract `size` bytes long; NULL is checked there.
        let written = unsafe { sized::write(stats, size, &value) };
        Ok(written.map_or_else(error::negative, |()| 0) as ssize_t)
    };
    // SAFETY: by contract.
    unsafe { with_tracker(t, &mut get) as c_int }
}

const_assert_eq!(size_of::<cnproc_entry>(), 104);
const_assert_eq!(size_of::<cnproc_tracker_stats>(), 176);
