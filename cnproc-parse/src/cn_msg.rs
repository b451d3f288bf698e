//! `struct cn_msg`: the connector's header, inside a netlink message.

use crate::bytes::ByteOrder;
use crate::error::{Layer, ParseError};
use crate::kernel;

pub(crate) const SIZE: usize = size_of::<kernel::cn_msg>();

/// A connector message: the id of its connector, its numbers and its data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CnMsg<'a> {
    pub(crate) idx: u32,
    pub(crate) val: u32,
    pub(crate) seq: u32,
    pub(crate) ack: u32,
    pub(crate) data: &'a [u8],
}

impl<'a> CnMsg<'a> {
    /// Reads the message at the start of `bytes`; `offset` is its position in the datagram.
    #[inline]
    pub(crate) fn read(
        bytes: &'a [u8],
        offset: usize,
        order: ByteOrder,
    ) -> Result<Self, ParseError> {
        let truncated = |needed| ParseError::truncated(Layer::CnMsg, offset, needed, bytes.len());
        let (header, rest) = bytes.split_first_chunk::<SIZE>().ok_or_else(|| truncated(SIZE))?;
        // Not read: flags, which kernels before 3.12 left uninitialised.
        let [i0, i1, i2, i3, v0, v1, v2, v3, s0, s1, s2, s3, a0, a1, a2, a3, l0, l1, _, _] =
            *header;

        let length = usize::from(order.u16([l0, l1]));
        Ok(Self {
            idx: order.u32([i0, i1, i2, i3]),
            val: order.u32([v0, v1, v2, v3]),
            seq: order.u32([s0, s1, s2, s3]),
            ack: order.u32([a0, a1, a2, a3]),
            data: rest.get(..length).ok_or_else(|| truncated(SIZE + length))?,
        })
    }

    #[inline]
    pub(crate) const fn is_proc(&self) -> bool {
        self.idx == kernel::CN_IDX_PROC && self.val == kernel::CN_VAL_PROC
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOLDEN: [u8; 24] =
        [1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4, 0, 0, 0, 3, 0, 0xaa, 0xaa, b'a', b'b', b'c', 0];

    #[test]
    fn members_and_len_bytes_of_data_are_read() {
        let message = CnMsg::read(&GOLDEN, 16, ByteOrder::Little);
        assert_eq!(message, Ok(CnMsg { idx: 1, val: 2, seq: 3, ack: 4, data: b"abc" }));
    }

    #[test]
    fn big_endian_message_is_read() {
        let bytes = [0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 3, 0, 0, 0, 4, 0, 1, 0, 0, 9];
        let message = CnMsg::read(&bytes, 16, ByteOrder::Big);
        assert_eq!(message, Ok(CnMsg { idx: 1, val: 1, seq: 3, ack: 4, data: &[9] }));
    }

    #[test]
    fn only_id_1_1_is_the_process_events_connector() {
        let is_proc = |idx, val| CnMsg { idx, val, seq: 0, ack: 0, data: &[] }.is_proc();
        assert!(is_proc(1, 1));
        assert!(!is_proc(1, 2) && !is_proc(2, 1) && !is_proc(0, 0));
    }

    #[test]
    fn bad_length_is_reported_with_needed_and_available() {
        let short = CnMsg::read(&GOLDEN[..19], 16, ByteOrder::Little);
        assert_eq!(short, Err(ParseError::truncated(Layer::CnMsg, 16, 20, 19)));
        let past_the_end = CnMsg::read(&GOLDEN[..22], 16, ByteOrder::Little);
        assert_eq!(past_the_end, Err(ParseError::truncated(Layer::CnMsg, 16, 23, 22)));
    }
}
