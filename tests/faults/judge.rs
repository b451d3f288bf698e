//! Judges a run by its logs: documented answers, no leaks, and every event delivered or counted.

use crate::answers::{self, is_documented};
use crate::log::{Call, Log, Step};
use cnproc_parse::kernel;
use std::collections::{BTreeMap, BTreeSet};

/// What each step may return.
pub(crate) type Outcomes = BTreeMap<String, BTreeSet<String>>;

/// What is wrong in a run in which a call failed with that error.
pub(crate) fn judge(logs: &[Log], error: Option<&str>, expected: Option<&Outcomes>) -> Vec<String> {
    let mut wrong = Vec::new();
    let injected: Vec<_> = logs
        .iter()
        .flat_map(|log| &log.steps)
        .filter_map(|step| Some((step, step.calls.iter().find(|call| call.is_injected)?)))
        .collect();
    let context = match injected.first() {
        Some((step, call)) => {
            format!(
                "{}: {}({}) failed with {}",
                step.name,
                call.name,
                call.arguments,
                error.unwrap()
            )
        }
        None => format!("no fault ({error:?})"),
    };
    let mut complain = |what: String| wrong.push(format!("{context}: {what}"));
    // The error that a later step may return, once.
    let late = injected.first().filter(|(step, call)| is_ok(step) && answers::may_be_late(call));
    let mut late = late.map(|(_, call)| *call);
    for step in logs.iter().flat_map(|log| &log.steps) {
        let injected = step.calls.iter().find(|call| call.is_injected);
        let cause = if is_ok(step) { injected } else { injected.or(late.take()) };
        if let Err(what) = check_outcome(step, cause, error, expected) {
            complain(what);
        }
    }
    for failure in logs.iter().flat_map(|log| log.notes("failed ")) {
        complain(failure.to_owned());
    }
    let first = numbers(logs[0].notes("descriptors ").next().unwrap());
    let mut expected = first.clone();
    for log in logs {
        // Not closed, because the call was not made; or inherited so.
        let not_closed = log.calls().filter(|call| call.is_injected && call.name == "close");
        expected.extend(not_closed.filter_map(Call::first_argument));
        for last in log.notes("descriptors ").map(numbers).skip_while(|last| last == &first) {
            if last != expected {
                complain(format!("descriptors leak: {first:?} before, {last:?} after"));
            }
        }
        let accounts = log.notes("account ");
        accounts.filter_map(|account| check_account(account).err()).for_each(&mut complain);
    }
    check_mappings(logs).into_iter().for_each(&mut complain);
    check_requests(logs).into_iter().for_each(&mut complain);
    wrong
}

fn numbers(list: &str) -> BTreeSet<u64> {
    list.split(|c: char| !c.is_ascii_digit()).filter_map(|number| number.parse().ok()).collect()
}

/// An error must be documented, and that of the call that failed; all else must be as without a fault.
fn check_outcome(
    step: &Step,
    injected: Option<&Call>,
    error: Option<&str>,
    expected: Option<&Outcomes>,
) -> Result<(), String> {
    let Some(outcome) = &step.outcome else { return Err(format!("{} did not return", step.name)) };
    if !is_ok(step) {
        return match (injected, error) {
            (Some(call), Some(error)) if is_documented(outcome, call, error) => Ok(()),
            _ => Err(format!("{} returned {outcome}", step.name)),
        };
    }
    let Some(expected) = expected.and_then(|expected| expected.get(&step.name)) else {
        return Ok(());
    };
    // The answer to a failed call may be less certain, and say that the kernel has none.
    let is_less_certain = match (injected, error) {
        (Some(call), Some(error)) => {
            answers::means_none(call, error)
                || ["ok likely", "ok unknown"].contains(&outcome.as_str())
        }
        // Events were lost in an earlier step, and the table is in doubt.
        (None, Some("ENOBUFS")) => outcome == "ok unknown",
        _ => false,
    };
    if expected.contains(outcome) || is_less_certain || is_doubtful(step) {
        Ok(())
    } else {
        Err(format!("{} returned {outcome}, and without a fault {expected:?}", step.name))
    }
}

fn is_ok(step: &Step) -> bool {
    step.outcome.as_ref().is_some_and(|outcome| outcome.starts_with("ok"))
}

/// Whether other programs have made the answer uncertain.
pub(crate) fn is_doubtful(step: &Step) -> bool {
    step.outcome.as_deref() == Some("ok doubtful")
}

/// Each event of the scenario is delivered once, or counted.
fn check_account(account: &str) -> Result<(), String> {
    let numbers: Vec<u64> =
        account.split(['=', ' ']).filter_map(|number| number.parse().ok()).collect();
    let [missing, least, repeated, lost, others] = numbers[..] else { panic!("{account}") };
    if repeated > 0 || lost < least || lost > missing + others {
        return Err(format!("false account: {account}"));
    }
    Ok(())
}

/// What a process maps it unmaps, and a forked child what its parent had mapped before.
fn check_mappings(logs: &[Log]) -> Vec<String> {
    let mut leaks = Vec::new();
    let mut inherited = BTreeSet::new();
    for log in logs {
        log.calls().for_each(|call| follow_mapping(call, &mut inherited));
        if !inherited.is_empty() {
            leaks.push(format!("mappings leak: {inherited:x?}"));
        }
        inherited = BTreeSet::new();
        let before = log.steps.iter().take_while(|step| !step.name.ends_with(" in the parent"));
        before.flat_map(|step| &step.calls).for_each(|call| follow_mapping(call, &mut inherited));
    }
    leaks
}

fn follow_mapping(call: &Call, mapped: &mut BTreeSet<u64>) {
    match call.name.as_str() {
        "mmap" => mapped.extend(call.result),
        "mremap" => {
            if let Some(moved) = call.result {
                mapped.remove(&call.first_argument().unwrap());
                mapped.insert(moved);
            }
        }
        // One that is not made, by injection, is no fault of the library's.
        "munmap" => drop(mapped.remove(&call.first_argument().unwrap())),
        _ => {}
    }
}

/// Each LISTEN has its IGNORE.
fn check_requests(logs: &[Log]) -> Option<String> {
    let count = |operation| {
        let requests = logs.iter().flat_map(Log::calls);
        requests.filter(|call| call.result.is_some() && call.operation() == Some(operation)).count()
    };
    let (listens, ignores) =
        (count(kernel::PROC_CN_MCAST_LISTEN), count(kernel::PROC_CN_MCAST_IGNORE));
    (listens != ignores).then(|| format!("{listens} LISTENs, and {ignores} IGNOREs"))
}
