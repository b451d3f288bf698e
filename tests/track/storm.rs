//! Storms: many children at once, from several CPUs.

use crate::scaled;
use crate::watch::{End, Watch, open, roomy};
use crate::workers::{self, Report, Worker, shell};
use cnproc_parse::kernel::PROC_EVENT_EXIT;
use cnproc_track::{Id, Kind};
use std::ffi::{CStr, c_int};
use support::child::exit;
use support::{live, task};

const CHILDREN: u32 = 10_000;

/// Children end by all codes and some signals; one in four executes a program, one in four takes a name.
fn live_and_end(number: u32) -> ! {
    match number % 4 {
        0 => {
            let code = [b'0' + (number / 4 % 10) as u8, 0];
            shell(c"exit $0", [CStr::from_bytes_with_nul(&code).unwrap_or_default()])
        }
        1 => {
            task::set_name("renamed");
            exit((number % 256) as c_int)
        }
        2 => {
            let signal = [libc::SIGKILL, libc::SIGTERM, libc::SIGUSR1][(number / 4 % 3) as usize];
            // SAFETY: no memory is involved.
            unsafe { libc::kill(libc::getpid(), signal) };
            exit(105)
        }
        _ => exit((number / 4 % 256) as c_int),
    }
}

/// Lets the workers make their children, and takes changes until all of those have ended.
pub(crate) fn follow(watch: &mut Watch, workers: &[Worker], count: u32) -> Vec<(Id, Vec<Report>)> {
    let ids: Vec<_> = workers.iter().map(|worker| watch.id_of(worker.child.pid())).collect();
    workers.iter().for_each(|worker| worker.gate.open());
    let reports: Vec<_> = std::thread::scope(|scope| {
        let readers: Vec<_> =
            workers.iter().map(|worker| scope.spawn(|| worker.reports(count))).collect();
        watch.until("all children have been waited for", |_| {
            readers.iter().all(|reader| reader.is_finished())
        });
        readers.into_iter().map(|reader| reader.join().unwrap()).collect()
    });
    watch.drain();
    for id in &ids {
        watch.until("all children have ended", |watch| {
            watch.children_of(*id).iter().all(|life| life.end.is_some())
        });
    }
    ids.into_iter().zip(reports).collect()
}

#[test]
fn each_child_of_a_storm_starts_once_and_ends_once_with_its_status() {
    live::run(|| {
        let Some(mut watch) = open(roomy()) else { return };
        watch.until_synced();
        let count = scaled(CHILDREN);
        let workers = Worker::two(count, live_and_end);
        let storm = follow(&mut watch, &workers, count);
        watch.assert_nothing_lost();
        // In doubt, what a child has inherited is not certain, and an end may be inferred before its EXIT comes.
        let is_certain = watch.was_never_in_doubt();
        let (mut unnamed, mut unknown) = (0, 0);
        for (id, reports) in storm {
            let children = watch.children_of(id);
            let pids: Vec<_> = children.iter().map(|life| life.pid).collect();
            assert_eq!(pids, reports.iter().map(|(pid, _)| *pid).collect::<Vec<_>>());
            for (number, (life, (_, status))) in children.iter().zip(reports).enumerate() {
                assert_eq!(life.arrival, Kind::Started);
                let Some(end) = life.end else { panic!("it has not ended: {life:?}") };
                let expected = End { event: Some(PROC_EVENT_EXIT), status: Some(status) };
                assert!(end == expected || !is_certain, "{life:?}");
                assert!(end.status.is_none_or(|known| known == status), "{life:?}, {status:#x}");
                unknown += u32::from(end.status.is_none());
                assert_eq!(life.execs, u32::from(number % 4 == 0), "{life:?}");
                let expected = match number % 4 {
                    0 => b"sh",
                    1 => &b"renamed"[..],
                    _ => workers::NAME.as_bytes(),
                };
                unnamed += u32::from(life.name.is_none());
                assert!(life.name.as_deref().is_none_or(|name| name == expected), "{life:?}");
                let may_be_unknown = number % 4 == 0 || !is_certain;
                assert!(life.name.is_some() || may_be_unknown, "only a program is read: {life:?}");
            }
        }
        println!(
            "{} children: {unnamed} names and {unknown} statuses unknown, {} times in doubt",
            2 * count,
            watch.synced.saturating_sub(1)
        );
        watch.assert_equals_procfs();
    });
}

/// Children that end at once, or execute a program, or leave a child of their own behind.
fn branch(number: u32) -> ! {
    match number % 3 {
        0 => exit(0),
        1 => shell(c"exit 0", []),
        _ => {
            // SAFETY: the child makes system calls only.
            if unsafe { libc::fork() } == 0 {
                task::set_name("left behind");
                // SAFETY: no memory is involved.
                unsafe { libc::usleep(number % 1000) };
            }
            exit(0)
        }
    }
}

#[test]
fn table_opened_in_a_storm_equals_procfs_at_rest() {
    let rounds = scaled(20);
    live::run(|| {
        let (mut found, mut started) = (0, 0);
        for _ in 0..rounds {
            let workers = Worker::two(u32::MAX, branch);
            workers.iter().for_each(|worker| worker.gate.open());
            workers.iter().for_each(|worker| drop(worker.reports(20)));
            let Some(mut watch) = open(roomy()) else { return };
            watch.until_synced();
            // In the midst of it.
            watch.assert_equals_procfs();
            let parents: Vec<_> =
                workers.iter().map(|worker| watch.id_of(worker.child.pid())).collect();
            // Not stopped: where this process is a child of init, SIGHUP follows that.
            workers.iter().for_each(|worker| worker.child.kill(libc::SIGKILL));
            parents.iter().for_each(|id| watch.until_ended(*id));
            watch.until("their children have ended", |watch| {
                watch.drain();
                parents
                    .iter()
                    .all(|id| watch.children_of(*id).iter().all(|life| life.end.is_some()))
            });
            watch.assert_equals_procfs();
            let arrived = |kind| watch.lives.values().filter(|life| life.arrival == kind).count();
            (found, started) = (found + arrived(Kind::Found), started + arrived(Kind::Started));
        }
        println!("{rounds} storms: {found} processes found, {started} started");
    });
}
