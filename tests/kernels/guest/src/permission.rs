//! Who may listen.

use crate::Outcome;
use crate::kernel::Kernel;
use cnproc_sys::{Delivery, Error, EventData, Listener, Source};
use std::process;
use std::time::Duration;
use support::{live, task};

/// Whether the listener receives the COMM event of this thread when it takes that name.
pub fn receives(listener: &mut Listener, name: &str) -> Result<bool, Error> {
    task::set_name(name);
    while let Some(batch) = listener.recv(Some(Duration::ZERO))? {
        for delivery in batch {
            if let Delivery::Event(event) = delivery
                && let EventData::Comm(comm) = event.data()
                && comm.name() == name.as_bytes()
                && comm.process_tgid == process::id() as i32
            {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

pub fn events_come(_: &Kernel) -> Outcome {
    let mut listener = live::options().open()?;
    assert!(receives(&mut listener, "may listen")?, "no event came");
    Ok(())
}

/// The live tests use a ring, if they are to.
pub fn source_is_the_one_asked_for(_: &Kernel) -> Outcome {
    let stats = live::options().open()?.stats();
    assert_eq!(stats.source == Source::Ring, live::is_with_ring(), "{:?}", stats.ring_error);
    Ok(())
}

pub fn refused(_: &Kernel) -> Outcome {
    let error = Listener::options().open().map(drop).expect_err("opened");
    assert_eq!(error, Error::NotPermitted);
    let text = error.to_string();
    assert!(text.contains("before Linux 6.6 this requires CAP_NET_ADMIN"), "{text}");
    Ok(())
}
