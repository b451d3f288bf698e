//! Kernels that lack something: system calls of the calling thread that fail as they would there.

use libc::{sock_filter, sock_fprog};
use std::ffi::{c_int, c_long};

/// The system call that stands for all calls of sockets where the C library was made for old kernels.
#[cfg(any(target_arch = "s390x", target_arch = "x86"))]
pub const SOCKETCALL: c_long = libc::SYS_socketcall;
/// There is none.
#[cfg(not(any(target_arch = "s390x", target_arch = "x86")))]
pub const SOCKETCALL: c_long = -1;

/// What that is asked for instead of a call of its own: the numbers of `<linux/net.h>`.
const fn operation_of(call: c_long) -> u32 {
    match call {
        libc::SYS_socket => 1,
        libc::SYS_setsockopt => 14,
        libc::SYS_getsockopt => 15,
        _ => u32::MAX,
    }
}

/// Makes a system call of the calling thread, and of no other, fail with `errno` from now on: always, or where one of its
/// arguments, counted from 0, has a value. The arguments of [`SOCKETCALL`] are in memory, which a filter cannot read.
pub fn refuse(call: c_long, argument: Option<(u32, c_int)>, errno: c_int) {
    // offsetof(struct seccomp_data, args) is 16; of each argument the low half.
    let half = if cfg!(target_endian = "big") { 4 } else { 0 };
    let (at, value) = match argument {
        Some((index, value)) => (16 + 8 * index + half, value as u32),
        None => (0, call as u32),
    };
    let operation = if argument.is_none() { operation_of(call) } else { u32::MAX };
    let step = |code, jt, jf, k| sock_filter { code, jt, jf, k };
    let (load, jump, give) = (0x20, 0x15, 0x06);
    let mut program = [
        step(load, 0, 0, 0),
        step(jump, 0, 2, call as u32),
        step(load, 0, 0, at),
        step(jump, 3, 4, value),
        step(jump, 0, 3, SOCKETCALL as u32),
        step(load, 0, 0, 16 + half),
        step(jump, 0, 1, operation),
        step(give, 0, 0, libc::SECCOMP_RET_ERRNO | errno as u32),
        step(give, 0, 0, libc::SECCOMP_RET_ALLOW),
    ];
    let program = sock_fprog { len: program.len() as u16, filter: program.as_mut_ptr() };
    // SAFETY: the program is valid for reading; it outlives the call, which copies it.
    unsafe {
        assert_eq!(libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
        let set = libc::SECCOMP_SET_MODE_FILTER;
        assert_eq!(libc::syscall(libc::SYS_seccomp, set, 0, &program), 0);
    }
}
