//! `struct nlmsghdr`: the outermost header of every netlink message.

use crate::bytes::ByteOrder;
use crate::error::{Layer, ParseError, ParseErrorKind};
use crate::kernel;

pub(crate) const SIZE: usize = size_of::<kernel::nlmsghdr>();

/// A netlink message: its type, and the bytes after its header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Nlmsg<'a> {
    pub(crate) nlmsg_type: u16,
    pub(crate) payload: &'a [u8],
    /// The distance from the start of this message to the start of the next.
    pub(crate) advance: usize,
}

impl<'a> Nlmsg<'a> {
    /// Reads the message at the start of `bytes`; `offset` is its position in the datagram.
    #[inline]
    pub(crate) fn read(
        bytes: &'a [u8],
        offset: usize,
        order: ByteOrder,
    ) -> Result<Self, ParseError> {
        let available = bytes.len();
        let truncated = |needed| ParseError::truncated(Layer::Nlmsg, offset, needed, available);
        let (header, rest) = bytes.split_first_chunk::<SIZE>().ok_or_else(|| truncated(SIZE))?;
        // Not read: flags and seq are not used here, and the sender chooses pid freely.
        let [l0, l1, l2, l3, t0, t1, _, _, _, _, _, _, _, _, _, _] = *header;

        let length = order.u32([l0, l1, l2, l3]) as usize;
        let payload = length.checked_sub(SIZE).ok_or(ParseError {
            layer: Layer::Nlmsg,
            offset,
            kind: ParseErrorKind::LengthTooSmall { length, minimum: SIZE },
        })?;
        let payload = rest.get(..payload).ok_or_else(|| truncated(length))?;
        // The last message of a datagram may lack its padding.
        let advance = length.next_multiple_of(kernel::NLMSG_ALIGNTO).min(available);
        Ok(Self { nlmsg_type: order.u16([t0, t1]), payload, advance })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOLDEN: [u8; 20] = [19, 0, 0, 0, 3, 0, 0, 0, 7, 0, 0, 0, 9, 0, 0, 0, b'a', b'b', b'c', 0];

    #[test]
    fn type_and_payload_are_read_and_padding_is_skipped() {
        let message = Nlmsg::read(&GOLDEN, 0, ByteOrder::Little);
        assert_eq!(message, Ok(Nlmsg { nlmsg_type: 3, payload: b"abc", advance: 20 }));
    }

    #[test]
    fn last_message_needs_no_padding() {
        let message = Nlmsg::read(&GOLDEN[..19], 0, ByteOrder::Little);
        assert_eq!(message, Ok(Nlmsg { nlmsg_type: 3, payload: b"abc", advance: 19 }));
    }

    #[test]
    fn big_endian_header_is_read() {
        let bytes = [0, 0, 0, 16, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        let message = Nlmsg::read(&bytes, 0, ByteOrder::Big);
        assert_eq!(message, Ok(Nlmsg { nlmsg_type: 1, payload: b"", advance: 16 }));
    }

    #[test]
    fn bad_length_is_reported_with_needed_and_available() {
        let short = Nlmsg::read(&GOLDEN[..15], 4, ByteOrder::Little);
        assert_eq!(short, Err(ParseError::truncated(Layer::Nlmsg, 4, 16, 15)));
        let past_the_end = Nlmsg::read(&GOLDEN[..18], 0, ByteOrder::Little);
        assert_eq!(past_the_end, Err(ParseError::truncated(Layer::Nlmsg, 0, 19, 18)));
        for length in [0, 15] {
            let mut bytes = GOLDEN;
            bytes[0] = length;
            let kind = ParseErrorKind::LengthTooSmall { length: usize::from(length), minimum: 16 };
            assert_eq!(
                Nlmsg::read(&bytes, 8, ByteOrder::Little),
                Err(ParseError { layer: Layer::Nlmsg, offset: 8, kind })
            );
        }
        let mut bytes = GOLDEN;
        bytes[..4].fill(0xff);
        assert_eq!(
            Nlmsg::read(&bytes, 0, ByteOrder::Little),
            Err(ParseError::truncated(Layer::Nlmsg, 0, 0xffff_ffff, 20))
        );
    }
}
