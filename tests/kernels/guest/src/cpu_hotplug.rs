//! A CPU that goes offline and comes back keeps its sequence number: nothing is taken for a loss, and no loss is missed.

use crate::Outcome;
use crate::flood::assert_complete_during;
use crate::kernel::Kernel;
use std::time::Duration;
use std::{fs, io, thread};

const ONLINE: &str = "/sys/devices/system/cpu/cpu1/online";
const CYCLES: usize = 3;

fn take_off_and_on() -> io::Result<()> {
    for _ in 0..CYCLES {
        fs::write(ONLINE, "0")?;
        thread::sleep(Duration::from_millis(20));
        fs::write(ONLINE, "1")?;
        thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}

pub fn loss_stays_exact(_: &Kernel) -> Outcome {
    assert_complete_during(take_off_and_on)
}
