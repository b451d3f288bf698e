//! The machine suspended and resumed: each event is still accounted for, and who it was still told rightly,
//! though CLOCK_MONOTONIC, which events bear, stood still where BOOTTIME, in which processes start, went on.

use crate::Outcome;
use crate::flood::assert_complete_during;
use crate::kernel::{Kernel, Suspend};
use crate::system::{self, Child};
use cnproc_sys::{Delivery, Error, Event, EventData, EventMask, Identity, Listener};
use std::time::{Duration, Instant};
use std::{fs, io, thread};

const STATE: &str = "/sys/power/state";
const WAKEUP_COUNT: &str = "/sys/power/wakeup_count";
const ALARM: &str = "/sys/class/rtc/rtc0/wakealarm";
const SUCCESSES: &str = "/sys/power/suspend_stats/success";

/// Longer than two ticks, in which `/proc` tells of starts.
const TICKS: Duration = Duration::from_millis(30);
const MILLISECOND: u64 = 1_000_000;

pub fn is_impossible(_: &Kernel) -> Outcome {
    match fs::read_to_string(STATE) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => Err(format!("the table says that it can't be suspended: {other:?}").into()),
    }
}

/// How the kernel suspends where it is told `mem`.
pub fn is_of_the_kind_asked_for(kernel: &Kernel) -> Outcome {
    let kind = match kernel.suspend {
        Suspend::Deep => "[deep]",
        Suspend::Idle => "[s2idle]",
        Suspend::None => return Err("none was asked for".into()),
    };
    assert!(fs::read_to_string(STATE)?.split_whitespace().any(|state| state == "mem"));
    let kinds = fs::read_to_string("/sys/power/mem_sleep")?;
    assert!(kinds.contains(kind), "{kinds}");
    Ok(())
}

fn successes() -> io::Result<u32> {
    fs::read_to_string(SUCCESSES)?.trim().parse().map_err(io::Error::other)
}

/// Suspends the machine until its clock wakes it, when it has counted so many seconds more.
fn suspend(seconds: u32) -> io::Result<()> {
    let before = successes()?;
    for _ in 0..10 {
        // The kernel refuses to suspend if the alarm has come since this was read: else it would never wake.
        let wakeups = fs::read_to_string(WAKEUP_COUNT)?;
        fs::write(ALARM, "0")?;
        fs::write(ALARM, format!("+{seconds}"))?;
        let suspended =
            fs::write(WAKEUP_COUNT, wakeups.trim()).and_then(|()| fs::write(STATE, "mem"));
        if suspended.is_ok() {
            assert_eq!(successes()?, before + 1, "how often the kernel says it was suspended");
            return Ok(());
        }
    }
    Err(io::Error::other("the alarm came before the machine was suspended, again and again"))
}

pub fn accounts_stay_exact(_: &Kernel) -> Outcome {
    assert_complete_during(|| {
        // Events before it, and after.
        thread::sleep(TICKS);
        suspend(2)?;
        thread::sleep(TICKS);
        Ok(())
    })
}

/// The event of that child's taking that user.
fn hear(
    listener: &mut Listener,
    child: &Child,
    user: u8,
) -> Result<Event, Box<dyn std::error::Error>> {
    let end = Instant::now() + Duration::from_secs(20);
    while Instant::now() < end {
        let batch = match listener.recv(Some(Duration::from_millis(100))) {
            Ok(Some(batch)) => batch,
            Ok(None) | Err(Error::Interrupted) => continue,
            Err(error) => return Err(error.into()),
        };
        for delivery in batch {
            match delivery {
                Delivery::Event(event) => match event.data() {
                    EventData::Uid(uid)
                        if uid.process_tgid == child.pid() && uid.ruid == user.into() =>
                    {
                        return Ok(event);
                    }
                    _ => {}
                },
                Delivery::Lost(count) => return Err(format!("{count} lost").into()),
            }
        }
    }
    Err(format!("user {user} did not come").into())
}

/// By how much BOOTTIME is ahead, whatever comes between two readings.
fn lead() -> u64 {
    let once = || {
        let monotonic = system::now(libc::CLOCK_MONOTONIC);
        system::now(libc::CLOCK_BOOTTIME) - monotonic
    };
    (0..100).map(|_| once()).min().unwrap_or_default()
}

fn identity(listener: &mut Listener, event: &Event) -> Result<Identity, Error> {
    listener.process(event).map(|process| process.identity())
}

/// Of two listeners: one hears all that proves who it was, the other has the start times alone.
pub fn processes_are_told_apart(kernel: &Kernel) -> Outcome {
    let mut by_stream = Listener::options().open()?;
    let mut by_start = Listener::options().events(EventMask::UID).open()?;

    // One process whose pid is another's by now, and one that goes on.
    let mut ended = Child::begin(None)?;
    let mut lasting = Child::begin(None)?;
    thread::sleep(TICKS);
    ended.change_user(1)?;
    let of_ended = hear(&mut by_start, &ended, 1)?;
    let pid = ended.pid();
    drop(ended);
    thread::sleep(TICKS);
    let _next_owner = Child::begin(Some(pid))?;
    lasting.change_user(2)?;
    let of_lasting = hear(&mut by_start, &lasting, 2)?;
    assert_eq!(hear(&mut by_stream, &lasting, 2)?, of_lasting);
    assert_eq!(identity(&mut by_start, &of_ended), Err(Error::ProcessGone), "it started later");
    assert_eq!(identity(&mut by_start, &of_lasting), Ok(Identity::Proven), "it started earlier");

    let (lead_before, slept) = (lead(), Instant::now());
    suspend(3)?;
    let (grown, slept) = (lead().saturating_sub(lead_before), slept.elapsed());
    match kernel.suspend {
        Suspend::Deep => assert!(grown > 200 * MILLISECOND, "MONOTONIC stood still for {grown} ns"),
        _ => assert!(grown < MILLISECOND && slept.as_millis() > 200, "{grown} ns of {slept:?}"),
    }

    // What was before it: never taken for the pid's next owner's, though by today's lead that one began earlier.
    let verdict = identity(&mut by_start, &of_ended);
    assert_ne!(verdict, Ok(Identity::Proven), "a process that started after the event");
    assert!(identity(&mut by_start, &of_lasting).is_ok(), "refused, though it started before");
    assert_eq!(identity(&mut by_stream, &of_lasting), Ok(Identity::Proven), "nothing is missing");

    // And after it: of one from before, of one that has begun since, and of one that has just begun.
    let resumed = system::now(libc::CLOCK_MONOTONIC);
    let mut new = Child::begin(None)?;
    thread::sleep(TICKS);
    let mut newest = Child::begin(None)?;
    for (child, user) in [(&mut lasting, 3), (&mut new, 4), (&mut newest, 5)] {
        child.change_user(user)?;
        let event = hear(&mut by_stream, child, user)?;
        assert!(event.timestamp_ns > resumed, "{} after {resumed}", event.timestamp_ns);
        assert!(event.timestamp_ns < system::now(libc::CLOCK_MONOTONIC), "{}", event.timestamp_ns);
        assert_eq!(
            identity(&mut by_stream, &event),
            Ok(Identity::Proven),
            "user {user}, by the stream"
        );
        assert_eq!(hear(&mut by_start, child, user)?, event);
        match identity(&mut by_start, &event)? {
            Identity::Proven => {}
            _ => {
                assert_eq!(user, 5, "a process that started ticks before is not proven")
            }
        }
    }
    Ok(())
}
