//! Parsers of `/proc/PID/stat`, `status` and `schedstat`, as far as they are needed.

/// The fields of `/proc/PID/stat` that are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stat {
    /// The id of the process or thread that the directory belongs to.
    pub(crate) pid: i32,
    pub(crate) state: u8,
    pub(crate) ppid: i32,
    pub(crate) session: i32,
    /// The kernel's PF_* flags.
    pub(crate) flags: u64,
    /// Page faults and ticks on a CPU: none before a process runs for the first time.
    pub(crate) effort: u64,
    pub(crate) threads: u32,
    pub(crate) start_ticks: u64,
    /// -1 for a thread that is not its process's leader; and, for a moment, for one that has just become it
    /// by execve.
    pub(crate) exit_signal: i32,
    /// Its name, as far as 15 bytes go.
    pub(crate) comm: [u8; 16],
    /// How it ended; 0 if the reader may not see that. Linux 3.5; since 5.17 the status of the whole process.
    pub(crate) exit_code: u32,
}

impl Stat {
    /// `None` if it is not such a line. Any user chooses the name in it, which may contain parentheses.
    pub(crate) fn parse(line: &[u8]) -> Option<Self> {
        let pid = number(split(line, b' ').next()?)?;
        let name_end = line.iter().rposition(|byte| *byte == b')')?;
        let mut fields = split(line.get(name_end + 1..)?.trim_ascii(), b' ');
        let state = *fields.next()?.first()?;
        let mut numbers = [None; FIELDS];
        for (number, field) in numbers.iter_mut().zip(fields) {
            *number = decimal(field);
        }
        let [ppid, _, session, _, _, flags, min_flt, _, maj_flt, _, utime, stime, rest @ ..] =
            numbers;
        let [_, _, _, _, threads, _, start_ticks, rest @ ..] = rest;
        let [.., exit_signal, _, _, _, _, _, _, _, _, _, _, _, _, _, exit_code] = rest;
        let effort = [min_flt, maj_flt, utime, stime].into_iter().try_fold(0_u64, |sum, number| {
            u64::try_from(number?).ok().map(|number| sum.saturating_add(number))
        });
        Some(Self {
            pid,
            state,
            ppid: fit(ppid)?,
            session: fit(session)?,
            flags: fit(flags)?,
            effort: effort?,
            threads: fit(threads)?,
            start_ticks: fit(start_ticks)?,
            exit_signal: fit(exit_signal)?,
            comm: name(line, name_end)?,
            exit_code: fit(exit_code).unwrap_or(0),
        })
    }
}

impl Stat {
    /// Whether it is the process's that has that id. A thread that calls execve exchanges its id with its
    /// leader's, which vanishes: a file that is opened in that moment is either's, or a dead leader's, which has
    /// no threads, and may still be called a zombie.
    pub(crate) const fn is_of(&self, tgid: i32) -> bool {
        self.pid == tgid && self.threads > 0 && self.state != b'X'
    }

    /// Whether it may run a program: it is no kernel thread, and has not ended with all its threads. A leader
    /// ends before a thread that calls execve takes its place.
    pub(crate) const fn may_run_a_program(&self) -> bool {
        !self.is_kernel_thread() && (!self.has_ended() || self.threads > 1)
    }

    /// Whether its leader exits, and has no program any more, or is a zombie.
    pub(crate) const fn has_ended(&self) -> bool {
        const PF_EXITING: u64 = 4;
        self.flags & PF_EXITING != 0 || matches!(self.state, b'Z' | b'X' | b'x')
    }

    pub(crate) const fn is_kernel_thread(&self) -> bool {
        const PF_KTHREAD: u64 = 0x0020_0000;
        self.flags & PF_KTHREAD != 0
    }
}

/// The name, which is in parentheses and may contain some.
fn name(line: &[u8], end: usize) -> Option<[u8; 16]> {
    let start = line.iter().position(|byte| *byte == b'(')? + 1;
    let mut comm = [0; 16];
    for (to, from) in comm.iter_mut().take(15).zip(line.get(start..end)?) {
        *to = *from;
    }
    Some(comm)
}

fn split(text: &[u8], separator: u8) -> impl DoubleEndedIterator<Item = &[u8]> {
    text.split(move |byte| *byte == separator)
}

/// How many fields follow the state, up to `exit_code`, which proc(5) calls the 52nd.
const FIELDS: usize = 52 - 3;

fn fit<T: TryFrom<i64>>(number: Option<i64>) -> Option<T> {
    T::try_from(number?).ok()
}

fn number<T: TryFrom<i64>>(field: &[u8]) -> Option<T> {
    fit(decimal(field.trim_ascii()))
}

/// By hand, because `str::parse` would make the C library a tenth larger.
fn decimal(digits: &[u8]) -> Option<i64> {
    let (sign, digits) = match digits.split_first()? {
        (b'-', digits) => (-1, digits),
        _ => (1, digits),
    };
    let mut number = Some(0_i64).filter(|_| !digits.is_empty());
    for digit in digits {
        let value = char::from(*digit).to_digit(10)?;
        number = number?.checked_mul(10)?.checked_add(i64::from(value) * sign);
    }
    number
}

/// How often the process ran on a CPU: the third number of `/proc/PID/schedstat`.
pub(crate) fn times_run(schedstat: &[u8]) -> Option<u64> {
    number(split(schedstat, b' ').nth(2)?)
}

/// How often another has run after the process: two lines of `/proc/PID/status`; 0 if they are not there.
pub(crate) fn switches(status: &[u8]) -> u64 {
    [&b"voluntary_ctxt_switches:"[..], b"nonvoluntary_ctxt_switches:"]
        .into_iter()
        .filter_map(|name| number::<u64>(line(status, name)?))
        .fold(0, u64::saturating_add)
}

/// Whether the program is complete: the fourth number of `/proc/PID/statm`, the pages of its code, which an
/// execve sets last. 0 as well without a program.
pub(crate) fn has_code(statm: &[u8]) -> Option<bool> {
    number::<u64>(split(statm, b' ').nth(3)?).map(|pages| pages > 0)
}

/// The value of a line of `/proc/PID/status`. Newlines in the name, which comes first, are escaped.
fn line<'a>(status: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let mut lines = split(status, b'\n');
    lines.find_map(|line| line.strip_prefix(name)).map(<[u8]>::trim_ascii)
}

/// The real and the effective id in the line `Uid:` or `Gid:`.
pub(crate) fn ids(status: &[u8], name: &[u8]) -> Option<(u32, u32)> {
    let mut ids = split(line(status, name)?, b'\t');
    Some((number(ids.next()?)?, number(ids.next()?)?))
}

/// The pid in the innermost pid namespace: the last number of the line `NSpid:`. Linux 4.1.
pub(crate) fn nspid(status: &[u8]) -> Option<i32> {
    split(line(status, b"NSpid:")?, b'\t').next_back().and_then(number)
}

/// The process that a thread belongs to: the line `Tgid:`.
pub(crate) fn tgid(status: &[u8]) -> Option<i32> {
    number(line(status, b"Tgid:")?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::String;

    const LINE: &[u8] = b"8405 (a) S (b)) Z 17 30 31 34816 31 4194560 24 9 3 1 500 6000 1 2 20 0 13 0 \
        1023 46088192 3634 18446744073709551615 1 1 0 0 0 0 0 4096 1256 0 0 0 17 1 0 0 0 0 0 0 0 0 0 0 0 \
        0 1792\n";

    #[test]
    fn line_is_read_from_behind_the_name() {
        let stat = Stat::parse(LINE).unwrap();
        assert_eq!(
            stat,
            Stat {
                pid: 8405,
                state: b'Z',
                ppid: 17,
                session: 31,
                flags: 4_194_560,
                effort: 24 + 3 + 500 + 6000,
                threads: 13,
                start_ticks: 1023,
                exit_signal: 17,
                comm: *b"a) S (b)\0\0\0\0\0\0\0\0",
                exit_code: 1792,
            }
        );
    }

    #[test]
    fn kernel_threads_and_ended_processes_run_no_program() {
        let zombie = Stat { threads: 1, ..Stat::parse(LINE).unwrap() };
        assert!(zombie.has_ended() && !zombie.may_run_a_program());
        assert!(Stat { threads: 2, ..zombie }.may_run_a_program(), "perhaps by another thread");
        let process = Stat { state: b'S', flags: 0x0040_0000, ..zombie };
        assert!(!process.has_ended() && process.may_run_a_program());
        let exiting = Stat { flags: 0x0040_0004, ..process };
        assert!(exiting.has_ended() && !exiting.may_run_a_program());
        assert!(!Stat { flags: 0x0020_8040, ..process }.may_run_a_program());
    }

    #[test]
    fn line_of_a_thread_or_a_dead_leader_is_not_the_processs() {
        let stat = Stat::parse(LINE).unwrap();
        assert!(stat.is_of(8405));
        assert!(!stat.is_of(8406));
        assert!(!Stat { state: b'X', ..stat }.is_of(8405));
        assert!(!Stat { threads: 0, ..stat }.is_of(8405));
    }

    #[test]
    fn name_is_truncated_to_15_bytes() {
        let line = String::from_utf8_lossy(LINE).replace("a) S (b", "kworker/0:1H-kblockd");
        assert_eq!(Stat::parse(line.as_bytes()).unwrap().comm, *b"kworker/0:1H-kb\0");
    }

    #[test]
    fn other_or_truncated_line_is_none() {
        assert_eq!(Stat::parse(b""), None);
        assert_eq!(Stat::parse(b"1 (a"), None);
        assert_eq!(Stat::parse(b"1 (a)"), None);
        let end = LINE.windows(4).rposition(|window| window == b" 17 ").unwrap();
        assert_eq!(Stat::parse(&LINE[..end]), None);
    }

    #[test]
    fn number_is_all_digits_and_fits() {
        assert_eq!(number(b" 12\n"), Some(12_u32));
        assert_eq!(number(b"-1"), Some(-1));
        assert_eq!(number(b"9223372036854775807"), Some(i64::MAX));
        assert_eq!(number(b"-9223372036854775808"), Some(i64::MIN));
        assert_eq!(number::<u32>(b"4294967295"), Some(u32::MAX));
        for wrong in [&b""[..], b"-", b"+1", b"1a", b"--1", b"1 2", b"9223372036854775808"] {
            assert_eq!(number::<i64>(wrong), None);
        }
        assert_eq!(number::<u32>(b"-1"), None);
        assert_eq!(number::<u32>(b"4294967296"), None);
    }

    #[test]
    fn value_is_found_by_the_name_of_its_line() {
        let status = b"Name:\tUid:\t7\nUid:\t1\t2\t3\t4\nGid:\t5\t6\t7\t8\n";
        assert_eq!(ids(status, b"Uid:"), Some((1, 2)));
        assert_eq!(ids(status, b"Gid:"), Some((5, 6)));
        assert_eq!(ids(status, b"Pid:"), None);
        assert_eq!(ids(b"Uid:\t1", b"Uid:"), None);
        assert_eq!(tgid(b"Name:\tTgid:\nTgid:\t31\nPid:\t32\n"), Some(31));
        assert_eq!(tgid(status), None);
        assert_eq!(nspid(b"NSpid:\t31\t7\t1\n"), Some(1));
        assert_eq!(nspid(status), None);
        assert_eq!(times_run(b"7439242 6450129 74\n"), Some(74));
        assert_eq!(times_run(b""), None);
        let status = b"Name:\tvoluntary_ctxt_switches:\t9\nvoluntary_ctxt_switches:\t281\n\
            nonvoluntary_ctxt_switches:\t3\n";
        assert_eq!(switches(status), 284);
        assert_eq!(switches(b"Name:\tx\n"), 0);
        assert_eq!(has_code(b"1447 487 443 12 0 113 0\n"), Some(true));
        assert_eq!(has_code(b"36 0 0 0 0 34 0\n"), Some(false));
        assert_eq!(has_code(b"36 0 0"), None);
    }
}
