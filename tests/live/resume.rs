//! `Listener::check` on the live kernel, where nobody switches events off: that would silence all other
//! listeners of the machine. The kernel tests do it, in virtual machines.

use cnproc_sys::{Delivery, Error, EventData, EventMask, Listener, Resumed};
use support::{child, live};

/// Names the calling thread, which makes an event.
fn set_name(name: &std::ffi::CStr) {
    // SAFETY: the name ends with NUL; the kernel reads no more than 16 bytes.
    unsafe { libc::prctl(libc::PR_SET_NAME, name.as_ptr()) };
}

#[test]
fn a_check_keeps_what_has_come_in_order_and_without_loss() {
    let options = Listener::options().events(EventMask::COMM);
    let Some(mut listener) = live::open(options) else { return };
    // SAFETY: takes no arguments.
    let thread = unsafe { libc::gettid() };
    const NAMES: [&std::ffi::CStr; 3] = [c"check 0", c"check 1", c"check 2"];
    for name in NAMES {
        set_name(name);
        assert_eq!(listener.resume(), Ok(Resumed::AlreadyOn));
    }
    let mut came = Vec::new();
    live::until(&mut listener, |delivery| {
        let Delivery::Event(event) = delivery else { panic!("{delivery:?}") };
        if let EventData::Comm(comm) = event.data()
            && comm.process_pid == thread
        {
            came.push(comm.name().to_vec());
        }
        (came.len() == NAMES.len()).then_some(())
    });
    assert_eq!(came, NAMES.map(|name| name.to_bytes().to_vec()));
    assert!(listener.stats().acks >= 3, "each check is acknowledged");
}

#[test]
fn a_child_may_not_check_its_parents_listener() {
    let Some(mut listener) = live::open(Listener::options()) else { return };
    let child = child::fork(|| {
        let refused = listener.resume() == Err(Error::Forked);
        // SAFETY: ends the process.
        unsafe { libc::_exit(i32::from(!refused)) }
    });
    assert_eq!(child.wait(), 0);
}
