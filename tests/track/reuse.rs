//! A pid that is given away again at once.

use crate::scaled;
use crate::watch::{open, roomy};
use cnproc_parse::kernel::PROC_EVENT_FORK;
use cnproc_track::Kind;
use std::ffi::c_int;
use std::time::{Duration, Instant};
use support::child::{self, exit, pause};
use support::{Gate, live, require, task};

/// An EXIT is taken to be no later than this.
const LATEST_EXIT: Duration = Duration::from_secs(10);

const REUSES: u32 = 10_000;

/// Gives that pid to one child after the other, none of which is waited for. The last one stays.
fn give_away(pid: c_int, reuses: u32) -> ! {
    // SAFETY: no memory is involved.
    unsafe { libc::signal(libc::SIGCHLD, libc::SIG_IGN) };
    for number in 0..=reuses {
        loop {
            match task::fork_as(Some(pid)) {
                0 if number == reuses => {
                    task::set_name("the last");
                    task::end_with_parent();
                    pause()
                }
                0 => exit((number % 256) as c_int),
                // The owner has not ended yet. SAFETY: no memory is involved.
                -1 => _ = unsafe { libc::sched_yield() },
                _ => break,
            }
        }
    }
    pause()
}

#[test]
fn owners_of_one_pid_are_never_mixed_up() {
    if !require::root() {
        return;
    }
    live::run(|| {
        let Some(mut watch) = open(roomy()) else { return };
        watch.until_synced();
        // Until then any EXIT without a parent may be that of a process that ended before the table was made.
        let begin = Instant::now();
        watch.until("such an EXIT is not expected any more", |_| begin.elapsed() > LATEST_EXIT);
        let free = child::fork(|| exit(0));
        let pid = free.pid();
        free.wait();
        let (gate, reuses) = (Gate::new(), scaled(REUSES));
        let parent = child::fork(|| {
            task::end_with_parent();
            gate.wait();
            give_away(pid, reuses);
        });
        let id = watch.id_of(parent.pid());
        gate.open();
        let is_last = |watch: &mut crate::watch::Watch| {
            let entry = watch.tracker.table().get(pid);
            entry.is_some_and(|entry| entry.name() == b"the last")
        };
        watch.until("the pid has its last owner", |watch| {
            watch.assert_nothing_lost();
            is_last(watch)
        });
        watch.until_synced();
        watch.drain();
        watch.assert_nothing_lost();
        assert!(is_last(&mut watch), "it was deleted");
        let owners = watch.children_of(id);
        assert_eq!(owners.len(), reuses as usize + 1);
        let (last, former) = owners.split_last().unwrap();
        assert_eq!((last.end, last.arrival), (None, Kind::Started));
        let (mut late, mut unknown) = (0, 0);
        for (number, life) in former.iter().enumerate() {
            assert_eq!((life.pid, life.arrival), (pid, Kind::Started));
            let Some(end) = life.end else { panic!("owner {number} has not ended: {life:?}") };
            late += u32::from(end.event == Some(PROC_EVENT_FORK));
            unknown += u32::from(end.status.is_none());
            let expected = (number as u32 % 256) << 8;
            assert!(end.status.is_none_or(|status| status == expected), "owner {number}: {life:?}");
            let is_inferred = end.event.is_none();
            assert!(!is_inferred || !watch.was_never_in_doubt(), "owner {number}: {life:?}");
        }
        println!(
            "{reuses} reuses: {late} FORKs before the former owner's EXIT, {unknown} statuses unknown"
        );
        let is_certain = late == 0 && watch.was_never_in_doubt();
        assert!(unknown == 0 || !is_certain, "nothing made the statuses uncertain");
        watch.assert_equals_procfs();
    });
}
