//! Benchmarks of cnproc next to plain C and the peers. README.md says what is measured and how.

mod contender;
mod csv;
mod load;
mod plots;
mod run;
mod scenario;
mod summary;
mod svg;
mod system;
mod table;

use std::fs::{self, File};
use std::io::{Error, Result};
use std::path::Path;

struct Arguments {
    rounds: u32,
    listeners: Vec<String>,
    scenarios: Vec<&'static str>,
}

fn arguments() -> Option<Arguments> {
    let mut arguments = Arguments { rounds: 5, listeners: Vec::new(), scenarios: Vec::new() };
    for word in std::env::args().skip(1) {
        if let Some(rounds) = word.strip_prefix("--rounds=") {
            arguments.rounds = rounds.parse().ok().filter(|&rounds| rounds > 0)?;
        } else if let Some(name) = word.strip_prefix("--listener=") {
            arguments.listeners.push(name.to_owned());
        } else {
            arguments.scenarios.push(scenario::NAMES.into_iter().find(|name| *name == word)?);
        }
    }
    if arguments.scenarios.is_empty() {
        arguments.scenarios = scenario::NAMES.to_vec();
    }
    Some(arguments)
}

fn read_line(path: &str, key: &str) -> String {
    let text = fs::read_to_string(path).unwrap_or_default();
    let line = text.lines().find(|line| line.starts_with(key)).unwrap_or_default();
    line.rsplit(": ").next().unwrap_or_default().trim().to_owned()
}

fn main() -> Result<()> {
    let Some(arguments) = arguments() else {
        return Err(Error::other(format!(
            "usage: cnproc-bench [--rounds=N] [--listener=PART-OF-NAME]... [{}]...",
            scenario::NAMES.join("|")
        )));
    };
    let results = Path::new(env!("CARGO_MANIFEST_DIR")).join("results");
    fs::create_dir_all(&results)?;
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let kernel = read_line("/proc/sys/kernel/osrelease", "");
    let machine =
        format!("{}, {cores} processors, Linux {kernel}", read_line("/proc/cpuinfo", "model name"));
    println!("{machine}; load average {}\n", read_line("/proc/loadavg", ""));
    for missing in contender::ALL.iter().filter(|contender| !contender.is_installed()) {
        println!("{} is not installed: left out", missing.name);
    }
    for name in arguments.scenarios {
        let rows = scenario::run(name, arguments.rounds, &arguments.listeners)?;
        csv::write(File::create(results.join(format!("{name}.csv")))?, &rows)?;
        if name == "rate" {
            plots::write(&results, &rows, &machine)?;
        }
        for table in scenario::tables(name, &rows) {
            println!("{table}");
        }
    }
    Ok(())
}
