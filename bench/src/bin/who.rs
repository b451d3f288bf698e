//! How many short-lived processes can be asked for their command line in time, and what asking costs.
//!
//! `/bin/true` is run again and again, by one thread or by two, while a listener asks about each EXEC: by
//! the library, with its proof, or by opening `/proc/PID/cmdline` and trusting it.

use cnproc_sys::{Delivery, Event, EventData, EventMask, Identity, Listener};
use std::collections::HashMap;
use std::fs;
use std::io::Result;
use std::process::Command;
use std::time::{Duration, Instant};

const PROCESSES: usize = 2000;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Told {
    /// The command line, of the process for certain.
    Proven,
    /// The command line.
    Believed,
    /// It had ended: only its name and ids.
    Zombie,
    Gone,
}

fn ask_library(listener: &mut Listener, event: &Event) -> Told {
    let Ok(process) = listener.process(event) else { return Told::Gone };
    match (process.cmdline(), process.identity()) {
        (Ok(command), _) if command.is_empty() => Told::Zombie,
        (Ok(_), Identity::Proven) => Told::Proven,
        (Ok(_), _) => Told::Believed,
        (Err(_), _) => Told::Gone,
    }
}

fn ask_proc(_: &mut Listener, event: &Event) -> Told {
    let tgid = event.process_tgid().unwrap_or_default();
    match fs::read(format!("/proc/{tgid}/cmdline")) {
        Ok(command) if command.is_empty() => Told::Zombie,
        Ok(_) => Told::Believed,
        Err(_) => Told::Gone,
    }
}

/// Runs `/bin/true` so many times, one after another. Returns the process ids.
fn run_true(times: usize) -> Vec<i32> {
    let run = |_| {
        let mut child = Command::new("/bin/true").spawn().expect("/bin/true");
        let pid = child.id();
        child.wait().expect("its end");
        pid.cast_signed()
    };
    (0..times).map(run).collect()
}

fn measure(threads: usize, ask: fn(&mut Listener, &Event) -> Told, name: &str) -> Result<()> {
    let events = EventMask::FORK | EventMask::EXEC;
    let mut listener = Listener::options().events(events).skip_threads(true).open()?;
    let mut answers = HashMap::new();
    let mut cost = Duration::ZERO;
    let pids: Vec<i32> = std::thread::scope(|scope| {
        let load = |_| scope.spawn(move || run_true(PROCESSES / threads));
        let load: Vec<_> = (0..threads).map(load).collect();
        loop {
            let over = load.iter().all(|thread| thread.is_finished());
            let Ok(Some(mut batch)) = listener.recv(Some(Duration::from_millis(50))) else {
                if over {
                    break;
                }
                continue;
            };
            let Some(Delivery::Event(event)) = batch.next() else { continue };
            if let EventData::Exec(exec) = event.data() {
                let before = Instant::now();
                let answer = ask(&mut listener, &event);
                cost += before.elapsed();
                answers.insert(exec.process_tgid, answer);
            }
        }
        load.into_iter().flat_map(|thread| thread.join().expect("the load")).collect()
    });
    let count = |answer| pids.iter().filter(|pid| answers.get(*pid) == Some(&answer)).count();
    let [proven, believed, zombie, gone] =
        [Told::Proven, Told::Believed, Told::Zombie, Told::Gone].map(count);
    let microseconds = cost.as_secs_f64() * 1e6 / answers.len().max(1) as f64;
    println!(
        "{name:<18} {threads:>7} {proven:>8} {believed:>10} {zombie:>9} {gone:>6} {microseconds:>8.1}"
    );
    Ok(())
}

fn main() -> Result<()> {
    println!("Command lines of {PROCESSES} runs of /bin/true, asked for at their EXEC\n");
    println!(
        "{:<18} {:>7} {:>8} {:>10} {:>9} {:>6} {:>8}",
        "", "threads", "proven", "not proven", "name only", "gone", "µs each"
    );
    for threads in [1, 2] {
        measure(threads, ask_library, "cnproc")?;
        measure(threads, ask_proc, "/proc/PID/cmdline")?;
    }
    Ok(())
}
