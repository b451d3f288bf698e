//! The ring. All other live tests, run with `CNPROC_TEST_RING` set, show that it keeps what the socket promises. These
//! show what only the ring does, and what happens to a listener that cannot have it.

mod account;
mod fallback;
mod flood;
mod fork;
mod waking;

use cnproc_sys::{Error, Listener, Options, Source};
use support::procfs::kernel_version;
use support::{live, require};

/// Runs a test that opens its listeners itself, with [`open`], and runs it again if it was disturbed. Skips it where
/// there can be no ring.
fn run(test: impl FnMut()) {
    raise_memory_limit();
    if require::root() && is_possible() {
        live::run(test);
    }
}

/// Opens a listener with a ring.
fn open(options: Options) -> Listener {
    let listener = options.ring(true).open().unwrap();
    let stats = listener.stats();
    assert_eq!((stats.source, stats.ring_error), (Source::Ring, None));
    listener
}

/// There is no ring in a 32-bit program, nor before Linux 5.11 if RLIMIT_MEMLOCK cannot be raised.
fn is_possible() -> bool {
    let Some(listener) = live::open(Listener::options().ring(true)) else { return false };
    match listener.stats().ring_error {
        None => return true,
        Some(Error::NoRing) if cfg!(target_pointer_width = "32") => {}
        Some(Error::RingNotPermitted) if kernel_version() < (5, 11) => {}
        Some(error) => require::skip(&format!("no ring: {error}")),
    }
    false
}

/// Raises the limit of memory locked by this process, which includes BPF's before Linux 5.11.
fn raise_memory_limit() {
    let limit = libc::rlimit { rlim_cur: libc::RLIM_INFINITY, rlim_max: libc::RLIM_INFINITY };
    // SAFETY: the limit is valid for reading.
    unsafe { libc::setrlimit(libc::RLIMIT_MEMLOCK, &limit) };
}

/// A number of events, multiplied by `CNPROC_RING_SCALE` if that is set.
fn scaled(count: u32) -> u32 {
    let scale = std::env::var("CNPROC_RING_SCALE").map_or(1, |scale| scale.parse().unwrap());
    count.saturating_mul(scale)
}
