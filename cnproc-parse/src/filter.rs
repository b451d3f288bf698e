//! Which events a listener wants. A classic BPF program on the socket, which every kernel can run, drops the
//! others in the kernel; user space checks again.
//!
//! A neighbour's filter may have cut a message before the program runs (see `SECURITY.md`). The program lets
//! a message pass that is too short to be an event, so that user space can count it as lost.

use crate::cn_msg;
use crate::event::Event;
use crate::kernel::{self, exit_proc_event, fork_proc_event, proc_event, sock_filter};
use crate::mask::EventMask;
use crate::nlmsg;
use core::mem::offset_of;

/// Which acknowledgements pass a [`Filter`]'s program.
#[doc(hidden)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Acks {
    /// All: this listener's own, and those of others.
    All,
    /// Those whose `cn_msg.ack` is this number. It is the request's + 1.
    Only(u32),
    /// None.
    None,
}

/// Which events a listener wants. Acknowledgements always match.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Filter {
    /// The types wanted. With [`EventMask::ALL`], types of later kernels pass, too.
    pub events: EventMask,
    /// Drop events that concern only a thread ([`Event::is_thread`]).
    pub skip_threads: bool,
}

impl Filter {
    /// Everything passes.
    pub const EVERYTHING: Self = Self::new(EventMask::ALL, false);

    /// Events of these types pass, except those of threads if they are to be skipped.
    pub const fn new(events: EventMask, skip_threads: bool) -> Self {
        Self { events, skip_threads }
    }

    /// Whether all events pass.
    pub const fn is_everything(&self) -> bool {
        self.events.contains(EventMask::ALL) && !self.skip_threads
    }

    /// Whether the event passes.
    #[inline]
    pub fn matches(&self, event: &Event) -> bool {
        if self.is_everything() {
            return true;
        }
        let wanted = match event.what {
            kernel::PROC_EVENT_NONE => return true,
            kernel::PROC_EVENT_EXIT => {
                self.events.contains(EventMask::EXIT)
                    || self.events.contains(EventMask::NONZERO_EXIT) && event.is_nonzero_exit()
            }
            _ if self.events.contains(EventMask::ALL) => true,
            what => self.types() & what != 0,
        };
        wanted && !(self.skip_threads && event.is_thread())
    }

    /// The program for `SO_ATTACH_FILTER`. It runs on the netlink message before that is queued. All
    /// acknowledgements pass.
    pub fn program(&self) -> Program {
        self.program_with(Acks::All)
    }

    /// As [`program`](Self::program), with only these acknowledgements passing. Any user can cause any number of
    /// acknowledgements.
    #[doc(hidden)]
    pub fn program_with(&self, acks: Acks) -> Program {
        let mut program = Program::EMPTY;
        program.push(&SHORT);
        program.push_acks(acks);
        if !self.events.contains(EventMask::EXIT) && self.events.contains(EventMask::NONZERO_EXIT) {
            program.push(&EXITS_BY_CODE);
        }
        if !self.events.contains(EventMask::ALL) {
            program.push(&[step(JUMP_ANY_BIT, NEXT, REJECT, loaded(self.types()))]);
        }
        if self.skip_threads {
            program.push(&PROCESSES);
        }
        program.finish()
    }

    /// The bits to compare with an event's type. A nonzero exit has no type of its own.
    const fn types(&self) -> u32 {
        self.events.bits() & !kernel::PROC_EVENT_NONZERO_EXIT
    }
}

// A filter's offsets count from the `nlmsghdr` on.
const EVENT: u32 = (nlmsg::SIZE + cn_msg::SIZE) as u32;
const WHAT: u32 = EVENT + offset_of!(proc_event, what) as u32;
const DATA: u32 = EVENT + offset_of!(proc_event, event_data) as u32;
const ACK: u32 = (nlmsg::SIZE + offset_of!(kernel::cn_msg, ack)) as u32;

/// The value that a BPF load returns for a word in the kernel's byte order: loads are big-endian.
const fn loaded(word: u32) -> u32 {
    u32::from_be_bytes(word.to_ne_bytes())
}

// linux/bpf_common.h, as class | size | mode.
const LOAD: u16 = 0x20; // BPF_LD | BPF_W | BPF_ABS
const LOAD_LENGTH: u16 = 0x80; // BPF_LD | BPF_W | BPF_LEN
const COPY_TO_X: u16 = 0x07; // BPF_MISC | BPF_TAX
const JUMP: u16 = 0x05; // BPF_JMP | BPF_JA
const JUMP_EQUAL: u16 = 0x15; // BPF_JMP | BPF_JEQ | BPF_K
const JUMP_EQUAL_X: u16 = 0x1d; // BPF_JMP | BPF_JEQ | BPF_X
const JUMP_AT_LEAST: u16 = 0x35; // BPF_JMP | BPF_JGE | BPF_K
const JUMP_ANY_BIT: u16 = 0x45; // BPF_JMP | BPF_JSET | BPF_K
const RETURN: u16 = 0x06; // BPF_RET | BPF_K

const NEXT: u8 = 0;
// Jump targets that `Program::finish` replaces by distances.
const ACCEPT: u8 = 0xfe;
const REJECT: u8 = 0xff;

const fn step(code: u16, jt: u8, jf: u8, k: u32) -> sock_filter {
    sock_filter { code, jt, jf, k }
}

/// Accepts what is shorter than the shortest event, of Linux before 3.2: every load below is within that.
const SHORT: [sock_filter; 2] = {
    const SHORTEST: u32 = EVENT + kernel::PROC_EVENT_SIZE_BEFORE_3_2 as u32;
    [step(LOAD_LENGTH, 0, 0, 0), step(JUMP_AT_LEAST, NEXT, ACCEPT, SHORTEST)]
};

/// Goes on with the event's type loaded.
const LOAD_WHAT: sock_filter = step(LOAD, 0, 0, WHAT);

const fn acks_of(ack: u32) -> [sock_filter; 3] {
    [
        step(JUMP_EQUAL, NEXT, 2, kernel::PROC_EVENT_NONE),
        step(LOAD, 0, 0, ACK),
        step(JUMP_EQUAL, ACCEPT, REJECT, loaded(ack)),
    ]
}

/// Drops exits with code 0, and continues with the type for all else: a nonzero exit has no type of its own.
const EXITS_BY_CODE: [sock_filter; 5] = [
    step(JUMP_EQUAL, NEXT, 4, loaded(kernel::PROC_EVENT_EXIT)),
    step(LOAD, 0, 0, DATA + offset_of!(exit_proc_event, exit_code) as u32),
    step(JUMP_EQUAL, REJECT, NEXT, 0),
    step(LOAD, 0, 0, WHAT),
    step(JUMP, 0, 0, 1),
];

/// Accepts the events of processes: in types that threads have, too, pid and tgid must be equal.
const PROCESSES: [sock_filter; 14] = {
    const CHILD: u32 = DATA + offset_of!(fork_proc_event, child_pid) as u32;
    [
        step(JUMP_EQUAL, NEXT, 4, loaded(kernel::PROC_EVENT_FORK)),
        step(LOAD, 0, 0, CHILD),
        step(COPY_TO_X, 0, 0, 0),
        step(LOAD, 0, 0, CHILD + 4),
        step(JUMP_EQUAL_X, ACCEPT, REJECT, 0),
        step(JUMP_EQUAL, 4, NEXT, loaded(kernel::PROC_EVENT_EXIT)),
        step(JUMP_EQUAL, 3, NEXT, loaded(kernel::PROC_EVENT_UID)),
        step(JUMP_EQUAL, 2, NEXT, loaded(kernel::PROC_EVENT_GID)),
        step(JUMP_EQUAL, 1, NEXT, loaded(kernel::PROC_EVENT_PTRACE)),
        step(JUMP_EQUAL, NEXT, ACCEPT, loaded(kernel::PROC_EVENT_COMM)),
        step(LOAD, 0, 0, DATA),
        step(COPY_TO_X, 0, 0, 0),
        step(LOAD, 0, 0, DATA + 4),
        step(JUMP_EQUAL_X, ACCEPT, REJECT, 0),
    ]
};

const RETURNS: [sock_filter; 2] = [step(RETURN, 0, 0, u32::MAX), step(RETURN, 0, 0, 0)];

const LONGEST: usize =
    SHORT.len() + 1 + acks_of(0).len() + EXITS_BY_CODE.len() + 1 + PROCESSES.len() + RETURNS.len();

/// A classic BPF program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[doc(alias = "sock_fprog")]
pub struct Program {
    instructions: [sock_filter; LONGEST],
    length: usize,
}

impl Program {
    const EMPTY: Self = Self { instructions: [step(0, 0, 0, 0); LONGEST], length: 0 };

    fn push(&mut self, more: &[sock_filter]) {
        let rest = self.instructions.iter_mut().skip(self.length);
        for (slot, instruction) in rest.zip(more) {
            *slot = *instruction;
            self.length += 1;
        }
    }

    /// The program of a socket that receives only acknowledgements.
    #[doc(hidden)]
    pub fn acks_only() -> Self {
        let mut program = Self::EMPTY;
        program.push(&SHORT);
        program.push_acks(Acks::All);
        program.push(&[step(JUMP_EQUAL, ACCEPT, REJECT, kernel::PROC_EVENT_NONE)]);
        program.finish()
    }

    fn push_acks(&mut self, acks: Acks) {
        self.push(&[LOAD_WHAT]);
        match acks {
            Acks::All => self.push(&[step(JUMP_EQUAL, ACCEPT, NEXT, kernel::PROC_EVENT_NONE)]),
            Acks::Only(ack) => self.push(&acks_of(ack)),
            Acks::None => self.push(&[step(JUMP_EQUAL, REJECT, NEXT, kernel::PROC_EVENT_NONE)]),
        }
    }

    /// Adds the two returns, and replaces `ACCEPT` and `REJECT` by the distances to them.
    fn finish(mut self) -> Self {
        let mut to_accept = self.length;
        for instruction in self.instructions.iter_mut().take(self.length) {
            to_accept -= 1;
            instruction.jt = distance(instruction.jt, to_accept);
            instruction.jf = distance(instruction.jf, to_accept);
        }
        self.push(&RETURNS);
        self
    }

    /// The instructions.
    pub fn instructions(&self) -> &[sock_filter] {
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
    use crate::event::tests::event;

    fn exit(process_pid: u32, exit_code: u32) -> Event {
        event(kernel::PROC_EVENT_EXIT, [process_pid, 7, exit_code, 17])
    }

    #[test]
    fn types_of_the_mask_and_acknowledgements_pass() {
        let filter = Filter::new(EventMask::FORK, false);
        assert!(filter.matches(&event(kernel::PROC_EVENT_FORK, [1, 1, 8, 8])));
        assert!(filter.matches(&event(kernel::PROC_EVENT_NONE, [1, 0, 0, 0])));
        assert!(!filter.matches(&exit(7, 0)));
    }

    #[test]
    fn nonzero_exit_drops_exits_with_code_0_unless_exit_is_wanted() {
        let filter = Filter::new(EventMask::NONZERO_EXIT, false);
        assert!(filter.matches(&exit(7, 256)));
        assert!(!filter.matches(&exit(7, 0)));
        let filter = Filter { events: EventMask::NONZERO_EXIT | EventMask::EXIT, ..filter };
        assert!(filter.matches(&exit(7, 0)));
    }

    #[test]
    fn skip_threads_drops_events_of_threads() {
        let filter = Filter::new(EventMask::ALL, true);
        assert!(!filter.is_everything());
        assert!(filter.matches(&exit(7, 0)));
        assert!(!filter.matches(&exit(8, 0)));
        assert!(!filter.matches(&event(kernel::PROC_EVENT_COMM, [8, 7, 0, 0])));
    }

    #[test]
    fn unknown_types_pass_if_all_types_are_wanted() {
        let unknown = event(0x400, [0; 4]);
        assert!(Filter::EVERYTHING.is_everything());
        assert!(Filter::EVERYTHING.matches(&unknown));
        assert!(!Filter::new(EventMask::EXIT, false).matches(&unknown));
    }

    #[test]
    fn empty_mask_lets_acknowledgements_pass_only() {
        let filter = Filter::new(EventMask::EMPTY, false);
        assert!(!filter.is_everything());
        assert!(filter.matches(&event(kernel::PROC_EVENT_NONE, [1, 0, 0, 0])));
        for what in EventMask::ALL {
            assert!(!filter.matches(&event(what.bits(), [7; 4])), "{what:?}");
        }
    }

    /// The longest program fits: its end was not cut off.
    #[test]
    fn every_program_ends_with_its_two_returns() {
        for bits in [0, 1, 0x2000_0000, 0x2000_0001, 0xa000_0000, EventMask::ALL.bits()] {
            for skip_threads in [false, true] {
                let events = EventMask::from_bits(bits).unwrap_or(EventMask::EMPTY);
                let program = Filter::new(events, skip_threads).program();
                let [.., accept, reject] = program.instructions() else { panic!("too short") };
                assert_eq!((accept.code, accept.k), (RETURN, u32::MAX));
                assert_eq!((reject.code, reject.k), (RETURN, 0));
            }
        }
    }
}
