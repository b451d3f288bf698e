//! What is tried: each scenario's runs, and its table.

use crate::contender::{ALL, Contender, Kind, TABLES};
use crate::run::{Load, Place, Plan, Row, TWO, interleaved};
use crate::summary::{Spread, contenders, select};
use crate::table::Table;
use std::io::Result;

pub const NAMES: [&str; 9] =
    ["rate", "near", "drain", "latency", "burst", "storm", "filter", "work", "life"];
/// Events a second; 0 stands for as many as one thread can make.
pub const RATES: [u64; 7] = [1_000, 3_000, 10_000, 30_000, 100_000, 300_000, 0];

const NEAR_RATES: [u64; 2] = [1_000, 10_000];
const LATENCY_RATES: [u64; 2] = [1_000, 10_000];
const UNTHROTTLED: u64 = 1_000_000;
const BACKLOG: u64 = 20_000;
const BURST: u64 = 16_000;
const STORM: u64 = 10_000_000;
const UNWANTED: u64 = 500_000;
/// Processes that live and die.
const LIVES: u64 = 3_000;

fn plan(scenario: &'static str, load: Load) -> Plan {
    Plan { scenario, load, place: Place::Apart, arguments: &[], asleep: false, buffer: None }
}

/// `names`: parts of the names of the listeners to try; all, if it is empty.
pub fn run(scenario: &'static str, rounds: u32, names: &[String]) -> Result<Vec<Row>> {
    let asked = |name: &str| names.is_empty() || names.iter().any(|part| name.contains(part));
    let able = |contender: &&Contender| contender.is_installed() && asked(contender.name);
    let all: Vec<Option<&Contender>> = ALL.iter().filter(able).map(Some).collect();
    let speaking: Vec<_> = all.iter().copied().filter(|c| c.is_some_and(|c| c.speaks)).collect();
    let with_none: Vec<_> = std::iter::once(None).chain(all.iter().copied()).collect();
    let comm = |rate: u64| Load::Storm("comm", rate, if rate == 0 { UNTHROTTLED } else { rate });
    match scenario {
        "rate" => interleaved(&RATES.map(|rate| plan("rate", comm(rate))), &all, rounds),
        "near" => {
            let near = |rate| Plan { place: Place::Together, ..plan("near", comm(rate)) };
            interleaved(&NEAR_RATES.map(near), &all, rounds)
        }
        "drain" => {
            let drain = Load::Storm("comm", 0, BACKLOG);
            interleaved(
                &[Plan { asleep: true, buffer: Some(1 << 25), ..plan("drain", drain) }],
                &all,
                rounds,
            )
        }
        "latency" => {
            let plans = LATENCY_RATES
                .map(|rate| Plan { arguments: &["latency"], ..plan("latency", comm(rate)) });
            interleaved(&plans, &speaking, rounds)
        }
        "burst" => {
            let burst = Load::Storm("comm", 0, BURST);
            interleaved(&[Plan { asleep: true, ..plan("burst", burst) }], &all, rounds)
        }
        "storm" => {
            let two =
                Plan { place: Place::Free, ..plan("storm", Load::TwoStorms("comm", STORM / 2)) };
            interleaved(&[plan("storm", Load::Storm("comm", 0, STORM)), two], &with_none, rounds)
        }
        "filter" => {
            // Only those that can ask for EXIT events: ours, and the kernel's own filter.
            let able = |c: &Contender| c.kind == Kind::Ours || c.name == "C, recv";
            let able: Vec<_> = with_none.iter().copied().filter(|c| c.is_none_or(able)).collect();
            let unwanted = Load::Storm("comm", 0, UNWANTED);
            interleaved(
                &[Plan { arguments: &["exits"], ..plan("filter", unwanted) }],
                &able,
                rounds,
            )
        }
        "work" => {
            let work = |load| Plan { place: Place::Free, ..plan("work", load) };
            interleaved(
                &[work(Load::Storm("exec", 0, 1000)), work(Load::Build)],
                &with_none,
                rounds,
            )
        }
        "life" => {
            let without_table = |c: &Contender| ["cnproc (C)", "forkstat"].contains(&c.name);
            let able: Vec<_> = TABLES
                .iter()
                .filter(able)
                .map(Some)
                .chain(all.iter().copied().filter(|c| c.is_some_and(without_table)))
                .collect();
            let lives = |kind| plan("life", Load::Storm(kind, 0, LIVES));
            interleaved(&[lives("fork"), lives("exec")], &able, rounds)
        }
        _ => Ok(Vec::new()),
    }
}

fn micros(spread: Option<Spread>) -> String {
    spread.map_or("died".into(), |s| format!("{:.2} ({:.2} to {:.2})", s.median, s.min, s.max))
}

fn count(spread: Option<Spread>) -> String {
    spread.map_or("-".into(), |s| {
        if s.min == s.max { format!("{}", s.median) } else { format!("{} to {}", s.min, s.max) }
    })
}

fn rate_name(rate: u64) -> String {
    if rate == 0 { "unthrottled".into() } else { format!("{rate}/s") }
}

/// A row for each contender; `cells` makes the others from the contender's name.
fn table(
    title: &str,
    columns: &[&str],
    rows: &[Row],
    cells: impl Fn(&str) -> Vec<String>,
) -> Table {
    let line = |name: &&str| std::iter::once((*name).to_owned()).chain(cells(name)).collect();
    Table {
        title: title.into(),
        columns: std::iter::once("listener")
            .chain(columns.iter().copied())
            .map(str::to_owned)
            .collect(),
        rows: contenders(rows).iter().map(line).collect(),
    }
}

pub fn tables(scenario: &str, rows: &[Row]) -> Vec<Table> {
    let at = |name: &str, load: &str, rate: u64, of: &dyn Fn(&Row) -> Option<f64>| {
        Spread::of(select(rows, name, load, rate).filter_map(of))
    };
    let loss = |row: &Row| if row.died { None } else { Some(row.lost() as f64) };
    let generator = |row: &Row| Some(row.made.cpu_ns as f64 / row.made.events as f64 / 1000.0);
    match scenario {
        "rate" => {
            let names = RATES.map(rate_name);
            let columns: Vec<&str> = names.iter().map(String::as_str).collect();
            let cost = |name: &str| {
                RATES.map(|rate| micros(at(name, "comm", rate, &Row::cpu_per_event))).to_vec()
            };
            let lost = |name: &str| {
                RATES
                    .map(|rate| {
                        at(name, "comm", rate, &loss).map_or("died".into(), |s| count(Some(s)))
                    })
                    .to_vec()
            };
            let memory = |name: &str| {
                let anon = |row: &Row| row.figures.map(|figures| figures.anon_kib as f64);
                vec![
                    count(at(name, "comm", 0, &|row| Some(row.peak_kib as f64))),
                    count(at(name, "comm", 0, &anon)),
                ]
            };
            vec![
                table(
                    "CPU time of the listener for each event, in microseconds: median (least to most)",
                    &columns,
                    rows,
                    cost,
                ),
                table("Events lost", &columns, rows, lost),
                table(
                    "Memory in KiB",
                    &["peak resident", "growth of anonymous memory since before open"],
                    rows,
                    memory,
                ),
            ]
        }
        "near" => {
            let cells = |name: &str| {
                NEAR_RATES.map(|rate| micros(at(name, "comm", rate, &Row::cpu_per_event))).to_vec()
            };
            let title =
                "CPU time for each event when listener and load share a processor, in microseconds";
            vec![table(title, &["1000/s", "10000/s"], rows, cells)]
        }
        "drain" => {
            let median = |name: &str| {
                at(name, "comm", 0, &Row::cpu_per_event).map_or(f64::NAN, |s| s.median)
            };
            let (raw, checked) = (median("C, recvmmsg"), median("C, recvmmsg, checked"));
            let cells = |name: &str| {
                vec![
                    micros(at(name, "comm", 0, &Row::cpu_per_event)),
                    format!("{:.2}", median(name) / raw),
                    format!("{:.2}", median(name) / checked),
                ]
            };
            let columns = ["microseconds an event", "of recvmmsg", "of recvmmsg, checked"];
            vec![table("Draining a backlog of 20,000 events, equal buffers", &columns, rows, cells)]
        }
        "latency" => {
            let cells = |name: &str| {
                let us = |rate, of: fn(&crate::contender::Figures) -> u64| {
                    at(name, "comm", rate, &|row| {
                        Some(of(&row.figures?) as f64 / 1000.0).filter(|us| *us > 0.0)
                    })
                    .map_or("-".into(), |s| micros(Some(s)))
                };
                LATENCY_RATES
                    .iter()
                    .flat_map(|&rate| [us(rate, |f| f.p50_ns), us(rate, |f| f.p99_ns)])
                    .collect()
            };
            let columns =
                ["1000/s: median", "99th percentile", "10000/s: median", "99th percentile"];
            vec![table(
                "From the kernel's timestamp to the listener, in microseconds",
                &columns,
                rows,
                cells,
            )]
        }
        "burst" => {
            let title = "Events lost of 16,000 that come while the listener sleeps, own buffers";
            let cells = |name: &str| {
                vec![at(name, "comm", 0, &loss).map_or("died".into(), |s| count(Some(s)))]
            };
            vec![table(title, &["lost"], rows, cells)]
        }
        "storm" => {
            let million_a_second =
                |row: &Row| Some(row.made.events as f64 / row.made.wall_ns as f64 * 1000.0);
            [("one process", "comm"), ("two processes", TWO)]
                .map(|(generators, load)| {
                    let cells = |name: &str| {
                        vec![
                            at(name, load, 0, &loss).map_or("died".into(), |s| count(Some(s))),
                            micros(at(name, load, 0, &Row::cpu_per_event)),
                            micros(at(name, load, 0, &generator)),
                            micros(at(name, load, 0, &million_a_second)),
                        ]
                    };
                    let title = format!(
                        "10 million events by {generators}, unthrottled, own buffers; CPU time in microseconds an event"
                    );
                    let columns = ["lost", "listener", "generating process", "million events/s"];
                    table(&title, &columns, rows, cells)
                })
                .into()
        }
        "filter" => {
            let cells = |name: &str| {
                let unwanted =
                    |row: &Row| Some(row.cpu_ns as f64 / row.made.events as f64 / 1000.0);
                vec![
                    micros(at(name, "comm", 0, &unwanted)),
                    micros(at(name, "comm", 0, &generator)),
                ]
            };
            let columns = ["CPU of the listener", "CPU of the generating process"];
            vec![table(
                "Unwanted events: COMM, while EXIT is asked for; microseconds an event",
                &columns,
                rows,
                cells,
            )]
        }
        "life" => {
            let each = |row: &Row| (!row.died).then(|| row.cpu_ns as f64 / LIVES as f64 / 1000.0);
            let cells = |name: &str| {
                ["fork", "exec"]
                    .iter()
                    .flat_map(|load| {
                        let lost = at(name, load, 0, &loss);
                        [
                            micros(at(name, load, 0, &each)),
                            lost.map_or("died".into(), |s| count(Some(s))),
                        ]
                    })
                    .collect()
            };
            let columns = ["fork and exit", "events lost", "fork, exec and exit", "events lost"];
            vec![table(
                "A table of processes: CPU time of the listener for each process, in microseconds",
                &columns,
                rows,
                cells,
            )]
        }
        _ => {
            let cells = |name: &str| {
                let wall = |row: &Row| Some(row.made.wall_ns as f64 / 1e6);
                let own = |row: &Row| Some(row.cpu_ns as f64 / 1e6);
                ["exec", "build"]
                    .iter()
                    .flat_map(|load| {
                        [micros(at(name, load, 0, &wall)), micros(at(name, load, 0, &own))]
                    })
                    .collect()
            };
            let columns =
                ["1,000 execs", "CPU of the listener", "parallel build", "CPU of the listener"];
            vec![table(
                "The machine's own work under a listener, in milliseconds",
                &columns,
                rows,
                cells,
            )]
        }
    }
}
