//! The load generator, and the account it gives.

use std::io::{Error, Result};
use std::process::{Command, Stdio};
use std::time::Instant;

#[derive(Clone, Copy)]
pub struct Made {
    pub events: u64,
    pub wall_ns: u64,
    /// CPU time of the process that made them.
    pub cpu_ns: u64,
}

/// `kind` as in c/load.c; `rate` 0 is as fast as it goes.
pub fn run(kind: &str, rate: u64, count: u64, processor: Option<usize>) -> Result<Made> {
    let mut command = Command::new(std::env::current_exe()?.with_file_name("load"));
    command.args([kind, &rate.to_string(), &count.to_string()]).stderr(Stdio::inherit());
    if let Some(processor) = processor {
        crate::system::pin(&mut command, processor);
    }
    let output = command.output()?;
    let line = String::from_utf8_lossy(&output.stdout);
    let number = |name: &str| {
        let mut words = line.split_whitespace();
        words
            .find_map(|word| word.strip_prefix(name)?.parse().ok())
            .ok_or_else(|| Error::other(format!("load {kind} gave no {name}")))
    };
    Ok(Made {
        events: number("events=")?,
        wall_ns: number("wall_ns=")?,
        cpu_ns: number("cpu_ns=")?,
    })
}

/// Two processes at the same time, unthrottled, `count` repetitions each.
pub fn run_two(kind: &'static str, count: u64) -> Result<Made> {
    let other = std::thread::spawn(move || run(kind, 0, count, None));
    let one = run(kind, 0, count, None);
    let other = other.join().map_err(|_| Error::other("a thread of the load ended early"))?;
    let (one, other) = (one?, other?);
    Ok(Made {
        events: one.events + other.events,
        wall_ns: one.wall_ns.max(other.wall_ns),
        cpu_ns: one.cpu_ns + other.cpu_ns,
    })
}

/// A parallel build: two compilers at a time over this benchmark's own C files. It makes an unknown number of events.
pub fn build() -> Result<Made> {
    const SOURCES: [&str; 4] = ["figures.c", "listen_recvmmsg.c", "listen_classic.c", "load.c"];
    const TIMES: usize = 8;
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("c");
    let (start, cpu) = (Instant::now(), crate::system::children_cpu_ns());
    let halves: Vec<_> = (0..2)
        .map(|half| {
            let folder = folder.clone();
            std::thread::spawn(move || -> Result<()> {
                for i in (half..SOURCES.len() * TIMES).step_by(2) {
                    let status = Command::new("cc")
                        .args(["-std=gnu11", "-O2", "-c", "-o", "/dev/null"])
                        .arg(folder.join(SOURCES[(i / 2) % SOURCES.len()]))
                        .status()?;
                    if !status.success() {
                        return Err(Error::other("the compiler failed"));
                    }
                }
                Ok(())
            })
        })
        .collect();
    for half in halves {
        half.join().map_err(|_| Error::other("a build thread ended early"))??;
    }
    let cpu_ns = crate::system::children_cpu_ns() - cpu;
    Ok(Made { events: 0, wall_ns: start.elapsed().as_nanos() as u64, cpu_ns })
}
