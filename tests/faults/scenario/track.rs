//! What a tracker is asked for while one of its system calls fails.

mod family;
mod watch;

use crate::receive::NOW;
use crate::step::{attempt, drop_step, pad};
use cnproc_sys::Resumed;
use cnproc_track::{Error, Known, Scope, Text, Tracker};
use family::{COMMAND_LINE, NAME, PROGRAM, STATUS, STRANGER};
use support::child::Child;
use support::procfs;
use watch::Watch;

fn of_chosen() -> cnproc_track::Options {
    Tracker::options().cmdline(true).scope(Scope::Chosen)
}

/// A scan of `/proc`, in which the table grows.
pub(crate) fn scan() {
    let (first, second) = (family::start(&[]), family::start(&[]));
    let begin = procfs::now(libc::CLOCK_BOOTTIME);
    let options = Tracker::options().cmdline(true);
    let mut watch = Watch::open("open again", options, &[&first, &second]);
    watch.until_synced("scan");
    watch.assert_has_all_since(begin);
    for child in [&first, &second] {
        watch.assert_lives("ppid again", child);
        let entry = watch.entry(child);
        assert!(entry.known.contains(Known::COMM | Known::UID | Known::CMDLINE), "{entry:?}");
    }
    let pid = first.pid();
    family::end(first);
    watch.until_ended("exit again", pid, libc::SIGKILL);
    watch.assert_lives("ppid again", &second);
    drop_step("drop again", watch.tracker);
}

/// Everything that a process does, in a table with few others.
pub(crate) fn stream() {
    let busy = family::start(&[
        family::rename,
        family::begin_session,
        family::change_user,
        family::change_group,
    ]);
    let executing = family::start(&[family::execute]);
    let threaded = family::start(&[family::leave_to_a_thread]);
    let mut watch = Watch::open("open again", of_chosen(), &[&busy, &executing, &threaded]);
    watch.until_synced("list");
    for child in [&busy, &executing, &threaded] {
        watch.add("add", child.pid());
        watch.until_arrived("found", child);
    }
    watch.until_synced("sync again");
    let newborn = family::start(&[]);
    watch.follow(&newborn);
    watch.add("add a newborn", newborn.pid());
    watch.until_arrived("started", &newborn);
    family::request(&busy);
    watch.until("rename", |watch| watch.entry(&busy).name() == NAME.as_bytes());
    family::request(&busy);
    watch.until("session", |watch| watch.entry(&busy).sid == busy.pid());
    family::request(&busy);
    watch.until("user", |watch| watch.entry(&busy).ruid == STRANGER);
    family::request(&busy);
    watch.until("group", |watch| watch.entry(&busy).rgid == STRANGER);
    family::request(&executing);
    watch.until_executed("exec", &executing);
    assert_executes(&watch, &executing);
    for child in [&busy, &executing, &newborn] {
        watch.assert_lives("ppid", child);
    }
    family::request(&threaded);
    watch.until_ended("exit of threads", threaded.pid(), STATUS << 8);
    for child in [busy, executing, newborn] {
        let pid = child.pid();
        family::end(child);
        watch.until_ended("exit", pid, libc::SIGKILL);
    }
    assert!(watch.tracker.table().is_empty());
    drop_step("drop", watch.tracker);
}

/// What is known of its program is that of the one that it executes.
fn assert_executes(watch: &Watch, child: &Child) {
    let entry = watch.entry(child);
    let is_known = |member| entry.known.contains(member);
    assert!(!is_known(Known::COMM) || entry.name() == PROGRAM, "{entry:?}");
    let cmdline = watch.tracker.table().text(entry.id, Text::Cmdline);
    assert!(!is_known(Known::CMDLINE) || cmdline == Some(COMMAND_LINE), "{cmdline:?}");
}

/// Events that find the queue full.
const FLOOD: u32 = 300;

/// Fills a queue that holds a few dozen events.
fn flood() {
    for number in 0..FLOOD {
        // SAFETY: no memory is involved.
        let failed = unsafe { libc::syscall(libc::SYS_setresuid, STRANGER + number, 0, 0) };
        assert_eq!(failed, 0, "{}", std::io::Error::last_os_error());
    }
}

/// Children that live, end, and execute while events are lost.
struct Losing {
    living: Child,
    executing: Child,
    ended: i32,
}

impl Losing {
    /// Calls `open` when the children are there, and returns when they have changed unseen.
    fn start(open: impl FnOnce(&[&Child]) -> Watch) -> (Self, Watch) {
        let (living, ending) = (family::start(&[]), family::start(&[]));
        let executing = family::start(&[family::execute]);
        let mut watch = open(&[&living, &ending, &executing]);
        watch.forget_losses();
        flood();
        let ended = ending.pid();
        family::end(ending);
        family::request(&executing);
        (Self { living, executing, ended }, watch)
    }

    /// Receives the loss, and what changed meanwhile; and then more.
    fn recover(self, watch: &mut Watch) {
        watch.until_lost("loss");
        watch.until_synced("resync");
        watch.until_ended("exit again", self.ended, libc::SIGKILL);
        watch.until("exec again", |watch| {
            let entry = watch.entry(&self.executing);
            !entry.known.contains(Known::COMM) || entry.name() == PROGRAM
        });
        watch.until_synced("resync");
        assert_executes(watch, &self.executing);
        for child in [self.living, self.executing] {
            watch.assert_lives("ppid again", &child);
            let pid = child.pid();
            family::end(child);
            watch.until_ended("exit again", pid, libc::SIGKILL);
        }
    }
}

/// A loss, and the comparison after it, in a table of few processes.
pub(crate) fn loss() {
    let (losing, mut watch) = Losing::start(|children| {
        let options = of_chosen().exe(true).receive_buffer(1 << 14);
        let mut watch = Watch::open("open again", options, children);
        watch.until_synced("list again");
        for child in children {
            watch.add("add again", child.pid());
            watch.until_arrived("found again", child);
        }
        watch
    });
    let unseen = family::start(&[]);
    watch.follow(&unseen);
    watch.add("add unseen", unseen.pid());
    losing.recover(&mut watch);
    watch.assert_lives("ppid again", &unseen);
    drop_step("drop again", watch.tracker);
}

/// In a flood of others there is no room for the kernel's answer.
fn resume(name: &str, watch: &mut Watch) {
    attempt(
        name,
        || watch.tracker.resume(),
        |resumed| match resumed {
            Resumed::Unknown => "doubtful".to_owned(),
            resumed => format!("{resumed:?}"),
        },
    );
}

/// What can be asked of a tracker, and of a process that it has.
pub(crate) fn handles() {
    let child = family::start(&[]);
    let mut watch = Watch::open("open", of_chosen(), &[&child]);
    watch.add("add again", child.pid());
    watch.until_synced("sync");
    watch.until_arrived("found again", &child);
    watch.assert_lives("ppid", &child);
    let id = watch.entry(&child).id;
    let process = attempt(
        "process",
        || watch.tracker.process(id),
        |process| (process.tgid() == child.pid()).to_string(),
    );
    drop_step("drop process", process);
    let waker = attempt("waker", || watch.tracker.waker(), |_| String::new());
    waker.wake();
    let mut is_woken = || watch.tracker.recv(None).map(|change| change.is_none());
    // Changes may come first.
    while !attempt("recv until woken", &mut is_woken, |_| String::new()) {}
    drop_step("drop waker", waker);
    resume("resume", &mut watch);
    watch.tracker.resync();
    watch.until_synced("resync on demand");
    watch.assert_lives("ppid again", &child);
    let pid = child.pid();
    family::end(child);
    watch.until_ended("exit again", pid, libc::SIGKILL);
    let gone = |result| match result {
        Err(Error::NoSuchProcess) => Ok(true),
        result => result.map(|()| false),
    };
    let text = |gone: &bool| gone.to_string();
    assert!(attempt("process that is gone", || gone(watch.tracker.process(id).map(drop)), text));
    assert!(attempt("add one that is gone", || gone(watch.tracker.add(pid)), text));
    drop_step("drop", watch.tracker);
}

/// A family that was there before its eldest was added.
pub(crate) fn descendants() {
    let eldest = family::start(&[family::fork, family::fork]);
    family::request(&eldest);
    let options = Tracker::options().scope(Scope::Descendants);
    let mut watch = Watch::open("open again", options, &[&eldest]);
    watch.until_synced("scan again");
    let is_there = |watch: &Watch, count| {
        let table = watch.tracker.table();
        table.get(eldest.pid()).is_some_and(|entry| table.children(entry.id).count() == count)
    };
    watch.add("add", eldest.pid());
    watch.until("found again", |watch| is_there(watch, 1));
    watch.until_synced("sync again");
    family::request(&eldest);
    watch.until("started again", |watch| is_there(watch, 2));
    assert_eq!(watch.tracker.table().len(), 3);
    watch.assert_lives("ppid again", &eldest);
    let pid = eldest.pid();
    family::end(eldest);
    watch.until_ended("exit again", pid, libc::SIGKILL);
    watch.until("exit again", |watch| watch.tracker.table().is_empty());
    drop_step("drop again", watch.tracker);
}

/// A daemon: its parent opens, and the child adopts.
pub(crate) fn adopt() {
    let first = family::start(&[]);
    let mut watch = Watch::open("open again", of_chosen(), &[&first]);
    watch.add("add again", first.pid());
    watch.until_synced("sync again");
    watch.until_arrived("found again", &first);
    // SAFETY: this process has one thread.
    let child = unsafe { libc::fork() };
    if child == 0 {
        pad();
        attempt("adopt", || watch.tracker.adopt(), |()| String::new());
        let second = family::start(&[family::execute]);
        watch.follow(&second);
        watch.add("add in the child", second.pid());
        watch.until_arrived("started in the child", &second);
        family::request(&second);
        watch.until_executed("exec in the child", &second);
        assert_executes(&watch, &second);
        first.kill(libc::SIGKILL);
        watch.until_ended("exit in the child", first.pid(), libc::SIGKILL);
        let pid = second.pid();
        family::end(second);
        watch.until_ended("exit in the child", pid, libc::SIGKILL);
        resume("resume in the child", &mut watch);
        drop_step("drop in the child", watch.tracker);
        // Its parent's child.
        std::mem::forget(first);
        return;
    }
    let mut status = 0;
    // SAFETY: `status` is valid for writing.
    assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
    assert_eq!(status, 0);
    let forked = |result| match result {
        Err(Error::Listener(cnproc_sys::Error::Forked)) => Ok(true),
        result => result.map(|()| false),
    };
    let text = |forked: &bool| forked.to_string();
    attempt("recv in the parent", || forked(watch.tracker.recv(NOW).map(drop)), text);
    attempt("add in the parent", || forked(watch.tracker.add(first.pid())), text);
    drop_step("drop in the parent", watch.tracker);
}
