//! What neighbours can do to a listener, some of them without any privilege.

use crate::Outcome;
use crate::kernel::Kernel;
use crate::muted::{lower_to_none, stray_ignores};
use crate::raw::{LISTEN, RawListener};
use crate::system::Child;
use cnproc_sys::{Delivery, Event, EventData, EventMask, Identity, Listener, Options};
use std::time::Duration;
use support::task;

const NOW: Option<Duration> = Some(Duration::ZERO);
const SMALL: libc::c_int = 64 << 10;

/// Everything that is queued: the names of this thread's COMM events, and the losses.
fn received(listener: &mut Listener) -> Result<(Vec<Vec<u8>>, u64), cnproc_sys::Error> {
    let (mut names, mut lost) = (Vec::new(), 0);
    while let Some(batch) = listener.recv(NOW)? {
        for delivery in batch {
            match delivery {
                Delivery::Event(event) => {
                    if let EventData::Comm(comm) = event.data()
                        && comm.process_tgid == std::process::id() as i32
                    {
                        names.push(comm.name().to_vec());
                    }
                }
                Delivery::Lost(count) => lost += count,
            }
        }
    }
    Ok((names, lost))
}

/// A filter on one socket cuts an event for all sockets. Each is lost, and reported at once, in its place.
pub fn trimmed_events_are_counted(_: &Kernel) -> Outcome {
    const COUNT: u64 = 1_000;
    let comm = Listener::options().events(EventMask::COMM);
    for options in [Listener::options(), comm, comm.skip_threads(true)] {
        for length in [1, 20, 40, 60, 70] {
            let mut listener = options.open()?;
            task::set_name("before");
            // The socket that was bound last is the first to get an event.
            let neighbour = RawListener::bind(SMALL)?;
            neighbour.trim(length)?;
            (0..COUNT).for_each(|_| task::set_name("trimmed"));
            let (names, lost) = received(&mut listener)?;
            assert_eq!(names, [b"before"], "{options:?}, {length} bytes");
            assert!(lost >= COUNT, "{options:?}, {length} bytes: {lost} were reported");
            assert!(listener.stats().trimmed >= COUNT, "{:?}", listener.stats());
            drop(neighbour);
            task::set_name("after");
            let (names, later) = received(&mut listener)?;
            assert_eq!((names, later), (vec![b"after".to_vec()], 0), "the gap was reported");
        }
    }
    Ok(())
}

/// A process that sends LISTEN in a loop causes acknowledgements, which all listeners get.
pub fn acks_fill_no_filtered_queue(kernel: &Kernel) -> Outcome {
    let options = Listener::options().events(EventMask::COMM).receive_buffer(16 << 10);
    for options in [options, options.skip_threads(true)] {
        let mut listener = options.open()?;
        let neighbour = RawListener::bind(SMALL)?;
        for number in 0..10 {
            for ack in 0..500 {
                neighbour.request(ack, &[LISTEN])?;
            }
            task::set_name(format!("{number}"));
        }
        let (names, lost) = received(&mut listener)?;
        assert_eq!((names.len(), lost), (10, 0), "{names:?}");
        // Looks at the acknowledgements at once, which receiving does every 100 ms.
        assert!(listener.resume().is_ok());
        let stats = listener.stats();
        assert!(stats.maybe_muted > 0, "{stats:?}");
    }
    lower_to_none(kernel)?;
    Ok(())
}

/// An event of a process that has just started, so that its start does not prove whose it is.
fn young(listener: &mut Listener) -> Result<(Child, Event), Box<dyn std::error::Error>> {
    let mut child = Child::start(None)?;
    child.change_user(7)?;
    loop {
        while let Some(batch) = listener.recv(Some(Duration::from_secs(10)))? {
            for delivery in batch {
                if let Delivery::Event(event) = delivery
                    && matches!(event.data(), EventData::Uid(uid) if uid.process_tgid == child.pid())
                {
                    return Ok((child, event));
                }
            }
        }
    }
}

/// How often a young process is proven of a number of trials, after `interfere`.
fn proven(
    options: Options,
    interfere: impl Fn() -> std::io::Result<()>,
) -> Result<u32, Box<dyn std::error::Error>> {
    let mut proven = 0;
    for _ in 0..TRIALS {
        let mut listener = options.open()?;
        let (_child, event) = young(&mut listener)?;
        interfere()?;
        let process = listener.process(&event)?;
        proven += u32::from(process.identity() == Identity::Proven);
        // A listener that closes while events are disabled must not send one IGNORE too many.
        listener.resume()?;
    }
    Ok(proven)
}

const TRIALS: u32 = 20;

/// While events are disabled no FORK shows that the pid was reused. They may still be disabled, or enabled again, which
/// only the acknowledgement of a LISTEN shows.
pub fn nothing_is_proven_across_a_mute(kernel: &Kernel) -> Outcome {
    let filtered = Listener::options().events(EventMask::FORK | EventMask::UID);
    for options in [Listener::options(), filtered] {
        let undisturbed = proven(options, || Ok(()))?;
        assert!(undisturbed > TRIALS / 2, "{undisturbed} of {TRIALS}");
        let muted = proven(options, || stray_ignores(kernel, 1))?;
        let by_start = proven_by_start(options)?;
        assert!(muted <= by_start, "{options:?}, muted: {muted} of {TRIALS}, {by_start} by start");
        let unmuted = proven(options, || {
            stray_ignores(kernel, 1)?;
            let neighbour = RawListener::bind(SMALL)?;
            for ack in 0..3 {
                neighbour.request(ack, &[crate::raw::INVALID, 0])?;
                neighbour.request(ack, &[LISTEN])?;
            }
            Ok(())
        })?;
        assert!(unmuted <= by_start, "{options:?}, unmuted: {unmuted} of {TRIALS}");
    }
    lower_to_none(kernel)?;
    Ok(())
}

/// How many are proven by their start: emulated processors are slow, so a tick may have passed. Without forks in the mask
/// nothing else proves them.
fn proven_by_start(options: Options) -> Result<u32, Box<dyn std::error::Error>> {
    let slack = TRIALS / 4;
    proven(options.events(EventMask::UID), || Ok(())).map(|count| count + slack)
}
