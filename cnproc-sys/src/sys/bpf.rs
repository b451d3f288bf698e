//! bpf(2): maps, programs, and attaching one to a socket. The layouts are those of `linux/bpf.h`.

use super::fd::Fd;
use super::{status, value};
use crate::error::{Call, Error};
use core::ffi::{CStr, c_int, c_long};
use core::mem::size_of_val;
use core::ptr;

/// One instruction: `struct bpf_insn`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub(crate) struct Instruction {
    pub(crate) code: u8,
    /// Two bit-fields of four bits: the destination, then the source.
    registers: u8,
    pub(crate) offset: i16,
    pub(crate) immediate: i32,
}

impl Instruction {
    pub(crate) const fn new(code: u8, to: u8, from: u8, offset: i16, immediate: i32) -> Self {
        let registers =
            if cfg!(target_endian = "little") { from << 4 | to } else { to << 4 | from };
        Self { code, registers, offset, immediate }
    }
}

const BPF_MAP_CREATE: c_int = 0;
const BPF_PROG_LOAD: c_int = 5;
const BPF_OBJ_GET_INFO_BY_FD: c_int = 15;

const BPF_MAP_TYPE_ARRAY: u32 = 2;
const BPF_MAP_TYPE_RINGBUF: u32 = 27;
const BPF_F_MMAPABLE: u32 = 1 << 10;

/// What a program may be attached to, and what its context offers.
#[derive(Clone, Copy, Debug)]
#[repr(u32)]
pub(crate) enum ProgramType {
    SocketFilter = 1,
    SchedCls = 3,
}

/// The kernel offers `probe_read_kernel` only to programs that declare a licence compatible with the GPL.
const LICENCE: &CStr = c"Dual MIT/GPL";

/// `union bpf_attr`, as words. Those that the kernel does not know or read must be 0.
#[repr(C, align(8))]
struct Attribute([u32; 32]);

/// A pointer as two words of an attribute.
fn pointer<T>(pointer: *const T) -> [u32; 2] {
    let [a, b, c, d, e, f, g, h] = (pointer.addr() as u64).to_ne_bytes();
    [u32::from_ne_bytes([a, b, c, d]), u32::from_ne_bytes([e, f, g, h])]
}

impl Attribute {
    /// An attribute that begins with these words.
    fn new<const N: usize>(words: [u32; N]) -> Self {
        let mut attribute = Self([0; 32]);
        for (to, from) in attribute.0.iter_mut().zip(words) {
            *to = from;
        }
        attribute
    }

    /// # Safety
    /// Whatever the attribute points to must be valid for what the command does with it: reading or writing.
    unsafe fn bpf(&mut self, call: Call, command: c_int) -> Result<c_int, Error> {
        let (size, words) = (size_of::<Self>() as c_long, self.0.as_mut_ptr());
        // SAFETY: the words are valid for reading and writing of their size; the rest is the caller's promise.
        let result = unsafe { libc::syscall(libc::SYS_bpf, c_long::from(command), words, size) };
        value(call, result as c_int)
    }
}

/// Creates a map: `map_type`, `key_size`, `value_size`, `max_entries`, `map_flags`.
fn create_map(words: [u32; 5]) -> Result<Fd, Error> {
    // SAFETY: the attribute contains no pointers.
    unsafe { Attribute::new(words).bpf(Call::BpfMapCreate, BPF_MAP_CREATE) }.map(Fd::new)
}

/// A ring buffer of that many bytes: a power of two, and a multiple of the page size.
pub(crate) fn create_ring_buffer(bytes: u32) -> Result<Fd, Error> {
    create_map([BPF_MAP_TYPE_RINGBUF, 0, 0, bytes, 0])
}

/// An array of one value, zero at first, that can be mapped.
pub(crate) fn create_mappable_value(bytes: u32) -> Result<Fd, Error> {
    create_map([BPF_MAP_TYPE_ARRAY, size_of::<u32>() as u32, bytes, 1, BPF_F_MMAPABLE])
}

/// Loads a program; the kernel verifies it. Its reasons are written into the log as text, as far as there is
/// room for them.
pub(crate) fn load(
    kind: ProgramType,
    instructions: &[Instruction],
    log: &mut [u8],
) -> Result<Fd, Error> {
    let count = instructions.len() as u32;
    let ([insns0, insns1], [license0, license1]) =
        (pointer(instructions.as_ptr()), pointer(LICENCE.as_ptr()));
    // A log of no size has no address, either.
    let level = u32::from(!log.is_empty());
    let [log0, log1] = pointer(if log.is_empty() { ptr::null() } else { log.as_ptr() });
    let log_size = log.len() as u32;
    let mut attribute = Attribute::new([
        kind as u32,
        count,
        insns0,
        insns1,
        license0,
        license1,
        level,
        log_size,
        log0,
        log1,
    ]);
    // SAFETY: instructions and licence are valid for reading of their lengths, the latter up to its NUL;
    // the log for writing of its own, and is borrowed exclusively.
    unsafe { attribute.bpf(Call::BpfProgLoad, BPF_PROG_LOAD) }.map(Fd::new)
}

/// The beginning of `struct bpf_prog_info`.
#[repr(C)]
struct ProgInfo {
    prog_type: u32,
    id: u32,
    tag: [u8; 8],
    jited_prog_len: u32,
    xlated_prog_len: u32,
    jited_prog_insns: u64,
    xlated_prog_insns: u64,
}

/// The program as the kernel rewrote it for its own structures, as much as fits. Empty if the kernel hides
/// it.
pub(crate) fn translated<'a>(
    program: &Fd,
    instructions: &'a mut [Instruction],
) -> Result<&'a [Instruction], Error> {
    let mut info = ProgInfo {
        prog_type: 0,
        id: 0,
        tag: [0; 8],
        jited_prog_len: 0,
        xlated_prog_len: size_of_val(instructions) as u32,
        jited_prog_insns: 0,
        xlated_prog_insns: instructions.as_mut_ptr().addr() as u64,
    };
    let [info0, info1] = pointer(ptr::from_mut(&mut info));
    let size = size_of::<ProgInfo>() as u32;
    let mut attribute = Attribute::new([program.raw() as u32, size, info0, info1]);
    // SAFETY: `info` is valid for writing of its size, and the instructions, borrowed exclusively, of theirs;
    // the kernel writes no more than that of each.
    unsafe { attribute.bpf(Call::BpfGetInfo, BPF_OBJ_GET_INFO_BY_FD) }?;
    let count = if info.xlated_prog_insns == 0 {
        0
    } else {
        info.xlated_prog_len as usize / size_of::<Instruction>()
    };
    Ok(instructions.get(..count).unwrap_or(instructions))
}

/// Runs the program on each message before it is queued (SO_ATTACH_BPF). The socket keeps the program, and
/// that its maps.
pub(crate) fn attach(socket: &Fd, program: &Fd) -> Result<(), Error> {
    let (level, name, fd) = (libc::SOL_SOCKET, libc::SO_ATTACH_BPF, program.raw());
    let (option, length) = (ptr::from_ref(&fd).cast(), size_of::<c_int>() as libc::socklen_t);
    // SAFETY: pointer and length are those of `fd`.
    let result = unsafe { libc::setsockopt(socket.raw(), level, name, option, length) };
    status(Call::AttachBpf, result)
}

/// Runs a socket filter on a datagram, as if it came from that netlink port. Returns what the program does.
#[cfg(test)]
pub(crate) fn test_run(program: &Fd, datagram: &[u8], port: u32) -> u32 {
    // An Ethernet header, which the kernel takes off; `struct __sk_buff` up to `cb`, whose second word is
    // where netlink keeps the port.
    let packet = [&[0; 14], datagram].concat();
    let mut context = [0_u32; 17];
    context[13] = port;
    let ([data0, data1], [context0, context1]) =
        (pointer(packet.as_ptr()), pointer(context.as_ptr()));
    // prog_fd, retval, data_size_in, data_size_out, data_in, data_out, repeat, duration, ctx_size_in,
    // ctx_size_out, ctx_in
    let (size, context_size) = (packet.len() as u32, size_of_val(&context) as u32);
    let mut attribute = Attribute::new([
        program.raw() as u32,
        0,
        size,
        0,
        data0,
        data1,
        0,
        0,
        0,
        0,
        context_size,
        0,
        context0,
        context1,
    ]);
    const BPF_PROG_TEST_RUN: c_int = 10;
    // SAFETY: packet and context are valid for reading of their sizes; nothing is written.
    unsafe { attribute.bpf(Call::BpfProgLoad, BPF_PROG_TEST_RUN) }.unwrap();
    attribute.0[1]
}
