//! Which events a listener wants, decided twice: in the kernel by a classic BPF program on the
//! socket, which every kernel runs, and again in user space.

use crate::cn_msg;
use crate::event::Event;
use crate::kernel::{self, exit_proc_event, fork_proc_event, proc_event};
use crate::mask::EventMask;
use crate::nlmsg;
use core::mem::offset_of;

/// Which events a listener wants. Acknowledgements always pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Filter {
    /// The types wanted. [`EventMask::ALL`] lets types pass that are yet to be invented, too.
    pub events: EventMask,
    /// Leave out what concerns a thread only ([`Event::is_thread`]).
    pub processes: bool,
}

impl Filter {
    /// Everything passes.
    pub const EVERYTHING: Self = Self { events: EventMask::ALL, processes: false };

    /// Whether nothing is left out.
    pub const fn is_everything(&self) -> bool {
        self.events.contains(EventMask::ALL) && !self.processes
    }

    /// Whether the event is wanted.
    #[inline]
    pub fn matches(&self, event: &Event) -> bool {
        let wanted = match event.what {
            kernel::PROC_EVENT_NONE => return true,
            kernel::PROC_EVENT_EXIT => {
                self.events.contains(EventMask::EXIT)
                    || self.events.contains(EventMask::NONZERO_EXIT) && event.is_nonzero_exit()
            }
            _ if self.events.contains(EventMask::ALL) => true,
            what => self.types() & what != 0,
        };
        wanted && !(self.processes && event.is_thread())
    }

    /// The filter for `SO_ATTACH_FILTER`: it runs on the netlink message, so that an event that is
    /// not wanted is never queued.
    pub const fn program(&self) -> Program {
        let exits_by_code =
            !self.events.contains(EventMask::EXIT) && self.events.contains(EventMask::NONZERO_EXIT);

        let mut program = Program::EMPTY;
        program.push(LOAD, 0, 0, WHAT);
        program.push(JUMP_EQUAL, ACCEPT, NEXT, kernel::PROC_EVENT_NONE);
        if exits_by_code {
            // The kernel gives a nonzero exit no bit of its own. All but exits: on to the mask.
            program.push(JUMP_EQUAL, NEXT, 4, loaded(kernel::PROC_EVENT_EXIT));
            program.push(LOAD, 0, 0, DATA + offset_of!(exit_proc_event, exit_code) as u32);
            program.push(JUMP_EQUAL, REJECT, NEXT, 0);
            program.push(LOAD, 0, 0, WHAT);
            program.push(JUMP, 0, 0, 1);
        }
        if !self.events.contains(EventMask::ALL) {
            program.push(JUMP_ANY_BIT, NEXT, REJECT, loaded(self.types()));
        }
        if self.processes {
            let pid = DATA + offset_of!(fork_proc_event, child_pid) as u32;
            program.push(JUMP_EQUAL, NEXT, 4, loaded(kernel::PROC_EVENT_FORK));
            program.compare_pid_with_tgid(pid);

            program.push(JUMP_EQUAL, 4, NEXT, loaded(kernel::PROC_EVENT_EXIT));
            program.push(JUMP_EQUAL, 3, NEXT, loaded(kernel::PROC_EVENT_UID));
            program.push(JUMP_EQUAL, 2, NEXT, loaded(kernel::PROC_EVENT_GID));
            program.push(JUMP_EQUAL, 1, NEXT, loaded(kernel::PROC_EVENT_PTRACE));
            program.push(JUMP_EQUAL, NEXT, ACCEPT, loaded(kernel::PROC_EVENT_COMM));
            program.compare_pid_with_tgid(DATA);
        }
        program.finish()
    }

    /// The bits to hold against an event's type: a nonzero exit has the type of every exit.
    const fn types(&self) -> u32 {
        self.events.bits() & !kernel::PROC_EVENT_NONZERO_EXIT
    }
}

/// A filter sees the message from its `nlmsghdr` on.
const EVENT: u32 = (nlmsg::SIZE + cn_msg::SIZE) as u32;
const WHAT: u32 = EVENT + offset_of!(proc_event, what) as u32;
const DATA: u32 = EVENT + offset_of!(proc_event, event_data) as u32;

/// What a load makes of a word that the kernel wrote in its own byte order: BPF loads are
/// big-endian.
const fn loaded(word: u32) -> u32 {
    u32::from_be_bytes(word.to_ne_bytes())
}

// linux/bpf_common.h, as class | size | mode.
const LOAD: u16 = 0x20; // BPF_LD | BPF_W | BPF_ABS
const COPY_TO_X: u16 = 0x07; // BPF_MISC | BPF_TAX
const JUMP: u16 = 0x05; // BPF_JMP | BPF_JA
const JUMP_EQUAL: u16 = 0x15; // BPF_JMP | BPF_JEQ | BPF_K
const JUMP_EQUAL_X: u16 = 0x1d; // BPF_JMP | BPF_JEQ | BPF_X
const JUMP_ANY_BIT: u16 = 0x45; // BPF_JMP | BPF_JSET | BPF_K
const RETURN: u16 = 0x06; // BPF_RET | BPF_K

const NEXT: u8 = 0;
/// Jump targets that [`Program::finish`] puts numbers to.
const ACCEPT: u8 = 0xfe;
const REJECT: u8 = 0xff;

const LONGEST: usize = 24;

/// A classic BPF program: `struct sock_filter` as `(code, jt, jf, k)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[doc(alias = "sock_fprog")]
pub struct Program {
    instructions: [(u16, u8, u8, u32); LONGEST],
    length: usize,
}

impl Program {
    const EMPTY: Self = Self { instructions: [(0, 0, 0, 0); LONGEST], length: 0 };

    const fn push(&mut self, code: u16, jt: u8, jf: u8, k: u32) {
        if let Some((_, rest)) = self.instructions.split_at_mut_checked(self.length)
            && let Some((slot, _)) = rest.split_first_mut()
        {
            *slot = (code, jt, jf, k);
            self.length += 1;
        }
    }

    /// Accepts if the words at `pid` and after it are equal.
    const fn compare_pid_with_tgid(&mut self, pid: u32) {
        self.push(LOAD, 0, 0, pid);
        self.push(COPY_TO_X, 0, 0, 0);
        self.push(LOAD, 0, 0, pid + 4);
        self.push(JUMP_EQUAL_X, ACCEPT, REJECT, 0);
    }

    /// Adds the two returns, and makes `ACCEPT` and `REJECT` the distances to them.
    const fn finish(mut self) -> Self {
        let mut rest = match self.instructions.split_at_mut_checked(self.length) {
            Some((written, _)) => written,
            None => &mut [],
        };
        while let Some(((_, jt, jf, _), after)) = rest.split_first_mut() {
            *jt = distance(*jt, after.len());
            *jf = distance(*jf, after.len());
            rest = after;
        }
        self.push(RETURN, 0, 0, u32::MAX);
        self.push(RETURN, 0, 0, 0);
        self
    }

    /// The instructions, as `(code, jt, jf, k)` of `struct sock_filter`.
    pub fn instructions(&self) -> &[(u16, u8, u8, u32)] {
        self.instructions.get(..self.length).unwrap_or_default()
    }
}

const fn distance(target: u8, to_accept: usize) -> u8 {
    match target {
        ACCEPT => to_accept as u8,
        REJECT => to_accept as u8 + 1,
        near => near,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An event of which only type and first words matter.
    fn event(what: u32, words: [u32; 4]) -> Event {
        let mut event_data = [0; 24];
        for (to, word) in event_data.chunks_mut(4).zip(words) {
            to.copy_from_slice(&word.to_ne_bytes());
        }
        Event { what, cpu: 0, timestamp_ns: 0, event_data, seq: 0, ack: 0, size: 40 }
    }

    fn exit(process_pid: u32, exit_code: u32) -> Event {
        event(kernel::PROC_EVENT_EXIT, [process_pid, 7, exit_code, 17])
    }

    #[test]
    fn a_mask_lets_its_types_and_acknowledgements_pass() {
        let filter = Filter { events: EventMask::FORK, processes: false };
        assert!(filter.matches(&event(kernel::PROC_EVENT_FORK, [1, 1, 8, 8])));
        assert!(filter.matches(&event(kernel::PROC_EVENT_NONE, [1, 0, 0, 0])));
        assert!(!filter.matches(&exit(7, 0)));
    }

    #[test]
    fn nonzero_exit_alone_leaves_out_exits_with_0_and_exit_takes_all() {
        let filter = Filter { events: EventMask::NONZERO_EXIT, processes: false };
        assert!(filter.matches(&exit(7, 256)));
        assert!(!filter.matches(&exit(7, 0)));
        let filter = Filter { events: EventMask::NONZERO_EXIT | EventMask::EXIT, ..filter };
        assert!(filter.matches(&exit(7, 0)));
    }

    #[test]
    fn processes_leaves_threads_out() {
        let filter = Filter { events: EventMask::ALL, processes: true };
        assert!(!filter.is_everything());
        assert!(filter.matches(&exit(7, 0)));
        assert!(!filter.matches(&exit(8, 0)));
        assert!(!filter.matches(&event(kernel::PROC_EVENT_COMM, [8, 7, 0, 0])));
    }

    #[test]
    fn types_yet_to_be_invented_pass_where_all_are_wanted() {
        let unknown = event(0x400, [0; 4]);
        assert!(Filter::EVERYTHING.is_everything());
        assert!(Filter::EVERYTHING.matches(&unknown));
        assert!(!Filter { events: EventMask::EXIT, processes: false }.matches(&unknown));
    }

    /// The longest program fits: nothing was dropped from its end.
    #[test]
    fn every_program_ends_with_its_two_returns() {
        for bits in [1, 0x2000_0000, 0x2000_0001, 0xa000_0000, EventMask::ALL.bits()] {
            for processes in [false, true] {
                let events = EventMask::from_bits(bits).unwrap();
                let program = Filter { events, processes }.program();
                let [.., accept, reject] = program.instructions() else { panic!("too short") };
                assert_eq!((accept.0, accept.3), (RETURN, u32::MAX));
                assert_eq!((reject.0, reject.3), (RETURN, 0));
            }
        }
    }
}
