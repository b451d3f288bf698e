//! Others can switch events off for all; a check finds that out and switches them on again.

use crate::Outcome;
use crate::kernel::Kernel;
use crate::permission::hears;
use crate::raw::{IGNORE, INVALID, LISTEN, RawListener};
use crate::system;
use cnproc_sys::{EventMask, Listener, Resumed};
use std::time::Duration;

const SMALL: libc::c_int = 64 << 10;

/// Lowers the kernel's count of listeners by `count`, as a program does that closes too often; since 6.6
/// it takes an invalid request before each IGNORE.
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

pub fn restored_by_check(kernel: &Kernel) -> Outcome {
    for strays in [1, 2, 7] {
        let mut listener = Listener::options().open()?;
        assert!(hears(&mut listener, "before")?, "{strays}: deaf from the start");
        assert_eq!(listener.resume()?, Resumed::AlreadyOn, "{strays}: before");
        stray_ignores(kernel, strays)?;
        assert!(!hears(&mut listener, "switched off")?, "{strays}: not switched off");
        assert_eq!(listener.resume()?, Resumed::Restored, "{strays}");
        assert!(hears(&mut listener, "restored")?, "{strays}: not restored");
        assert_eq!(listener.resume()?, Resumed::AlreadyOn, "{strays}: after");
        assert_eq!(listener.stats().lost, 0, "{strays}: events that were never made are no loss");
    }
    assert!(!RawListener::bind(SMALL)?.hears()?, "the kernel's count is not what it was");
    Ok(())
}

pub fn check_is_neutral(_: &Kernel) -> Outcome {
    let bystander = RawListener::bind(SMALL)?;
    let mut listener = Listener::options().open()?;
    for _ in 0..100 {
        assert_eq!(listener.resume()?, Resumed::AlreadyOn);
    }
    drop(listener);
    assert!(!bystander.hears()?, "checks raised the kernel's count");
    let mut listener = Listener::options().open()?;
    assert!(hears(&mut listener, "neutral")?, "checks lowered the kernel's count");
    Ok(())
}

pub fn restored_by_open(kernel: &Kernel) -> Outcome {
    stray_ignores(kernel, 5)?;
    let mut listener = Listener::options().open()?;
    assert!(hears(&mut listener, "restored")?, "deaf");
    let mut other = Listener::options().open()?;
    drop(listener);
    assert!(hears(&mut other, "still")?, "closing switched another listener off");
    drop(other);
    assert!(!RawListener::bind(SMALL)?.hears()?, "the kernel's count is not what it was");
    Ok(())
}

/// The count is raised for every listener, so that none that closes takes the events from the rest.
pub fn restored_for_all(kernel: &Kernel) -> Outcome {
    let (first, second) = (Listener::options().open()?, Listener::options().open()?);
    let mut third = Listener::options().events(EventMask::COMM).open()?;
    stray_ignores(kernel, 5)?;
    assert_eq!(third.resume()?, Resumed::Restored);
    drop((first, second));
    assert!(hears(&mut third, "still")?, "the closing of others switched it off");
    assert_eq!(third.resume()?, Resumed::AlreadyOn);
    drop(third);
    lower_to_nobody(kernel)?;
    Ok(())
}

/// Lowers the kernel's count, while nobody listens, to that of nobody.
pub fn lower_to_nobody(kernel: &Kernel) -> std::io::Result<()> {
    while RawListener::bind(SMALL)?.hears()? {
        stray_ignores(kernel, 1)?;
    }
    Ok(())
}

/// A stream that has no room for the kernel's answer does not show that events are on.
pub fn full_stream_is_no_answer(kernel: &Kernel) -> Outcome {
    const ROOM: usize = 16_384;
    let mut listener = Listener::options().open()?;
    assert!(hears(&mut listener, "before")?);
    while listener.recv(Some(Duration::ZERO))?.is_some_and(|batch| batch.count() > 0) {}
    (0..2 * ROOM).for_each(|_| system::set_name("full"));
    stray_ignores(kernel, 1)?;
    assert_eq!(listener.resume()?, Resumed::Unknown);
    while listener.recv(Some(Duration::ZERO))?.is_some_and(|batch| batch.count() > 0) {}
    assert_eq!(listener.resume()?, Resumed::Restored);
    drop(listener);
    lower_to_nobody(kernel)?;
    Ok(())
}
