//! Events from Rust to C and back: the same bytes and the same names.

use crate::event::{CNPROC_EVENT_LOST, cnproc_event, cnproc_event_data, cnproc_lost};
use cnproc_parse::Event;
use cnproc_sys::Delivery;

impl From<&Event> for cnproc_event {
    #[inline]
    fn from(event: &Event) -> Self {
        let Event { what, cpu, timestamp_ns, event_data, seq, ack, size, .. } = *event;
        let event_data = cnproc_event_data { bytes: event_data };
        Self { what, cpu, timestamp_ns, event_data, seq, ack, size, reserved: [0; 3] }
    }
}

impl From<Delivery> for cnproc_event {
    #[inline]
    fn from(delivery: Delivery) -> Self {
        match delivery {
            Delivery::Event(event) => (&event).into(),
            Delivery::Lost(count) => {
                // All bytes, because C may copy all of them.
                let mut event_data = cnproc_event_data { bytes: [0; 24] };
                event_data.lost = cnproc_lost { count };
                let (what, cpu, timestamp_ns) = (CNPROC_EVENT_LOST, 0, 0);
                let (seq, ack, size, reserved) = (0, 0, 0, [0; 3]);
                Self { what, cpu, timestamp_ns, event_data, seq, ack, size, reserved }
            }
        }
    }
}

/// A C event for Rust. For a CNPROC_EVENT_LOST, Err with its count.
pub(crate) fn event(event: &cnproc_event) -> Result<Event, u64> {
    let cnproc_event { what, cpu, timestamp_ns, event_data, seq, ack, size, reserved: _ } = *event;
    // SAFETY: both members are integers, for which any bytes are a value, and a C caller passes a whole
    // struct.
    let (lost, event_data) = unsafe { (event_data.lost, event_data.bytes) };
    if what == CNPROC_EVENT_LOST {
        return Err(lost.count);
    }
    let mut event = Event::default();
    (event.what, event.cpu, event.timestamp_ns) = (what, cpu, timestamp_ns);
    (event.seq, event.ack, event.size) = (seq, ack, size);
    event.event_data = event_data;
    Ok(event)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn event_converted_to_c_and_back_is_unchanged() {
        for what in (0..32).map(|bit| 1 << bit).chain([0, 3]) {
            let event_data = core::array::from_fn(|i| i as u8 + 1);
            let (cpu, timestamp_ns, seq, ack, size) = (7, 8, 9, 10, 40);
            let mut event = Event::default();
            (event.what, event.cpu, event.timestamp_ns) = (what, cpu, timestamp_ns);
            (event.seq, event.ack, event.size) = (seq, ack, size);
            event.event_data = event_data;
            let c = cnproc_event::from(&event);
            assert_eq!(super::event(&c), Ok(event));
            assert_eq!((c.what, c.cpu, c.timestamp_ns), (what, 7, 8));
            assert_eq!((c.seq, c.ack, c.size, c.reserved), (9, 10, 40, [0; 3]));
            // SAFETY: bytes.
            assert_eq!(unsafe { c.event_data.bytes }, event_data);
        }
    }

    #[test]
    fn loss_has_its_count_and_zeros() {
        let c = cnproc_event::from(Delivery::Lost(1 << 40));
        assert_eq!(event(&c), Err(1 << 40));
        assert_eq!((c.what, c.size), (CNPROC_EVENT_LOST, 0));
    }
}
