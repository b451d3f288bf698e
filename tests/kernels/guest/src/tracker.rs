//! The process table across a time in which events were disabled globally.

use crate::Outcome;
use crate::kernel::Kernel;
use crate::muted::stray_ignores;
use cnproc_sys::Resumed;
use cnproc_track::{Change, Kind, Tracker};
use std::time::Duration;
use support::child::{self, pause};
use support::task;

/// Processes that began and ended meanwhile are found and inferred once events are restored.
pub fn is_repaired_by_resume(kernel: &Kernel) -> Outcome {
    let lingering = || {
        child::fork(|| {
            task::end_with_parent();
            pause();
        })
    };
    let mut tracker = Tracker::options().open()?;
    let (stays, ends) = (lingering(), lingering());
    changes(&mut tracker, |tracker| {
        tracker.table().is_synced()
            && [&stays, &ends].iter().all(|child| tracker.table().get(child.pid()).is_some())
    })?;
    let ids = [&stays, &ends].map(|child| tracker.table().get(child.pid()).map(|entry| entry.id));
    stray_ignores(kernel, 2)?;
    let pid = ends.pid();
    drop(ends);
    let begins = lingering();
    assert_eq!(tracker.resume()?, Resumed::Restored);
    let mut is_first = true;
    let mut seen = Vec::new();
    loop {
        match tracker.recv(Some(Duration::from_secs(60)))? {
            Some(Change::Lost(0)) if is_first => is_first = false,
            Some(Change::Synced) => break,
            Some(change) => {
                let Some((kind, process)) = change.process() else { continue };
                seen.push((kind, process.pid, process.is_inferred()));
            }
            None => return Err("not synchronised again".into()),
        }
    }
    assert!(!is_first, "that events may be missing was not reported first");
    assert!(seen.contains(&(Kind::Exited, pid, true)), "{seen:?}");
    assert!(seen.contains(&(Kind::Found, begins.pid(), true)), "{seen:?}");
    assert_eq!(tracker.table().get(stays.pid()).map(|entry| entry.id), ids[0]);
    assert!(tracker.table().get(pid).is_none());
    // Events come again.
    let marker = lingering();
    changes(&mut tracker, |tracker| tracker.table().get(marker.pid()).is_some())
}

/// Takes changes until the condition holds.
fn changes(tracker: &mut Tracker, mut condition: impl FnMut(&Tracker) -> bool) -> Outcome {
    while !condition(tracker) {
        if tracker.recv(Some(Duration::from_secs(60)))?.is_none() {
            return Err("nothing changes".into());
        }
    }
    Ok(())
}
