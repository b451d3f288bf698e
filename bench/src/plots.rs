//! The charts, from the rows of the scenario "rate".

use crate::run::Row;
use crate::scenario::RATES;
use crate::summary::{Spread, select};
use crate::svg::{Chart, Series, THEMES};
use std::io::Result;
use std::path::Path;

/// Those that are drawn: some of the others' lines would lie on these.
const DRAWN: [&str; 8] = [
    "cnproc (C), ring, coalesce 10 ms",
    "cnproc (C), coalesce 10 ms",
    "cnproc (C)",
    "C, recv",
    "classic program",
    "proc-connector 0.3",
    "extrace",
    "forkstat",
];

/// Where a rate stands on the axis; unthrottled: at what was made of it in the median.
fn place(rows: &[Row], rate: u64) -> f64 {
    let made = rows
        .iter()
        .filter(|row| row.rate == 0)
        .map(|row| row.made.events as f64 * 1e9 / row.made.wall_ns as f64);
    if rate == 0 { Spread::of(made).map_or(1e6, |s| s.median) } else { rate as f64 }
}

fn series(rows: &[Row], value: fn(&Row) -> Option<f64>, at_death: Option<f64>) -> Vec<Series> {
    let one = |(colour, name): (usize, &'static str)| {
        let mut points = Vec::new();
        let mut dies = false;
        for rate in RATES {
            if select(rows, name, "comm", rate).any(|row| row.died) {
                dies = true;
                points.extend(at_death.map(|value| (place(rows, rate), value)));
                break;
            }
            let spread = Spread::of(select(rows, name, "comm", rate).filter_map(value));
            points.extend(spread.map(|spread| (place(rows, rate), spread.median)));
        }
        Series { name, colour, strong: name.starts_with("cnproc ("), points, dies }
    };
    DRAWN.into_iter().enumerate().map(one).filter(|series| !series.points.is_empty()).collect()
}

pub fn write(folder: &Path, rows: &[Row], machine: &str) -> Result<()> {
    let x_ticks: Vec<(f64, String)> = RATES
        .iter()
        .map(|&rate| {
            let label =
                if rate == 0 { "unthrottled".into() } else { format!("{},000", rate / 1000) };
            (place(rows, rate), label)
        })
        .collect();
    let cost = Chart {
        title: "CPU time of the listener for each event",
        subtitle: format!("user and system; median; less is better. {machine}"),
        unit: "microseconds an event",
        x_ticks: x_ticks.clone(),
        y_ticks: vec![
            (0.02, "0.02"),
            (0.05, "0.05"),
            (0.1, "0.1"),
            (0.2, "0.2"),
            (0.5, "0.5"),
            (1.0, "1"),
            (2.0, "2"),
            (5.0, "5"),
            (10.0, "10"),
            (20.0, "20"),
            (50.0, "50"),
            (100.0, "100"),
        ],
        series: series(rows, Row::cpu_per_event, None),
    };
    let loss = Chart {
        title: "Events lost",
        subtitle: format!("median, with default buffers. {machine}"),
        unit: "per cent of the events generated",
        x_ticks,
        y_ticks: vec![
            (0.003, "none"),
            (0.01, "0.01"),
            (0.1, "0.1"),
            (1.0, "1"),
            (10.0, "10"),
            (100.0, "100"),
        ],
        series: series(
            rows,
            |row| Some(100.0 * row.lost() as f64 / row.made.events as f64),
            Some(100.0),
        ),
    };
    for theme in &THEMES {
        std::fs::write(folder.join(format!("cpu-{}.svg", theme.suffix)), cost.draw(theme))?;
        std::fs::write(folder.join(format!("loss-{}.svg", theme.suffix)), loss.draw(theme))?;
    }
    Ok(())
}
