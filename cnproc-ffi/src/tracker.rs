//! Trackers.

use crate::cancel::Uncancellable;
use crate::error::{self, INVALID};
use crate::memory;
use crate::resume;
use crate::sized::{self, Extensible};
use cnproc_sys::{Call, Waker};
use cnproc_track::{Error, Options, Scope, Tracker};
use core::cell::{Cell, UnsafeCell};
use core::ffi::{c_char, c_int};
use core::mem::offset_of;
use core::ptr::NonNull;
use core::time::Duration;
use libc::ssize_t;

/// A tracker: a listener, and a table of the machine's processes that it keeps complete. One thread at a time
/// may use it; cnproc_tracker_wake() is the exception.
//
// Only shared references to it are made, as to a `cnproc`.
#[derive(Debug)]
pub struct cnproc_tracker {
    tracker: UnsafeCell<Tracker>,
    waker: Waker,
    failed_call: Cell<Option<Call>>,
}

/// A function that is run on a tracker. Its result is not negative, or a negative error number.
pub(crate) type Function<'a> = &'a mut dyn FnMut(&mut Tracker) -> Result<ssize_t, Error>;

/// As `with_listener`, of a tracker.
///
/// # Safety
/// `t` must be NULL or a handle of `cnproc_tracker_open` that has not been closed, and no other function may
/// be running on it except `cnproc_tracker_wake`.
pub(crate) unsafe fn with_tracker(t: *const cnproc_tracker, function: Function<'_>) -> ssize_t {
    let mut owned = |tracker: &mut Tracker| {
        tracker.check_owner()?;
        function(tracker)
    };
    // SAFETY: by contract.
    unsafe { with_any_owner(t, &mut owned) }
}

/// # Safety
/// That of [`with_tracker`].
unsafe fn with_any_owner(t: *const cnproc_tracker, function: Function<'_>) -> ssize_t {
    // SAFETY: by contract NULL, or valid and not freed before the function returns. No exclusive reference to
    // the handle as a whole is made until it is closed.
    let Some(t) = (unsafe { t.as_ref() }) else { return INVALID as ssize_t };
    let _uncancellable = Uncancellable::new();
    // SAFETY: by contract this is the only function that runs on the handle, except cnproc_tracker_wake, which
    // reaches only `waker`; so this is the only reference to the tracker.
    let tracker = unsafe { &mut *t.tracker.get() };
    function(tracker).unwrap_or_else(|error| {
        t.failed_call.set(error::tracker_failed_call(&error));
        error::tracker_number(&error) as ssize_t
    })
}

/// cnproc_tracker_options.flags: read and keep the command line of each process.
pub const CNPROC_TRACK_CMDLINE: u32 = 0x1_u32;
/// cnproc_tracker_options.flags: read and keep the path of each process's program.
pub const CNPROC_TRACK_EXE: u32 = 0x2_u32;
/// cnproc_tracker_options.flags: read and keep the control groups of each process.
pub const CNPROC_TRACK_CGROUP: u32 = 0x4_u32;
/// cnproc_tracker_options.flags: return each event, too, before the changes that it causes.
pub const CNPROC_TRACK_RAW: u32 = 0x8_u32;
/// cnproc_tracker_options.flags: receive events through a ring buffer, where that is possible.
pub const CNPROC_TRACK_RING: u32 = 0x10_u32;

/// cnproc_tracker_options.scope: all processes of the machine.
pub const CNPROC_SCOPE_ALL: c_int = 0;
/// cnproc_tracker_options.scope: those of cnproc_tracker_add().
pub const CNPROC_SCOPE_CHOSEN: c_int = 1;
/// cnproc_tracker_options.scope: those of cnproc_tracker_add(), and their descendants.
pub const CNPROC_SCOPE_DESCENDANTS: c_int = 2;

/// More text of a process than this is of no use, and might be a mistake.
const MAX_TEXT_BYTES: u32 = 64 * 1024;

/// Options of cnproc_tracker_open(). Zero the struct, set members, and pass its size: later versions may have
/// more members.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct cnproc_tracker_options {
    /// CNPROC_TRACK_*. Texts are read when a process is found, and at each exec.
    pub flags: u64,
    /// Which processes are in the table: CNPROC_SCOPE_*.
    pub scope: u32,
    /// As in struct cnproc_options.
    pub receive_buffer: u32,
    /// As in struct cnproc_options.
    pub ack_timeout_ms: u32,
    /// As in struct cnproc_options.
    pub coalesce_us: u32,
    /// How many processes may be in the table at a time; 0 for as many as the kernel allows. Only as many as
    /// there are take memory.
    pub max_processes: u32,
    /// How many bytes are kept of each text, at most 65536; 0 for 256.
    pub text_bytes: u32,
    /// How many processes that have exited are kept for cnproc_tracker_get_id(); 0 for the last one.
    pub keep_ended: u32,
    /// Zero.
    pub reserved: u32,
    /// As in struct cnproc_options.
    pub failed_call: *mut *const c_char,
}

// SAFETY: integers, for which all bytes are a value, and a pointer, for which they are, too.
unsafe impl Extensible for cnproc_tracker_options {
    const V1_SIZE: usize = offset_of!(Self, failed_call) + size_of::<*const c_char>();
}

impl cnproc_tracker_options {
    /// The options for Rust. `None` if one is not valid.
    fn to_rust(self) -> Option<Options> {
        let flags = u32::try_from(self.flags).ok()?;
        let known = CNPROC_TRACK_CMDLINE
            | CNPROC_TRACK_EXE
            | CNPROC_TRACK_CGROUP
            | CNPROC_TRACK_RAW
            | CNPROC_TRACK_RING;
        if flags & !known != 0 || self.reserved != 0 || self.text_bytes > MAX_TEXT_BYTES {
            return None;
        }
        let scope = match c_int::try_from(self.scope).ok()? {
            CNPROC_SCOPE_ALL => Scope::All,
            CNPROC_SCOPE_CHOSEN => Scope::Chosen,
            CNPROC_SCOPE_DESCENDANTS => Scope::Descendants,
            _ => return None,
        };
        let mut options = Tracker::options()
            .scope(scope)
            .cmdline(flags & CNPROC_TRACK_CMDLINE != 0)
            .exe(flags & CNPROC_TRACK_EXE != 0)
            .cgroup(flags & CNPROC_TRACK_CGROUP != 0)
            .raw(flags & CNPROC_TRACK_RAW != 0)
            .ring(flags & CNPROC_TRACK_RING != 0)
            .keep_ended(self.keep_ended as usize)
            .coalesce(Duration::from_micros(self.coalesce_us.into()));
        if self.receive_buffer != 0 {
            options = options.receive_buffer(self.receive_buffer);
        }
        if self.ack_timeout_ms != 0 {
            options = options.ack_timeout(Duration::from_millis(self.ack_timeout_ms.into()));
        }
        if self.max_processes != 0 {
            options = options.max_processes(self.max_processes as usize);
        }
        if self.text_bytes != 0 {
            options = options.text_bytes(self.text_bytes as usize);
        }
        Some(options)
    }
}

fn open(options: Options) -> Result<cnproc_tracker, Error> {
    let tracker = options.open()?;
    let waker = tracker.waker()?;
    Ok(cnproc_tracker { tracker: UnsafeCell::new(tracker), waker, failed_call: Cell::new(None) })
}

/// Opens a tracker. `options` NULL: all processes, without texts, and `size` is ignored; otherwise `size` is
/// sizeof *options. On success *out is the tracker, to be closed with cnproc_tracker_close(). The first
/// changes that it returns are those of a scan of /proc, up to CNPROC_CHANGE_SYNCED. Returns 0, an error of
/// cnproc_open(), or
///
/// -CNPROC_EHIDDEN    /proc hides the processes of other users (hidepid)
/// -CNPROC_ENOPROCFS  /proc is not mounted, or belongs to another pid namespace
/// -EINVAL, -E2BIG    an argument is not valid; the options are of a later version
/// -ENOMEM, -EMFILE, -ENFILE, or another errno of a system call
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cnproc_tracker_open(
    out: *mut *mut cnproc_tracker,
    options: *const cnproc_tracker_options,
    size: usize,
) -> c_int {
    if out.is_null() {
        return INVALID;
    }
    let (wanted, failed_call) = if options.is_null() {
        (Some(Tracker::options()), None)
    } else {
        // SAFETY: not NULL, and by contract `size` bytes long.
        match unsafe { sized::read(options, size) } {
            Ok(options) => (options.to_rust(), NonNull::new(options.failed_call)),
            Err(errno) => return error::negative(errno),
        }
    };
    let Some(wanted) = wanted else { return INVALID };
    let _uncancellable = Uncancellable::new();
    let (number, call) = match open(wanted).map(memory::place) {
        Ok(Some(t)) => {
            // SAFETY: `out` is not NULL, and by contract points to a pointer, which may be misaligned.
            unsafe { out.write_unaligned(t.as_ptr()) };
            return 0;
        }
        Ok(None) => (error::negative(libc::ENOMEM), None),
        Err(error) => (error::tracker_number(&error), error::tracker_failed_call(&error)),
    };
    if let Some(failed_call) = failed_call {
        // SAFETY: not NULL, and by contract points to a pointer, which may be misaligned.
        unsafe { failed_call.write_unaligned(error::call_name(call)) };
    }
    number
}

/// Closes the tracker as cnproc_close() does a listener, and frees the table. NULL is ignored. errno stays as
/// it is.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cnproc_tracker_close(t: *mut cnproc_tracker) {
    let Some(t) = NonNull::new(t) else { return };
    let _uncancellable = Uncancellable::new();
    // SAFETY: by contract from cnproc_tracker_open, which placed it there, and used by nobody any more.
    unsafe { memory::release(t) };
}

/// Returns the descriptor, for poll(), epoll and event loops: as cnproc_fd(). Call cnproc_tracker_recv() with
/// timeout 0 until it returns 0 before each wait, also the first. Or returns
///
/// -EINVAL          `t` is NULL
/// -CNPROC_EFORKED  the tracker belongs to another process
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cnproc_tracker_fd(t: *const cnproc_tracker) -> c_int {
    // SAFETY: by contract.
    unsafe { with_tracker(t, &mut |tracker| Ok(tracker.raw_fd() as ssize_t)) as c_int }
}

/// Ends the wait of a cnproc_tracker_recv() in another thread, or of the next one: it returns 0. May be
/// called as cnproc_wake(): by any thread at any time, and by signal handlers. NULL is ignored.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cnproc_tracker_wake(t: *mut cnproc_tracker) {
    // SAFETY: by contract NULL or a handle that is not closed before this returns. A function that runs in
    // another thread, or that a signal handler has interrupted, holds references to the handle as a whole that
    // are shared, and exclusive ones only to its tracker, which is not reached here.
    if let Some(t) = unsafe { t.as_ref() } {
        t.waker.wake();
    }
}

/// Takes the process that has this pid into the scope; its descendants, too, if that is
/// CNPROC_SCOPE_DESCENDANTS. cnproc_tracker_recv() returns them as found or started. Waits for a child that
/// was just forked until it has run. Returns 0, or
///
/// -ESRCH           no process has that pid
/// -CNPROC_EFULL    the table is full
/// -EINVAL          `t` is NULL
/// -CNPROC_EFORKED  the tracker belongs to another process
/// -ENOMEM, -EMFILE, -ENFILE, or another errno of a system call
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cnproc_tracker_add(t: *mut cnproc_tracker, pid: i32) -> c_int {
    // SAFETY: by contract.
    unsafe { with_tracker(t, &mut |tracker| tracker.add(pid).map(|()| 0)) as c_int }
}

/// Compares the table with /proc, as after a loss: cnproc_tracker_recv() returns the differences, and then
/// CNPROC_CHANGE_SYNCED. Losses cause that by themselves. Returns 0, or
///
/// -EINVAL          `t` is NULL
/// -CNPROC_EFORKED  the tracker belongs to another process
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cnproc_tracker_resync(t: *mut cnproc_tracker) -> c_int {
    let mut resync = |tracker: &mut Tracker| {
        tracker.resync();
        Ok(0)
    };
    // SAFETY: by contract.
    unsafe { with_tracker(t, &mut resync) as c_int }
}

/// Finds out whether the kernel still generates events, and enables them if not: as cnproc_resume(). If it
/// did not, the table is compared with /proc. Returns CNPROC_RESUMED_*, or an error of cnproc_resume().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cnproc_tracker_resume(t: *mut cnproc_tracker) -> c_int {
    let mut resume = |tracker: &mut Tracker| Ok(resume::number(tracker.resume()?) as ssize_t);
    // SAFETY: by contract.
    unsafe { with_tracker(t, &mut resume) as c_int }
}

/// In a forked child: takes the tracker over, as cnproc_adopt() does a listener. Returns 0, or an error of
/// cnproc_adopt().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cnproc_tracker_adopt(t: *mut cnproc_tracker) -> c_int {
    // SAFETY: by contract.
    unsafe { with_any_owner(t, &mut |tracker| tracker.adopt().map(|()| 0)) as c_int }
}

/// Returns the name of the system call because of which a function last failed on this tracker: as
/// cnproc_last_call().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cnproc_tracker_last_call(t: *const cnproc_tracker) -> *const c_char {
    // SAFETY: as in `with_any_owner`. The cell is not written meanwhile: no other function runs that does.
    error::call_name(unsafe { t.as_ref() }.and_then(|t| t.failed_call.get()))
}
