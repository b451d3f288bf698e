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

/// `probe_read_kernel` is offered only to programs that declare a licence compatible with the GPL.
const LICENCE: &CStr = c"Dual MIT/GPL";

/// The part of `union bpf_attr` that BPF_MAP_CREATE reads. What the kernel knows beyond it counts as 0.
#[repr(C)]
struct MapCreate {
    map_type: u32,
    key_size: u32,
    value_size: u32,
    max_entries: u32,
    map_flags: u32,
}

/// Likewise for BPF_PROG_LOAD.
#[repr(C)]
struct ProgLoad {
    prog_type: u32,
    insn_cnt: u32,
    insns: u64,
    license: u64,
    log_level: u32,
    log_size: u32,
    log_buf: u64,
}

/// Likewise for BPF_OBJ_GET_INFO_BY_FD.
#[repr(C)]
struct GetInfo {
    bpf_fd: u32,
    info_len: u32,
    info: u64,
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

/// A pointer as the kernel reads it from an attribute.
fn address<T: ?Sized>(pointer: *const T) -> u64 {
    pointer.cast::<u8>().addr() as u64
}

/// # Safety
/// Whatever `attribute` points to must be valid for what the command does with it: reading or writing.
unsafe fn bpf<T>(call: Call, command: c_int, attribute: &mut T) -> Result<c_int, Error> {
    let size = size_of::<T>() as c_long;
    let attribute = ptr::from_mut(attribute);
    // SAFETY: `attribute` is valid for reading and writing of its size; the rest is the caller's promise.
    let result = unsafe { libc::syscall(libc::SYS_bpf, c_long::from(command), attribute, size) };
    value(call, result as c_int)
}

fn create_map(mut attribute: MapCreate) -> Result<Fd, Error> {
    // SAFETY: the attribute holds no pointers.
    unsafe { bpf(Call::BpfMapCreate, BPF_MAP_CREATE, &mut attribute) }.map(Fd::new)
}

/// A ring buffer of that many bytes: a power of two, and a multiple of the page size.
pub(crate) fn create_ring_buffer(bytes: u32) -> Result<Fd, Error> {
    create_map(MapCreate {
        map_type: BPF_MAP_TYPE_RINGBUF,
        key_size: 0,
        value_size: 0,
        max_entries: bytes,
        map_flags: 0,
    })
}

/// An array of one value, zero at first, that can be mapped.
pub(crate) fn create_mappable_value(bytes: u32) -> Result<Fd, Error> {
    create_map(MapCreate {
        map_type: BPF_MAP_TYPE_ARRAY,
        key_size: 4,
        value_size: bytes,
        max_entries: 1,
        map_flags: BPF_F_MMAPABLE,
    })
}

/// Loads a program; the kernel verifies it.
pub(crate) fn load(kind: ProgramType, instructions: &[Instruction]) -> Result<Fd, Error> {
    load_with_log(kind, instructions, &mut [])
}

/// As [`load`], and the verifier's reasons as text, if there is room for them.
pub(crate) fn load_with_log(
    kind: ProgramType,
    instructions: &[Instruction],
    log: &mut [u8],
) -> Result<Fd, Error> {
    let mut attribute = ProgLoad {
        prog_type: kind as u32,
        insn_cnt: instructions.len() as u32,
        insns: address(instructions.as_ptr()),
        license: address(LICENCE.as_ptr()),
        log_level: u32::from(!log.is_empty()),
        log_size: log.len() as u32,
        log_buf: if log.is_empty() { 0 } else { address(log.as_ptr()) },
    };
    // SAFETY: instructions and licence are valid for reading of their lengths, the latter up to its NUL;
    // the log for writing of its own, and is borrowed exclusively.
    unsafe { bpf(Call::BpfProgLoad, BPF_PROG_LOAD, &mut attribute) }.map(Fd::new)
}

/// The program as the kernel rewrote it for its own structures, as much as fits. Empty if it keeps that
/// secret.
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
        xlated_prog_insns: address(instructions.as_mut_ptr()),
    };
    let mut attribute = GetInfo {
        bpf_fd: program.raw() as u32,
        info_len: size_of::<ProgInfo>() as u32,
        info: address(ptr::from_mut(&mut info)),
    };
    // SAFETY: `info` is valid for writing of its size, and the instructions, borrowed exclusively, of theirs;
    // the kernel writes no more than that of each.
    unsafe { bpf(Call::BpfGetInfo, BPF_OBJ_GET_INFO_BY_FD, &mut attribute) }?;
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

/// The part of `union bpf_attr` that BPF_PROG_TEST_RUN reads.
#[cfg(test)]
#[repr(C)]
struct TestRun {
    prog_fd: u32,
    retval: u32,
    data_size_in: u32,
    data_size_out: u32,
    data_in: u64,
    data_out: u64,
    repeat: u32,
    duration: u32,
    ctx_size_in: u32,
    ctx_size_out: u32,
    ctx_in: u64,
    ctx_out: u64,
}

/// Runs a socket filter on a datagram, as if it came from that netlink port. Returns what the program does.
#[cfg(test)]
pub(crate) fn test_run(program: &Fd, datagram: &[u8], port: u32) -> u32 {
    // An Ethernet header, which the kernel takes off; `struct __sk_buff` up to `cb`, whose second word is
    // where netlink keeps the port.
    let packet = [&[0; 14], datagram].concat();
    let mut context = [0_u32; 17];
    context[13] = port;
    let mut attribute = TestRun {
        prog_fd: program.raw() as u32,
        retval: 0,
        data_size_in: packet.len() as u32,
        data_size_out: 0,
        data_in: address(packet.as_ptr()),
        data_out: 0,
        repeat: 0,
        duration: 0,
        ctx_size_in: size_of_val(&context) as u32,
        ctx_size_out: 0,
        ctx_in: address(context.as_ptr()),
        ctx_out: 0,
    };
    const BPF_PROG_TEST_RUN: c_int = 10;
    // SAFETY: packet and context are valid for reading of their sizes; nothing is written.
    unsafe { bpf(Call::BpfProgLoad, BPF_PROG_TEST_RUN, &mut attribute) }.unwrap();
    attribute.retval
}
