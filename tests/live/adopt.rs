//! A listener that forked children take over. The process that owns it when it is closed sends its IGNORE; nobody else does.

use cnproc_parse::kernel;
use cnproc_sys::{Delivery, Error, EventMask, Listener};
use std::ffi::c_int;
use std::mem::ManuallyDrop;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use support::child::{exit, exit_status};
use support::live::NOW;
use support::trace::{self, Request};
use support::wait::HANG_LIMIT;
use support::{child, live, require, shared, task};

/// The process that opens the listener, its child, and the child's child.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Who {
    Opener,
    Child,
    Grandchild,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Act {
    Fork,
    Adopt,
    Close,
    /// Exits without closing.
    Die,
}

use Act::{Adopt, Close, Die, Fork};
use Who::{Child, Grandchild, Opener};

type Step = (Who, Act);

/// Whose the listener is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Owner {
    Alive(Who),
    /// It exited without closing: others may still adopt the listener.
    Dead,
    /// By this process. Nobody can adopt it any more.
    Closed(Who),
}

impl Owner {
    fn after(self, (who, act): Step) -> Self {
        match (self, act) {
            (Self::Alive(_) | Self::Dead, Adopt) => Self::Alive(who),
            (Self::Alive(owner), Close) if owner == who => Self::Closed(who),
            (Self::Alive(owner), Die) if owner == who => Self::Dead,
            _ => self,
        }
    }
}

/// Whose the listener is in the end.
fn owner_after(steps: &[Step]) -> Owner {
    steps.iter().fold(Owner::Alive(Opener), |owner, step| owner.after(*step))
}

/// All orders of the steps of two processes, each of which makes its own in order.
fn interleaved(opener: &[Act], child: &[Act]) -> Vec<Vec<Step>> {
    let after = |who: Who, act: Act, rest: Vec<Vec<Step>>| {
        rest.into_iter().map(move |steps| [vec![(who, act)], steps].concat())
    };
    match (opener, child) {
        ([], []) => vec![Vec::new()],
        _ => {
            let mut orders = Vec::new();
            if let [first, rest @ ..] = opener {
                orders.extend(after(Opener, *first, interleaved(rest, child)));
            }
            if let [first, rest @ ..] = child {
                orders.extend(after(Child, *first, interleaved(opener, rest)));
            }
            orders
        }
    }
}

/// What the processes share.
struct Shared<'a> {
    /// The number of steps that have been made.
    made: &'a AtomicU32,
    /// Not 0: what has gone wrong.
    wrong: &'a AtomicU32,
    /// The pid of each process.
    pids: [&'a AtomicU32; 3],
}

/// Makes the calling process's part of the steps, and that of the children that it forks. Takes no locks.
fn make(steps: &[Step], shared: &Shared<'_>) -> ! {
    let Ok(listener) = live::options().events(EventMask::GID).open() else { exit(OPEN) };
    let mut listener = ManuallyDrop::new(listener);
    let (mut me, mut owner) = (Opener, Owner::Alive(Opener));
    shared.pids[me as usize].store(pid() as u32, Ordering::Release);
    for (number, &(who, act)) in (0..).zip(steps) {
        while shared.made.load(Ordering::Acquire) < number {
            // SAFETY: takes no arguments.
            unsafe { libc::sched_yield() };
        }
        owner = owner.after((who, act));
        if who != me {
            continue;
        }
        match act {
            Fork => {
                // SAFETY: this process has one thread, and takes no locks.
                match unsafe { libc::fork() } {
                    0 => {
                        me = if me == Opener { Child } else { Grandchild };
                        shared.pids[me as usize].store(pid() as u32, Ordering::Release);
                        // The step is its parent's.
                        continue;
                    }
                    child => assert!(child > 0),
                }
            }
            Adopt => {
                let is_adopted = listener.adopt() != Err(Error::Forked);
                if is_adopted && !receives_own_event(&mut listener) {
                    shared.wrong.store(DEAF, Ordering::Relaxed);
                }
            }
            // SAFETY: a process that has closed makes no further step.
            Close => unsafe { ManuallyDrop::drop(&mut listener) },
            Die => {}
        }
        let is_over = matches!(act, Close | Die);
        let is_owner = listener_is_mine(&mut listener, is_over);
        if is_owner.is_some_and(|is_owner| is_owner != (owner == Owner::Alive(me))) {
            shared.wrong.store(NOT_THE_OWNER, Ordering::Relaxed);
        }
        shared.made.store(number + 1, Ordering::Release);
        if is_over {
            break;
        }
    }
    exit(0)
}

const OPEN: c_int = 1;
const DEAF: u32 = 2;
const NOT_THE_OWNER: u32 = 3;

fn pid() -> c_int {
    // SAFETY: takes no arguments.
    unsafe { libc::getpid() }
}

/// Whether a receiving call is allowed. None after the listener was closed.
fn listener_is_mine(listener: &mut Listener, is_over: bool) -> Option<bool> {
    (!is_over).then(|| match listener.recv(NOW) {
        Err(Error::Forked) => false,
        result => result.is_ok(),
    })
}

/// Generates an event, and receives it.
fn receives_own_event(listener: &mut Listener) -> bool {
    task::set_group(pid() as u32);
    loop {
        let Ok(Some(batch)) = listener.recv(Some(HANG_LIMIT)) else { return false };
        for delivery in batch {
            match delivery {
                Delivery::Event(event) if event.process_tgid() == Some(pid()) => return true,
                Delivery::Event(_) => {}
                // Perhaps that one: other programs have filled the queue.
                Delivery::Lost(_) => return true,
            }
        }
    }
}

/// Asserts that the owner alone sends IGNOREs: one for each LISTEN.
fn assert_owner_sends_ignore(steps: &[Step]) {
    let [made, wrong, pids @ ..] = shared::<5>();
    let shared = Shared { made, wrong, pids: pids.each_ref() };
    let (requests, status) = trace::requests_of(|| make(steps, &shared));
    assert_eq!((exit_status(status), wrong.load(Ordering::Relaxed)), (0, 0), "{steps:?}");
    let of = |operation: u32| -> Vec<c_int> {
        let of_kind = |request: &&Request| request.operation == operation;
        requests.iter().filter(of_kind).map(|request| request.pid).collect()
    };
    let (listens, ignores) = (of(kernel::PROC_CN_MCAST_LISTEN), of(kernel::PROC_CN_MCAST_IGNORE));
    assert!(!listens.is_empty());
    let expected = match owner_after(steps) {
        Owner::Closed(who) => {
            vec![pids[who as usize].load(Ordering::Relaxed) as c_int; listens.len()]
        }
        _ => Vec::new(),
    };
    assert_eq!(ignores, expected, "{steps:?}");
}

/// The steps of one process. (A listener whose owner dies leaves the kernel's count raised, so that happens seldom.)
const ENDS: [&[Act]; 4] = [&[Close], &[Die], &[Adopt, Close], &[Adopt, Die]];

#[test]
fn owner_alone_sends_ignore_in_every_order() {
    if !require::root() {
        return;
    }
    live::run(|| {
        let mut count = 0;
        for (opener, child) in ENDS.iter().flat_map(|opener| ENDS.map(|child| (opener, child))) {
            for order in interleaved(opener, child) {
                if matches!(owner_after(&order), Owner::Closed(_)) {
                    assert_owner_sends_ignore(&[vec![(Opener, Fork)], order].concat());
                    count += 1;
                }
            }
        }
        assert!(count > 20, "{count}");
    });
}

#[test]
fn listener_is_handed_on_from_child_to_child() {
    if !require::root() {
        return;
    }
    live::run(|| {
        for steps in [
            // As daemon(3) does, twice.
            &[
                (Opener, Fork),
                (Opener, Die),
                (Child, Fork),
                (Child, Die),
                (Grandchild, Adopt),
                (Grandchild, Close),
            ][..],
            &[
                (Opener, Fork),
                (Child, Adopt),
                (Child, Fork),
                (Grandchild, Adopt),
                (Child, Close),
                (Opener, Close),
                (Grandchild, Close),
            ],
            // The opener takes it back.
            &[
                (Opener, Fork),
                (Child, Adopt),
                (Child, Fork),
                (Grandchild, Adopt),
                (Opener, Adopt),
                (Grandchild, Close),
                (Opener, Close),
                (Child, Die),
            ],
            // Who owns it dies, and another takes it over.
            &[
                (Opener, Fork),
                (Child, Fork),
                (Child, Adopt),
                (Child, Die),
                (Grandchild, Adopt),
                (Opener, Die),
                (Grandchild, Close),
            ],
        ] {
            assert_owner_sends_ignore(steps);
        }
    });
}

/// An IGNORE would be wrong, and there is nobody to send one.
#[test]
fn nobody_sends_ignore_for_an_owner_that_dies() {
    if !require::root() {
        return;
    }
    live::run(|| {
        assert_owner_sends_ignore(&[(Opener, Fork), (Child, Adopt), (Child, Die), (Opener, Close)]);
    });
}

/// The child uses up the wake-up, and begins a delay that outlasts the test.
#[test]
fn coalescing_listener_is_drained_after_a_child_has_received() {
    if !require::root() {
        return;
    }
    let options = live::options().events(EventMask::GID).coalesce(Duration::from_secs(3600));
    live::with(options, |listener| {
        let child = child::fork(|| {
            listener.adopt().unwrap();
            while listener.recv(NOW).unwrap().is_some() {}
            task::set_group(pid() as u32);
            exit(i32::from(listener.recv(NOW).unwrap().is_some()));
        });
        let tgid = Some(child.pid());
        assert_eq!(child.exit_status(), 0, "no delay");
        listener.adopt().unwrap();
        live::find(listener, |event| (event.process_tgid() == tgid).then_some(()));
    });
}
