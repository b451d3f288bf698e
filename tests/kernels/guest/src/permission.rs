//! Who may listen.

use crate::kernel::Kernel;
use crate::{Outcome, system};
use cnproc_sys::{Delivery, Error, EventData, Listener};
use std::process;
use std::time::Duration;

/// Whether the naming of this thread comes to the listener as an event.
pub fn hears(listener: &mut Listener, name: &str) -> Result<bool, Error> {
    system::set_name(name);
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
    let mut listener = Listener::options().open()?;
    assert!(hears(&mut listener, "may listen")?, "no event came");
    Ok(())
}

pub fn refused(_: &Kernel) -> Outcome {
    let error = Listener::options().open().map(drop).expect_err("opened");
    assert_eq!(error, Error::NotPermitted);
    let text = error.to_string();
    assert!(text.contains("before Linux 6.6 this requires CAP_NET_ADMIN"), "{text}");
    Ok(())
}
