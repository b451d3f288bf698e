//! One pid, given to process after process as fast as they end, while three readers race to tell whose
//! event it was: this library, one that reads `/proc/PID`, and one that looks at the start time as well.

use cnproc_sys::{Delivery, Error, EventData, EventMask, Identity, Listener, Options};
use std::fs;
use std::ptr;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use support::{child, live};

/// How many processes have the pid in turn: CNPROC_REUSE_ROUNDS, or 10,000.
static ROUNDS: LazyLock<u32> = LazyLock::new(|| {
    std::env::var("CNPROC_REUSE_ROUNDS").map_or(10_000, |rounds| rounds.parse().unwrap())
});

/// Without COMM and GID, of which others may make more than anybody can read.
fn options() -> Options {
    Listener::options().events(EventMask::FORK | EventMask::UID | EventMask::EXIT)
}

/// What the processes of the test share.
struct Shared {
    /// The last round that the readers have begun to ask about.
    asked: AtomicU32,
}

fn shared() -> &'static Shared {
    let size = size_of::<Shared>();
    let protection = libc::PROT_READ | libc::PROT_WRITE;
    let flags = libc::MAP_SHARED | libc::MAP_ANONYMOUS;
    // SAFETY: a new mapping of zeros, which are a Shared; it is never unmapped.
    unsafe {
        let memory = libc::mmap(ptr::null_mut(), size, protection, flags, -1, 0);
        assert_ne!(memory, libc::MAP_FAILED);
        &*memory.cast()
    }
}

/// Numbers without a pattern.
fn scatter(round: u32) -> u32 {
    round.wrapping_mul(2_654_435_769).rotate_left(13).wrapping_mul(2_246_822_519) >> 8
}

fn spin(times: u32) {
    for _ in 0..times {
        std::hint::spin_loop();
    }
}

/// Until the readers ask about the round; not for ever, lest they are gone.
fn await_asked(shared: &Shared, round: u32) {
    for _ in 0..100_000 {
        if shared.asked.load(Ordering::Acquire) >= round {
            return;
        }
        // SAFETY: no memory is involved.
        unsafe { libc::sched_yield() };
    }
}

/// The user and group id of a round, and the name.
fn id_of(round: u32) -> u32 {
    1_000_000 + round
}

fn name_of(round: u32) -> [u8; 10] {
    let mut name = *b"r00000000\0";
    let mut rest = round;
    for digit in name[1..9].iter_mut().rev() {
        *digit = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    name
}

/// A process of one round: takes its name, and ends, at once or while it is asked about.
fn live_and_die(shared: &Shared, round: u32) -> ! {
    let name = name_of(round);
    // SAFETY: system calls, on the name, which ends with NUL.
    unsafe {
        libc::prctl(libc::PR_SET_NAME, name.as_ptr());
        libc::setresgid(id_of(round), id_of(round), id_of(round));
        libc::setresuid(id_of(round), id_of(round), id_of(round));
        if !round.is_multiple_of(4) {
            await_asked(shared, round);
            spin(scatter(round) % 4_000);
        }
        libc::_exit(0)
    }
}

#[repr(C)]
#[derive(Default)]
struct CloneArgs {
    flags: u64,
    pidfd: u64,
    child_tid: u64,
    parent_tid: u64,
    exit_signal: u64,
    stack: u64,
    stack_size: u64,
    tls: u64,
    set_tid: u64,
    set_tid_size: u64,
}

/// Forks a process of that pid. -1 if it can't be had.
fn clone_as(pid: i32) -> libc::c_long {
    let args = CloneArgs {
        exit_signal: libc::SIGCHLD as u64,
        set_tid: ptr::from_ref(&pid) as u64,
        set_tid_size: 1,
        ..CloneArgs::default()
    };
    // SAFETY: as fork; `args` and `pid` live until it returns.
    unsafe { libc::syscall(libc::SYS_clone3, &args, size_of::<CloneArgs>()) }
}

/// One process after another, all of that pid.
fn reuse(shared: &Shared, pid: i32, rounds: u32, reaped_by_kernel: bool) {
    if reaped_by_kernel {
        // SAFETY: no handler is involved.
        unsafe { libc::signal(libc::SIGCHLD, libc::SIG_IGN) };
    }
    for round in 1..=rounds {
        // Until the one before is gone; not for ever, should the pid be somebody else's.
        let mut tries = 0;
        let child = loop {
            match clone_as(pid) {
                -1 if tries < 1_000_000 => tries += 1,
                child => break child,
            }
        };
        match child {
            -1 => return,
            0 => live_and_die(shared, round),
            _ => {}
        }
        if !reaped_by_kernel {
            // SAFETY: the status is not asked for.
            unsafe { libc::waitpid(pid, ptr::null_mut(), 0) };
        }
        await_asked(shared, round);
    }
}

/// What a reader said, of how many events.
#[derive(Debug, Default)]
struct Score {
    right: u32,
    wrong: u32,
    gone: u32,
}

impl Score {
    fn count(&mut self, told: Option<bool>) {
        match told {
            Some(true) => self.right += 1,
            Some(false) => self.wrong += 1,
            None => self.gone += 1,
        }
    }
}

#[derive(Debug, Default)]
struct Scores {
    proven: Score,
    likely: Score,
    naive: Score,
    by_start_time: Score,
}

impl Scores {
    fn ask_library(&mut self, listener: &mut Listener, event: &cnproc_sys::Event, round: u32) {
        let process = match listener.process(event) {
            Ok(process) => process,
            Err(Error::ProcessGone) => return self.proven.count(None),
            Err(error) => panic!("{error}"),
        };
        let read = process.comm().and_then(|comm| {
            let status = process.status()?;
            let ids = [status.ruid, status.euid, status.rgid, status.egid];
            Ok(comm == name_of(round)[..9] && ids == [id_of(round); 4])
        });
        let told = match read {
            Ok(right) => Some(right),
            Err(Error::ProcessGone) => None,
            Err(error) => panic!("{error}"),
        };
        match process.identity() {
            Identity::Proven => self.proven.count(told),
            _ => self.likely.count(told),
        }
    }

    fn ask_naive(&mut self, pid: i32, round: u32) {
        let comm = fs::read(format!("/proc/{pid}/comm")).ok();
        self.naive.count(comm.map(|comm| comm[..] == with_newline(round)));
    }

    fn ask_start_time(&mut self, pid: i32, round: u32, event_ns: u64) {
        let Ok(stat) = fs::read_to_string(format!("/proc/{pid}/stat")) else {
            return self.by_start_time.count(None);
        };
        let (name, fields) = stat.rsplit_once(')').unwrap();
        let ticks: u64 = fields.split_whitespace().nth(19).unwrap().parse().unwrap();
        if ticks * 10_000_000 > event_ns + boottime_lead() {
            return self.by_start_time.count(None);
        }
        let name = name.split_once('(').unwrap().1.as_bytes();
        self.by_start_time.count(Some(name == &name_of(round)[..9]));
    }
}

fn with_newline(round: u32) -> [u8; 10] {
    let mut line = name_of(round);
    line[9] = b'\n';
    line
}

fn boottime_lead() -> u64 {
    let now = |clock| {
        let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        // SAFETY: `time` is valid for writing.
        unsafe { libc::clock_gettime(clock, &mut time) };
        time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
    };
    let monotonic = now(libc::CLOCK_MONOTONIC);
    now(libc::CLOCK_BOOTTIME) - monotonic
}

/// The round that an event of that pid is of: it bears the round's user.
fn round_of(data: &EventData, pid: i32) -> Option<u32> {
    match *data {
        EventData::Uid(uid) if uid.process_tgid == pid => uid.ruid.checked_sub(1_000_000),
        _ => None,
    }
}

fn race(reaped_by_kernel: bool) {
    let Some(mut listener) = live::open(options()) else { return };
    // A pid that is free, and comes round again much later.
    let free = child::fork(|| {});
    let pid = free.pid();
    free.wait();
    let (shared, rounds) = (shared(), *ROUNDS);
    let _reuser = child::fork(|| reuse(shared, pid, rounds, reaped_by_kernel));

    let mut scores = Scores::default();
    let (mut last, mut lost) = (0, 0);
    while last < rounds {
        let Some(mut batch) = listener.recv(Some(Duration::from_secs(5))).unwrap() else {
            assert!(lost > 0, "no event after round {last}");
            break;
        };
        let event = match batch.next() {
            Some(Delivery::Event(event)) => event,
            // Others may flood the queue at any time.
            Some(Delivery::Lost(count)) => {
                lost += count;
                continue;
            }
            None => continue,
        };
        let Some(round) = round_of(&event.data(), pid) else { continue };
        last = round;
        shared.asked.store(round, Ordering::Release);
        spin(scatter(round + rounds) % 8_000);
        for turn in 0..3 {
            match (round + turn) % 3 {
                0 => scores.ask_library(&mut listener, &event, round),
                1 => scores.ask_naive(pid, round),
                _ => scores.ask_start_time(pid, round, event.timestamp_ns),
            }
        }
    }
    eprintln!("reaped by the kernel: {reaped_by_kernel}; lost: {lost}; of {rounds}: {scores:#?}");
    assert_eq!(scores.proven.wrong, 0);
    assert!(scores.likely.wrong == 0 || lost > 0);
    // The race was one: it was won and lost, and the others were fooled.
    assert!(scores.proven.right > rounds / 100 && scores.proven.gone > rounds / 100);
    assert!(scores.naive.wrong > rounds / 1000 && scores.by_start_time.wrong > rounds / 1000);
}

#[test]
fn a_reused_pid_is_never_taken_for_the_events_process() {
    race(false);
}

#[test]
fn nor_where_the_kernel_reaps_and_the_exit_is_told_late() {
    race(true);
}

#[test]
fn what_was_found_of_an_earlier_process_tells_nothing_of_a_later_one() {
    let Some(mut listener) = live::open(options()) else { return };
    let wait_for_the_end = || {
        // SAFETY: no memory is involved.
        unsafe {
            libc::setresuid(id_of(1), id_of(1), id_of(1));
            libc::pause();
        }
    };
    let earlier = child::fork(wait_for_the_end);
    let pid = earlier.pid();
    let event = live::until(&mut listener, |delivery| match delivery {
        Delivery::Event(event) if round_of(&event.data(), pid) == Some(1) => Some(event),
        _ => None,
    });
    let process = listener.process(&event).unwrap();
    assert!(process.pidfd().is_ok());
    earlier.kill(libc::SIGKILL);
    earlier.wait();

    let later = match clone_as(pid) {
        0 => {
            wait_for_the_end();
            // SAFETY: ends the process.
            unsafe { libc::_exit(0) }
        }
        later => later,
    };
    assert_eq!(later, libc::c_long::from(pid));
    let (pidfd, status, comm) = (process.pidfd(), process.status(), process.comm());
    let again = listener.process(&event);
    // Before a failure could leave it behind. SAFETY: the process is ours, and not waited for.
    unsafe {
        libc::kill(pid, libc::SIGKILL);
        libc::waitpid(pid, ptr::null_mut(), 0);
    }
    assert!(matches!(pidfd, Err(Error::ProcessGone)));
    assert_eq!(status, Err(Error::ProcessGone));
    assert_eq!(comm, Err(Error::ProcessGone));
    assert!(matches!(again, Err(Error::ProcessGone)));
}
