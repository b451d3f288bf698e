//! What the process table costs, beyond its listener.
//!
//! The table's own time is that of synthetic events; scan and resync read the running machine's `/proc`, with
//! processes that this program forks.

use cnproc_parse::{Event, kernel};
use cnproc_track::{Change, Heap, Outcome, Table, TableOptions, Tracker};
use std::hint::black_box;
use std::time::Instant;

const ROUNDS: usize = 15;
/// Processes in the table while it is measured.
const PROCESSES: i32 = 1000;

fn event(what: u32, timestamp_ns: u64, words: [i32; 6]) -> Event {
    let mut event = Event::default();
    (event.what, event.timestamp_ns) = (what, timestamp_ns);
    for (to, word) in event.event_data.chunks_mut(4).zip(words) {
        to.copy_from_slice(&word.to_ne_bytes());
    }
    event
}

fn fork(ns: u64, child: i32) -> Event {
    event(kernel::PROC_EVENT_FORK, ns, [1, 1, child, child, 0, 0])
}

fn exit(ns: u64, pid: i32) -> Event {
    event(kernel::PROC_EVENT_EXIT, ns, [pid, pid, 0, 17, 1, 1])
}

/// A table with processes 1 to `count`.
fn table(count: i32) -> Table<u64, Heap> {
    let mut table = Table::new(&Heap, &TableOptions::default()).expect("memory");
    for pid in 1..=count {
        table.apply(&fork(1, pid), None).expect("room");
    }
    table
}

/// The median time of `count` repetitions, in nanoseconds for each.
fn median(count: u32, mut body: impl FnMut()) -> f64 {
    let mut times: Vec<_> = (0..ROUNDS)
        .map(|_| {
            let begin = Instant::now();
            (0..count).for_each(|_| body());
            begin.elapsed().as_nanos() as f64 / f64::from(count)
        })
        .collect();
    times.sort_by(f64::total_cmp);
    times[ROUNDS / 2]
}

fn apply(table: &mut Table<u64, Heap>, event: &Event, is_change: bool) {
    let outcome = table.apply(black_box(event), None).expect("room");
    assert_eq!(matches!(black_box(outcome), Outcome::Change(_)), is_change, "{event:?}");
}

fn table_alone() {
    let mut warm = table(PROCESSES);
    let named = event(kernel::PROC_EVENT_COMM, 5, [7, 7, 1, 1, 1, 1]);
    apply(&mut warm, &named, true);
    let same = median(100_000, || apply(&mut warm, &named, false));
    let thread = event(kernel::PROC_EVENT_COMM, 5, [900, 7, 1, 1, 1, 1]);
    let of_thread = median(100_000, || apply(&mut warm, &thread, false));
    println!("an event that changes nothing      {same:8.0} ns   (of a thread: {of_thread:.0} ns)");

    // Later than any look: nothing casts doubt on an EXIT. Pids go round, as the kernel hands them out.
    let (mut ns, mut pid) = (20_000_000_000, PROCESSES);
    let both = median(100_000, || {
        ns += 1000;
        pid = if pid >= 32_000 { PROCESSES + 1 } else { pid + 1 };
        apply(&mut warm, &fork(ns, pid), true);
        apply(&mut warm, &exit(ns + 500, pid), true);
    });
    println!("FORK and EXIT of a process         {both:8.0} ns");
    for count in [1000, 100_000] {
        println!(
            "memory for {count:6} processes        {:8} KiB",
            table(count).memory_bytes() / 1024
        );
    }
}

/// Forks children that end with this program, and returns how many there are.
fn crowd(count: u32) -> Vec<i32> {
    let body = || {
        // SAFETY: the child makes system calls only.
        match unsafe { libc::fork() } {
            0 => loop {
                // SAFETY: no memory is involved.
                unsafe {
                    libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
                    libc::pause();
                }
            },
            pid => pid,
        }
    };
    (0..count).map(|_| body()).take_while(|pid| *pid > 0).collect()
}

/// The CPU time of this process, in milliseconds: other programs do not change it.
fn cpu_ms() -> f64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is valid for writing.
    unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &mut time) };
    time.tv_sec as f64 * 1e3 + time.tv_nsec as f64 / 1e6
}

/// Takes changes until the table is complete. Returns how many processes it has.
fn until_synced(tracker: &mut Tracker) -> usize {
    while !matches!(tracker.recv(None).expect("a change"), Some(Change::Synced)) {}
    tracker.table().len()
}

fn open(what: &str) -> Tracker {
    let (begin, begin_ms) = (Instant::now(), cpu_ms());
    let mut tracker = Tracker::options().receive_buffer(64 << 20).open().expect("a tracker");
    let count = until_synced(&mut tracker);
    let (time, ms) = (begin.elapsed().as_secs_f64() * 1e3, cpu_ms() - begin_ms);
    println!("{what}, with a scan of {count:5}       {ms:8.1} ms of CPU time, in {time:.1} ms");
    tracker
}

fn on_this_machine() {
    let mut tracker = open("opening");
    let mut times: Vec<_> = (0..ROUNDS)
        .map(|_| {
            let begin_ms = cpu_ms();
            tracker.resync();
            let count = until_synced(&mut tracker);
            (cpu_ms() - begin_ms) / count as f64 * 100.0
        })
        .collect();
    times.sort_by(f64::total_cmp);
    println!("resync, for 100 processes          {:8.1} ms of CPU time", times[ROUNDS / 2]);
    drop(tracker);

    let crowd = crowd(10_000);
    drop(open("opening"));
    for pid in crowd {
        // SAFETY: a child of this process, which is waited for here only.
        unsafe {
            libc::kill(pid, libc::SIGKILL);
            libc::waitpid(pid, std::ptr::null_mut(), 0);
        }
    }
}

fn main() {
    table_alone();
    on_this_machine();
}
