//! One run: a listener, a load, and what it came to.

use crate::contender::{Contender, Figures};
use crate::load::{self, Made};
use std::io::Result;

#[derive(Clone, Copy)]
pub enum Load {
    /// `kind` of c/load.c, repetitions a second (0: unthrottled), repetitions.
    Storm(&'static str, u64, u64),
    /// Two processes at the same time, where the scheduler likes: `kind`, repetitions of each.
    TwoStorms(&'static str, u64),
    /// A parallel build.
    Build,
}

/// Where the listener and the load run. It matters more than all else: to wake a sleeping processor costs the listener five
/// times as much as to be next on the generating process's own.
#[derive(Clone, Copy)]
pub enum Place {
    /// The load on the first processor, the listener on the last.
    Apart,
    /// Both on the first.
    Together,
    /// As the scheduler likes.
    Free,
}

impl Place {
    fn listener(self) -> Option<usize> {
        match self {
            Self::Apart => Some(std::thread::available_parallelism().map_or(0, |n| n.get() - 1)),
            Self::Together => Some(0),
            Self::Free => None,
        }
    }

    fn load(self) -> Option<usize> {
        (!matches!(self, Self::Free)).then_some(0)
    }
}

/// What a run does in addition to its load.
#[derive(Clone, Copy)]
pub struct Plan {
    pub scenario: &'static str,
    pub load: Load,
    pub place: Place,
    /// Arguments for listeners that take any.
    pub arguments: &'static [&'static str],
    /// Stop the listener while the load runs, so that it finds a backlog.
    pub asleep: bool,
    /// A receive buffer of this many bytes instead of the listener's own.
    pub buffer: Option<i32>,
}

/// A run's outcome: one line of the CSV.
pub struct Row {
    pub scenario: &'static str,
    pub load: &'static str,
    pub rate: u64,
    pub contender: &'static str,
    pub round: u32,
    pub made: Made,
    pub dropped: u64,
    pub cpu_ns: u64,
    pub peak_kib: u64,
    pub died: bool,
    pub figures: Option<Figures>,
    pub has_ring: bool,
}

/// The name of the load of two processes.
pub const TWO: &str = "two";

impl Row {
    /// Events that reached the listener: by its own count or, if it has none, those made less those dropped.
    pub fn delivered(&self) -> u64 {
        let reached = self.made.events.saturating_sub(self.dropped);
        self.figures.map_or(reached, |figures| figures.events)
    }

    /// Events lost: by the socket's drop counter or, where there is a ring, as the listener reported; not less than the
    /// number of events that were generated and did not reach it.
    pub fn lost(&self) -> u64 {
        if !self.has_ring {
            return self.dropped;
        }
        let reported = self.figures.map_or(0, |figures| figures.lost);
        reported.max(self.made.events.saturating_sub(self.delivered()))
    }

    /// The listener's CPU time for each event that reached it, in microseconds.
    pub fn cpu_per_event(&self) -> Option<f64> {
        (!self.died && self.delivered() > 0)
            .then(|| self.cpu_ns as f64 / self.delivered() as f64 / 1000.0)
    }
}

/// `contender` is None for the load alone.
pub fn run(plan: &Plan, contender: Option<&Contender>, round: u32) -> Result<Row> {
    let (load, rate) = match plan.load {
        Load::Storm(kind, rate, _) => (kind, rate),
        Load::TwoStorms(..) => (TWO, 0),
        Load::Build => ("build", 0),
    };
    let listener = contender
        .map(|contender| contender.start(plan.arguments, plan.place.listener()))
        .transpose()?;
    let (mut cpu_before, mut drops_before) = (0, 0);
    if let Some(listener) = &listener {
        if let Some(bytes) = plan.buffer {
            crate::system::enlarge_buffer(listener.socket(), bytes)?;
        }
        listener.wait_drained()?;
        if plan.asleep {
            listener.pause();
        }
        (cpu_before, drops_before) = (listener.cpu_ns()?, listener.drops()?);
    }
    let made = match plan.load {
        Load::Storm(kind, rate, count) => load::run(kind, rate, count, plan.place.load())?,
        Load::TwoStorms(kind, count) => load::run_two(kind, count)?,
        Load::Build => load::build()?,
    };
    let mut row = Row {
        scenario: plan.scenario,
        load,
        rate,
        contender: contender.map_or("no listener", |contender| contender.name),
        round,
        made,
        dropped: 0,
        cpu_ns: 0,
        peak_kib: 0,
        died: false,
        figures: None,
        has_ring: contender.is_some_and(Contender::has_ring),
    };
    if let Some(listener) = listener {
        if plan.asleep {
            listener.resume();
        }
        listener.wait_drained()?;
        row.died = listener.died();
        row.cpu_ns = listener.cpu_ns()? - cpu_before;
        row.dropped = listener.drops()? - drops_before;
        row.peak_kib = listener.peak_kib();
        row.figures = listener.stop()?;
    }
    Ok(row)
}

/// Each of `plans` with each of `contenders`, `rounds` times, interleaved so that what else the machine does affects all equally.
pub fn interleaved(
    plans: &[Plan],
    contenders: &[Option<&Contender>],
    rounds: u32,
) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for round in 0..rounds {
        for plan in plans {
            // Another one first in every round.
            for i in 0..contenders.len() {
                let contender = contenders[(i + round as usize) % contenders.len()];
                let name = contender.map_or("no listener", |contender| contender.name);
                match run(plan, contender, round) {
                    Ok(row) => rows.push(row),
                    Err(error) => {
                        return Err(std::io::Error::other(format!(
                            "{}, {name}: {error}",
                            plan.scenario
                        )));
                    }
                }
            }
            eprint!(".");
        }
    }
    eprintln!();
    Ok(rows)
}
