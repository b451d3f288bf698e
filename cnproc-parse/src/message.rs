//! The messages of a datagram, in order.

use crate::bytes::ByteOrder;
use crate::cn_msg::{self, CnMsg};
use crate::error::{Layer, ParseError};
use crate::event::Event;
use crate::kernel;
use crate::nlmsg::{self, Nlmsg};
use crate::proc_event;

/// One netlink message of a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Message {
    /// An event, or an acknowledgement, of the process events connector.
    Event(Event),
    /// `NLMSG_NOOP`: no content.
    Noop,
    /// `NLMSG_ERROR`: the kernel refused a request at the netlink layer.
    Error {
        /// `nlmsgerr.error`: 0, or a negative errno.
        error: i32,
    },
    /// `NLMSG_OVERRUN`: data was lost.
    Overrun,
    /// A message of a connector other than process events.
    Foreign {
        /// `cn_msg.id.idx`
        idx: u32,
        /// `cn_msg.id.val`
        val: u32,
    },
    /// A netlink message of a type that no connector sends.
    Unknown {
        /// `nlmsghdr.nlmsg_type`
        nlmsg_type: u16,
    },
}

/// Iterates over the messages of a datagram from this machine's kernel.
///
/// The iterator always advances: it yields at most `datagram.len() / 16 + 1` items. After an error
/// inside a message it continues with the next message. An error in an `nlmsghdr` is the last item,
/// because the start of the next message is then unknown.
#[inline]
pub fn messages(datagram: &[u8]) -> Messages<'_> {
    messages_in(datagram, ByteOrder::NATIVE)
}

/// As [`messages`], for a datagram captured on a machine with the given byte order.
#[inline]
pub fn messages_in(datagram: &[u8], order: ByteOrder) -> Messages<'_> {
    Messages { rest: datagram, offset: 0, order }
}

/// An iterator over the messages of a datagram. See [`messages`].
#[derive(Clone, Debug)]
pub struct Messages<'a> {
    rest: &'a [u8],
    offset: usize,
    order: ByteOrder,
}

impl Messages<'_> {
    /// The number of bytes read so far: the position of the next message, also behind one that could not
    /// be read.
    #[inline]
    pub const fn offset(&self) -> usize {
        self.offset
    }

    #[inline]
    fn advance(&mut self, by: usize) {
        self.rest = self.rest.get(by..).unwrap_or_default();
        self.offset += by;
    }
}

impl Iterator for Messages<'_> {
    type Item = Result<Message, ParseError>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let offset = self.offset;
        Some(match Nlmsg::read(self.rest, offset, self.order) {
            Ok(message) => {
                self.advance(message.advance);
                read(&message, offset + nlmsg::SIZE, self.order)
            }
            Err(error) => {
                self.advance(self.rest.len());
                Err(error)
            }
        })
    }
}

impl core::iter::FusedIterator for Messages<'_> {}

/// Reads the payload of `message`, which is at `offset`.
#[inline]
fn read(message: &Nlmsg<'_>, offset: usize, order: ByteOrder) -> Result<Message, ParseError> {
    match message.nlmsg_type {
        kernel::NLMSG_DONE => {
            let cn_msg = CnMsg::read(message.payload, offset, order)?;
            if cn_msg.is_proc() {
                proc_event::read(&cn_msg, offset + cn_msg::SIZE, order).map(Message::Event)
            } else {
                Ok(Message::Foreign { idx: cn_msg.idx, val: cn_msg.val })
            }
        }
        kernel::NLMSG_NOOP => Ok(Message::Noop),
        kernel::NLMSG_ERROR => match message.payload.first_chunk() {
            Some(error) => Ok(Message::Error { error: order.i32(*error) }),
            None => {
                let needed = nlmsg::SIZE + size_of::<i32>();
                let available = nlmsg::SIZE + message.payload.len();
                let offset = offset - nlmsg::SIZE;
                Err(ParseError::truncated(Layer::Nlmsg, offset, needed, available))
            }
        },
        kernel::NLMSG_OVERRUN => Ok(Message::Overrun),
        nlmsg_type => Ok(Message::Unknown { nlmsg_type }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encode;
    use crate::error::ParseErrorKind;
    use crate::event_data::{EventData, Exec};
    use alloc::vec::Vec;

    /// An exec of pid `pid`, little-endian, 76 bytes.
    fn exec(pid: i32) -> Vec<u8> {
        let exec = EventData::Exec(Exec { process_pid: pid, process_tgid: pid });
        encode::message(&Message::Event(encode::event(&exec)), ByteOrder::Little)
    }

    fn header(length: u8, nlmsg_type: u8) -> [u8; 16] {
        [length, 0, 0, 0, nlmsg_type, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
    }

    /// The results for a datagram made of these parts, and its length.
    fn parsed(parts: &[&[u8]]) -> ([Option<Result<Message, ParseError>>; 4], usize) {
        let mut datagram = [0; 256];
        let mut length = 0;
        for part in parts {
            datagram[length..length + part.len()].copy_from_slice(part);
            length += part.len();
        }
        let mut messages = messages_in(&datagram[..length], ByteOrder::Little);
        (core::array::from_fn(|_| messages.next()), length)
    }

    fn pid(item: Option<Result<Message, ParseError>>) -> i32 {
        let Some(Ok(Message::Event(event))) = item else { panic!("not an event: {item:?}") };
        match event.data() {
            EventData::Exec(Exec { process_pid, process_tgid }) if process_pid == process_tgid => {
                process_pid
            }
            other => panic!("not an exec: {other:?}"),
        }
    }

    #[test]
    fn several_messages_are_returned_in_order() {
        let ([first, second, end, _], _) = parsed(&[&exec(1), &exec(2)]);
        assert_eq!((pid(first), pid(second), end), (1, 2, None));
    }

    #[test]
    fn control_messages_are_distinguished_and_events_behind_them_read() {
        let ([noop, overrun, event, _], _) = parsed(&[&header(16, 1), &header(16, 4), &exec(3)]);
        assert_eq!(noop, Some(Ok(Message::Noop)));
        assert_eq!(overrun, Some(Ok(Message::Overrun)));
        assert_eq!(pid(event), 3);

        let ([error, unknown, short, event], _) = parsed(&[
            &header(20, 2),
            &(-1_i32).to_le_bytes(),
            &header(16, 0x10),
            &header(18, 2),
            &[0; 4],
            &exec(4),
        ]);
        assert_eq!(error, Some(Ok(Message::Error { error: -1 })));
        assert_eq!(unknown, Some(Ok(Message::Unknown { nlmsg_type: 0x10 })));
        assert_eq!(short, Some(Err(ParseError::truncated(Layer::Nlmsg, 36, 20, 18))));
        assert_eq!(pid(event), 4);
    }

    #[test]
    fn message_of_another_connector_is_returned_with_its_id() {
        let mut foreign = exec(1);
        foreign[16] = 5;
        let ([first, second, ..], _) = parsed(&[&foreign, &exec(2)]);
        assert_eq!(first, Some(Ok(Message::Foreign { idx: 5, val: 1 })));
        assert_eq!(pid(second), 2);
    }

    #[test]
    fn error_inside_a_message_affects_that_message_only() {
        let mut long = exec(1);
        long[32] = 41;
        let mut short = exec(1);
        short[32] = 31;
        let ([first, second, third, _], _) = parsed(&[&long, &short, &exec(2)]);
        assert_eq!(first, Some(Err(ParseError::truncated(Layer::CnMsg, 16, 61, 60))));
        assert_eq!(second, Some(Err(ParseError::truncated(Layer::ProcEvent, 76 + 36, 32, 31))));
        assert_eq!(pid(third), 2);
    }

    #[test]
    fn error_in_a_netlink_header_is_the_last_item() {
        let ([first, second, end, _], _) = parsed(&[&exec(1), &header(0, 1), &exec(2)]);
        assert_eq!(pid(first), 1);
        let kind = ParseErrorKind::LengthTooSmall { length: 0, minimum: 16 };
        assert_eq!(second, Some(Err(ParseError { layer: Layer::Nlmsg, offset: 76, kind })));
        assert_eq!(end, None);

        let ([first, tail, end, _], _) = parsed(&[&exec(1), &[0; 15]]);
        assert_eq!(pid(first), 1);
        assert_eq!(tail, Some(Err(ParseError::truncated(Layer::Nlmsg, 76, 16, 15))));
        assert_eq!(end, None);
    }

    #[test]
    fn offset_is_the_number_of_bytes_read() {
        let datagram = exec(1);
        let mut messages = messages_in(&datagram, ByteOrder::Little);
        assert_eq!(messages.offset(), 0);
        assert!(messages.next().is_some());
        assert_eq!(messages.offset(), 76);
        assert_eq!(messages_in(&[], ByteOrder::Little).next(), None);
    }
}
