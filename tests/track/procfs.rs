//! The processes of the machine, read from `/proc` by hand.

use std::collections::HashMap;
use std::fs;

/// A process that has not ended.
#[derive(Debug)]
pub(crate) struct Process {
    pub(crate) comm: Vec<u8>,
    pub(crate) ppid: i32,
    pub(crate) sid: i32,
    /// Real and effective user id, real and effective group id.
    pub(crate) ids: [u32; 4],
}

/// All of them, by pid.
pub(crate) fn processes() -> HashMap<i32, Process> {
    let pids = fs::read_dir("/proc").unwrap().filter_map(|entry| {
        let name = entry.unwrap().file_name();
        name.to_str()?.parse::<i32>().ok()
    });
    pids.filter_map(|pid| Some((pid, process(pid)?))).collect()
}

fn process(pid: i32) -> Option<Process> {
    let stat = fs::read(format!("/proc/{pid}/stat")).ok()?;
    let start = stat.iter().position(|byte| *byte == b'(')? + 1;
    let end = stat.iter().rposition(|byte| *byte == b')')?;
    let fields = String::from_utf8_lossy(&stat[end + 2..]).into_owned();
    let fields: Vec<_> = fields.split(' ').collect();
    let number = |field: usize| fields[field - 3].parse::<i32>().unwrap();
    let is_dead = matches!(fields[0], "Z" | "X") && number(20) <= 1;
    let status =
        String::from_utf8_lossy(&fs::read(format!("/proc/{pid}/status")).ok()?).into_owned();
    let ids = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        let mut ids = line.split_whitespace().map(|id| id.parse::<u32>().unwrap());
        Some([ids.next()?, ids.next()?])
    };
    let ([ruid, euid], [rgid, egid]) = (ids("Uid:")?, ids("Gid:")?);
    (!is_dead).then(|| Process {
        comm: stat[start..end.min(start + 15)].to_vec(),
        ppid: number(4),
        sid: number(6),
        ids: [ruid, euid, rgid, egid],
    })
}

/// The command line that `/proc` shows of a pid, if it does.
pub(crate) fn cmdline(pid: i32) -> Option<Vec<u8>> {
    fs::read(format!("/proc/{pid}/cmdline")).ok().filter(|line| !line.is_empty())
}
