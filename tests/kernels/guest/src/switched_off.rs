//! Others can switch events off for all; a check finds that out and switches them on again.

use crate::Outcome;
use crate::kernel::Kernel;
use crate::permission::hears;
use crate::raw::{IGNORE, INVALID, LISTEN, RawListener};
use cnproc_sys::{Check, Connector};

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
        let mut connector = Connector::options().open()?;
        assert!(hears(&mut connector, "before")?, "{strays}: deaf from the start");
        assert_eq!(connector.check()?, Check::Listening, "{strays}: before");
        stray_ignores(kernel, strays)?;
        assert!(!hears(&mut connector, "switched off")?, "{strays}: not switched off");
        assert_eq!(connector.check()?, Check::Restored, "{strays}");
        assert!(hears(&mut connector, "restored")?, "{strays}: not restored");
        assert_eq!(connector.check()?, Check::Listening, "{strays}: after");
        assert_eq!(connector.stats().lost, 0, "{strays}: events that were never made are no loss");
    }
    assert!(!RawListener::bind(SMALL)?.hears()?, "the kernel's count is not what it was");
    Ok(())
}

pub fn check_is_neutral(_: &Kernel) -> Outcome {
    let bystander = RawListener::bind(SMALL)?;
    let mut connector = Connector::options().open()?;
    for _ in 0..100 {
        assert_eq!(connector.check()?, Check::Listening);
    }
    connector.close();
    assert!(!bystander.hears()?, "checks raised the kernel's count");
    let mut connector = Connector::options().open()?;
    assert!(hears(&mut connector, "neutral")?, "checks lowered the kernel's count");
    Ok(())
}

pub fn restored_by_open(kernel: &Kernel) -> Outcome {
    let bystander = RawListener::bind(SMALL)?;
    stray_ignores(kernel, 5)?;
    let mut connector = Connector::options().open()?;
    assert!(hears(&mut connector, "restored")?, "deaf");
    let mut other = Connector::options().open()?;
    connector.close();
    assert!(hears(&mut other, "still")?, "closing switched another listener off");
    other.close();
    assert!(!bystander.hears()?, "the kernel's count is not what it was");
    Ok(())
}
