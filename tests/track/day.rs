//! A day in a minute: a parallel build, a test suite, and a hundred thousand processes.

use crate::watch::{Watch, open, roomy};
use crate::workers::Worker;
use cnproc_track::Scope;
use std::process::{Child, Command, Stdio};
use support::child::exit;
use support::{live, wait};

const PROCESSES: u32 = 100_000;

/// What this process has in memory, in KiB.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.split_whitespace().next().unwrap().parse().unwrap()
}

fn start(script: &str) -> Child {
    let mut command = Command::new("sh");
    command.args(["-c", script]).stdin(Stdio::null()).stdout(Stdio::null());
    command.spawn().unwrap()
}

/// As make runs it: a shell for each source, in which a compiler starts its own passes.
const COMPILE: &str = "for i in 1 2 3 4 5; do echo 'int f(void) { return 1; }' | cc -x c -c -o /dev/null - || exit; done";

/// As a test suite: pipelines, subshells, and programs that fail.
const TESTS: &str = "for i in $(seq 100); do test \"$(echo $i | sed s/^/x/ | cat)\" = x$i || exit; (exit 3) || false | true; done";

/// Takes changes until the scripts have ended, of which each runs in several shells at once.
fn run(watch: &mut Watch, script: &str) {
    let mut shells: Vec<_> = (0..4).map(|_| start(script)).collect();
    let ids: Vec<_> = shells.iter().map(|shell| watch.id_of(shell.id() as i32)).collect();
    watch.until("the scripts have ended", |_| {
        shells.iter_mut().all(|shell| match shell.try_wait().unwrap() {
            Some(status) => {
                assert!(status.success(), "{status}");
                true
            }
            None => false,
        })
    });
    ids.into_iter().for_each(|id| watch.until_ended(id));
}

/// Takes changes until this process has no descendants any more.
fn until_alone(watch: &mut Watch) {
    watch.until("all descendants have ended", |watch| watch.tracker.table().len() == 1);
    watch.until_synced();
    assert!(watch.tracker.table().get(std::process::id() as i32).is_some());
    assert_eq!(watch.lives.values().filter(|life| life.end.is_none()).count(), 1);
}

/// Set in a process that runs nothing but this test, because the memory of a process is that of all its tests.
const ALONE: &str = "CNPROC_TEST_ALONE";

#[test]
fn memory_in_the_evening_is_that_of_the_morning() {
    if std::env::var_os(ALONE).is_none() {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "day::memory_in_the_evening_is_that_of_the_morning"]);
        let output = wait::output(command.arg("--nocapture").env(ALONE, "1"));
        let text = String::from_utf8_lossy(&output.stdout);
        print!("{text}");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert!(text.contains("1 passed"), "the test did not run");
        return;
    }
    live::run(|| {
        // Not those of others, which may be many at once, with long command lines.
        let options = roomy().cmdline(true).exe(true).scope(Scope::Descendants);
        let Some(mut watch) = open(options) else { return };
        watch.tracker.add(std::process::id() as i32).unwrap();
        watch.until_synced();
        for script in [COMPILE, TESTS] {
            run(&mut watch, script);
            until_alone(&mut watch);
            watch.forget_ended();
        }
        let morning = (watch.tracker.stats().memory_bytes, resident());
        let mut changes = 0_u32;
        let workers = Worker::two(PROCESSES / 2, |_| exit(0));
        workers.iter().for_each(|worker| worker.gate.open());
        std::thread::scope(|scope| {
            let readers: Vec<_> = workers
                .iter()
                .map(|worker| scope.spawn(|| worker.reports(PROCESSES / 2)))
                .collect();
            watch.until("all processes have ended", |watch| {
                changes += 1;
                if changes % 4096 == 0 {
                    watch.forget_ended();
                }
                readers.iter().all(|reader| reader.is_finished())
            });
        });
        watch.assert_nothing_lost();
        drop(workers);
        until_alone(&mut watch);
        let evening = (watch.tracker.stats().memory_bytes, resident());
        println!(
            "{PROCESSES} processes: table {} and {} bytes, program {} and {} KiB",
            morning.0, evening.0, morning.1, evening.1,
        );
        // A page or two of the allocator's; a table that kept anything of each process would take megabytes.
        assert!(evening.0 <= morning.0 + 65_536, "the table has grown");
        // Of the listener's queue, 2 MiB, it uses all when it falls behind. 40 bytes for each process would be too much.
        assert!(evening.1 <= morning.1 + 4096, "the program has grown");
    });
}
