//! `/proc`, opened once.

mod clock;
mod list;

pub(crate) use clock::{Start, boot_ns, monotonic};
pub(crate) use list::Listing;

use crate::error::{Call, Error};
use crate::sys::fd::Fd;
use crate::sys::{file, process};
use clock::{Clocks, Namespace};

/// `/proc`, and the clocks of the start times in it.
#[derive(Debug)]
pub(crate) struct Procfs {
    directory: Option<Fd>,
    clocks: Clocks,
    kernel_version: (u32, u32),
}

impl Procfs {
    /// Opens `/proc` if it is there: the process may change its root later.
    pub(crate) fn new() -> Self {
        let directory = open_procfs().ok();
        let clocks = Clocks::new(Namespace::here(directory.as_ref()));
        Self { directory, clocks, kernel_version: process::kernel_version() }
    }

    /// The first two numbers of the kernel's release.
    pub(crate) const fn kernel_version(&self) -> (u32, u32) {
        self.kernel_version
    }

    /// Whether this process's clocks are the events'.
    pub(crate) fn clocks_are_the_events(&self) -> bool {
        self.clocks.are_initial()
    }

    /// How far the clock of start times was ahead when the listener was opened, or since a suspend.
    pub(crate) const fn lead_ns(&self) -> u64 {
        self.clocks.lead_ns()
    }

    /// Compares a start time with that of an event.
    pub(crate) fn start(&mut self, ticks: u64, event_ns: u64) -> Start {
        if self.clocks_are_unchanged() {
            self.clocks.start(ticks, event_ns)
        } else {
            Start::Unclear
        }
    }

    /// Whether this process's clocks are still those with which the listener was opened: it may have entered
    /// another time namespace.
    pub(crate) fn clocks_are_unchanged(&self) -> bool {
        self.clocks.are_of(Namespace::here(self.directory.as_ref()))
    }

    pub(crate) fn directory(&mut self) -> Result<&Fd, Error> {
        if self.directory.is_none() {
            self.directory = Some(open_procfs()?);
        }
        self.directory.as_ref().ok_or(Error::NoProcfs)
    }
}

/// `/proc`, if it belongs to this process's pid namespace, which is that of the events.
fn open_procfs() -> Result<Fd, Error> {
    let directory = file::open_directory(Call::OpenProc, None, c"/proc").map_err(no_procfs)?;
    // In that of another namespace this process does not exist.
    file::readlink(Call::OpenProc, Some(&directory), c"self", &mut [0; 12]).map_err(no_procfs)?;
    Ok(directory)
}

fn no_procfs(error: Error) -> Error {
    let Error::System { errno, .. } = error else { return error };
    match errno.raw() {
        libc::ENOENT | libc::ENOTDIR | libc::EINVAL => Error::NoProcfs,
        _ => error,
    }
}
