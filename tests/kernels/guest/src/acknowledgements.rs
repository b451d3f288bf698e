//! Acknowledgements: of whose requests, and of which.

use crate::Outcome;
use crate::kernel::Kernel;
use crate::permission::receives;
use crate::raw::{EVERYTHING, IGNORE, INVALID, LISTEN, RawListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use support::live;

const SMALL: libc::c_int = 1 << 20;

/// Causes acknowledgements for others, of good and bad requests, all the time.
fn cause_a_storm(stop: &AtomicBool) -> std::io::Result<()> {
    let pair = RawListener::bind(SMALL)?;
    let invalid = RawListener::bind(SMALL)?;
    for nonce in (0..u32::MAX).step_by(3) {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        pair.request(nonce, &[LISTEN])?;
        invalid.request(nonce + 1, &[INVALID])?;
        pair.request(nonce + 2, &[IGNORE])?;
        pair.drain()?;
        invalid.drain()?;
    }
    Ok(())
}

pub fn storm(_: &Kernel) -> Outcome {
    let stop = Arc::new(AtomicBool::new(false));
    let storm = {
        let stop = stop.clone();
        thread::spawn(move || cause_a_storm(&stop))
    };
    for round in 0..200 {
        let mut listener = live::options().open()?;
        assert!(receives(&mut listener, &format!("round {round}"))?, "round {round}: no event");
    }
    stop.store(true, Ordering::Relaxed);
    storm.join().expect("the storm")?;
    Ok(())
}

pub fn of_masks(kernel: &Kernel) -> Outcome {
    let listener = RawListener::bind(SMALL)?;
    assert!(listener.acknowledged(100, &[LISTEN])?, "LISTEN without a mask");
    let with_mask = listener.acknowledged(200, &[LISTEN, EVERYTHING])?;
    listener.request(300, &[IGNORE])?;
    assert_eq!(with_mask, kernel.has_own_state_per_socket(), "LISTEN with a mask");
    Ok(())
}

/// The kernel generates events while its count of listeners is above 0, and every bound socket receives them.
pub fn closing_sends_ignore(_: &Kernel) -> Outcome {
    let bystander = RawListener::bind(SMALL)?;
    assert!(!bystander.receives()?, "another process listens before");
    for _ in 0..100 {
        let listener = live::options().open()?;
        assert!(bystander.receives()?, "no event came");
        drop(listener);
    }
    assert!(!bystander.receives()?, "another process listens after");
    Ok(())
}
