//! The listeners on trial, all driven in the same way: started, waited for, observed from outside, ended by SIGTERM.

use crate::system;
use std::fs;
use std::io::{BufRead, BufReader, Error, Result};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Ours,
    Reference,
    Peer,
}

pub struct Contender {
    pub name: &'static str,
    pub kind: Kind,
    /// Program and arguments; a name without a slash is looked up next to the harness.
    pub command: &'static [&'static str],
    /// Whether it speaks the protocol; the others are Debian's programs.
    pub speaks: bool,
}

const fn own(name: &'static str, kind: Kind, command: &'static [&'static str]) -> Contender {
    Contender { name, kind, command, speaks: true }
}

/// The argument of a listener that receives through a ring.
const RING: &str = "ring";

pub const ALL: &[Contender] = &[
    own("cnproc (C)", Kind::Ours, &["listen-cnproc-c"]),
    own("cnproc (Rust)", Kind::Ours, &["listen-cnproc-rust"]),
    own("cnproc (C), coalesce 10 ms", Kind::Ours, &["listen-cnproc-c", "coalesce=10000"]),
    own("cnproc (C), ring", Kind::Ours, &["listen-cnproc-c", RING]),
    own("cnproc (C), ring, coalesce 1 ms", Kind::Ours, &["listen-cnproc-c", RING, "coalesce=1000"]),
    own(
        "cnproc (C), ring, coalesce 10 ms",
        Kind::Ours,
        &["listen-cnproc-c", RING, "coalesce=10000"],
    ),
    own("C, recv", Kind::Reference, &["listen-recv"]),
    own("C, recvmmsg", Kind::Reference, &["listen-recvmmsg"]),
    own("C, recvmmsg, checked", Kind::Reference, &["listen-checked"]),
    own("classic program", Kind::Reference, &["listen-classic"]),
    own("proc-connector 0.3", Kind::Peer, &["listen-proc-connector"]),
    own("proc-connector 0.3, timeout", Kind::Peer, &["listen-proc-connector", "timeout"]),
    own("cnproc crate 0.2", Kind::Peer, &["listen-cnproc-crate"]),
    Contender { name: "extrace", kind: Kind::Peer, command: &["/usr/bin/extrace"], speaks: false },
    Contender {
        name: "forkstat",
        kind: Kind::Peer,
        command: &["/usr/bin/forkstat", "-E"],
        speaks: false,
    },
];

/// Those that keep a table of processes, in `life`.
pub const TABLES: &[Contender] = &[
    own("tracker", Kind::Ours, &["listen-tracker"]),
    own("tracker, command lines", Kind::Ours, &["listen-tracker", "cmdline"]),
    own(
        "tracker, command lines, coalesce 10 ms",
        Kind::Ours,
        &["listen-tracker", "cmdline", "coalesce=10000"],
    ),
    own(
        "tracker, command lines, ring, coalesce 10 ms",
        Kind::Ours,
        &["listen-tracker", "cmdline", RING, "coalesce=10000"],
    ),
    own("C, table by hand", Kind::Reference, &["listen-table"]),
    own("C, table by hand, command lines", Kind::Reference, &["listen-table", "cmdline"]),
];

/// What a listener says at its end, as far as it speaks.
#[derive(Clone, Copy, Default)]
pub struct Figures {
    pub events: u64,
    pub lost: u64,
    pub p50_ns: u64,
    pub p99_ns: u64,
    pub anon_kib: u64,
}

pub struct Listener {
    child: Child,
    says: BufReader<std::io::PipeReader>,
    socket: OwnedFd,
    speaks: bool,
    has_ring: bool,
}

fn program(name: &str) -> Result<std::path::PathBuf> {
    Ok(std::env::current_exe()?.with_file_name(name))
}

impl Contender {
    /// Whether its events wait in a ring, not in the socket's queue: nobody else sees how many wait or are lost.
    pub fn has_ring(&self) -> bool {
        self.command.contains(&RING)
    }

    pub fn is_installed(&self) -> bool {
        program(self.command[0]).is_ok_and(|path| path.exists())
    }

    /// Starts it, and returns when it listens.
    pub fn start(&self, more: &[&str], processor: Option<usize>) -> Result<Listener> {
        let (reader, writer) = std::io::pipe()?;
        let mut command = Command::new(program(self.command[0])?);
        command.args(&self.command[1..]).stdin(Stdio::null()).stdout(Stdio::null());
        if self.speaks {
            command.args(more);
        } else {
            command.stderr(Stdio::null());
        }
        system::pass_as_3(&mut command, writer.into());
        if let Some(processor) = processor {
            system::pin(&mut command, processor);
        }
        let child = command.spawn()?;
        drop(command); // and with it our writing end
        let mut says = BufReader::new(reader);
        if self.speaks {
            let mut line = String::new();
            says.read_line(&mut line)?;
            if line != "ready\n" {
                return Err(Error::other(format!("{} did not come up", self.name)));
            }
        }
        let socket = find_socket(child.id())?;
        sleep(Duration::from_millis(if self.speaks { 10 } else { 200 })); // its other preparations
        Ok(Listener { child, says, socket, speaks: self.speaks, has_ring: self.has_ring() })
    }
}

/// The connector socket of process `pid`, as soon as it is there and bound to the group.
fn find_socket(pid: u32) -> Result<OwnedFd> {
    let give_up = Instant::now() + Duration::from_secs(5);
    loop {
        let sockets = fs::read_to_string("/proc/net/netlink")?;
        // sk Eth Pid Groups Rmem Wmem Dump Locks Drops Inode
        let inodes: Vec<String> = sockets
            .lines()
            .map(|line| line.split_whitespace().collect::<Vec<_>>())
            .filter(|f| f.len() == 10 && f[1] == "11" && f[3].ends_with('1'))
            .map(|f| format!("socket:[{}]", f[9]))
            .collect();
        for entry in fs::read_dir(format!("/proc/{pid}/fd"))? {
            let path = entry?.path();
            let Ok(target) = fs::read_link(&path) else { continue };
            if inodes.iter().any(|inode| target == Path::new(inode))
                && let Some(fd) = path.file_name().and_then(|name| name.to_str()?.parse().ok())
            {
                return system::borrow_descriptor(pid, fd);
            }
        }
        if Instant::now() > give_up {
            return Err(Error::other("the listener has no connector socket"));
        }
        sleep(Duration::from_millis(5));
    }
}

impl Listener {
    pub fn socket(&self) -> &OwnedFd {
        &self.socket
    }

    /// CPU time so far; of a listener that has died, up to its death.
    pub fn cpu_ns(&self) -> Result<u64> {
        system::cpu_ns(self.child.id())
    }

    pub fn pause(&self) {
        system::signal(self.child.id(), libc::SIGSTOP);
        while self.state().is_some_and(|state| !"TZ".contains(state)) {
            sleep(Duration::from_millis(1));
        }
    }

    pub fn resume(&self) {
        system::signal(self.child.id(), libc::SIGCONT);
    }

    fn state(&self) -> Option<char> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id())).ok()?;
        stat.rsplit_once(") ")?.1.chars().next()
    }

    pub fn died(&self) -> bool {
        self.state().is_none_or(|state| state == 'Z')
    }

    /// Returns when the queue is empty and the listener has gone to sleep, or died.
    pub fn wait_drained(&self) -> Result<()> {
        let give_up = Instant::now() + Duration::from_secs(60);
        while !self.died() {
            let is_asleep = || self.state() == Some('S');
            if system::backlog_and_drops(&self.socket)?.0 == 0 && is_asleep() {
                if !self.has_ring {
                    return Ok(());
                }
                // What waits in a ring, which nobody else sees, wakes it within its coalescing delay.
                let before = self.cpu_ns()?;
                sleep(Duration::from_millis(50));
                if self.cpu_ns()? == before && is_asleep() {
                    return Ok(());
                }
            }
            if Instant::now() > give_up {
                return Err(Error::other("the listener did not drain its queue in a minute"));
            }
            sleep(Duration::from_millis(1));
        }
        Ok(())
    }

    pub fn drops(&self) -> Result<u64> {
        system::backlog_and_drops(&self.socket).map(|(_, drops)| u64::from(drops))
    }

    /// Its largest resident size, in KiB.
    pub fn peak_kib(&self) -> u64 {
        let status =
            fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        line.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or(0)
    }

    /// Ends it. A listener that speaks says its figures; one that had died already has none.
    pub fn stop(mut self) -> Result<Option<Figures>> {
        while self.child.try_wait()?.is_none() {
            system::signal(self.child.id(), libc::SIGTERM);
            sleep(Duration::from_millis(5));
        }
        let mut line = String::new();
        self.says.read_line(&mut line)?;
        if !self.speaks || line.is_empty() {
            return Ok(None);
        }
        let number = |name: &str| {
            let mut words = line.split_whitespace();
            words.find_map(|word| word.strip_prefix(name)?.parse().ok()).unwrap_or(0)
        };
        Ok(Some(Figures {
            events: number("events="),
            lost: number("lost="),
            p50_ns: number("p50_ns="),
            p99_ns: number("p99_ns="),
            anon_kib: number("anon_kib="),
        }))
    }
}

impl Drop for Listener {
    /// Leaves no listener behind when a run fails half-way.
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
