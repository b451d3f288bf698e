//! What a listener adds to a `fork` of its process. A ring is memory whose page table every fork copies.

use cnproc_sys::{Error, EventMask, Listener};
use std::time::Instant;

const FORKS: usize = 50;
const ROUNDS: usize = 41;

const CASES: [&str; 3] = ["no listener", "socket", "ring"];

/// Opens the listener of a case. It wants what nobody generates here.
fn listener(case: &str) -> Result<Option<Listener>, Error> {
    if case == "no listener" {
        return Ok(None);
    }
    let listener = Listener::options().events(EventMask::SID).ring(case == "ring").open()?;
    match listener.stats().ring_error {
        Some(error) => Err(error),
        None => Ok(Some(listener)),
    }
}

/// Microseconds until `fork` has returned, and until the child has exited and was waited for.
fn fork() -> [f64; 2] {
    let begin = Instant::now();
    // SAFETY: the child only exits.
    let child = unsafe {
        let child = libc::fork();
        if child == 0 {
            libc::_exit(0);
        }
        child
    };
    assert!(child > 0, "{}", std::io::Error::last_os_error());
    let forked = begin.elapsed();
    // SAFETY: no status is asked for.
    assert_eq!(unsafe { libc::waitpid(child, std::ptr::null_mut(), 0) }, child);
    [forked, begin.elapsed()].map(|time| time.as_nanos() as f64 / 1000.0)
}

fn main() -> Result<(), Error> {
    let mut times = CASES.map(|_| [Vec::new(), Vec::new()]);
    for _ in 0..ROUNDS {
        for (case, [forked, waited]) in CASES.iter().zip(&mut times) {
            let _listener = listener(case)?;
            for [fork, wait] in (0..FORKS).map(|_| fork()) {
                forked.push(fork);
                waited.push(wait);
            }
        }
    }
    println!("microseconds, median (least), of {} forks", FORKS * ROUNDS);
    println!("{:<12} {:>16} {:>28}", "", "fork", "with the child's exit");
    for (case, times) in CASES.iter().zip(times) {
        let [fork, wait] = times.map(|mut times| {
            times.sort_by(f64::total_cmp);
            format!("{:.1} ({:.1})", times[times.len() / 2], times[0])
        });
        println!("{case:<12} {fork:>16} {wait:>28}");
    }
    Ok(())
}
