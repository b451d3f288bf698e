//! For tests: a ring that no program fills, and the kernel's side of it.

use super::Ring;
use super::delay::AT_FIRST_EVENT;
use super::records::Records;
use crate::sys::ring::{RECORD, RingBuffer, SharedValue};

/// The kernel's side.
#[derive(Debug)]
pub(crate) struct Writer(RingBuffer);

impl Ring {
    pub(crate) fn in_memory() -> (Self, Writer) {
        let [buffer, kernel] = RingBuffer::in_memory(1);
        let ring = Self {
            records: Records::new(buffer).unwrap(),
            shared: SharedValue::in_memory(),
            delay: None,
            quarter: AT_FIRST_EVENT,
            is_armed: true,
            socket_drops: 0,
        };
        (ring, Writer(kernel))
    }
}

impl Writer {
    /// Begins to write the record of a datagram. Returns its position.
    pub(crate) fn begin(&self, datagram: &[u8]) -> u64 {
        let mut record = [0; RECORD];
        let (_lost, tail) = record.split_at_mut(4);
        tail.copy_from_slice(&datagram[24..]);
        self.0.begin(&record)
    }

    pub(crate) fn complete(&self, position: u64) {
        self.0.complete(position);
    }

    pub(crate) fn write(&self, datagram: &[u8]) {
        self.complete(self.begin(datagram));
    }
}
