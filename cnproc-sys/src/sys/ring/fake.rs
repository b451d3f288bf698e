//! For tests: a ring buffer in ordinary memory, and what the kernel does to it.

use super::{BUSY, Pages, RECORD, RECORD_SIZE, Record, RingBuffer, Shared, SharedValue};
use crate::sys::fd::Fd;
use core::sync::atomic::Ordering;

/// A file in memory.
fn file(bytes: usize) -> Fd {
    // SAFETY: the name is a string.
    let fd = Fd::new(unsafe { libc::memfd_create(c"ring".as_ptr(), libc::MFD_CLOEXEC) });
    // SAFETY: no memory is involved.
    assert_eq!(unsafe { libc::ftruncate(fd.raw(), bytes as libc::off_t) }, 0);
    fd
}

impl SharedValue {
    pub(crate) fn in_memory() -> Self {
        let size = size_of::<Shared>();
        Self(Pages::of_file(&file(size), 0, size, Pages::READ_WRITE).unwrap())
    }
}

impl RingBuffer {
    /// Two mappings of the same: the reader's and the kernel's, or those of two processes.
    pub(crate) fn in_memory(records: usize) -> [Self; 2] {
        let (page, bytes) = Self::sizes(records);
        let file = file(2 * page + bytes);
        let pages = |at, bytes| Pages::of_file(&file, at, bytes, Pages::READ_WRITE).unwrap();
        [(); 2].map(|()| Self {
            reader: pages(0, page),
            data: pages(page, page + bytes),
            page,
            bytes,
        })
    }

    /// How many records it holds at most.
    pub(crate) const fn capacity(&self) -> usize {
        self.bytes / RECORD_SIZE - 1
    }

    /// Reserves a record, and writes it. Returns its position.
    pub(crate) fn begin(&self, bytes: &[u8; RECORD]) -> u64 {
        let position = self.writer_position().load(Ordering::Relaxed);
        let record = self.at(position).cast_mut();
        let value = Record { length: (BUSY | RECORD as u32).into(), page_offset: 0, bytes: *bytes };
        // SAFETY: `at` has the proof that it is within the mapping, which is writable here, and aligned. Nobody
        // reads a record that is not complete.
        unsafe { record.write(value) };
        self.writer_position().store(position + RECORD_SIZE as u64, Ordering::Release);
        position
    }

    /// Completes the record at a position.
    pub(crate) fn complete(&self, position: u64) {
        // SAFETY: as in `record`.
        unsafe { &(*self.at(position)).length }.store(RECORD as u32, Ordering::Release);
    }
}

#[test]
fn record_is_read_once_it_is_complete_and_those_behind_it_after_it() {
    let [mut reader, kernel] = RingBuffer::in_memory(1);
    let mut read = || {
        let mut bytes = std::vec::Vec::new();
        let read = reader.read(8, |record| bytes.push(record[0]));
        assert_eq!(read.count, bytes.len());
        (bytes, read.is_unfinished)
    };
    for first in [1, 2] {
        let positions = [10, 20, 30].map(|byte| kernel.begin(&[first + byte; RECORD]));
        assert_eq!(read(), ([].into(), true));
        kernel.complete(positions[1]);
        assert_eq!(read(), ([].into(), true));
        kernel.complete(positions[0]);
        assert_eq!(read(), ([first + 10, first + 20].into(), true));
        kernel.complete(positions[2]);
        assert_eq!(read(), ([first + 30].into(), false));
        assert_eq!(read(), ([].into(), false));
    }
}

#[test]
fn position_is_that_of_all_readers() {
    let [mut parent, mut child] = RingBuffer::in_memory(1);
    for byte in 0..100 {
        parent.complete(parent.begin(&[byte; RECORD]));
        let reader = if byte % 3 == 0 { &mut child } else { &mut parent };
        let mut read = std::vec::Vec::new();
        reader.read(8, |record| read.push(record[0]));
        assert_eq!(read, [byte]);
    }
    assert_eq!((parent.pending(), child.pending()), (0, 0));
}
