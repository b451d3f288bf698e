//! Opening and closing a listener.

use crate::cancel::Uncancellable;
use crate::error::{self, INVALID};
use crate::memory;
use crate::sized::{self, Extensible};
use cnproc_parse::EventMask;
use cnproc_sys::{Call, Error, Listener, Options, Waker};
use core::cell::{Cell, UnsafeCell};
use core::ffi::{c_char, c_int};
use core::mem::offset_of;
use core::ptr::NonNull;
use core::time::Duration;
use libc::ssize_t;

/// A listener. One thread at a time may use it; cnproc_wake() is the exception.
//
// Only shared references to it are made, so that one thread may be in a function and another in cnproc_wake.
#[derive(Debug)]
pub struct cnproc {
    listener: UnsafeCell<Listener>,
    pub(crate) waker: Waker,
    failed_call: Cell<Option<Call>>,
}

/// A function that is run on a listener. Its result is not negative, or a negative error number.
pub(crate) type Function<'a> = &'a mut dyn FnMut(&mut Listener) -> Result<ssize_t, Error>;

/// Runs a function on a listener, without cancellation. Returns its result or the negative error number, and
/// remembers which system call failed.
//
// Not generic, so that the code exists once.
///
/// # Safety
/// `cp` must be NULL or a handle of `cnproc_open` that has not been closed, and no other function may be
/// running on it except `cnproc_wake`.
pub(crate) unsafe fn with_listener(cp: *const cnproc, function: Function<'_>) -> ssize_t {
    // SAFETY: by contract NULL, or valid and not freed before the function returns. No exclusive reference to
    // the handle as a whole is made until it is closed.
    let Some(cp) = (unsafe { cp.as_ref() }) else { return INVALID as ssize_t };
    let _uncancellable = Uncancellable::new();
    // SAFETY: by contract this is the only function that runs on the handle, except cnproc_wake, which reaches
    // only `waker`; so this is the only reference to the listener.
    let listener = unsafe { &mut *cp.listener.get() };
    function(listener).unwrap_or_else(|error| {
        cp.failed_call.set(error::failed_call(&error));
        error::number(&error) as ssize_t
    })
}

/// cnproc_options.flags: deliver acknowledgements, too: this listener's own, and those of others.
pub const CNPROC_OPEN_ACKS: u32 = 0x1_u32;
/// cnproc_options.flags: drop events that concern only a thread (cnproc_event_is_thread).
pub const CNPROC_OPEN_SKIP_THREADS: u32 = 0x2_u32;
/// cnproc_options.flags: receive events through a ring buffer instead of the socket's queue, where that is
/// possible. cnproc_stats.source is where they come from.
pub const CNPROC_OPEN_RING: u32 = 0x4_u32;

/// Options of cnproc_open(). Zero the struct, set members, and pass its size: later versions may have more
/// members.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct cnproc_options {
    /// CNPROC_OPEN_*, or 0.
    pub flags: u64,
    /// The types wanted, a mask of CNPROC_EVENT_*; 0 for all. The kernel drops the others.
    pub events: u32,
    /// The receive buffer to request, in bytes; 0 for 16 MiB. The kernel grants twice that; without
    /// CAP_NET_ADMIN no more than the sysctl net.core.rmem_max allows.
    pub receive_buffer: u32,
    /// How long to wait for the kernel's acknowledgement; 0 for 2000.
    pub ack_timeout_ms: u32,
    /// Wake-up coalescing: delays events by up to that many microseconds so that one wake-up delivers many;
    /// 0 for none. The delay ends early when the receive buffer is a quarter full.
    pub coalesce_us: u32,
    /// If not NULL: where a failing cnproc_open() writes the name of the system call that failed, or NULL if
    /// the error has another cause. Not written if an argument is not valid. The string is constant.
    pub failed_call: *mut *const c_char,
}

// SAFETY: integers, for which all bytes are a value, and a pointer, for which they are, too.
unsafe impl Extensible for cnproc_options {
    const V1_SIZE: usize = offset_of!(Self, failed_call);
}

/// A mask as C passes it: 0 is all. `None` if a bit is not an event type.
fn mask(events: u32) -> Option<EventMask> {
    if events == 0 { Some(EventMask::ALL) } else { EventMask::from_bits(events) }
}

impl cnproc_options {
    /// The options for Rust. `None` if a flag or an event type is unknown.
    fn to_rust(self) -> Option<Options> {
        let [acks, skip_threads, ring] =
            [CNPROC_OPEN_ACKS, CNPROC_OPEN_SKIP_THREADS, CNPROC_OPEN_RING].map(u64::from);
        if self.flags & !(acks | skip_threads | ring) != 0 {
            return None;
        }
        let mut options = Listener::options()
            .events(mask(self.events)?)
            .acks(self.flags & acks != 0)
            .skip_threads(self.flags & skip_threads != 0)
            .ring(self.flags & ring != 0)
            .coalesce(Duration::from_micros(self.coalesce_us.into()));
        if self.receive_buffer != 0 {
            options = options.receive_buffer(self.receive_buffer);
        }
        if self.ack_timeout_ms != 0 {
            options = options.ack_timeout(Duration::from_millis(self.ack_timeout_ms.into()));
        }
        Some(options)
    }
}

fn open(options: Options) -> Result<cnproc, Error> {
    let listener = options.open()?;
    let waker = listener.waker()?;
    Ok(cnproc { listener: UnsafeCell::new(listener), waker, failed_call: Cell::new(None) })
}

/// Opens a listener, and waits until the kernel has acknowledged it. `options` NULL: all events, and `size`
/// is ignored; otherwise `size` is sizeof *options. On success *out is the listener, to be closed with
/// cnproc_close(). Returns 0, or
///
/// -CNPROC_EPERM          not permitted: before Linux 6.6 this requires CAP_NET_ADMIN
/// -CNPROC_ESANDBOX       a sandbox or a security module refuses netlink sockets
/// -CNPROC_ENOCONNECTOR   the kernel has no connector
/// -CNPROC_ENOPROCEVENTS  the kernel's connector has no process events
/// -CNPROC_ENETNS         not in the initial network namespace
/// -CNPROC_EUSERNS        not in the initial user namespace
/// -CNPROC_EPIDNS         not in the initial pid namespace
/// -CNPROC_ENOACK         the kernel did not acknowledge the request in time
/// -CNPROC_EREFUSED       the kernel refused the request with an unexpected error
/// -EINVAL, -E2BIG        an argument is not valid; the options are of a later version
/// -ENOMEM, -EMFILE, -ENFILE, -ENOBUFS, -EAGAIN, -EPERM, or another errno of a system call
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cnproc_open(
    out: *mut *mut cnproc,
    options: *const cnproc_options,
    size: usize,
) -> c_int {
    if out.is_null() {
        return INVALID;
    }
    let (wanted, failed_call) = if options.is_null() {
        (Some(Listener::options()), None)
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
        Ok(Some(cp)) => {
            // SAFETY: `out` is not NULL, and by contract points to a pointer, which may be misaligned.
            unsafe { out.write_unaligned(cp.as_ptr()) };
            return 0;
        }
        Ok(None) => (error::negative(libc::ENOMEM), None),
        Err(error) => (error::number(&error), error::failed_call(&error)),
    };
    if let Some(failed_call) = failed_call {
        // SAFETY: not NULL, and by contract points to a pointer, which may be misaligned.
        unsafe { failed_call.write_unaligned(error::call_name(call)) };
    }
    number
}

/// Sends IGNORE to the kernel, closes the listener's descriptors, and frees the handle. In a process that does
/// not own the listener (see cnproc_adopt) it only closes that process's descriptors. NULL is ignored.
/// errno stays as it is.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cnproc_close(cp: *mut cnproc) {
    let Some(cp) = NonNull::new(cp) else { return };
    let _uncancellable = Uncancellable::new();
    // SAFETY: by contract from cnproc_open, which placed it there, and used by nobody any more.
    unsafe { memory::release(cp) };
}

/// Makes the calling process the owner of the listener: a forked child takes it over from its parent, for
/// example in a daemon that opens the listener before it forks. In the former owner every function except
/// cnproc_close() and cnproc_adopt() then fails with -CNPROC_EFORKED. Returns 0, or
///
/// -EINVAL          `cp` is NULL
/// -CNPROC_EFORKED  the owner has closed the listener: nothing would be received any more
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cnproc_adopt(cp: *mut cnproc) -> c_int {
    // SAFETY: by contract.
    unsafe { with_listener(cp, &mut |listener| listener.adopt().map(|()| 0)) as c_int }
}

/// Changes the types of events wanted: a mask of CNPROC_EVENT_*, or 0 for all. Events that are already queued
/// are checked against the new mask, too. After an error the old mask is in force. Returns 0, or
///
/// -EINVAL          an argument is not valid
/// -CNPROC_EFORKED  the listener belongs to another process
/// -CNPROC_ESANDBOX, -CNPROC_EPERM, -CNPROC_EUSERNS  a first filter requires a second socket, and that is refused
/// -ENOMEM, or another errno of a system call
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cnproc_set_events(cp: *mut cnproc, events: u32) -> c_int {
    let Some(events) = mask(events) else { return INVALID };
    // SAFETY: by contract.
    unsafe { with_listener(cp, &mut |listener| listener.set_events(events).map(|()| 0)) as c_int }
}

/// Returns the name of the system call because of which a function last failed on this listener, such as
/// "recvmmsg"; NULL if that failure had another cause, or if there was none. The string is constant.
/// Where cnproc_open() fails there is no listener: see cnproc_options.failed_call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cnproc_last_call(cp: *const cnproc) -> *const c_char {
    // SAFETY: as in `with_listener`. The cell is not written meanwhile: no other function runs that does.
    let cp = unsafe { cp.as_ref() };
    error::call_name(cp.and_then(|cp| cp.failed_call.get()))
}
