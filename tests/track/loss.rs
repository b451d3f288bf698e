//! Losses: a queue that holds a few dozen events, and storms that nobody reads meanwhile.

use crate::watch::{Watch, open, roomy};
use crate::workers::{Worker, shell};
use cnproc_track::{Kind, Tracker};
use support::child::{self, Child, exit, pause};
use support::{live, task};

/// Children that end at once, execute, or take names: five events each, on average.
fn hurry(number: u32) -> ! {
    match number % 4 {
        0 => shell(c"exit 0", []),
        1 => exit(1),
        _ => {
            task::set_name("hurried");
            task::set_name("worried");
            exit(0)
        }
    }
}

/// A child that lives until it is killed.
fn lingering() -> Child {
    child::fork(|| {
        task::end_with_parent();
        pause();
    })
}

#[test]
fn table_equals_procfs_after_each_loss_and_each_process_ends_once() {
    const ROUNDS: usize = 12;
    const STORM: u32 = 400;
    live::run(|| {
        let Some(mut watch) = open(Tracker::options().receive_buffer(1 << 14)) else { return };
        watch.until_synced();
        let (mut ended, mut inferred, mut found) = (0, 0, 0);
        for round in 0..ROUNDS {
            let mut lingering: Vec<_> = (0..40).map(|_| self::lingering()).collect();
            watch.until_synced();
            let ids: Vec<_> = lingering.iter().map(|child| watch.id_of(child.pid())).collect();
            let workers = Worker::two(STORM, hurry);
            workers.iter().for_each(|worker| worker.gate.open());
            // Nobody reads the queue while these end and others start.
            let lost = watch.lost;
            workers.iter().for_each(|worker| drop(worker.reports(STORM / 2)));
            let survivors = lingering.split_off(20);
            lingering.into_iter().for_each(|child| {
                child.kill(libc::SIGKILL);
                child.wait();
            });
            let late: Vec<_> = (0..20).map(|_| self::lingering()).collect();
            // In every other round the queue is read in the midst of the storm.
            let rest = if round % 2 == 0 { STORM / 2 } else { 1 };
            workers.iter().for_each(|worker| drop(worker.reports(rest)));
            watch.until("the loss is known", |watch| watch.lost > lost);
            watch.until_synced();
            watch.assert_equals_procfs();
            let (dead, alive) = ids.split_at(20);
            assert!(alive.iter().all(|id| watch.lives[id].end.is_none()));
            for id in dead {
                let end = watch.lives[id].end.expect("it has ended");
                (ended, inferred) = (ended + 1, inferred + u32::from(end.event.is_none()));
                assert!(end.status.is_none_or(|status| status == libc::SIGKILL as u32));
            }
            for child in &late {
                let id = watch.id_of(child.pid());
                assert!(!ids.contains(&id));
                found += u32::from(watch.lives[&id].arrival == Kind::Found);
            }
            drop((survivors, late));
        }
        let stats = watch.tracker.stats();
        assert!(watch.lost >= 1000 && inferred > 0 && found > 0 && stats.resyncs >= ROUNDS as u64);
        println!(
            "{} events lost, {} resyncs; {inferred} of {ended} ends inferred, {found} of {} processes found",
            watch.lost,
            stats.resyncs,
            ROUNDS * 20,
        );
    });
}

#[test]
fn resync_on_demand_finds_nothing_to_change() {
    live::run(|| {
        let Some(mut watch) = open(Tracker::options().cmdline(true)) else { return };
        watch.until_synced();
        let child = lingering();
        let id = watch.id_of(child.pid());
        watch.drain();
        let (synced, before) = (watch.synced, watch.lives.len());
        watch.tracker.resync();
        assert!(!watch.tracker.table().is_synced());
        watch.until("it is synchronised again", |watch| watch.synced > synced);
        assert_eq!(watch.tracker.table().get(child.pid()).map(|entry| entry.id), Some(id));
        let arrivals = watch.lives.values().filter(|life| life.arrival == Kind::Found).count();
        assert!(arrivals <= before, "an entry was found again");
        watch.assert_nothing_lost();
        watch.assert_equals_procfs();
    });
}

#[test]
fn listen_of_others_does_not_begin_a_scan_again() {
    live::run(|| {
        let Some(mut watch) = open(roomy()) else { return };
        let is_scanning = |watch: &Watch| watch.synced == 0;
        let before = watch.tracker.stats().listener.maybe_muted;
        watch.until("the scan has begun", |watch| !watch.lives.is_empty());
        // The interval at which a LISTEN leads to a comparison.
        std::thread::sleep(std::time::Duration::from_millis(1_100));
        drop(cnproc_sys::Listener::options().open().unwrap());
        let mut listens_seen = 0;
        watch.until("the scan is complete", |watch| {
            let is_known = watch.tracker.stats().listener.maybe_muted > before;
            listens_seen += u32::from(is_scanning(watch) && is_known);
            watch.assert_nothing_lost();
            assert!(!is_scanning(watch) || !watch.tracker.table().is_in_doubt(), "it began again");
            !is_scanning(watch)
        });
        assert!(listens_seen > 1);
        watch.until("the table is compared after it", |watch| watch.synced > 1);
    });
}
