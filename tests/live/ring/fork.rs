//! The ring is memory that a forked child shares.

use cnproc_sys::{Error, EventData, EventMask, Listener};
use support::child::{self, Child};
use support::live::{self, NOW};
use support::task::set_user;
use support::wait::HANG_LIMIT;

fn open() -> Listener {
    super::open(Listener::options().events(EventMask::UID))
}

fn assert_receives(listener: &mut Listener, child: &Child) {
    live::find(listener, |event| (event.process_tgid() == Some(child.pid())).then_some(()));
}

#[test]
fn child_that_drops_its_copy_leaves_the_parents_ring() {
    super::run(|| {
        let mut listener = Some(open());
        let child = child::fork(|| {
            drop(listener.take());
            set_user(80);
        });
        let mut listener = listener.unwrap();
        assert_receives(&mut listener, &child);
        let child = child::fork(|| set_user(81));
        assert_receives(&mut listener, &child);
    });
}

#[test]
fn child_that_adopts_the_listener_reads_the_ring() {
    super::run(|| {
        let mut listener = open();
        let adopting = child::fork(|| {
            listener.adopt().unwrap();
            let grandchild = child::fork(|| set_user(82));
            loop {
                let Ok(Some(batch)) = listener.recv(Some(HANG_LIMIT)) else { child::exit(1) };
                for event in batch.map(live::event) {
                    if matches!(event.data(), EventData::Uid(uid) if uid.process_tgid == grandchild.pid())
                    {
                        return;
                    }
                }
            }
        });
        assert_eq!(adopting.exit_status(), 0);
        assert_eq!(listener.recv(NOW).err(), Some(Error::Forked));
        listener.adopt().unwrap();
        let child = child::fork(|| set_user(83));
        live::find(&mut listener, |event| match event.data() {
            EventData::Uid(uid) if uid.process_tgid == child.pid() => Some(()),
            EventData::Uid(uid) => {
                assert_ne!(uid.ruid, 82, "the child has received it");
                None
            }
            _ => None,
        });
    });
}
