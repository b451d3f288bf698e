//! strace's log of one process: steps, and the system calls that the library made in each.

use std::path::Path;

/// A system call.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) name: String,
    pub(crate) arguments: String,
    /// None if it failed.
    pub(crate) result: Option<u64>,
    pub(crate) is_injected: bool,
    /// How many calls of that name the process had made, with this one.
    pub(crate) number: u32,
}

/// One call of the library.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    pub(crate) name: String,
    pub(crate) calls: Vec<Call>,
    /// What was returned; None if the process ended in it.
    pub(crate) outcome: Option<String>,
}

/// The log of one process or thread.
#[derive(Clone, Debug)]
pub(crate) struct Log {
    pub(crate) steps: Vec<Step>,
    /// What it logged between the steps.
    pub(crate) notes: Vec<String>,
}

impl Call {
    /// A line such as `close(3) = -1 EIO (Input/output error) (INJECTED)`.
    fn parse(line: &str) -> Option<Self> {
        let (call, result) = line.rsplit_once(" = ")?;
        let (name, arguments) = call.trim_end().strip_suffix(')')?.split_once('(')?;
        let first = result.split(' ').next()?;
        let result_value = match first.strip_prefix("0x") {
            Some(address) => u64::from_str_radix(address, 16).ok(),
            None => first.parse().ok(),
        };
        Some(Self {
            name: name.to_owned(),
            arguments: arguments.to_owned(),
            result: result_value,
            is_injected: result.ends_with("(INJECTED)"),
            number: 0,
        })
    }

    /// The first argument, a number.
    pub(crate) fn first_argument(&self) -> Option<u64> {
        let first = self.arguments.split([',', ')']).next()?;
        match first.strip_prefix("0x") {
            Some(address) => u64::from_str_radix(address, 16).ok(),
            None => first.parse().ok(),
        }
    }

    /// The bytes of all its string arguments, which strace prints in hexadecimal.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let digits = self.arguments.split("\\x").skip(1);
        digits.filter_map(|digits| u8::from_str_radix(digits.get(..2)?, 16).ok()).collect()
    }

    /// The operation of a request to the connector.
    pub(crate) fn operation(&self) -> Option<u32> {
        // What follows the netlink header, which strace decodes: struct cn_msg, then the operation.
        let bytes = self.bytes();
        let word = bytes.get(20..24)?.try_into().ok()?;
        (self.name == "sendto").then(|| u32::from_ne_bytes(word))
    }
}

impl Log {
    pub(crate) fn read(path: &Path) -> Self {
        let text = std::fs::read_to_string(path).unwrap();
        let mut log = Self { steps: Vec::new(), notes: Vec::new() };
        let mut current: Option<Step> = None;
        let mut counts = std::collections::HashMap::new();
        for mut call in text.lines().filter_map(Call::parse) {
            let count = counts.entry(call.name.clone()).or_insert(0);
            *count += 1;
            call.number = *count;
            if call.name != "write" || !call.arguments.starts_with("-1, ") {
                current.iter_mut().for_each(|step| step.calls.push(call.clone()));
                continue;
            }
            let line = String::from_utf8(call.bytes()).unwrap();
            if let Some(name) = line.strip_prefix("> ") {
                current = Some(Step { name: name.to_owned(), calls: Vec::new(), outcome: None });
            } else if let Some(outcome) = line.strip_prefix("< ") {
                let step = current.take().unwrap();
                log.steps.push(Step { outcome: Some(outcome.to_owned()), ..step });
            } else {
                log.notes.push(line);
            }
        }
        log.steps.extend(current);
        log
    }

    /// The calls of all steps.
    pub(crate) fn calls(&self) -> impl Iterator<Item = &Call> {
        self.steps.iter().flat_map(|step| &step.calls)
    }

    /// The last note of that kind, without it.
    pub(crate) fn notes<'a>(&'a self, kind: &'a str) -> impl DoubleEndedIterator<Item = &'a str> {
        self.notes.iter().filter_map(move |note| note.strip_prefix(kind))
    }
}
