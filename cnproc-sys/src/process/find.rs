//! Opens the directory of the process that has an id now.

use super::files::{of_process, read_stat, status_lines};
use super::stat::{self, Stat};
use super::{Identity, Process, STAT_SIZE};
use crate::error::{Call, Error};
use crate::sys::clock::pause;
use crate::sys::fd::Fd;
use crate::sys::file;
use core::ffi::CStr;

/// How often the directory, or a file in it, is opened again if a thread's execve changed pids meanwhile.
pub(super) const ATTEMPTS: u32 = 20;

/// Waits after an attempt, 1 us at first, then twice as long each time, a second in all: the CPU that is in the midst
/// of that execve may be a virtual one that does not run.
pub(super) fn pause_after(attempt: u32) {
    const FIRST_NS: u64 = 1_000;
    pause(FIRST_NS << attempt);
}

/// Opens the directory of the process that has that id now, calls `read`, and reads its `stat`.
pub(super) fn find(
    procfs: &Fd,
    tgid: i32,
    lead_ns: u64,
    read: &mut dyn FnMut(&Process),
) -> Result<(Process, Stat), Error> {
    if tgid <= 0 {
        return Err(Error::ProcessGone);
    }
    let mut name = [0; 12];
    let name = decimal(tgid.unsigned_abs(), &mut name);
    let mut found = Error::ProcessGone;
    for attempt in 0..ATTEMPTS {
        let directory = match file::open_directory(Call::OpenProcess, Some(procfs), name) {
            Ok(directory) => directory,
            Err(error) => match of_process(error, tgid) {
                // Or it has just ended, and another process has its pid by now.
                Error::ProcessHidden => {
                    found = Error::ProcessHidden;
                    continue;
                }
                error => return Err(error),
            },
        };
        let process = Process { directory, tgid, event: None, identity: Identity::Likely, lead_ns };
        read(&process);
        match read_stat(&process.directory, tgid) {
            // A thread that calls execve takes its leader's pid: looked up in between, a thread's id leads
            // to the process's directory, and the process's id to that of the leader that vanishes.
            Ok(stat) if stat.is_of(tgid) => return Ok((process, stat)),
            Ok(_) | Err(Error::ProcessGone) => pause_after(attempt),
            // Or it has ended since it was opened, and another process has its pid.
            Err(Error::ProcessHidden) => found = Error::ProcessHidden,
            Err(error) => return Err(error),
        }
    }
    Err(found)
}

/// Whether it has a thread's mark: it may be a thread other than its process's leader. In the midst of an
/// execve by a thread the process itself has that mark, and the thread no longer.
pub(super) const fn may_be_thread(stat: &Stat) -> bool {
    stat.exit_signal == -1
}

/// Whether the id is that of a thread other than its process's leader. As long as a thread has that id, or
/// has given it away to the leader that it replaces, its process's id is another.
pub(super) fn is_thread(process: &Process) -> Result<bool, Error> {
    let mut lines = [0; STAT_SIZE];
    let lines = status_lines(&process.directory, process.tgid, &mut lines)?;
    let tgid = stat::tgid(lines).ok_or(Error::ProcessUnreadable)?;
    Ok(tgid != process.tgid)
}

/// A number as the name of a file.
pub(super) fn decimal(mut number: u32, bytes: &mut [u8; 12]) -> &CStr {
    let mut start = bytes.len() - 1;
    for (index, byte) in bytes.iter_mut().enumerate().rev().skip(1) {
        (*byte, start) = (b'0' + (number % 10) as u8, index);
        number /= 10;
        if number == 0 {
            break;
        }
    }
    CStr::from_bytes_until_nul(bytes.get(start..).unwrap_or_default()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_file_names() {
        for number in [0, 1, 9, 10, 32768, 4_194_304, u32::MAX] {
            let mut bytes = [0; 12];
            assert_eq!(decimal(number, &mut bytes).to_str().unwrap(), number.to_string());
        }
    }
}
