//! Names and command lines at the end of a process, when `/proc` has nothing left of it.

use crate::procfs;
use crate::scaled;
use crate::watch::{open, roomy};
use crate::workers::{self, Worker, shell};
use cnproc_sys::{Delivery, EventData, EventMask, Listener};
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use support::child::{self, exit};
use support::{Gate, live, task};

#[test]
fn program_that_was_seen_has_its_name_and_command_line_at_its_end() {
    live::run(|| {
        let Some(mut watch) = open(roomy().cmdline(true)) else { return };
        watch.until_synced();
        for _ in 0..100 {
            let child = child::fork(|| shell(c"kill -STOP $$", [c"of", c"mine"]));
            let id = watch.id_of(child.pid());
            watch.until("it executes", |watch| watch.lives[&id].execs == 1);
            child.kill(libc::SIGKILL);
            child.wait();
            watch.until_ended(id);
            watch.assert_undisturbed();
            let life = &watch.lives[&id];
            assert_eq!(life.name.as_deref(), Some(&b"sh"[..]));
            assert_eq!(life.cmdline.as_deref(), Some(&b"sh\0-c\0kill -STOP $$\0of\0mine\0"[..]));
        }
    });
}

#[test]
fn fork_without_exec_has_the_name_and_command_line_of_its_parent() {
    const CHILDREN: u32 = 1000;
    live::run(|| {
        let Some(mut watch) = open(roomy().cmdline(true)) else { return };
        watch.until_synced();
        let cmdline = std::fs::read("/proc/self/cmdline").unwrap();
        let cmdline = &cmdline[..cmdline.len().min(256)];
        let worker = Worker::new(task::cpus()[0], CHILDREN, |_| exit(0));
        let id = watch.id_of(worker.child.pid());
        worker.gate.open();
        watch.until("all children have ended", |watch| {
            let children = watch.children_of(id);
            watch.assert_undisturbed();
            children.len() == CHILDREN as usize && children.iter().all(|life| life.end.is_some())
        });
        watch.assert_undisturbed();
        for life in watch.children_of(id) {
            assert_eq!(life.name.as_deref(), Some(workers::NAME.as_bytes()));
            assert_eq!(life.cmdline.as_deref(), Some(cmdline));
        }
    });
}

/// Reads command lines of `/proc` by hand, as they execute, until it is stopped.
fn read_by_hand(mut listener: Listener, is_over: &AtomicBool) -> HashMap<i32, Vec<u8>> {
    let mut lines = HashMap::new();
    while !is_over.load(Ordering::Relaxed) {
        let batch = listener.recv(Some(Duration::from_millis(10))).unwrap();
        for delivery in batch.into_iter().flatten() {
            let Delivery::Event(event) = delivery else { continue };
            if let EventData::Exec(exec) = event.data() {
                lines.extend(
                    procfs::cmdline(exec.process_tgid).map(|line| (exec.process_tgid, line)),
                );
            }
        }
    }
    lines
}

/// How often a program that ends at once has its command line at its end is a race, so it is printed. What is known
/// must be right.
#[test]
fn short_lived_programs_have_their_own_command_line_or_none() {
    let count = scaled(500);
    let bodies: [(&str, workers::Body); 2] = [
        ("ends at once", |_| shell(c"exit 0", [])),
        // Busybox overwrites the last digit of its argument for a moment, with a 1.
        ("lives 20 ms", |_| shell(c"exec sleep 0.021", [])),
    ];
    live::run(|| {
        for (what, body) in bodies {
            let is_over = AtomicBool::new(false);
            let Some(mut watch) = open(roomy().cmdline(true)) else { return };
            let Some(listener) = live::open(Listener::options().events(EventMask::EXEC)) else {
                return;
            };
            watch.until_synced();
            let workers = [Worker::new(task::cpus()[0], count, body)];
            let by_hand = std::thread::scope(|scope| {
                let by_hand = scope.spawn(|| read_by_hand(listener, &is_over));
                crate::storm::follow(&mut watch, &workers, count);
                is_over.store(true, Ordering::Relaxed);
                by_hand.join().unwrap()
            });
            watch.assert_nothing_lost();
            let id = watch.id_of(workers[0].child.pid());
            let children = watch.children_of(id);
            let (mut named, mut read) = (0, 0);
            for life in &children {
                let shell = &b"sh\0-c\0exit 0\0"[..];
                let programs = [shell, b"sh\0-c\0exec sleep 0.021\0", b"sleep\x000.021\0"];
                assert!(
                    life.name.as_deref().is_none_or(|name| [&b"sh"[..], b"sleep"].contains(&name)),
                    "{life:?}"
                );
                assert!(
                    life.cmdline.as_deref().is_none_or(|line| programs.contains(&line)),
                    "{life:?}"
                );
                named += u32::from(life.name.is_some());
                read += u32::from(life.cmdline.is_some());
            }
            let by_hand = children.iter().filter(|life| by_hand.contains_key(&life.pid)).count();
            println!(
                "program that {what}: of {} names {named}, command lines {read}; by hand {by_hand}",
                children.len()
            );
        }
    });
}

#[test]
fn renamed_process_has_its_last_name_at_its_end() {
    live::run(|| {
        let Some(mut watch) = open(roomy()) else { return };
        watch.until_synced();
        let gate = Gate::new();
        let child = child::fork(|| {
            gate.wait();
            for name in ["first", "second", "third"] {
                task::set_name(name);
            }
            exit(0)
        });
        let id = watch.id_of(child.pid());
        gate.open();
        watch.until_ended(id);
        watch.assert_undisturbed();
        assert_eq!(watch.lives[&id].name.as_deref(), Some(&b"third"[..]));
    });
}
