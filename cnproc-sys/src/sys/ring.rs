//! The memory that a listener shares with its BPF program: a ring buffer of records, and one value.
//!
//! The layout of the ring buffer is that of `kernel/bpf/ringbuf.c`: a page that begins with the reader's
//! position, a page that begins with the writers', and the data. Each record there has a header of 8 bytes:
//! its length, with a bit while it is being written, and a number of the kernel's own.

use super::bpf;
use super::fd::Fd;
use super::mapping::{Pages, page_size};
use crate::error::Error;
use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// As many CPUs as x86's NR_CPUS may be.
pub(crate) const CPUS: usize = 8192;

/// The value that program and listener share. Each member says who writes it.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct Shared {
    /// The listener: a token is wanted once that many bytes are in the ring. The program, with the token:
    /// [`NOBODY_SLEEPS`](Self::NOBODY_SLEEPS).
    pub(crate) wake_at: AtomicU64,
    /// The listener: which events are wanted.
    pub(crate) wanted: AtomicU64,
    /// The program: events for which the ring had no room.
    pub(crate) lost: AtomicU64,
    /// The program: messages of other processes.
    pub(crate) forged: AtomicU64,
    /// The program: acknowledgements.
    pub(crate) acks: AtomicU64,
    /// The program: messages of the kernel that are not one event. They are left to the socket.
    pub(crate) odd: AtomicU64,
    /// The program: as `lost`, of each CPU, modulo 2^32.
    pub(crate) lost_of_cpu: [AtomicU32; CPUS],
}

impl Shared {
    pub(crate) const NOBODY_SLEEPS: u64 = u64::MAX;
}

/// The mapped value.
#[derive(Debug)]
pub(crate) struct SharedValue(Pages);

impl SharedValue {
    /// The value, and the map for the program. A mapping needs no descriptor.
    pub(crate) fn new() -> Result<(Self, Fd), Error> {
        let fd = bpf::create_mappable_value(size_of::<Shared>() as u32)?;
        let pages = Pages::of_file(&fd, 0, size_of::<Shared>(), Pages::READ_WRITE)?;
        Ok((Self(pages), fd))
    }
}

impl core::ops::Deref for SharedValue {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        // SAFETY: the mapping is page-aligned, of that size, and lives until drop. Every value of its bytes
        // is a valid `Shared`: integers, which all who share it access atomically.
        unsafe { &*self.0.start().cast() }
    }
}

/// What a record contains.
pub(crate) const RECORD: usize = 56;

/// A record with its header. They divide the ring evenly, so none ever wraps around its end.
#[repr(C)]
struct Record {
    /// With [`BUSY`] until the record is complete.
    length: AtomicU32,
    page_offset: u32,
    bytes: [u8; RECORD],
}

const BUSY: u32 = 1 << 31;

/// What a record takes up in the ring.
pub(crate) const RECORD_SIZE: usize = size_of::<Record>();
const _: () = assert!(RECORD_SIZE == 64);

/// The mapped ring buffer.
#[derive(Debug)]
pub(crate) struct RingBuffer {
    /// The reader's page.
    reader: Pages,
    /// The writers' page, and the data behind it.
    data: Pages,
    page: usize,
    /// The size of the data, a power of two.
    bytes: usize,
}

impl RingBuffer {
    /// One that holds at least that many records, and the map for the program.
    pub(crate) fn new(records: usize) -> Result<(Self, Fd), Error> {
        let (page, bytes) = Self::sizes(records);
        let fd = bpf::create_ring_buffer(u32::try_from(bytes).unwrap_or(u32::MAX))?;
        let reader = Pages::of_file(&fd, 0, page, Pages::READ_WRITE)?;
        let data = Pages::of_file(&fd, page, page + bytes, Pages::READ)?;
        Ok((Self { reader, data, page, bytes }, fd))
    }

    /// The size of a page, and that of the data of a ring buffer for that many records.
    fn sizes(records: usize) -> (usize, usize) {
        let page = page_size();
        // The kernel never fills it to the last byte.
        let bytes = records.saturating_add(1).saturating_mul(RECORD_SIZE);
        (page, bytes.max(page).next_power_of_two())
    }

    /// How far it has been read. In shared memory and nowhere else, because forked children that adopt the
    /// listener read it, too.
    fn reader_position(&self) -> &AtomicU64 {
        // SAFETY: the reader's page begins with its position, which is aligned, initialized, and accessed
        // atomically by the kernel; it is mapped until drop.
        unsafe { &*self.reader.start().cast() }
    }

    /// How far it has been written, or reserved for being written.
    fn writer_position(&self) -> &AtomicU64 {
        // SAFETY: as in `reader_position`, for the writers' page. It is only loaded from.
        unsafe { &*self.data.start().cast() }
    }

    /// How many bytes have been written, or reserved for being written, and not been read.
    pub(crate) fn pending(&self) -> u64 {
        let written = self.writer_position().load(Ordering::Acquire);
        written.wrapping_sub(self.reader_position().load(Ordering::Relaxed))
    }

    /// Where a record is.
    fn at(&self, position: u64) -> *const Record {
        let offset = position as usize & (self.bytes - RECORD_SIZE);
        // SAFETY: the data begin behind the writers' page. The offset is below their size and a multiple of
        // that of a record, which divides it; so the record is within the mapping, and aligned.
        unsafe { self.data.start().add(self.page + offset) }.cast()
    }

    /// The record at a position, if it is complete. It must be pending.
    fn record(&self, position: u64) -> Option<&[u8; RECORD]> {
        let record = self.at(position);
        // SAFETY: it is within the mapping, which lives until drop, aligned and initialized, and accessed
        // atomically by the kernel.
        let length = unsafe { &(*record).length };
        if length.load(Ordering::Acquire) & BUSY != 0 {
            return None;
        }
        // SAFETY: likewise. The kernel wrote the bytes before the length, and nobody writes them again until
        // the reader's position is behind them, which takes `&mut self`.
        Some(unsafe { &(*record).bytes })
    }

    /// Reads at most that many records, up to the first that is not complete.
    pub(crate) fn read(&mut self, most: usize, mut each: impl FnMut(&[u8; RECORD])) -> Read {
        let pending = self.pending() as usize / RECORD_SIZE;
        let mut read = Read { count: 0, is_unfinished: false };
        let mut position = self.reader_position().load(Ordering::Relaxed);
        while read.count < most.min(pending) {
            let Some(record) = self.record(position) else {
                read.is_unfinished = true;
                break;
            };
            each(record);
            read.count += 1;
            position = position.wrapping_add(RECORD_SIZE as u64);
        }
        if read.count > 0 {
            // From now on the kernel may write over what was read.
            self.reader_position().store(position, Ordering::Release);
        }
        read
    }
}

/// What was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Read {
    /// How many records.
    pub(crate) count: usize,
    /// The next record is still being written.
    pub(crate) is_unfinished: bool,
}

#[cfg(test)]
mod fake;
