//! Two processes in step: one waits until the other opens the gate.

use std::ffi::c_int;

/// A pipe. A forked child has both ends, too.
#[derive(Debug)]
pub struct Gate {
    ends: [c_int; 2],
}

impl Gate {
    /// A closed gate.
    pub fn new() -> Self {
        let mut ends = [-1; 2];
        // SAFETY: `ends` is valid for writing of two descriptors.
        assert_eq!(unsafe { libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC) }, 0);
        Self { ends }
    }

    /// Opens it, once for each that waits.
    pub fn open(&self) {
        let [_, end] = self.ends;
        // SAFETY: one byte, valid for reading.
        assert_eq!(unsafe { libc::write(end, c"!".as_ptr().cast(), 1) }, 1);
    }

    /// Waits until it is opened. Takes no locks.
    pub fn wait(&self) {
        let [end, _] = self.ends;
        let mut byte = 0_u8;
        // SAFETY: one byte, valid for writing.
        while unsafe { libc::read(end, (&raw mut byte).cast(), 1) } != 1 {}
    }
}

impl Default for Gate {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        for end in self.ends {
            // SAFETY: it is this gate's.
            unsafe { libc::close(end) };
        }
    }
}
