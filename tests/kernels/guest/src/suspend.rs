//! Suspending the machine: each event is still delivered or counted, and identified correctly, although CLOCK_MONOTONIC,
//! which dates events, stops while CLOCK_BOOTTIME, which dates starts, goes on.

use crate::Outcome;
use crate::flood::assert_complete_during;
use crate::kernel::{Kernel, Suspend};
use crate::system::Child;
use cnproc_sys::{Delivery, Error, Event, EventData, EventMask, Identity, Listener};
use std::time::{Duration, Instant};
use std::{fs, io, thread};
use support::live;
use support::procfs::{boottime_lead, now};
use support::wait::HANG_LIMIT;

const STATE: &str = "/sys/power/state";
const WAKEUP_COUNT: &str = "/sys/power/wakeup_count";
const ALARM: &str = "/sys/class/rtc/rtc0/wakealarm";
const SUCCESSES: &str = "/sys/power/suspend_stats/success";

/// Longer than two ticks, the unit of start times in `/proc`.
const TICKS: Duration = Duration::from_millis(30);
const MILLISECOND: u64 = 1_000_000;

pub fn is_impossible(_: &Kernel) -> Outcome {
    match fs::read_to_string(STATE) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => Err(format!("according to the table it cannot be suspended: {other:?}").into()),
    }
}

/// How the kernel suspends when `mem` is requested.
pub fn is_as_the_table_has_it(kernel: &Kernel) -> Outcome {
    let kind = match kernel.suspend {
        Suspend::Deep => "[deep]",
        Suspend::Idle => "[s2idle]",
        Suspend::None => return Err("according to the table it cannot be suspended".into()),
    };
    assert!(fs::read_to_string(STATE)?.split_whitespace().any(|state| state == "mem"));
    let kinds = fs::read_to_string("/sys/power/mem_sleep")?;
    assert!(kinds.contains(kind), "{kinds}");
    Ok(())
}

fn successes() -> io::Result<u32> {
    fs::read_to_string(SUCCESSES)?.trim().parse().map_err(io::Error::other)
}

/// Suspends the machine until the alarm of its clock, so many seconds later.
fn suspend(seconds: u32) -> io::Result<()> {
    let before = successes()?;
    for _ in 0..10 {
        // The kernel refuses to suspend if the alarm has come after this was read. Otherwise it would never wake.
        let wakeups = fs::read_to_string(WAKEUP_COUNT)?;
        fs::write(ALARM, "0")?;
        fs::write(ALARM, format!("+{seconds}"))?;
        let suspended =
            fs::write(WAKEUP_COUNT, wakeups.trim()).and_then(|()| fs::write(STATE, "mem"));
        if suspended.is_ok() {
            assert_eq!(successes()?, before + 1, "the kernel's count of suspends");
            return Ok(());
        }
    }
    Err(io::Error::other("each time the alarm came before the machine was suspended"))
}

pub fn loss_stays_exact(_: &Kernel) -> Outcome {
    assert_complete_during(|| {
        // So that there are events before it, and after.
        thread::sleep(TICKS);
        suspend(2)?;
        thread::sleep(TICKS);
        Ok(())
    })
}

/// The event with which the child took that user.
fn await_event(
    listener: &mut Listener,
    child: &Child,
    user: u8,
) -> Result<Event, Box<dyn std::error::Error>> {
    let end = Instant::now() + HANG_LIMIT;
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

fn identity(listener: &mut Listener, event: &Event) -> Result<Identity, Error> {
    listener.process(event).map(|process| process.identity())
}

/// With two listeners: for one the stream can prove whose an event is, for the other only start times can.
pub fn events_are_identified(kernel: &Kernel) -> Outcome {
    let mut by_stream = live::options().open()?;
    let mut by_start = live::options().events(EventMask::UID).open()?;

    // One process whose pid is reused, and one that lives on.
    let mut ended = Child::start(None)?;
    let mut lasting = Child::start(None)?;
    thread::sleep(TICKS);
    ended.change_user(1)?;
    let of_ended = await_event(&mut by_start, &ended, 1)?;
    let pid = ended.pid();
    drop(ended);
    thread::sleep(TICKS);
    let _next_owner = Child::start(Some(pid))?;
    lasting.change_user(2)?;
    let of_lasting = await_event(&mut by_start, &lasting, 2)?;
    assert_eq!(await_event(&mut by_stream, &lasting, 2)?, of_lasting);
    assert_eq!(identity(&mut by_start, &of_ended), Err(Error::ProcessGone), "it started later");
    assert_eq!(identity(&mut by_start, &of_lasting), Ok(Identity::Proven), "it started earlier");

    let (lead_before, slept) = (boottime_lead(), Instant::now());
    suspend(3)?;
    let (grown, slept) = (boottime_lead().saturating_sub(lead_before), slept.elapsed());
    match kernel.suspend {
        Suspend::Deep => assert!(grown > 200 * MILLISECOND, "MONOTONIC stopped for {grown} ns"),
        _ => assert!(grown < MILLISECOND && slept.as_millis() > 200, "{grown} ns of {slept:?}"),
    }

    // Events from before: never taken for those of the pid's next owner, which by the difference of the clocks now
    // started earlier.
    let verdict = identity(&mut by_start, &of_ended);
    assert_ne!(verdict, Ok(Identity::Proven), "a process that started after the event");
    assert!(identity(&mut by_start, &of_lasting).is_ok(), "refused, although it started before");
    assert_eq!(identity(&mut by_stream, &of_lasting), Ok(Identity::Proven), "nothing is missing");

    // Events from after: of a process from before, of one that started since, and of one that has just started.
    let resumed = now(libc::CLOCK_MONOTONIC);
    let mut new = Child::start(None)?;
    thread::sleep(TICKS);
    let mut newest = Child::start(None)?;
    for (child, user) in [(&mut lasting, 3), (&mut new, 4), (&mut newest, 5)] {
        child.change_user(user)?;
        let event = await_event(&mut by_stream, child, user)?;
        assert!(event.timestamp_ns > resumed, "{} after {resumed}", event.timestamp_ns);
        assert!(event.timestamp_ns < now(libc::CLOCK_MONOTONIC), "{}", event.timestamp_ns);
        assert_eq!(
            identity(&mut by_stream, &event),
            Ok(Identity::Proven),
            "user {user}, by the stream"
        );
        assert_eq!(await_event(&mut by_start, child, user)?, event);
        match identity(&mut by_start, &event)? {
            Identity::Proven => {}
            _ => {
                assert_eq!(user, 5, "a process that started ticks before is not proven")
            }
        }
    }
    Ok(())
}
