//! LISTEN and IGNORE, to bytes.

use crate::cn_msg;
use crate::kernel::{self, proc_input};
use crate::mask::EventMask;
use crate::nlmsg;

/// `enum proc_cn_mcast_op`: what is asked of the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operation {
    /// `PROC_CN_MCAST_LISTEN`: begin to send events.
    #[doc(alias = "PROC_CN_MCAST_LISTEN")]
    Listen,
    /// `PROC_CN_MCAST_IGNORE`: stop sending events.
    #[doc(alias = "PROC_CN_MCAST_IGNORE")]
    Ignore,
    /// 0, which the kernel refuses with EINVAL. Linux 6.6 and later remembers it as the socket's last
    /// operation all the same, so that a LISTEN after it counts like a socket's first.
    Invalid,
}

/// A request to the process events connector.
///
/// The kernel answers with an event of type [`Ack`](crate::Ack), multicast to all listeners, whose
/// `cn_msg.ack` is [`ack`](Self::ack) + 1. Nothing else in it can be told from the answer to another
/// listener's request, so `ack` ought to be a random number.
///
/// The answer does not come where the kernel ignores the request: outside the initial user and pid
/// namespaces, and for a mask on a kernel before 6.6; nor where it sends the answer but its own
/// filter withholds it: with any mask but 0xe00003c7, on 6.6 and later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Request {
    /// What is asked.
    pub operation: Operation,
    /// The kernel's own filter (`proc_input.event_type`). Linux 6.6 and later; ignored as a whole
    /// before.
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
            // nlmsghdr: len, type, flags, seq, pid (0: the kernel knows who we are)
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
    fn listen_without_a_mask_is_what_every_kernel_understands() {
        let request = Request { operation: Operation::Listen, events: None, ack: 0x0102_0304 };
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
    fn ignore_with_a_mask_carries_both_words() {
        let events = Some(EventMask::EXEC | EventMask::EXIT);
        let bytes = Request { operation: Operation::Ignore, events, ack: 9 }.to_bytes();
        let expected = [44, halves(3, 0), 0, 0, 1, 1, 0, 9, halves(8, 0), 2, 0x8000_0002];
        assert!(words(&bytes).eq(expected));
    }
}
