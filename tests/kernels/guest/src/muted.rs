//! Other processes can disable events globally. `resume` finds that out and enables them again.

use crate::Outcome;
use crate::kernel::Kernel;
use crate::permission::receives;
use crate::raw::{IGNORE, INVALID, LISTEN, RawListener};
use cnproc_sys::{EventMask, Resumed};
use std::time::Duration;
use support::{live, task};

const SMALL: libc::c_int = 64 << 10;

/// Lowers the kernel's count of listeners by `count`, as a program does that closes too often. Since 6.6 that requires an
/// invalid request before each IGNORE.
pub fn stray_ignores(kernel: &Kernel, count: u32) -> std::io::Result<()> {
    let stray = RawListener::bind(SMALL)?;
    if kernel.has_own_state_per_socket() {
        // A socket's first request never lowers the count; a LISTEN raises it.
        stray.request(0, &[LISTEN])?;
        stray.request(0, &[IGNORE])?;
    }
    for _ in 0..count {
        if kernel.has_own_state_per_socket() {
            stray.request(1, &[INVALID, 0])?;
        }
        stray.request(2, &[IGNORE])?;
    }
    Ok(())
}

pub fn resume_restores_events(kernel: &Kernel) -> Outcome {
    for strays in [1, 2, 7] {
        let mut listener = live::options().open()?;
        assert!(receives(&mut listener, "before")?, "{strays}: no events from the start");
        assert_eq!(listener.resume()?, Resumed::AlreadyOn, "{strays}: before");
        stray_ignores(kernel, strays)?;
        assert!(!receives(&mut listener, "muted")?, "{strays}: not muted");
        assert_eq!(listener.resume()?, Resumed::Restored, "{strays}");
        assert!(receives(&mut listener, "restored")?, "{strays}: not restored");
        assert_eq!(listener.resume()?, Resumed::AlreadyOn, "{strays}: after");
        assert_eq!(
            listener.stats().lost,
            0,
            "{strays}: events that were never generated are no loss"
        );
    }
    assert!(!RawListener::bind(SMALL)?.receives()?, "the kernel's count has changed");
    Ok(())
}

pub fn resume_keeps_the_count(_: &Kernel) -> Outcome {
    let bystander = RawListener::bind(SMALL)?;
    let mut listener = live::options().open()?;
    for _ in 0..100 {
        assert_eq!(listener.resume()?, Resumed::AlreadyOn);
    }
    drop(listener);
    assert!(!bystander.receives()?, "resume raised the kernel's count");
    let mut listener = live::options().open()?;
    assert!(receives(&mut listener, "neutral")?, "resume lowered the kernel's count");
    Ok(())
}

pub fn open_restores_events(kernel: &Kernel) -> Outcome {
    stray_ignores(kernel, 5)?;
    let mut listener = live::options().open()?;
    assert!(receives(&mut listener, "restored")?, "no events");
    let mut other = live::options().open()?;
    drop(listener);
    assert!(receives(&mut other, "still")?, "closing muted another listener");
    drop(other);
    assert!(!RawListener::bind(SMALL)?.receives()?, "the kernel's count has changed");
    Ok(())
}

/// The count is raised for every listener, so that one that closes does not mute the rest.
pub fn resume_restores_events_for_all(kernel: &Kernel) -> Outcome {
    let (first, second) = (live::options().open()?, live::options().open()?);
    let mut third = live::options().events(EventMask::COMM).open()?;
    stray_ignores(kernel, 5)?;
    assert_eq!(third.resume()?, Resumed::Restored);
    drop((first, second));
    assert!(receives(&mut third, "still")?, "the closing of others muted it");
    assert_eq!(third.resume()?, Resumed::AlreadyOn);
    drop(third);
    lower_to_none(kernel)?;
    Ok(())
}

/// Lowers the kernel's count, while no process listens, until no events are generated.
pub fn lower_to_none(kernel: &Kernel) -> std::io::Result<()> {
    while RawListener::bind(SMALL)?.receives()? {
        stray_ignores(kernel, 1)?;
    }
    Ok(())
}

/// A stream without room for the kernel's answer does not show that events are enabled.
pub fn full_stream_is_no_answer(kernel: &Kernel) -> Outcome {
    const ROOM: usize = 16_384;
    let mut listener = live::options().open()?;
    assert!(receives(&mut listener, "before")?);
    while listener.recv(Some(Duration::ZERO))?.is_some_and(|batch| batch.count() > 0) {}
    (0..2 * ROOM).for_each(|_| task::set_name("full"));
    stray_ignores(kernel, 1)?;
    assert_eq!(listener.resume()?, Resumed::Unknown);
    while listener.recv(Some(Duration::ZERO))?.is_some_and(|batch| batch.count() > 0) {}
    assert_eq!(listener.resume()?, Resumed::Restored);
    drop(listener);
    lower_to_none(kernel)?;
    Ok(())
}
