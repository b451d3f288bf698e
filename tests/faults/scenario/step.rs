//! A step: one call of the library, between two marks in the log of system calls.

use cnproc_sys::Error;
use std::fmt::Debug;

/// Writes a line into strace's log: a system call that fails, with the line as its argument.
pub(crate) fn mark(line: &str) {
    // SAFETY: the line is valid for reading of its length; there is no descriptor -1.
    unsafe { libc::write(-1, line.as_ptr().cast(), line.len()) };
}

/// Calls the library. A call that fails is made once more, and must succeed then.
pub(crate) fn step<T>(name: &str, call: impl FnMut() -> Result<T, Error>) -> T {
    run(name, call, |_| String::new())
}

/// As [`step`], and what the call returned is logged: it must be the same however the step went.
pub(crate) fn fact<T: Debug>(name: &str, call: impl FnMut() -> Result<T, Error>) -> T {
    run(name, call, |value| format!("{value:?}"))
}

/// As [`step`], and with a text for what the call returned.
pub(crate) fn run<T>(
    name: &str,
    call: impl FnMut() -> Result<T, Error>,
    text: impl Fn(&T) -> String,
) -> T {
    attempt(name, call, text)
}

/// An error of the library.
pub(crate) trait Failure {
    /// As it is logged.
    fn text(&self) -> String;
}

impl Failure for Error {
    fn text(&self) -> String {
        match self {
            Self::System { call, errno } => format!("System {call:?} {}", errno.raw()),
            error => format!("{error:?}"),
        }
    }
}

impl Failure for cnproc_track::Error {
    fn text(&self) -> String {
        match self {
            Self::Listener(error) => error.text(),
            error => format!("{error:?}"),
        }
    }
}

/// As [`run`], for a call with errors of any kind.
pub(crate) fn attempt<T, E: Failure>(
    name: &str,
    mut call: impl FnMut() -> Result<T, E>,
    text: impl Fn(&T) -> String,
) -> T {
    for _ in 0..2 {
        mark(&format!("> {name}"));
        let result = call();
        match result {
            Ok(value) => {
                mark(&format!("< ok {}", text(&value)));
                return value;
            }
            Err(error) => mark(&format!("< {}", error.text())),
        }
    }
    eprintln!("{name} failed twice");
    std::process::exit(1)
}

/// Drops a value that owns something of the kernel's.
pub(crate) fn drop_step<T>(name: &str, value: T) {
    let mut value = Some(value);
    step(name, || {
        drop(value.take());
        Ok(())
    });
}

/// Logs which descriptors are open.
pub(crate) fn log_descriptors() {
    // SAFETY: no memory is involved.
    let is_open = |fd: &i32| unsafe { libc::fcntl(*fd, libc::F_GETFD) } >= 0;
    let open: Vec<_> = (0..64).filter(is_open).collect();
    mark(&format!("descriptors {open:?}"));
}

/// Makes many calls of each kind that fail at once, so that this process's later calls have higher numbers than those
/// of the process that forked it.
pub(crate) fn pad() {
    for _ in 0..PADDING {
        // SAFETY: none of the calls has memory to read or write, because there is no descriptor -1.
        unsafe {
            let null = std::ptr::null_mut::<libc::c_void>();
            libc::recvmmsg(-1, null.cast(), 0, 0, std::ptr::null_mut());
            libc::ppoll(
                std::ptr::null_mut(),
                0,
                &libc::timespec { tv_sec: 0, tv_nsec: 0 },
                null.cast(),
            );
            libc::getsockopt(-1, 0, 0, null, null.cast());
            libc::sendto(-1, null, 0, 0, null.cast(), 0);
            libc::close(-1);
            libc::munmap(null, 0);
            libc::mmap(null, 0, 0, 0, -1, 0);
            libc::mremap(null, 0, 0, 0);
            libc::openat(-1, c"".as_ptr(), 0);
            libc::read(-1, null, 0);
            libc::readlinkat(-1, c"".as_ptr(), null.cast(), 0);
            libc::syscall(libc::SYS_getdents64, -1, null, 0);
            libc::getpgid(-1);
            libc::nanosleep(&libc::timespec { tv_sec: -1, tv_nsec: 0 }, std::ptr::null_mut());
        }
    }
}

const PADDING: usize = 100;
