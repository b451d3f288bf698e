//! Where the running kernel keeps what the program reads of a datagram, found without its debug information.
//!
//! A program may read some members of `struct __sk_buff`, which does not exist: the kernel rewrites each
//! access for its own `struct sk_buff`, and shows the result.

use super::assembler::{Line, R0, R1, R2, RETURN, assemble, length, load_32};
use crate::error::Error;
use crate::sys::bpf::{self, Instruction, ProgramType};

/// Offsets in the kernel's `struct sk_buff`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Offsets {
    /// `NETLINK_CB(skb).portid`: the sender's port.
    pub(super) port: i32,
    /// The address of the datagram.
    pub(super) data: i32,
}

/// Of `struct __sk_buff`, `linux/bpf.h`.
const CB: i16 = 48;
const DATA: i16 = 76;

const LINES: &[Line] = &[load_32(R0, R1, CB), load_32(R2, R1, DATA), RETURN];
const PROBE: [Instruction; length(LINES)] = assemble(LINES);

/// What the two loads become: of a `u32`, and of a pointer.
const LOAD_32: u8 = 0x61;
const LOAD_64: u8 = 0x79;

/// `__sk_buff.cb` is 8 bytes into the kernel's `cb` (`struct qdisc_skb_cb`), and the port is 12 bytes into it
/// (`struct netlink_skb_parms`).
const PORT_AFTER_CB: i32 = 12 - 8;

impl Offsets {
    pub(super) fn find() -> Result<Self, Error> {
        let probe = bpf::load(ProgramType::SchedCls, &PROBE, &mut [])?;
        let mut instructions = [Instruction::new(0, 0, 0, 0, 0); 32];
        Self::in_translation(bpf::translated(&probe, &mut instructions)?).ok_or(Error::NoRing)
    }

    fn in_translation(instructions: &[Instruction]) -> Option<Self> {
        let offset = |code| {
            let load = instructions.iter().find(|instruction| instruction.code == code)?;
            Some(i32::from(load.offset))
        };
        Some(Self { port: offset(LOAD_32)? + PORT_AFTER_CB, data: offset(LOAD_64)? })
    }
}
