//! What neighbours can do to a listener, some of them without any privilege.

use crate::Outcome;
use crate::kernel::Kernel;
use crate::muted::{lower_to_none, stray_ignores};
use crate::raw::{LISTEN, RawListener};
use crate::system::Child;
use cnproc_sys::{Delivery, Event, EventData, EventMask, Identity, Listener, Options};
use std::time::{Duration, Instant};
use support::wait::HANG_LIMIT;
use support::{live, procfs, task};

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
    let comm = live::options().events(EventMask::COMM);
    for options in [live::options(), comm, comm.skip_threads(true)] {
        for length in [1, 20, 40, 60, 70] {
            let mut listener = options.open()?;
            task::set_name("before");
            // The socket that was bound last is the first to get an event.
            let neighbour = RawListener::bind(SMALL)?;
            neighbour.trim(length)?;
            (0..COUNT).for_each(|_| task::set_name("trimmed"));
            let (names, lost) = received(&mut listener)?;
            if live::is_with_ring() {
                // The program reads them from memory, where they are whole.
                assert_eq!(names.len() as u64, 1 + COUNT, "{options:?}, {length} bytes");
                assert_eq!((lost, listener.stats().trimmed), (0, 0));
            } else {
                assert_eq!(names, [b"before"], "{options:?}, {length} bytes");
                assert!(lost >= COUNT, "{options:?}, {length} bytes: {lost} were reported");
                assert!(listener.stats().trimmed >= COUNT, "{:?}", listener.stats());
            }
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
    let options = live::options().events(EventMask::COMM).receive_buffer(16 << 10);
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

/// A process, and an event from the tick in which it started: its start does not prove whose event that is.
fn young(listener: &mut Listener) -> Result<(Child, Event), Box<dyn std::error::Error>> {
    let begin = Instant::now();
    loop {
        let mut child = Child::start(None)?;
        child.change_user(7)?;
        let event = uid_event(listener, &child)?;
        if procfs::is_in_tick_of_start(child.pid(), event.timestamp_ns) {
            return Ok((child, event));
        }
        assert!(begin.elapsed() < HANG_LIMIT, "no event came in the tick of its process's start");
    }
}

/// The UID event of that process.
fn uid_event(listener: &mut Listener, child: &Child) -> Result<Event, Box<dyn std::error::Error>> {
    loop {
        let batch = listener.recv(Some(HANG_LIMIT))?.ok_or("no event came")?;
        for delivery in batch {
            if let Delivery::Event(event) = delivery
                && matches!(event.data(), EventData::Uid(uid) if uid.process_tgid == child.pid())
            {
                return Ok(event);
            }
        }
    }
}

/// In how many of TRIALS trials the stream proves whose event that of a young process is, after `interfere`.
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
    let filtered = live::options().events(EventMask::FORK | EventMask::UID);
    for options in [live::options(), filtered] {
        assert_eq!(proven(options, || Ok(()))?, TRIALS, "{options:?}, undisturbed");
        assert_eq!(proven(options, || stray_ignores(kernel, 1))?, 0, "{options:?}, muted");
        let unmuted = proven(options, || {
            stray_ignores(kernel, 1)?;
            let neighbour = RawListener::bind(SMALL)?;
            for ack in 0..3 {
                neighbour.request(ack, &[crate::raw::INVALID, 0])?;
                neighbour.request(ack, &[LISTEN])?;
            }
            Ok(())
        })?;
        assert_eq!(unmuted, 0, "{options:?}, unmuted");
    }
    lower_to_none(kernel)?;
    Ok(())
}
