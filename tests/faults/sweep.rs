//! Runs a scenario under strace once for each system call of the library and each error.

use crate::answers;
use crate::judge::{Outcomes, is_doubtful, judge};
use crate::log::{Call, Log, Step};
use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::RwLock;

/// A system call of a step: to fail, or that failed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Target {
    /// The process, in the order of their creation.
    process: usize,
    step: String,
    call: String,
    /// Which of the step's calls of that name, from 0.
    index: usize,
}

/// A step makes no more calls of one name, except while other programs flood the queue, or many processes are looked at.
const MOST_OF_A_KIND: usize = 8;

/// Calls of which each counts, and not only those of the first of several steps with the same name.
const RARE: [&str; 2] = ["getdents64", "mremap"];

/// What the name of a step ends with that another scenario has, too: its calls fail there.
const REPEATED: &str = " again";

/// A scenario, and where its runs are logged.
struct Sweep {
    scenario: &'static str,
    directory: PathBuf,
    /// A program whose path ends as those of deleted programs do.
    subject: PathBuf,
}

/// What runs without a fault have in common.
struct Expected {
    outcomes: Outcomes,
    targets: BTreeMap<Target, Call>,
}

/// One failed call in each run, for all calls of all steps, and all errors. Panics if an answer is undocumented, or
/// something leaks.
pub(crate) fn sweep(scenario: &'static str) {
    let sweep = Sweep::new(scenario);
    let expected = sweep.without_faults();
    assert!(!expected.targets.is_empty());
    let (mut runs, mut wrong, mut unreached) = (0, Vec::new(), Vec::new());
    for (target, call) in &expected.targets {
        let errors = answers::of(&target.call).unwrap().errors;
        for error in errors.iter().filter(|error| answers::is_possible(call, error)) {
            runs += 1;
            match sweep.inject(target, call.number, error) {
                Some(logs) => wrong.extend(judge(&logs, Some(error), Some(&expected.outcomes))),
                None => unreached.push(format!("{target:?}")),
            }
        }
    }
    let calls = expected.targets.len();
    println!("{scenario}: {calls} calls, {runs} faults, {} not reached", unreached.len());
    wrong.truncate(20);
    assert!(wrong.is_empty(), "{scenario}: {wrong:#?}");
    // In a storm of other programs' events a listener may take another path each time.
    assert!(unreached.len() * 10 <= runs, "{scenario}: of {runs} not reached: {unreached:#?}");
}

impl Sweep {
    fn new(scenario: &'static str) -> Self {
        let name = format!("cnproc-faults-{scenario}-{}", std::process::id());
        let directory = std::env::temp_dir().join(name);
        fs::create_dir_all(&directory).unwrap();
        let subject = directory.join("x (deleted)");
        fs::copy("/bin/sleep", &subject).unwrap();
        Self { scenario, directory, subject }
    }

    /// Runs the scenario. Of each process the log, in the order of their creation.
    fn run(&self, inject: Option<(&str, &str, u32)>) -> Vec<Log> {
        static TURN: RwLock<()> = RwLock::new(());
        // Where it matters that no other listener is opened.
        let (_alone, _with_others) = if self.scenario == "identify" {
            (Some(TURN.write().unwrap()), None)
        } else {
            (None, Some(TURN.read().unwrap()))
        };
        let prefix = self.directory.join("log");
        let mut strace = Command::new("strace");
        // -ff: a log for each process. -xx: strings in hexadecimal.
        strace.args(["-f", "-ff", "-xx", "-s", "1000", "-o"]).arg(&prefix);
        if let Some((call, error, number)) = inject {
            strace.arg("--seccomp-bpf");
            strace.arg(format!("--trace={call},mmap,mremap,munmap,sendto,write"));
            strace.arg(format!("--inject={call}:error={error}:when={number}"));
        }
        let output = strace
            .arg(env!("CARGO_BIN_EXE_fault_scenario"))
            .arg(self.scenario)
            .arg(&self.subject)
            .env("RUST_BACKTRACE", "0")
            .output()
            .unwrap();
        let mut paths: Vec<_> = fs::read_dir(&self.directory)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.file_stem() == prefix.file_name())
            .collect();
        paths.sort_by_key(|path| {
            path.extension().unwrap().to_str().unwrap().parse::<u32>().unwrap()
        });
        let mut logs: Vec<_> = paths.iter().map(|path| Log::read(path)).collect();
        paths.iter().for_each(|path| fs::remove_file(path).unwrap());
        if !output.status.success() {
            let text = String::from_utf8_lossy(&output.stderr);
            logs[0].notes.push(format!("failed {}: {text}", output.status));
        }
        // Those of other programs that the scenario starts.
        logs.retain(|log| !log.steps.is_empty() || !log.notes.is_empty());
        logs
    }

    /// What is expected: what several runs without a fault have in common, because the path of a listener depends on
    /// what other programs generate meanwhile.
    fn without_faults(&self) -> Expected {
        let mut expected: Option<Expected> = None;
        for _ in 0..3 {
            let mut logs = self.run(None);
            while logs.iter().flat_map(|log| &log.steps).any(is_doubtful) {
                logs = self.run(None);
            }
            let wrong = judge(&logs, None, None);
            assert!(wrong.is_empty(), "{}, without a fault: {wrong:#?}", self.scenario);
            let run = Expected::of(&logs);
            expected = Some(match expected {
                Some(expected) => expected.and(run),
                None => run,
            });
        }
        expected.unwrap()
    }

    /// Lets a call fail. None if it was not made.
    fn inject(&self, target: &Target, number: u32, error: &str) -> Option<Vec<Log>> {
        let mut number = number;
        for _ in 0..10 {
            let logs = self.run(Some((&target.call, error, number)));
            let injected = logs.iter().flat_map(Log::calls).find(|call| call.is_injected);
            if injected.is_some_and(|call| answers::is_possible(call, error)) {
                return Some(logs);
            }
            // In this run the number was that of a call between the steps, or of one that cannot fail so.
            number = targets(&logs).get(target).map_or(number, |call| call.number);
        }
        None
    }
}

impl Drop for Sweep {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.directory).unwrap();
    }
}

/// All calls of all steps that an error can be injected into. A repeated step counts once, except for its rare calls.
fn targets(logs: &[Log]) -> BTreeMap<Target, Call> {
    let mut targets = BTreeMap::new();
    for (process, log) in logs.iter().enumerate() {
        let mut rare = BTreeMap::new();
        for Step { name, calls, .. } in &log.steps {
            let mut indices = BTreeMap::new();
            for call in calls {
                let is_rare = RARE.contains(&call.name.as_str());
                let indices = if is_rare { &mut rare } else { &mut indices };
                let index = indices.entry((name, &call.name)).or_insert(0);
                let target =
                    Target { process, step: name.clone(), call: call.name.clone(), index: *index };
                *index += 1;
                targets.entry(target).or_insert_with(|| call.clone());
            }
        }
    }
    targets
}

impl Expected {
    fn of(logs: &[Log]) -> Self {
        let mut outcomes = Outcomes::new();
        for step in logs.iter().flat_map(|log| &log.steps) {
            let outcome = step.outcome.clone().unwrap();
            outcomes.entry(step.name.clone()).or_default().insert(outcome);
        }
        let mut targets = targets(logs);
        for Target { call, step, .. } in targets.keys() {
            assert!(answers::of(call).is_some(), "{step}: {call} is called: which errors has it?");
        }
        targets.retain(|target, _| {
            target.index < MOST_OF_A_KIND
                && !target.step.ends_with(REPEATED)
                && !answers::of(&target.call).unwrap().errors.is_empty()
        });
        Self { outcomes, targets }
    }

    /// The outcomes of both, and the calls that both have made.
    fn and(mut self, other: Self) -> Self {
        for (step, outcomes) in other.outcomes {
            self.outcomes.entry(step).or_default().extend(outcomes);
        }
        self.targets.retain(|target, _| other.targets.contains_key(target));
        self
    }
}
