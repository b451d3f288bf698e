//! LISTEN and IGNORE requests to bytes.

use crate::cn_msg;
use crate::kernel::{self, proc_input};
use crate::mask::EventMask;
use crate::nlmsg;

/// `enum proc_cn_mcast_op`: the operation that the kernel is to perform.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Operation {
    /// `PROC_CN_MCAST_LISTEN`: start sending events.
    #[doc(alias = "PROC_CN_MCAST_LISTEN")]
    Listen,
    /// `PROC_CN_MCAST_IGNORE`: stop sending events.
    #[doc(alias = "PROC_CN_MCAST_IGNORE")]
    Ignore,
    /// 0, which the kernel refuses with EINVAL. Linux 6.6 and later still stores it as the socket's last
    /// operation, so a LISTEN after it counts like the socket's first.
    #[doc(hidden)]
    Invalid,
}

/// A request to the process events connector.
///
/// The kernel acknowledges with an event of type [`Ack`](crate::Ack), multicast to all listeners, whose
/// `cn_msg.ack` is [`ack`](Self::ack) + 1. Nothing else distinguishes it from the acknowledgement of
/// another listener's request, so `ack` should be a random number.
///
/// There is no acknowledgement if the kernel ignores the request (outside the initial user and pid
/// namespaces; a request with a mask before Linux 6.6), nor if its own filter drops the acknowledgement (on
/// Linux 6.6 and later, with any mask except 0xe00003c7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Request {
    /// The operation.
    pub operation: Operation,
    /// The kernel's own filter (`proc_input.event_type`). Linux 6.6; before, the kernel ignores a request
    /// that has one.
    pub events: Option<EventMask>,
    /// `cn_msg.ack`
    pub ack: u32,
}

const LONGEST: usize = nlmsg::SIZE + cn_msg::SIZE + size_of::<proc_input>();

/// A request as the bytes of a datagram, in this machine's byte order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestBytes {
    words: [[u8; 4]; LONGEST / 4],
    length: usize,
}

impl Request {
    /// A request. `ack` should be a random number.
    pub const fn new(operation: Operation, events: Option<EventMask>, ack: u32) -> Self {
        Self { operation, events, ack }
    }

    /// The datagram: 40 bytes, or 44 with a mask.
    pub const fn to_bytes(&self) -> RequestBytes {
        let operation = match self.operation {
            Operation::Listen => kernel::PROC_CN_MCAST_LISTEN,
            Operation::Ignore => kernel::PROC_CN_MCAST_IGNORE,
            Operation::Invalid => 0,
        };
        let (event_type, data) = match self.events {
            Some(events) => (events.bits(), size_of::<proc_input>()),
            None => (0, size_of::<u32>()),
        };
        let length = nlmsg::SIZE + cn_msg::SIZE + data;

        let [t0, t1] = kernel::NLMSG_DONE.to_ne_bytes();
        let [d0, d1] = (data as u16).to_ne_bytes();
        let words = [
            // nlmsghdr: len, type, flags, seq, pid (0: the kernel takes the sender from the socket)
            (length as u32).to_ne_bytes(),
            [t0, t1, 0, 0],
            [0; 4],
            [0; 4],
            // cn_msg: idx, val, seq, ack, len, flags
            kernel::CN_IDX_PROC.to_ne_bytes(),
            kernel::CN_VAL_PROC.to_ne_bytes(),
            [0; 4],
            self.ack.to_ne_bytes(),
            [d0, d1, 0, 0],
            // proc_input: mcast_op, event_type
            operation.to_ne_bytes(),
            event_type.to_ne_bytes(),
        ];
        RequestBytes { words, length }
    }
}

impl AsRef<[u8]> for RequestBytes {
    fn as_ref(&self) -> &[u8] {
        let bytes = self.words.as_flattened();
        bytes.get(..self.length).unwrap_or(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(bytes: &RequestBytes) -> impl Iterator<Item = u32> {
        bytes.as_ref().chunks(4).map(|word| u32::from_ne_bytes(word.try_into().unwrap()))
    }

    /// Two 16-bit members, as one word.
    fn halves(first: u16, second: u16) -> u32 {
        let ([a, b], [c, d]) = (first.to_ne_bytes(), second.to_ne_bytes());
        u32::from_ne_bytes([a, b, c, d])
    }

    #[test]
    fn listen_without_a_mask_has_the_form_of_every_kernel() {
        let request = Request::new(Operation::Listen, None, 0x0102_0304);
        let bytes = request.to_bytes();
        let expected = [
            40,
            halves(3, 0),
            0,
            0,
            1,
            1,
            0,
            0x0102_0304,
            halves(4, 0),
            kernel::PROC_CN_MCAST_LISTEN,
        ];
        assert!(words(&bytes).eq(expected));
    }

    #[test]
    fn ignore_with_a_mask_contains_both_words() {
        let events = Some(EventMask::EXEC | EventMask::EXIT);
        let bytes = Request::new(Operation::Ignore, events, 9).to_bytes();
        let expected = [44, halves(3, 0), 0, 0, 1, 1, 0, 9, halves(8, 0), 2, 0x8000_0002];
        assert!(words(&bytes).eq(expected));
    }
}
