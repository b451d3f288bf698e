//! `Listener::resume` where events are enabled, and stay so: disabling them would mute all other listeners of the
//! machine. The kernel tests do that, in virtual machines.

use cnproc_sys::{Error, EventData, EventMask, Resumed};
use support::{child, live, task};

#[test]
fn resume_keeps_received_events_in_order() {
    live::with(live::options().events(EventMask::COMM), |listener| {
        const NAMES: [&str; 3] = ["resume 0", "resume 1", "resume 2"];
        let thread = task::thread_id();
        for name in NAMES {
            task::set_name(name);
            assert_eq!(listener.resume(), Ok(Resumed::AlreadyOn));
        }
        let mut names = Vec::new();
        live::find(listener, |event| {
            if let EventData::Comm(comm) = event.data() {
                names.extend((comm.process_pid == thread).then(|| comm.name().to_vec()));
            }
            (names.len() == NAMES.len()).then_some(())
        });
        assert_eq!(names, NAMES.map(|name| name.as_bytes().to_vec()));
        assert!(listener.stats().acks >= 3, "each probe is acknowledged");
    });
}

#[test]
fn resume_in_forked_child_is_refused() {
    live::with(live::options(), |listener| {
        let child = child::fork(|| {
            let is_refused = listener.resume() == Err(Error::Forked);
            child::exit(i32::from(!is_refused));
        });
        assert_eq!(child.exit_status(), 0);
    });
}
