//! A program that runs as a child of a test and prints lines.

use crate::wait::HANG_LIMIT;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::ffi::c_int;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};

/// A program that runs. Killed when it goes.
///
/// Its lines are read as they come: a listener that waits for a reader of its output loses events.
#[derive(Debug)]
pub struct Running {
    process: Child,
    lines: Receiver<Line>,
    /// Lines of one stream that came while one of the other was awaited.
    stdout: RefCell<VecDeque<String>>,
    stderr: RefCell<VecDeque<String>>,
    watch: fn(&str),
}

#[derive(Debug)]
enum Line {
    Stdout(String),
    Stderr(String),
}

/// How a program ended.
#[derive(Debug, PartialEq, Eq)]
pub struct Ended {
    /// Its exit status. None: a signal killed it.
    pub status: Option<i32>,
    /// The lines of its standard output that were not read before.
    pub stdout: Vec<String>,
    /// The same of its standard error.
    pub stderr: Vec<String>,
}

fn read_lines(from: impl Read + Send + 'static, to: Sender<Line>, stream: fn(String) -> Line) {
    std::thread::spawn(move || {
        let mut lines = BufReader::new(from).lines().map_while(Result::ok);
        lines.try_for_each(|line| to.send(stream(line)))
    });
}

impl Running {
    /// Starts it.
    pub fn start(command: &mut Command) -> Self {
        let mut process = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (sender, lines) = mpsc::channel();
        read_lines(process.stdout.take().unwrap(), sender.clone(), Line::Stdout);
        read_lines(process.stderr.take().unwrap(), sender, Line::Stderr);
        Self {
            process,
            lines,
            stdout: RefCell::default(),
            stderr: RefCell::default(),
            watch: |_| (),
        }
    }

    /// Has `watch` called with each line of its standard error, while a line of either is awaited.
    pub fn watched_by(mut self, watch: fn(&str)) -> Self {
        self.watch = watch;
        self
    }

    /// Its process id.
    pub fn pid(&self) -> c_int {
        self.process.id() as c_int
    }

    /// Awaits a line of either stream. False at the end of both.
    fn receive(&self) -> bool {
        match self.lines.recv_timeout(HANG_LIMIT) {
            Ok(Line::Stdout(line)) => self.stdout.borrow_mut().push_back(line),
            Ok(Line::Stderr(line)) => {
                (self.watch)(&line);
                self.stderr.borrow_mut().push_back(line);
            }
            Err(RecvTimeoutError::Disconnected) => return false,
            Err(RecvTimeoutError::Timeout) => panic!("it printed nothing for {HANG_LIMIT:?}"),
        }
        true
    }

    fn next(&self, lines: &RefCell<VecDeque<String>>) -> Option<String> {
        loop {
            let line = lines.borrow_mut().pop_front();
            if line.is_some() || !self.receive() {
                return line;
            }
        }
    }

    /// The lines of its standard output, until it ends.
    pub fn lines(&self) -> impl Iterator<Item = String> {
        std::iter::from_fn(|| self.next(&self.stdout))
    }

    /// The next line of its standard error.
    pub fn error_line(&self) -> String {
        self.next(&self.stderr).expect("it ended before it printed another line to standard error")
    }

    /// Runs `cause` again and again until it prints a line that is `wanted`: when it begins to listen is not known.
    pub fn line(&self, cause: impl Fn() + Sync, wanted: impl Fn(&str) -> bool) -> String {
        let done = AtomicBool::new(false);
        let line = std::thread::scope(|scope| {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    cause();
                }
            });
            let _stop = OnDrop(&done);
            self.lines().find(|line| wanted(line))
        });
        line.expect("it ended before the line came")
    }

    /// Sends it a signal.
    pub fn kill(&self, signal: c_int) {
        // SAFETY: no memory is involved, and the process has not been waited for.
        assert_eq!(unsafe { libc::kill(self.pid(), signal) }, 0);
    }

    /// Waits until it ends.
    pub fn wait(mut self) -> Ended {
        while self.receive() {}
        let status = self.process.wait().unwrap().code();
        let [stdout, stderr] = [&self.stdout, &self.stderr].map(RefCell::take).map(Vec::from);
        Ended { status, stdout, stderr }
    }

    /// Ends it by a signal.
    pub fn end(self, signal: c_int) -> Ended {
        self.kill(signal);
        self.wait()
    }
}

/// Stops the cause of events, also if the test fails meanwhile.
struct OnDrop<'a>(&'a AtomicBool);

impl Drop for OnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Nothing to do if it has been waited for.
        let _ended = self.process.kill().and_then(|()| self.process.wait().map(drop));
    }
}
