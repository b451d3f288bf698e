//! Reading the ring: records become datagrams again, in the stream's slots.

use super::program::DATAGRAM;
use crate::error::Error;
use crate::sys::mapping::Mapping;
use crate::sys::netlink::Slot;
use crate::sys::ring::{CPUS, RECORD, Read, RingBuffer};
use cnproc_parse::kernel::{CN_IDX_PROC, CN_VAL_PROC, NLMSG_DONE};

/// The part of a record that is the datagram's: all but the count of lost events.
const TAIL: usize = RECORD - size_of::<u32>();

/// The beginning of every datagram, which records leave out: the netlink header, and `cn_msg.id`.
const HEAD: [u8; DATAGRAM - TAIL] = {
    let [l0, l1, l2, l3] = (DATAGRAM as u32).to_ne_bytes();
    let [t0, t1] = NLMSG_DONE.to_ne_bytes();
    let [i0, i1, i2, i3] = CN_IDX_PROC.to_ne_bytes();
    let [v0, v1, v2, v3] = CN_VAL_PROC.to_ne_bytes();
    [l0, l1, l2, l3, t0, t1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, i0, i1, i2, i3, v0, v1, v2, v3]
};

/// The ring, and what its records have shown.
#[derive(Debug)]
pub(super) struct Records {
    buffer: RingBuffer,
    /// How many events each CPU had lost before its last record.
    lost_of_cpu: Mapping<u32>,
}

impl Records {
    pub(super) fn new(buffer: RingBuffer) -> Result<Self, Error> {
        Ok(Self { buffer, lost_of_cpu: Mapping::new(CPUS)? })
    }

    pub(super) const fn buffer(&self) -> &RingBuffer {
        &self.buffer
    }

    /// Moves records into the slots, as many as there are complete ones, and slots.
    pub(super) fn take(&mut self, slots: &mut [Slot]) -> Read {
        let (most, mut slots) = (slots.len(), slots.iter_mut());
        let Self { buffer, lost_of_cpu } = self;
        buffer.read(most, |record| {
            let Some((lost, tail)) = split(record) else { return };
            let before = lost_of_cpu.get_mut(cpu(tail) as usize);
            let lost_before =
                before.map_or(0, |before| lost.wrapping_sub(core::mem::replace(before, lost)));
            if let Some(slot) = slots.next() {
                slot.put(&HEAD, tail, lost_before);
            }
        })
    }
}

fn split(record: &[u8; RECORD]) -> Option<(u32, &[u8; TAIL])> {
    let (lost, tail) = record.split_first_chunk()?;
    Some((u32::from_ne_bytes(*lost), tail.first_chunk()?))
}

/// `proc_event.cpu`: behind `cn_msg` without its id, and `proc_event.what`.
const fn cpu(tail: &[u8; TAIL]) -> u32 {
    let [_, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, c0, c1, c2, c3, ..] = *tail;
    u32::from_ne_bytes([c0, c1, c2, c3])
}
