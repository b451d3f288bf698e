//! A CPU that goes off line and comes back keeps its sequence number: nothing is taken for a loss, and
//! nothing lost is missed.

use crate::Outcome;
use crate::flood::{Delivered, ORACLE};
use crate::kernel::Kernel;
use crate::raw::RawListener;
use crate::system;
use cnproc_sys::Connector;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use std::{fs, io, thread};

const ONLINE: &str = "/sys/devices/system/cpu/cpu1/online";
const CYCLES: usize = 3;
/// So many that the oracle has room for all.
const EVENTS_PER_THREAD: usize = 20_000;

/// Names the thread until told to stop, then once more on CPU 1.
fn flood(stop: &AtomicBool) {
    let mut made = 0;
    while !stop.load(Ordering::Relaxed) {
        if made < EVENTS_PER_THREAD {
            system::set_name("flood");
            made += 1;
        } else {
            thread::sleep(Duration::from_millis(1));
        }
    }
    system::run_on(1).expect("CPU 1 is there again");
    (0..100).for_each(|_| system::set_name("flood on 1"));
}

fn take_off_and_on() -> io::Result<()> {
    for _ in 0..CYCLES {
        fs::write(ONLINE, "0")?;
        thread::sleep(Duration::from_millis(20));
        fs::write(ONLINE, "1")?;
        thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}

fn account(receive_buffer: u32, pause: Duration) -> Result<u64, Box<dyn std::error::Error>> {
    let oracle = RawListener::bind(ORACLE)?;
    let mut connector = Connector::options().receive_buffer(receive_buffer).acks(true).open()?;
    let stop = Arc::new(AtomicBool::new(false));
    let floods: Vec<_> = (0..2)
        .map(|_| {
            let stop = stop.clone();
            thread::spawn(move || flood(&stop))
        })
        .collect();
    let hotplug = thread::spawn(take_off_and_on);
    let mut delivered = Delivered::default();
    while !hotplug.is_finished() {
        delivered.take(&mut connector, pause)?;
    }
    stop.store(true, Ordering::Relaxed);
    floods.into_iter().for_each(|flood| flood.join().expect("the flood"));
    delivered.take(&mut connector, pause)?;
    hotplug.join().expect("a thread")?;

    let made = delivered.settle(&mut connector, &oracle)?;
    let on_1 = made.iter().filter(|event| event.cpu == 1).count();
    assert!(on_1 >= 200, "after it came back CPU 1 made {on_1} events");
    delivered.assert_complete(&made);
    Ok(delivered.lost)
}

pub fn accounts_stay_exact(_: &Kernel) -> Outcome {
    assert_eq!(account(32 << 20, Duration::ZERO)?, 0, "there was room for all");
    assert!(
        account(16 << 10, Duration::from_millis(1))? > 0,
        "the flood was too small to lose anything"
    );
    Ok(())
}
