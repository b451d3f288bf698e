//! The benchmark's protocol for listeners written in Rust: bindings of `c/figures.h`.

use std::ffi::{CString, c_char, c_int};
use std::os::unix::ffi::OsStringExt;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};

/// `struct figures`; atomics, since the C side reads them in a signal handler.
#[repr(C)]
pub struct Figures {
    events: AtomicU64,
    lost: AtomicU64,
    latency: AtomicU32,
    exits_only: AtomicU32,
    timeout: AtomicU32,
    coalesce_us: AtomicU32,
    ring: AtomicU32,
}

unsafe extern "C" {
    static figures: Figures;
    fn figures_begin(argc: c_int, argv: *mut *mut c_char);
    fn figures_ready();
    fn figures_delay(timestamp_ns: u64, now: u64);
}

/// The account of this process.
#[derive(Clone, Copy)]
pub struct Account(&'static Figures);

impl Account {
    /// First thing in `main`.
    pub fn begin() -> Self {
        let mut argv: Vec<*mut c_char> = std::env::args_os()
            .filter_map(|argument| CString::new(argument.into_vec()).ok())
            .map(CString::into_raw)
            .collect();
        // SAFETY: argv holds that many strings, which are never freed; `figures` is a static that only atomics and
        // the C signal handler touch.
        unsafe {
            figures_begin(argv.len() as c_int, argv.as_mut_ptr());
            Self(&figures)
        }
    }

    pub fn ready(self) {
        // SAFETY: writes to a descriptor; no arguments.
        unsafe { figures_ready() }
    }

    /// `count` more events were handed over.
    #[inline]
    pub fn events(self, count: u64) {
        self.0.events.store(self.0.events.load(Relaxed) + count, Relaxed);
    }

    #[inline]
    pub fn lost(self, count: u64) {
        self.0.lost.store(self.0.lost.load(Relaxed) + count, Relaxed);
    }

    /// Whether the harness wants delays.
    #[inline]
    pub fn latency(self) -> bool {
        self.0.latency.load(Relaxed) != 0
    }

    pub fn exits_only(self) -> bool {
        self.0.exits_only.load(Relaxed) != 0
    }

    pub fn timeout(self) -> bool {
        self.0.timeout.load(Relaxed) != 0
    }

    pub fn ring(self) -> bool {
        self.0.ring.load(Relaxed) != 0
    }

    pub fn coalesce_us(self) -> u32 {
        self.0.coalesce_us.load(Relaxed)
    }

    /// CLOCK_MONOTONIC in nanoseconds, the clock of `timestamp_ns`.
    pub fn now(self) -> u64 {
        let mut t = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        // SAFETY: writes to a local.
        unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &mut t) };
        t.tv_sec as u64 * 1_000_000_000 + t.tv_nsec as u64
    }

    #[inline]
    pub fn delay(self, timestamp_ns: u64, now: u64) {
        // SAFETY: plain numbers; one thread.
        unsafe { figures_delay(timestamp_ns, now) }
    }
}
