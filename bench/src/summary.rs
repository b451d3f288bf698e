//! Many rows to one figure: the median, and how far the runs spread.

use crate::run::Row;

#[derive(Clone, Copy, Debug)]
pub struct Spread {
    pub median: f64,
    pub min: f64,
    pub max: f64,
}

impl Spread {
    pub fn of(values: impl Iterator<Item = f64>) -> Option<Self> {
        let mut values: Vec<f64> = values.collect();
        values.sort_by(f64::total_cmp);
        let (min, max) = (*values.first()?, *values.last()?);
        let middle = values.len() / 2;
        let median = if values.len().is_multiple_of(2) {
            (values[middle - 1] + values[middle]) / 2.0
        } else {
            values[middle]
        };
        Some(Self { median, min, max })
    }
}

/// The rows of one contender at one rate of one load.
pub fn select<'a>(
    rows: &'a [Row],
    contender: &'a str,
    load: &'a str,
    rate: u64,
) -> impl Iterator<Item = &'a Row> {
    rows.iter()
        .filter(move |row| row.contender == contender && row.load == load && row.rate == rate)
}

/// The names of the contenders in `rows`, each once, in the order of the table of contenders.
pub fn contenders(rows: &[Row]) -> Vec<&'static str> {
    let mut names: Vec<&'static str> = Vec::new();
    let known = crate::contender::ALL.iter().map(|contender| contender.name);
    for name in
        std::iter::once("no listener").chain(known).chain(rows.iter().map(|row| row.contender))
    {
        if !names.contains(&name) && rows.iter().any(|row| row.contender == name) {
            names.push(name);
        }
    }
    names
}
