//! What a process asks of the connector, seen with ptrace: every LISTEN and IGNORE that it sends.

use crate::child;
use crate::seccomp::SOCKETCALL;
use libc::{c_int, c_long, sock_filter, sock_fprog};

/// A request, as it was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    /// The process that sent it.
    pub pid: c_int,
    /// `PROC_CN_MCAST_LISTEN`, `PROC_CN_MCAST_IGNORE`.
    pub operation: u32,
    /// `cn_msg.ack`
    pub ack: u32,
}

/// Runs `body` in a child, and returns the requests that it and its children send, and its wait status.
/// It may make system calls, and take no locks.
pub fn requests_of(body: impl FnOnce()) -> (Vec<Request>, c_int) {
    let child = child::fork(|| {
        // SAFETY: system calls.
        unsafe {
            libc::ptrace(libc::PTRACE_TRACEME, 0, 0, 0);
            libc::raise(libc::SIGSTOP);
        }
        stop_at_sends();
        body();
    });
    let mut requests = Vec::new();
    let mut alive = 1;
    let mut first_status = 0;
    while alive > 0 {
        let (pid, status) = wait();
        if !libc::WIFSTOPPED(status) {
            alive -= 1;
            if pid == child.pid() {
                first_status = status;
            }
            continue;
        }
        let mut signal = 0;
        match (libc::WSTOPSIG(status), status >> 16) {
            (_, libc::PTRACE_EVENT_SECCOMP) => requests.extend(request(pid)),
            (_, libc::PTRACE_EVENT_FORK) => alive += 1,
            (libc::SIGSTOP, _) => {
                let options = libc::PTRACE_O_TRACESECCOMP
                    | libc::PTRACE_O_TRACEFORK
                    | libc::PTRACE_O_EXITKILL;
                ptrace(libc::PTRACE_SETOPTIONS, pid, 0, options as usize);
            }
            (other, _) => signal = other as usize,
        }
        ptrace(libc::PTRACE_CONT, pid, 0, signal);
    }
    child.forget();
    (requests, first_status)
}

/// Lets the calling process stop for its tracer wherever it sends.
fn stop_at_sends() {
    let step = |code, jt, jf, k| sock_filter { code, jt, jf, k };
    let mut program = [
        step(0x20, 0, 0, 0),
        step(0x15, 1, 0, libc::SYS_sendto as u32),
        step(0x15, 0, 1, SOCKETCALL as u32),
        step(0x06, 0, 0, libc::SECCOMP_RET_TRACE),
        step(0x06, 0, 0, libc::SECCOMP_RET_ALLOW),
    ];
    let program = sock_fprog { len: program.len() as u16, filter: program.as_mut_ptr() };
    // SAFETY: the program is valid for reading; it outlives the call, which copies it.
    unsafe {
        libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, 0, &program);
    }
}

/// The next news of a process that the calling thread traces.
fn wait() -> (c_int, c_int) {
    let mut status = 0;
    // SAFETY: `status` is valid for writing.
    let pid = unsafe { libc::waitpid(-1, &mut status, libc::__WALL | libc::__WNOTHREAD) };
    assert!(pid > 0, "{}", std::io::Error::last_os_error());
    (pid, status)
}

fn ptrace(request: impl Into<i64>, pid: c_int, address: usize, data: usize) -> c_long {
    // SAFETY: the caller sees to it that the request writes no more than there is room for at `data`.
    let got = unsafe { libc::ptrace(request.into() as _, pid, address, data) };
    assert!(got >= 0, "{}", std::io::Error::last_os_error());
    got
}

/// The request that `pid` is about to send. None if it sends something else.
fn request(pid: c_int) -> Option<Request> {
    // struct ptrace_syscall_info, as of Linux 5.3: op and arch, ip, sp, nr, six arguments, ret_data.
    let mut info = [0_u64; 11];
    let address = info.as_mut_ptr() as usize;
    ptrace(libc::PTRACE_GET_SYSCALL_INFO as i64, pid, size_of_val(&info), address);
    let [_, _, _, number, first, second, third, ..] = info;
    let [_, buffer, length] = if number == SOCKETCALL as u64 {
        // send and sendto.
        if first != 9 && first != 11 {
            return None;
        }
        read::<usize, 3>(pid, second as usize)
    } else {
        [first, second, third].map(|argument| argument as usize)
    };
    if !(40..=44).contains(&length) {
        return None;
    }
    let words = read::<u32, 10>(pid, buffer);
    // nlmsghdr: 4 words; cn_msg: idx, val, seq, ack, lengths; the operation.
    let [_, _, _, _, 1, 1, _, ack, _, operation] = words else { return None };
    Some(Request { pid, operation, ack })
}

/// Reads the memory of a process.
fn read<T: Copy + Default, const COUNT: usize>(pid: c_int, address: usize) -> [T; COUNT] {
    let mut values = [T::default(); COUNT];
    let size = size_of_val(&values);
    let local = libc::iovec { iov_base: values.as_mut_ptr().cast(), iov_len: size };
    let remote = libc::iovec { iov_base: address as *mut _, iov_len: size };
    // SAFETY: the local buffer is valid for writing of its length; the remote one is the kernel's to check.
    let got = unsafe { libc::process_vm_readv(pid, &local, 1, &remote, 1, 0) };
    assert_eq!(got, size as isize, "{}", std::io::Error::last_os_error());
    values
}
