//! One line of text for each event: for the types that the widely copied `proc_events.c` prints, its
//! line; for later types, a similar one.

use crate::event::Event;
use crate::event_data::EventData;
use core::fmt::{self, Write};

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.data().fmt(f)
    }
}

impl fmt::Display for EventData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write_line(f)
    }
}

impl EventData {
    /// Writes what `Display` writes, without the formatting machinery of `core`, which would be the largest
    /// part of the C library.
    #[doc(hidden)]
    pub fn write_line(&self, out: &mut impl Write) -> fmt::Result {
        let mut line = Line(out);
        match self {
            Self::Ack(ack) if ack.err == 0 => line.text("set mcast listen ok"),
            Self::Ack(ack) => line.text("set mcast listen failed: errno=")?.unsigned(ack.err),
            Self::Fork(fork) => line
                .ids("fork: parent tid=", fork.parent_pid, fork.parent_tgid)?
                .ids(" -> child tid=", fork.child_pid, fork.child_tgid),
            Self::Exec(exec) => line.ids("exec: tid=", exec.process_pid, exec.process_tgid),
            Self::Uid(uid) => line
                .ids("uid change: tid=", uid.process_pid, uid.process_tgid)?
                .change(uid.ruid, uid.euid),
            Self::Gid(gid) => line
                .ids("gid change: tid=", gid.process_pid, gid.process_tgid)?
                .change(gid.rgid, gid.egid),
            Self::Sid(sid) => line.ids("sid change: tid=", sid.process_pid, sid.process_tgid),
            Self::Ptrace(ptrace) => line
                .ids("ptrace: tid=", ptrace.process_pid, ptrace.process_tgid)?
                .ids(" tracer tid=", ptrace.tracer_pid, ptrace.tracer_tgid),
            Self::Comm(comm) => line
                .ids("comm: tid=", comm.process_pid, comm.process_tgid)?
                .text(" comm=")?
                .escaped(comm.name()),
            Self::Coredump(dump) => line.ids("coredump: tid=", dump.process_pid, dump.process_tgid),
            Self::Exit(exit) => line
                .ids("exit: tid=", exit.process_pid, exit.process_tgid)?
                .text(" exit_code=")?
                .signed(exit.exit_code as i32),
            Self::Unknown(unknown) => {
                line.text("unhandled proc event: what=0x")?.hexadecimal(unknown.what)
            }
        }?;
        Ok(())
    }
}

/// Writes the line for a loss of `count` events, without the formatting machinery of `core`.
pub fn write_lost(out: &mut impl Write, count: u64) -> fmt::Result {
    Line(out).text("lost: count=")?.digits(count, 10, 10_000_000_000_000_000_000)?;
    Ok(())
}

/// A line, written part by part. The parts that all lines share are never inlined: a line is for people and
/// need not be fast, but the C library should be small.
struct Line<'a, W>(&'a mut W);

type Written<'l, 'a, W> = Result<&'l mut Line<'a, W>, fmt::Error>;

impl<'a, W: Write> Line<'a, W> {
    #[inline(never)]
    fn text(&mut self, text: &str) -> Written<'_, 'a, W> {
        self.0.write_str(text)?;
        Ok(self)
    }

    /// `{label}{pid} pid={tgid}`
    fn ids(&mut self, label: &str, pid: i32, tgid: i32) -> Written<'_, 'a, W> {
        self.text(label)?.signed(pid)?.text(" pid=")?.signed(tgid)
    }

    /// As `%d`, like `proc_events.c`: (uid_t)-1 is -1.
    fn change(&mut self, from: u32, to: u32) -> Written<'_, 'a, W> {
        self.text(" from ")?.signed(from as i32)?.text(" to ")?.signed(to as i32)
    }

    #[inline(never)]
    fn signed(&mut self, number: i32) -> Written<'_, 'a, W> {
        if number < 0 {
            self.text("-")?;
        }
        self.unsigned(number.unsigned_abs())
    }

    fn unsigned(&mut self, number: u32) -> Written<'_, 'a, W> {
        self.digits(number.into(), 10, 1_000_000_000)
    }

    fn hexadecimal(&mut self, number: u32) -> Written<'_, 'a, W> {
        self.digits(number.into(), 16, 0x1000_0000)
    }

    /// `place` is the place value of the first digit of the longest number.
    #[inline(never)]
    fn digits(&mut self, number: u64, base: u64, mut place: u64) -> Written<'_, 'a, W> {
        while place > 1 && number < place {
            place /= base;
        }
        while place > 0 {
            let digit =
                char::from_digit((number / place % base) as u32, base as u32).unwrap_or_default();
            self.0.write_char(digit)?;
            place /= base;
        }
        Ok(self)
    }

    /// Printable ASCII unchanged, everything else and the backslash as `\xNN`: one line, safe on a terminal.
    fn escaped(&mut self, bytes: &[u8]) -> Written<'_, 'a, W> {
        for byte in bytes {
            if matches!(byte, b' '..=b'~') && *byte != b'\\' {
                self.0.write_char(char::from(*byte))?;
            } else {
                self.text(if *byte < 0x10 { "\\x0" } else { "\\x" })?
                    .hexadecimal(u32::from(*byte))?;
            }
        }
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use crate::event_data::*;
    use std::string::ToString;

    fn line(data: EventData) -> std::string::String {
        data.to_string()
    }

    #[test]
    fn types_of_the_classic_program_have_its_lines() {
        assert_eq!(line(EventData::Ack(Ack { err: 0 })), "set mcast listen ok");
        let fork = Fork { parent_pid: 1, parent_tgid: 2, child_pid: 30, child_tgid: 400 };
        assert_eq!(line(EventData::Fork(fork)), "fork: parent tid=1 pid=2 -> child tid=30 pid=400");
        let exec = Exec { process_pid: 2_147_483_647, process_tgid: 1_000_000_000 };
        assert_eq!(line(EventData::Exec(exec)), "exec: tid=2147483647 pid=1000000000");
        let uid = Uid { process_pid: 5, process_tgid: 6, ruid: 0, euid: u32::MAX };
        assert_eq!(line(EventData::Uid(uid)), "uid change: tid=5 pid=6 from 0 to -1");
        let gid = Gid { process_pid: 5, process_tgid: 6, rgid: 100, egid: 65534 };
        assert_eq!(line(EventData::Gid(gid)), "gid change: tid=5 pid=6 from 100 to 65534");
        let exit = Exit {
            process_pid: 7,
            process_tgid: 7,
            exit_code: 256,
            exit_signal: 17,
            parent_pid: 1,
            parent_tgid: 1,
        };
        assert_eq!(line(EventData::Exit(exit)), "exit: tid=7 pid=7 exit_code=256");
    }

    #[test]
    fn later_types_have_similar_lines() {
        let (process_pid, process_tgid) = (8, 7);
        assert_eq!(line(EventData::Ack(Ack { err: 22 })), "set mcast listen failed: errno=22");
        let sid = Sid { process_pid, process_tgid };
        assert_eq!(line(EventData::Sid(sid)), "sid change: tid=8 pid=7");
        let ptrace = Ptrace { process_pid, process_tgid, tracer_pid: 0, tracer_tgid: -3 };
        assert_eq!(line(EventData::Ptrace(ptrace)), "ptrace: tid=8 pid=7 tracer tid=0 pid=-3");
        let comm = *b"a \x1b[2J\\\xff\n\0unseen";
        let comm = Comm { process_pid, process_tgid, comm };
        assert_eq!(line(EventData::Comm(comm)), r"comm: tid=8 pid=7 comm=a \x1b[2J\x5c\xff\x0a");
        let comm =
            Comm { process_pid, process_tgid, comm: *b"\x0f\x10 ~\x7f\x80\0\0\0\0\0\0\0\0\0\0" };
        assert_eq!(line(EventData::Comm(comm)), r"comm: tid=8 pid=7 comm=\x0f\x10 ~\x7f\x80");
        let dump = Coredump { process_pid, process_tgid, parent_pid: 1, parent_tgid: 1 };
        assert_eq!(line(EventData::Coredump(dump)), "coredump: tid=8 pid=7");
        for (count, expected) in
            [(1, "lost: count=1"), (u64::MAX, "lost: count=18446744073709551615")]
        {
            let mut lost = std::string::String::new();
            super::write_lost(&mut lost, count).unwrap();
            assert_eq!(lost, expected);
        }
        assert_eq!(
            line(EventData::Unknown(Unknown { what: 0x400, bytes: [0; 24] })),
            "unhandled proc event: what=0x400"
        );
    }
}
