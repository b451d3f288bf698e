//! Floods: a child that generates GID events as fast as it can, each with its number. Other programs seldom generate
//! events of this type, so a listener for them receives the flood and little else.

use crate::child::{self, Child};
use crate::shared::shared;
use crate::task::{Pinned, set_group};
use cnproc_sys::{Event, EventData};
use std::ffi::c_int;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// A flood, while it runs and afterwards.
#[derive(Debug)]
pub struct Flood {
    child: Child,
    /// How many events it has generated; all of them when [`is_over`](Self::is_over).
    generated: &'static AtomicU32,
    /// How many the test has received.
    received: &'static AtomicU32,
    count: u32,
}

/// Ends the calling process once that parent has ended: the kernel forgets the signal that would do so when a process
/// changes its group.
fn end_without(parent: u32) {
    // SAFETY: no arguments.
    if unsafe { libc::getppid() } as u32 != parent {
        child::exit(0);
    }
}

/// The group id of the first event. Far from any in use.
const FIRST: u32 = 1 << 20;
/// How often a flood that is ahead looks before it sleeps: for about ten microseconds.
const LOOKS: u32 = 300;
/// The group ids of marks: this, and the one below.
const MARK: u32 = FIRST - 1;

impl Flood {
    /// Starts a flood of `count` events. It is never more than `lead` events ahead of what [`received`](Self::received)
    /// reported, so that a fast listener with a large buffer loses none.
    pub fn start(count: u32, lead: u32) -> Self {
        let [generated, received] = shared::<2>();
        let test = std::process::id();
        let child = child::fork(|| {
            for number in 0..count {
                let mut looks = 0;
                while number.saturating_sub(received.load(Ordering::Relaxed)) >= lead {
                    // At first without sleeping, so that it goes on at that very moment.
                    looks += 1;
                    if looks < LOOKS {
                        std::hint::spin_loop();
                    } else {
                        end_without(test);
                        // SAFETY: no memory is involved.
                        unsafe { libc::usleep(100) };
                    }
                }
                if number % 1024 == 0 {
                    end_without(test);
                }
                set_group(FIRST + number);
                generated.store(number + 1, Ordering::Relaxed);
            }
        });
        Self { child, generated, received, count }
    }

    /// A flood that does not end before it goes.
    pub fn endless() -> Self {
        Self::start(u32::MAX >> 2, u32::MAX)
    }

    /// Its process.
    pub fn pid(&self) -> c_int {
        self.child.pid()
    }

    /// The group id of the event with that number.
    pub fn gid(&self, number: u32) -> u32 {
        FIRST + number
    }

    /// The number of this event, if it is one of the flood's.
    pub fn number(&self, event: &Event) -> Option<u32> {
        match event.data() {
            EventData::Gid(gid) if gid.process_tgid == self.child.pid() => {
                gid.rgid.checked_sub(FIRST)
            }
            _ => None,
        }
    }

    /// Reports that so many of its events have been received.
    pub fn received(&self, count: u32) {
        self.received.store(count, Ordering::Relaxed);
    }

    /// Whether all its events have been generated.
    pub fn is_over(&self) -> bool {
        self.generated.load(Ordering::Relaxed) == self.count
    }

    /// Waits until it has generated so many more events, or is over.
    pub fn await_more(&self, events: u32) {
        let before = self.generated.load(Ordering::Relaxed);
        while !self.is_over() && self.generated.load(Ordering::Relaxed) - before < events {
            std::thread::sleep(Duration::from_micros(100));
        }
    }
}

/// Generates one GID event on that CPU, and no other event: the calling thread's group changes, not the process's.
pub fn mark(cpu: usize) {
    let _pinned = Pinned::to(&[cpu]);
    // SAFETY: takes no arguments.
    let gid = unsafe { libc::getegid() };
    set_group(if gid == MARK { MARK - 1 } else { MARK });
}
