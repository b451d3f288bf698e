//! Scopes: a part of the processes, at the cost of that part alone.

use crate::scaled;
use crate::watch::{Watch, open, roomy};
use crate::workers::{Worker, shell};
use cnproc_track::{Error, Kind, Options, Scope};
use support::child::{self, Child, exit, pause};
use support::{Gate, live, task};

/// A process with that many children, which live as long as it does. Returns when they are there.
fn family(children: u32) -> Child {
    let ready = Gate::new();
    let parent = child::fork(|| {
        task::end_with_parent();
        for _ in 0..children {
            // SAFETY: the child makes system calls only.
            if unsafe { libc::fork() } == 0 {
                task::end_with_parent();
                pause();
            }
        }
        ready.open();
        pause();
    });
    ready.wait();
    parent
}

fn open_scope(scope: Scope, options: Options) -> Option<Watch> {
    open(options.scope(scope))
}

#[test]
fn one_process_of_two_thousand_is_all_there_is_in_the_table() {
    live::run(|| {
        let crowd = family(scaled(2000));
        let Some(mut watch) = open_scope(Scope::Chosen, roomy()) else { return };
        let gate = Gate::new();
        let child = child::fork(|| {
            gate.wait();
            shell(c"exec sh -c 'exec sh -c \"exit 3\"'", [])
        });
        watch.tracker.add(child.pid()).unwrap();
        watch.until_synced();
        let id = watch.id_of(child.pid());
        assert_eq!((watch.tracker.table().len(), watch.lives.len()), (1, 1));
        let memory = watch.tracker.stats().memory_bytes;
        let one = size_of_val(watch.tracker.table().get(child.pid()).unwrap());
        assert!(memory < 4 * one, "{memory} bytes for one process of {one}");
        gate.open();
        drop(crowd);
        let status = child.wait();
        watch.until_ended(id);
        watch.assert_nothing_lost();
        // It executed three programs, and is one process still.
        assert_eq!((watch.lives.len(), watch.lives[&id].execs), (1, 3));
        assert_eq!((status, watch.status(id)), (3 << 8, Some(3 << 8)));
        assert_eq!(watch.tracker.stats().memory_bytes, memory);
        assert!(watch.tracker.table().is_empty());
    });
}

/// A child that leaves children of its own.
fn descend(number: u32) -> ! {
    if number % 2 == 0 {
        // SAFETY: the child makes system calls only.
        if unsafe { libc::fork() } == 0 {
            exit(9)
        }
        // SAFETY: no status is asked for.
        unsafe { libc::wait(std::ptr::null_mut()) };
    }
    exit((number % 256) as i32)
}

#[test]
fn descendants_of_one_process_are_all_there_is_in_the_table() {
    const CHILDREN: u32 = 200;
    live::run(|| {
        let crowd = family(300);
        let cpus = task::cpus();
        let mine = Worker::new(cpus[0], CHILDREN, descend);
        let others = Worker::new(cpus[cpus.len() - 1], CHILDREN, descend);
        let Some(mut watch) = open_scope(Scope::Descendants, roomy()) else { return };
        watch.tracker.add(mine.child.pid()).unwrap();
        watch.until_synced();
        let id = watch.id_of(mine.child.pid());
        assert_eq!(watch.tracker.table().len(), 1);
        others.gate.open();
        mine.gate.open();
        others.reports(CHILDREN);
        let reports = mine.reports(CHILDREN);
        watch.until("all but the first have ended", |watch| {
            watch.assert_nothing_lost();
            let ended = watch.lives.values().filter(|life| life.end.is_some()).count();
            ended == (CHILDREN + CHILDREN / 2) as usize
        });
        let children = watch.children_of(id);
        let lives: Vec<_> =
            children.iter().map(|life| (life.pid, life.end.unwrap().status.unwrap())).collect();
        assert_eq!(lives, reports);
        assert_eq!(watch.lives.len(), (1 + CHILDREN + CHILDREN / 2) as usize);
        assert_eq!(watch.tracker.table().len(), 1);
        drop(crowd);
    });
}

#[test]
fn descendants_that_are_there_already_are_found() {
    const CHILDREN: usize = 50;
    live::run(|| {
        let Some(mut watch) = open_scope(Scope::Descendants, roomy()) else { return };
        watch.until_synced();
        assert!(watch.tracker.table().is_empty());
        let family = family(CHILDREN as u32);
        // Their FORKs are applied, and mean nothing yet.
        watch.drain();
        watch.tracker.add(family.pid()).unwrap();
        watch.until("the family is in the table", |watch| {
            watch.tracker.table().len() == CHILDREN + 1
        });
        watch.until_synced();
        let table = watch.tracker.table();
        let id = table.get(family.pid()).unwrap().id;
        assert_eq!(table.children(id).count(), CHILDREN);
        assert!(table.children(id).all(|entry| table.ppid(entry) == Some(family.pid())));
        assert!(watch.lives.values().all(|life| life.arrival == Kind::Found));
        drop(family);
        watch.until("the table is empty", |watch| watch.tracker.table().is_empty());
    });
}

#[test]
fn process_that_is_gone_cannot_be_added() {
    live::run(|| {
        let Some(mut watch) = open_scope(Scope::Chosen, roomy()) else { return };
        let child = child::fork(|| exit(0));
        let pid = child.pid();
        child.wait();
        watch.drain();
        assert_eq!(watch.tracker.add(pid), Err(Error::NoSuchProcess));
        assert_eq!(watch.tracker.add(-1), Err(Error::NoSuchProcess));
        assert_eq!(watch.tracker.add(0), Err(Error::NoSuchProcess));
    });
}
