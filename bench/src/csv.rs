//! Every run as a line of CSV.

use crate::run::Row;
use std::io::{Result, Write};

pub fn write(mut out: impl Write, rows: &[Row]) -> Result<()> {
    writeln!(
        out,
        "scenario,load,rate,contender,round,made,dropped,died,listener_cpu_ns,generating_cpu_ns,wall_ns,peak_kib,\
         events,lost,p50_ns,p99_ns,anon_kib"
    )?;
    for row in rows {
        write!(
            out,
            "{},{},{},\"{}\",{},{},{},{},{},{},{},{}",
            row.scenario,
            row.load,
            row.rate,
            row.contender,
            row.round,
            row.made.events,
            row.lost(),
            row.died,
            row.cpu_ns,
            row.made.cpu_ns,
            row.made.wall_ns,
            row.peak_kib
        )?;
        match row.figures {
            Some(f) => {
                writeln!(out, ",{},{},{},{},{}", f.events, f.lost, f.p50_ns, f.p99_ns, f.anon_kib)?
            }
            None => writeln!(out, ",,,,,")?,
        }
    }
    Ok(())
}
