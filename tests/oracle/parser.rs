//! C's reading of a datagram and Rust's: `tests/c/ref_parse.c` reads with the kernel's headers and macros, and compares
//! `cnproc_parse` with that. The parser must read the same.

use crate::{strategies, text};
use cnproc_parse::ByteOrder;
use proptest::test_runner::{Config, FileFailurePersistence, TestCaseError, TestRunner};
use std::cell::RefCell;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use support::Program;

/// The C program, which waits for datagrams.
struct Oracle {
    process: Child,
    _program: Program,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Oracle {
    fn start() -> Self {
        let program = support::compile("tests/c/ref_parse.c");
        let process =
            Command::new(program.path()).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut process = process.unwrap();
        let (input, output) = (process.stdin.take().unwrap(), process.stdout.take().unwrap());
        Self { process, _program: program, input, output: BufReader::new(output) }
    }

    fn describe(&mut self, datagram: &[u8]) -> Vec<String> {
        let mut request = (datagram.len() as u32).to_ne_bytes().to_vec();
        request.extend(datagram);
        self.input.write_all(&request).unwrap();
        let lines = self.output.by_ref().lines().map(Result::unwrap);
        lines.take_while(|line| line != ".").collect()
    }

    fn end(self) {
        drop(self.input);
        let mut process = self.process;
        assert!(process.wait().unwrap().success());
    }
}

#[test]
fn c_and_rust_read_the_same() {
    let oracle = RefCell::new(Oracle::start());
    // How many messages were no events or bad, and how many were events.
    let seen = RefCell::new([0; 2]);
    let kept = FileFailurePersistence::WithSource("regressions");
    let mut config = Config { failure_persistence: Some(Box::new(kept)), ..Config::default() };
    config.cases = config.cases.max(4096);
    config.source_file = Some(file!());
    let mut runner = TestRunner::new(config);
    let result = runner.run(&strategies::damaged(ByteOrder::NATIVE), |datagram| {
        let rust = text::describe(&datagram, ByteOrder::NATIVE);
        let c = oracle.borrow_mut().describe(&datagram);
        for line in &c {
            seen.borrow_mut()[usize::from(line.starts_with("event "))] += 1;
        }
        if c == rust {
            return Ok(());
        }
        Err(TestCaseError::fail(format!("{datagram:02x?}\nC:    {c:#?}\nRust: {rust:#?}")))
    });
    if let Err(error) = result {
        panic!("{error}");
    }
    oracle.into_inner().end();
    let seen = seen.into_inner();
    assert!(seen.iter().all(|count| *count > 1000), "{seen:?}");
}
