//! One pid, given to process after process as fast as they end, while three readers race to find whose event it was: this
//! library, one that reads `/proc/PID`, and one that compares the start time as well.

use super::{await_event, is_uid};
use cnproc_sys::{Delivery, Error, Event, EventData, EventMask, Identity, Listener, Options};
use std::fs;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};
use support::child::{self, exit, pause};
use support::disturbance;
use support::procfs::{self, boottime_lead};
use support::task::{Pinned, cpus, end_with_parent, fork_as, pin, set_group, set_name, set_user};
use support::wait::{self, HANG_LIMIT};
use support::{live, require, shared};

/// How many processes have the pid in turn, at least: CNPROC_REUSE_ROUNDS, or 10,000.
static ROUNDS: LazyLock<u32> = LazyLock::new(|| {
    std::env::var("CNPROC_REUSE_ROUNDS").map_or(10_000, |rounds| rounds.parse().unwrap())
});

/// Without COMM and GID, of which others may generate more than anybody can receive.
fn options() -> Options {
    live::options().events(EventMask::FORK | EventMask::UID | EventMask::EXIT)
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

/// How far both sides are.
struct Progress {
    /// The last round whose process may exit, and be followed by another.
    released: &'static AtomicU32,
    /// The last round whose process has its name and its ids.
    ready: &'static AtomicU32,
}

impl Progress {
    fn shared() -> Self {
        let [released, ready] = shared::<2>();
        Self { released, ready }
    }
}

/// Until the round is released; not indefinitely, because its event may be lost.
fn await_release(progress: &Progress, round: u32) {
    for _ in 0..100_000 {
        if progress.released.load(Ordering::Acquire) >= round {
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

fn name_of(round: u32) -> [u8; 9] {
    let mut name = *b"r00000000";
    let mut rest = round;
    for digit in name[1..].iter_mut().rev() {
        *digit = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    name
}

/// When the readers ask about the process of a round. Who wins a race depends on the machine, so some rounds are none.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Moment {
    /// While it lives.
    Alive,
    /// While it exits.
    Exiting,
    /// After it has exited, while the next process takes its place.
    Replacing,
    /// When the next process has taken its place.
    Replaced,
}

impl Moment {
    fn of(round: u32) -> Self {
        match round & 7 {
            1 => Self::Alive,
            2 => Self::Replaced,
            0 | 4 => Self::Replacing,
            _ => Self::Exiting,
        }
    }
}

/// The process of one round: takes its name, and exits, at once or when it is released.
fn live_and_die(progress: &Progress, round: u32) -> ! {
    set_name(name_of(round));
    set_group(id_of(round));
    set_user(id_of(round));
    progress.ready.store(round, Ordering::Release);
    if Moment::of(round) != Moment::Replacing {
        await_release(progress, round);
        spin(scatter(round) % 4_000);
    }
    exit(0)
}

/// Two CPUs, or one twice. The kernel wakes a reader on the CPU of the process that it reads about, where both take turns
/// and do not race.
fn two_cpus() -> [usize; 2] {
    let cpus = cpus();
    [cpus[0], cpus[cpus.len() - 1]]
}

/// One process after another, all with that pid, until the parent ends.
fn reuse(progress: &Progress, pid: i32, reaped_by_kernel: bool) -> ! {
    end_with_parent();
    if reaped_by_kernel {
        // SAFETY: no handler is involved.
        unsafe { libc::signal(libc::SIGCHLD, libc::SIG_IGN) };
    }
    for round in 1.. {
        // Until the one before is gone; not indefinitely, because another program may have taken the pid.
        let mut tries = 0;
        let child = loop {
            match fork_as(Some(pid)) {
                -1 if tries < 1_000_000 => tries += 1,
                child => break child,
            }
        };
        match child {
            -1 => break,
            0 => live_and_die(progress, round),
            _ => {}
        }
        if !reaped_by_kernel {
            // SAFETY: the status is not asked for.
            unsafe { libc::waitpid(pid, std::ptr::null_mut(), 0) };
        }
        await_release(progress, round);
    }
    exit(disturbance::STATUS)
}

/// What a reader answered: how often it was right, wrong, or said that the process is gone.
#[derive(Debug, Default)]
struct Score {
    right: u32,
    wrong: u32,
    gone: u32,
}

impl Score {
    fn count(&mut self, is_right: Option<bool>) {
        match is_right {
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
    fn ask_library(&mut self, listener: &mut Listener, event: &Event, round: u32) {
        let process = match listener.process(event) {
            Ok(process) => process,
            Err(Error::ProcessGone) => return self.proven.count(None),
            Err(error) => panic!("{error}"),
        };
        let read = process.comm().and_then(|comm| {
            let status = process.status()?;
            let ids = [status.ruid, status.euid, status.rgid, status.egid];
            Ok(comm == name_of(round) && ids == [id_of(round); 4])
        });
        let is_right = match read {
            Ok(is_right) => Some(is_right),
            Err(Error::ProcessGone) => None,
            Err(error) => panic!("{error}"),
        };
        match process.identity() {
            Identity::Proven => self.proven.count(is_right),
            _ => self.likely.count(is_right),
        }
    }

    fn ask_naive(&mut self, pid: i32, round: u32) {
        let comm = fs::read(format!("/proc/{pid}/comm")).ok();
        self.naive.count(comm.map(|comm| comm.strip_suffix(b"\n") == Some(&name_of(round))));
    }

    fn ask_start_time(&mut self, pid: i32, round: u32, event_ns: u64) {
        let Ok(stat) = fs::read_to_string(format!("/proc/{pid}/stat")) else {
            return self.by_start_time.count(None);
        };
        let (name, fields) = stat.rsplit_once(')').unwrap();
        let ticks: u64 = fields.split_whitespace().nth(19).unwrap().parse().unwrap();
        if ticks * procfs::TICK_NS > event_ns + boottime_lead() {
            return self.by_start_time.count(None);
        }
        let name = name.split_once('(').unwrap().1.as_bytes();
        self.by_start_time.count(Some(name == name_of(round)));
    }

    /// Whether it was a race: it was won and lost, and the other readers were deceived.
    fn is_a_race(&self) -> bool {
        self.proven.right >= 100
            && self.proven.gone >= 100
            && self.naive.wrong >= 10
            && self.by_start_time.wrong >= 10
    }
}

/// The round of an event of that pid: its user.
fn round_of(data: &EventData, pid: i32) -> Option<u32> {
    match *data {
        EventData::Uid(uid) if uid.process_tgid == pid => uid.ruid.checked_sub(1_000_000),
        _ => None,
    }
}

/// A pid that is free, and comes round again much later.
fn free_pid() -> i32 {
    let child = child::fork(|| {});
    let pid = child.pid();
    child.wait();
    pid
}

fn race(listener: &mut Listener, reaped_by_kernel: bool) {
    let pid = free_pid();
    let progress = Progress::shared();
    let [reader_cpu, other_cpu] = two_cpus();
    let reuser = child::fork(|| {
        pin(&[other_cpu]);
        reuse(&progress, pid, reaped_by_kernel)
    });
    let _pinned = Pinned::to(&[reader_cpu]);
    let ended_by_itself = || procfs::state(reuser.pid()) == Some('Z');

    let mut last_round = Instant::now();
    let mut scores = Scores::default();
    let (mut rounds, mut lost) = (0, 0);
    while rounds < *ROUNDS || !scores.is_a_race() {
        let Some(mut batch) = listener.recv(Some(Duration::from_millis(100))).unwrap() else {
            if ended_by_itself() {
                reuser.exit_status();
                panic!("it ended by itself");
            }
            continue;
        };
        let event = match batch.next() {
            Some(Delivery::Event(event)) => event,
            // Others may fill the queue at any time.
            Some(Delivery::Lost(count)) => {
                lost += count;
                continue;
            }
            None => continue,
        };
        assert!(last_round.elapsed() < HANG_LIMIT, "{rounds} rounds, {lost} lost: {scores:#?}");
        let Some(round) = round_of(&event.data(), pid) else { continue };
        (rounds, last_round) = (round, Instant::now());
        let release = || progress.released.store(round, Ordering::Release);
        match Moment::of(round) {
            Moment::Alive => {}
            Moment::Exiting | Moment::Replacing => {
                release();
                spin(scatter(round + *ROUNDS) % 8_000);
            }
            Moment::Replaced => {
                release();
                wait::until("the next process is there", || {
                    progress.ready.load(Ordering::Acquire) > round || ended_by_itself()
                });
            }
        }
        for turn in 0..3 {
            match (round + turn) % 3 {
                0 => scores.ask_library(listener, &event, round),
                1 => scores.ask_naive(pid, round),
                _ => scores.ask_start_time(pid, round, event.timestamp_ns),
            }
        }
        release();
    }
    println!("reaped by the kernel: {reaped_by_kernel}; lost: {lost}; of {rounds}: {scores:#?}");
    assert_eq!(scores.proven.wrong, 0);
    assert!(scores.likely.wrong == 0 || lost > 0);
}

#[test]
fn reused_pid_is_never_taken_for_the_process() {
    if require::root() {
        live::with(options(), |listener| race(listener, false));
    }
}

#[test]
fn pid_reused_before_the_exit_is_never_taken_for_the_process() {
    if require::root() {
        live::with(options(), |listener| race(listener, true));
    }
}

#[test]
fn handle_of_earlier_process_returns_nothing_of_a_later_one() {
    if !require::root() {
        return;
    }
    live::with(options(), |listener| {
        let change_user_and_wait = || {
            set_user(id_of(1));
            pause()
        };
        let earlier = child::fork(change_user_and_wait);
        let pid = earlier.pid();
        let event = await_event(listener, pid, is_uid);
        let process = listener.process(&event).unwrap();
        assert!(process.pidfd().is_ok());
        earlier.kill(libc::SIGKILL);
        earlier.wait();

        match fork_as(Some(pid)) {
            0 => change_user_and_wait(),
            -1 => disturbance::disturbed("another program took the pid"),
            later => assert_eq!(later, libc::c_long::from(pid)),
        }
        let (pidfd, status, comm) = (process.pidfd(), process.status(), process.comm());
        let again = listener.process(&event);
        // Before a failure could leave it behind. SAFETY: the process is ours, and has not been waited for.
        unsafe {
            libc::kill(pid, libc::SIGKILL);
            libc::waitpid(pid, std::ptr::null_mut(), 0);
        }
        assert!(matches!(pidfd, Err(Error::ProcessGone)));
        assert_eq!(status, Err(Error::ProcessGone));
        assert_eq!(comm, Err(Error::ProcessGone));
        assert!(matches!(again, Err(Error::ProcessGone)));
    });
}
