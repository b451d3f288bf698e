//! The handle: open, descriptor, mask, check, close.

use crate::ret;
use crate::sized;
use cnproc_parse::EventMask;
use cnproc_sys::{Listener, Resumed};
use core::ffi::c_int;
use core::time::Duration;

/// A listener. One thread at a time uses it, any thread.
#[derive(Debug)]
pub struct cnproc {
    pub(crate) listener: Listener,
}

/// How a listener is to be opened. Zero it, set what is wanted, and pass its size: a later version
/// may have more members.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct cnproc_options {
    /// CNPROC_OPEN_ACKS, CNPROC_OPEN_SKIP_THREADS, or both.
    pub flags: u64,
    /// A mask of CNPROC_EVENT_*: the types wanted; 0 for all. The others are refused in the kernel.
    pub events: u32,
    /// The receive buffer asked of the kernel, in bytes; 0 for 16 MiB. The kernel grants twice that
    /// (without CAP_NET_ADMIN up to the sysctl net.core.rmem_max), and an event takes 832 of it.
    pub receive_buffer: u32,
    /// How long to wait for the kernel's acknowledgement; 0 for 2000.
    pub ack_timeout_ms: u32,
    /// Gathering: how many microseconds events may wait so that one awakening serves many; 0: none. It
    /// ends early when the buffer is a quarter full. cnproc_recv's time-out may end before it, and then
    /// there is nothing yet.
    pub coalesce_us: u32,
}

// SAFETY: integers only, 8 + 4 * 4 bytes, 8-aligned: no padding.
unsafe impl sized::Growing for cnproc_options {
    const FIRST: usize = 24;
}

/// CNPROC_OPEN_ACKS
const ACKS: u64 = 1;
/// CNPROC_OPEN_SKIP_THREADS
const PROCESSES: u64 = 2;

/// A mask as C gives it: 0 is all.
fn mask(events: u32) -> Result<EventMask, c_int> {
    if events == 0 {
        return Ok(EventMask::ALL);
    }
    EventMask::from_bits(events).ok_or(libc::EINVAL)
}

fn open(options: Option<&cnproc_options>) -> Result<Listener, c_int> {
    let mut wanted = Listener::options();
    if let Some(options) = options {
        if options.flags & !(ACKS | PROCESSES) != 0 {
            return Err(libc::EINVAL);
        }
        wanted = wanted
            .events(mask(options.events)?)
            .acks(options.flags & ACKS != 0)
            .skip_threads(options.flags & PROCESSES != 0);
        if options.receive_buffer != 0 {
            wanted = wanted.receive_buffer(options.receive_buffer);
        }
        if options.ack_timeout_ms != 0 {
            wanted = wanted.ack_timeout(Duration::from_millis(options.ack_timeout_ms.into()));
        }
        wanted = wanted.coalesce(Duration::from_micros(options.coalesce_us.into()));
    }
    wanted.open().map_err(|error| ret::errno(&error))
}

/// Opens a listener, and waits until the kernel has acknowledged it. With `options` NULL, for all
/// events, and `size` is not looked at; else `size` is sizeof *options.
///
/// On success `*out` is the listener; otherwise it is not written. Returns 0, or
///
/// -EPERM            not permitted: before Linux 6.6 it takes CAP_NET_ADMIN
/// -EPROTONOSUPPORT  the kernel has no connector
/// -EOPNOTSUPP       the kernel's connector has no process events
/// -ECONNREFUSED     in another network namespace than the initial
/// -EREMOTE          in another user namespace than the initial
/// -ENOTUNIQ         in another pid namespace than the initial
/// -ETIMEDOUT        no acknowledgement came, for no reason to be seen
/// -EPROTO           the kernel refused with an unexpected error
/// -EINVAL, -E2BIG   an argument is not valid; the options are of a later version
/// -ENOMEM, -ENOBUFS, -EMFILE, -ENFILE, -EIO
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cnproc_open(
    out: *mut *mut cnproc,
    options: *const cnproc_options,
    size: usize,
) -> c_int {
    if out.is_null() {
        return ret::INVALID;
    }
    let options = if options.is_null() {
        None
    } else {
        // SAFETY: not NULL, and by contract `size` bytes long.
        match unsafe { sized::read(options, size) } {
            Ok(options) => Some(options),
            Err(errno) => return ret::error(errno),
        }
    };
    let listener = match open(options.as_ref()) {
        Ok(listener) => listener,
        Err(errno) => return ret::error(errno),
    };
    // SAFETY: malloc takes any size.
    let memory = unsafe { libc::malloc(size_of::<cnproc>()) }.cast::<cnproc>();
    if memory.is_null() {
        return ret::error(libc::ENOMEM);
    }
    // SAFETY: malloc gave that many bytes, aligned for any object.
    unsafe { memory.write(cnproc { listener }) };
    // SAFETY: `out` is not NULL, and by contract points to a pointer, be it misaligned.
    unsafe { out.write_unaligned(memory) };
    0
}

/// Tells the kernel to stop (IGNORE), closes the descriptor, frees the handle. NULL is fine. errno stays
/// as it is.
///
/// In a child by fork it says nothing to the kernel, and closes the child's copy only.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cnproc_close(cp: *mut cnproc) {
    if cp.is_null() {
        return;
    }
    // SAFETY: libc gives a valid pointer to this thread's errno.
    let errno = unsafe { *libc::__errno_location() };
    // SAFETY: not NULL, so by contract from cnproc_open, and used no more: dropped once here, and its
    // memory, which malloc gave, freed.
    unsafe {
        cp.drop_in_place();
        libc::free(cp.cast());
    }
    // SAFETY: as above.
    unsafe { *libc::__errno_location() = errno };
}

/// The descriptor, for poll, epoll and event loops: readable when cnproc_recv has something to receive.
/// It stays the listener's: do not read from it, nor close it.
///
/// Wait on it only after cnproc_recv(…, 0) has returned 0: events already received make it readable no
/// more. With coalesce_us it is an epoll instance, which is all the same to those who wait on it. Returns
/// the descriptor, or -EINVAL, -ECHILD.
#[unsafe(no_mangle)]
pub extern "C" fn cnproc_fd(cp: Option<&cnproc>) -> c_int {
    let Some(cp) = cp else { return ret::INVALID };
    match cp.listener.check_owner() {
        Ok(()) => cp.listener.raw_fd(),
        error => ret::status(error),
    }
}

/// Changes the types of events wanted: a mask of CNPROC_EVENT_*, or 0 for all. What is already queued is
/// held against the new mask, too. Returns 0, or -EINVAL, -ECHILD, -ENOMEM, -EIO.
#[unsafe(no_mangle)]
pub extern "C" fn cnproc_set_events(cp: Option<&mut cnproc>, events: u32) -> c_int {
    match (cp, mask(events)) {
        (Some(cp), Ok(events)) => ret::status(cp.listener.set_events(events)),
        _ => ret::INVALID,
    }
}

/// Finds out whether the kernel still makes events, and switches them on again if it does not.
///
/// Other programs can switch events off for all, and the kernel tells nobody: before Linux 6.6 by one
/// IGNORE too many, since then by IGNOREs after invalid requests. Call this where silence is suspicious,
/// say each time that cnproc_recv has waited for a minute in vain; call cnproc_recv(…, 0) after it before
/// polling again.
///
/// Returns 0 if events are on; 1 if they were off and are on again: what happened in the meantime was
/// never made an event, and is in no count; or -ENOTCONN if they are off and stay so, -EINVAL, -ECHILD,
/// -ENOMEM, -EIO.
#[unsafe(no_mangle)]
pub extern "C" fn cnproc_resume(cp: Option<&mut cnproc>) -> c_int {
    let Some(cp) = cp else { return ret::INVALID };
    match cp.listener.resume() {
        Ok(Resumed::AlreadyOn) => 0,
        Ok(Resumed::Restored) => 1,
        Ok(_) => 2,
        Err(reason) => ret::status(Err(reason)),
    }
}
