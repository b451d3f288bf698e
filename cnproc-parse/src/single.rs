//! The usual datagram, a single event, read in one step.

use crate::bytes::ByteOrder;
use crate::event::Event;
use crate::kernel;

const EVENT: usize = size_of::<kernel::proc_event>();
const LENGTH: usize = size_of::<kernel::nlmsghdr>() + size_of::<kernel::cn_msg>() + EVENT;

/// The event of a datagram that consists of one event, which is what Linux 3.2 and later sends.
///
/// For such a datagram [`messages`](crate::messages) returns the same event and takes twice the time.
/// `None` for any other datagram: use [`messages`](crate::messages).
#[inline]
pub fn single_event(datagram: &[u8]) -> Option<Event> {
    let datagram: &[u8; LENGTH] = datagram.try_into().ok()?;
    let (nlmsg_len, rest) = datagram.split_first_chunk()?;
    let (nlmsg_type, rest) = rest.split_first_chunk::<4>()?;
    let (_nlmsg_seq_and_pid, rest) = rest.split_first_chunk::<8>()?;
    let (idx, rest) = rest.split_first_chunk()?;
    let (val, rest) = rest.split_first_chunk()?;
    let (seq, rest) = rest.split_first_chunk()?;
    let (ack, rest) = rest.split_first_chunk()?;
    let (len, rest) = rest.split_first_chunk::<4>()?;
    let (what, rest) = rest.split_first_chunk()?;
    let (cpu, rest) = rest.split_first_chunk()?;
    let (timestamp_ns, event_data) = rest.split_first_chunk()?;
    let event_data = event_data.try_into().ok()?;
    let ([t0, t1, _, _], [l0, l1, _, _]) = (*nlmsg_type, *len);
    let order = ByteOrder::NATIVE;
    let is_event = order.u32(*nlmsg_len) == LENGTH as u32
        && order.u16([t0, t1]) == kernel::NLMSG_DONE
        && order.u32(*idx) == kernel::CN_IDX_PROC
        && order.u32(*val) == kernel::CN_VAL_PROC
        && usize::from(order.u16([l0, l1])) == EVENT;
    if !is_event {
        return None;
    }
    Some(Event {
        what: order.u32(*what),
        cpu: order.u32(*cpu),
        timestamp_ns: order.u64(*timestamp_ns),
        seq: order.u32(*seq),
        ack: order.u32(*ack),
        event_data,
        size: EVENT as u32,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encode;
    use crate::message::{Message, messages};

    /// An event of that type, with all bytes of its data different.
    fn datagram(what: u32) -> [u8; LENGTH] {
        let event_data = core::array::from_fn(|i| i as u8 + 50);
        let (cpu, timestamp_ns, seq, ack, size) = (1, 2 << 32 | 3, 4, 5, EVENT as u32);
        let event = Event { what, cpu, timestamp_ns, event_data, seq, ack, size };
        encode::message(&Message::Event(event), ByteOrder::NATIVE).try_into().unwrap()
    }

    #[test]
    fn single_event_equals_the_event_of_messages() {
        for what in (0..32).map(|bit| 1 << bit).chain([0, 3]) {
            let datagram = datagram(what);
            let Some(Ok(Message::Event(event))) = messages(&datagram).next() else {
                panic!("{what:#x} is an event");
            };
            assert_eq!(single_event(&datagram), Some(event), "{what:#x}");
        }
    }

    #[test]
    fn any_other_datagram_is_none() {
        let good = datagram(kernel::PROC_EVENT_EXEC);
        assert!(single_event(&good).is_some());
        for at in [0, 1, 2, 3, 4, 5, 16, 17, 18, 19, 20, 21, 22, 23, 32, 33] {
            let mut bad = good;
            bad[at] ^= 1;
            assert_eq!(single_event(&bad), None, "byte {at}");
        }
        assert_eq!(single_event(&good[..LENGTH - 1]), None);
        let mut longer = [0; LENGTH + 4];
        longer[..LENGTH].copy_from_slice(&good);
        assert_eq!(single_event(&longer), None);
    }
}
