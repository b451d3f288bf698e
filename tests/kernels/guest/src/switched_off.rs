//! Others can switch events off for all; a check finds that out and switches them on again.

use crate::Outcome;
use crate::kernel::Kernel;
use crate::permission::hears;
use crate::raw::{IGNORE, INVALID, LISTEN, RawListener};
use cnproc_sys::{Listener, Resumed};

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
    let bystander = RawListener::bind(SMALL)?;
    stray_ignores(kernel, 5)?;
    let mut listener = Listener::options().open()?;
    assert!(hears(&mut listener, "restored")?, "deaf");
    let mut other = Listener::options().open()?;
    drop(listener);
    assert!(hears(&mut other, "still")?, "closing switched another listener off");
    drop(other);
    assert!(!bystander.hears()?, "the kernel's count is not what it was");
    Ok(())
}
