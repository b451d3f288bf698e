//! Instructions of eBPF, and a program as a list of them with labels, assembled at compile time.

use crate::sys::bpf::Instruction;

/// A register. R1 to R5 contain a call's arguments, which it does not preserve, and R0 its result.
#[derive(Clone, Copy)]
pub(super) struct Register(u8);

pub(super) const R0: Register = Register(0);
pub(super) const R1: Register = Register(1);
pub(super) const R2: Register = Register(2);
pub(super) const R3: Register = Register(3);
pub(super) const R4: Register = Register(4);
pub(super) const R6: Register = Register(6);
pub(super) const R7: Register = Register(7);
pub(super) const R8: Register = Register(8);
/// The end of the stack frame; read only.
pub(super) const FP: Register = Register(10);

/// A place in a program.
#[derive(Clone, Copy)]
pub(super) struct Label(pub(super) u8);

/// One line of a program.
#[derive(Clone, Copy)]
pub(super) enum Line {
    Instruction(Instruction),
    Jump(Instruction, Label),
    /// The next instruction has this label.
    Label(Label),
}

// linux/bpf_common.h and linux/bpf.h, as class | size | mode or class | operation | source.
const LOAD_32: u8 = 0x61; // BPF_LDX | BPF_W | BPF_MEM
const LOAD_16: u8 = 0x69; // BPF_LDX | BPF_H | BPF_MEM
const LOAD_64: u8 = 0x79; // BPF_LDX | BPF_DW | BPF_MEM
const STORE_32: u8 = 0x63; // BPF_STX | BPF_W | BPF_MEM
const STORE_VALUE_64: u8 = 0x7a; // BPF_ST | BPF_DW | BPF_MEM
const ATOMIC_64: u8 = 0xdb; // BPF_STX | BPF_DW | BPF_ATOMIC, BPF_XADD before Linux 5.12
const LOAD_WIDE: u8 = 0x18; // BPF_LD | BPF_DW | BPF_IMM
const SET_32: u8 = 0xb4; // BPF_ALU | BPF_MOV | BPF_K
const SET: u8 = 0xb7; // BPF_ALU64 | BPF_MOV | BPF_K
const MOVE: u8 = 0xbf; // BPF_ALU64 | BPF_MOV | BPF_X
const ADD: u8 = 0x07; // BPF_ALU64 | BPF_ADD | BPF_K
const ADD_REGISTER: u8 = 0x0f; // BPF_ALU64 | BPF_ADD | BPF_X
const AND: u8 = 0x57; // BPF_ALU64 | BPF_AND | BPF_K
const AND_REGISTER: u8 = 0x5f; // BPF_ALU64 | BPF_AND | BPF_X
const SHIFT_LEFT: u8 = 0x67; // BPF_ALU64 | BPF_LSH | BPF_K
const SHIFT_RIGHT: u8 = 0x77; // BPF_ALU64 | BPF_RSH | BPF_K
const JUMP: u8 = 0x05; // BPF_JMP | BPF_JA
const JUMP_EQUAL: u8 = 0x15; // BPF_JMP | BPF_JEQ | BPF_K
const JUMP_NOT_EQUAL: u8 = 0x55; // BPF_JMP | BPF_JNE | BPF_K
const JUMP_NOT_EQUAL_REGISTER: u8 = 0x5d; // BPF_JMP | BPF_JNE | BPF_X
const JUMP_ABOVE: u8 = 0x25; // BPF_JMP | BPF_JGT | BPF_K
const JUMP_BELOW_REGISTER: u8 = 0xad; // BPF_JMP | BPF_JLT | BPF_X
const JUMP_NOT_EQUAL_32: u8 = 0x56; // BPF_JMP32 | BPF_JNE | BPF_K
const JUMP_ANY_BIT_32: u8 = 0x46; // BPF_JMP32 | BPF_JSET | BPF_K
const CALL: u8 = 0x85; // BPF_JMP | BPF_CALL
const EXIT: u8 = 0x95; // BPF_JMP | BPF_EXIT

const NONE: Register = R0;

const fn line(code: u8, to: Register, from: Register, offset: i16, immediate: i32) -> Line {
    Line::Instruction(Instruction::new(code, to.0, from.0, offset, immediate))
}

const fn jump(code: u8, left: Register, right: Register, immediate: i32, label: Label) -> Line {
    Line::Jump(Instruction::new(code, left.0, right.0, 0, immediate), label)
}

/// `to = value`
pub(super) const fn set(to: Register, value: i32) -> Line {
    line(SET, to, NONE, 0, value)
}

/// `to = value`, 32 bits wide; the upper half becomes 0.
pub(super) const fn set_32(to: Register, value: i32) -> Line {
    line(SET_32, to, NONE, 0, value)
}

/// `to = from`
pub(super) const fn copy(to: Register, from: Register) -> Line {
    line(MOVE, to, from, 0, 0)
}

/// `to += value`
pub(super) const fn add(to: Register, value: i32) -> Line {
    line(ADD, to, NONE, 0, value)
}

/// `to += from`
pub(super) const fn add_register(to: Register, from: Register) -> Line {
    line(ADD_REGISTER, to, from, 0, 0)
}

/// `to &= value`
pub(super) const fn and(to: Register, value: i32) -> Line {
    line(AND, to, NONE, 0, value)
}

/// `to &= from`
pub(super) const fn and_register(to: Register, from: Register) -> Line {
    line(AND_REGISTER, to, from, 0, 0)
}

/// `to <<= bits`
pub(super) const fn shift_left(to: Register, bits: i32) -> Line {
    line(SHIFT_LEFT, to, NONE, 0, bits)
}

/// `to >>= bits`
pub(super) const fn shift_right(to: Register, bits: i32) -> Line {
    line(SHIFT_RIGHT, to, NONE, 0, bits)
}

/// `to = *(u16 *)(from + offset)`
pub(super) const fn load_16(to: Register, from: Register, offset: i16) -> Line {
    line(LOAD_16, to, from, offset, 0)
}

/// `to = *(u32 *)(from + offset)`
pub(super) const fn load_32(to: Register, from: Register, offset: i16) -> Line {
    line(LOAD_32, to, from, offset, 0)
}

/// `to = *(u64 *)(from + offset)`
pub(super) const fn load_64(to: Register, from: Register, offset: i16) -> Line {
    line(LOAD_64, to, from, offset, 0)
}

/// `*(u32 *)(to + offset) = from`
pub(super) const fn store_32(to: Register, offset: i16, from: Register) -> Line {
    line(STORE_32, to, from, offset, 0)
}

/// `*(u64 *)(to + offset) = value`
pub(super) const fn store_value_64(to: Register, offset: i16, value: i32) -> Line {
    line(STORE_VALUE_64, to, NONE, offset, value)
}

/// `*(u64 *)(to + offset) += from`, atomically
pub(super) const fn atomic_add_64(to: Register, offset: i16, from: Register) -> Line {
    line(ATOMIC_64, to, from, offset, 0)
}

/// `to` = the address of a map. The map's descriptor is the value. [`SECOND_HALF`] follows.
pub(super) const fn load_map(to: Register, fd: i32) -> Line {
    const BPF_PSEUDO_MAP_FD: Register = Register(1);
    line(LOAD_WIDE, to, BPF_PSEUDO_MAP_FD, 0, fd)
}

/// `to` = the address of an array's first element. [`SECOND_HALF`] follows.
pub(super) const fn load_map_value(to: Register, fd: i32) -> Line {
    const BPF_PSEUDO_MAP_VALUE: Register = Register(2);
    line(LOAD_WIDE, to, BPF_PSEUDO_MAP_VALUE, 0, fd)
}

/// The second half of a 64-bit value; of a map's value, the offset.
pub(super) const SECOND_HALF: Line = line(0, NONE, NONE, 0, 0);

pub(super) const fn call(function: i32) -> Line {
    line(CALL, NONE, NONE, 0, function)
}

/// Returns R0.
pub(super) const RETURN: Line = line(EXIT, NONE, NONE, 0, 0);

pub(super) const fn go_to(label: Label) -> Line {
    jump(JUMP, NONE, NONE, 0, label)
}

/// `if left == value`
pub(super) const fn if_equal(left: Register, value: i32, label: Label) -> Line {
    jump(JUMP_EQUAL, left, NONE, value, label)
}

/// `if left != value`
pub(super) const fn if_not_equal(left: Register, value: i32, label: Label) -> Line {
    jump(JUMP_NOT_EQUAL, left, NONE, value, label)
}

/// `if left != right`
pub(super) const fn if_not_equal_register(left: Register, right: Register, label: Label) -> Line {
    jump(JUMP_NOT_EQUAL_REGISTER, left, right, 0, label)
}

/// `if left > value`, unsigned
pub(super) const fn if_above(left: Register, value: i32, label: Label) -> Line {
    jump(JUMP_ABOVE, left, NONE, value, label)
}

/// `if left < right`, unsigned
pub(super) const fn if_below_register(left: Register, right: Register, label: Label) -> Line {
    jump(JUMP_BELOW_REGISTER, left, right, 0, label)
}

/// `if (u32)left != value`: a 64-bit comparison would extend the value's sign.
pub(super) const fn if_not_equal_32(left: Register, value: u32, label: Label) -> Line {
    jump(JUMP_NOT_EQUAL_32, left, NONE, value as i32, label)
}

/// `if (u32)left & bits`
pub(super) const fn if_any_bit_32(left: Register, bits: u32, label: Label) -> Line {
    jump(JUMP_ANY_BIT_32, left, NONE, bits as i32, label)
}

/// How many instructions the lines are.
pub(super) const fn length(lines: &[Line]) -> usize {
    position(lines, lines.len())
}

/// How many instructions the first `count` lines are.
const fn position(mut lines: &[Line], count: usize) -> usize {
    let (mut left, mut instructions) = (count, 0);
    while let ([line, rest @ ..], 1..) = (lines, left) {
        instructions += !matches!(line, Line::Label(_)) as usize;
        (lines, left) = (rest, left - 1);
    }
    instructions
}

/// The position of the instruction that has the label.
const fn find(lines: &[Line], label: Label) -> Option<usize> {
    let mut rest = lines;
    while let [line, tail @ ..] = rest {
        if let Line::Label(found) = line {
            if found.0 == label.0 {
                return Some(position(lines, lines.len() - rest.len()));
            }
        }
        rest = tail;
    }
    None
}

/// The program: jumps have their distances. Fails to compile if a label is missing, or behind its jump.
#[allow(clippy::indexing_slicing, clippy::panic, reason = "evaluated at compile time")]
pub(super) const fn assemble<const LENGTH: usize>(lines: &[Line]) -> [Instruction; LENGTH] {
    let mut program = [Instruction::new(0, 0, 0, 0, 0); LENGTH];
    let (mut rest, mut at) = (lines, 0);
    while let [line, tail @ ..] = rest {
        match *line {
            Line::Instruction(instruction) => {
                program[at] = instruction;
                at += 1;
            }
            Line::Jump(mut instruction, label) => {
                let Some(target) = find(lines, label) else { panic!("a label is missing") };
                // Counted from the next instruction.
                instruction.offset = (target - at - 1) as i16;
                program[at] = instruction;
                at += 1;
            }
            Line::Label(_) => {}
        }
        rest = tail;
    }
    assert!(at == LENGTH);
    program
}
