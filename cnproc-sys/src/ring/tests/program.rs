//! What the program makes of a datagram.

use super::*;
use crate::fake_kernel::EXEC;

#[test]
fn verifier_accepts_the_program() {
    let Some(_) = everything() else { return };
    let Offsets { port, data } = Offsets::find().unwrap();
    let (_buffer, ring) = RingBuffer::new(1).unwrap();
    let (_value, shared) = SharedValue::new().unwrap();
    let parameters = Parameters { port, data, shared: shared.raw(), ring: ring.raw() };
    let mut log = std::vec![0; 1 << 20];
    let loaded = bpf::load(ProgramType::SocketFilter, &program::program(&parameters), &mut log);
    let end = log.iter().position(|byte| *byte == 0).unwrap();
    std::eprintln!("{}", std::string::String::from_utf8_lossy(&log[..end]));
    assert!(loaded.is_ok(), "{loaded:?}");
}

#[test]
fn event_is_copied_as_it_is_and_dropped() {
    let Some((kernel, mut ring)) = everything() else { return };
    // The listener does not sleep.
    ring.arm(u64::MAX);
    let contents =
        Contents { cpu: 3, seq: 0x0102_0304, ack: 0x0506_0708, timestamp_ns: u64::MAX - 5, ..EXEC };
    let mut datagram = contents.bytes();
    for (index, byte) in datagram[52..].iter_mut().enumerate() {
        *byte = index as u8 + 100;
    }
    assert_eq!(kernel.send(&datagram), Fate::Dropped);
    assert_eq!(records(&mut ring), [(single_event(&datagram).unwrap(), 0)]);
    assert_eq!(records(&mut ring), []);
    assert!(ring.is_empty());
}

#[test]
fn message_of_another_process_is_counted_and_dropped() {
    let Some((kernel, mut ring)) = everything() else { return };
    for port in [1, 4711, u32::MAX] {
        assert_eq!(kernel.send_from(&EXEC.bytes(), port), Fate::Dropped);
        assert_eq!(kernel.send_from(&[0; 5], port), Fate::Dropped);
    }
    assert_eq!((ring.forged(), ring.is_empty()), (6, true));
    assert_eq!(records(&mut ring), []);
    assert_eq!(ring.shared.wake_at.load(Ordering::Relaxed), AT_FIRST_EVENT, "and wakes nobody");
}

#[test]
fn message_that_is_not_one_event_is_left_to_the_socket() {
    let Some((kernel, mut ring)) = everything() else { return };
    let event = EXEC.bytes();
    let mut odd = 0;
    // The lengths, the type, the id.
    for at in [0, 1, 2, 3, 4, 5, 16, 17, 18, 19, 20, 21, 22, 23, 32, 33] {
        let mut bad = event.clone();
        bad[at] ^= 0x10;
        assert_eq!(kernel.send(&bad), Fate::Queued, "byte {at}");
        odd += 1;
    }
    // A CPU that the ring has no count for.
    assert_eq!(kernel.say(Contents { cpu: 8192, ..EXEC }), Fate::Queued);
    odd += 1;
    assert_eq!(records(&mut ring), []);
    assert_eq!(ring.shared.odd.load(Ordering::Relaxed), odd);
    assert!(!ring.is_sound());
    // The first and the last that are the ring's.
    for cpu in [0, 8191] {
        kernel.say(Contents { cpu, ..EXEC });
    }
    assert_eq!(records(&mut ring).len(), 2);
}

#[test]
fn ring_is_sound_once_it_has_seen_an_acknowledgement() {
    let unwanted = Filter::new(EventMask::SID, false);
    for filter in [Filter::EVERYTHING, unwanted] {
        let Some((kernel, ring)) = ring(&filter, false, 1 << 20) else { return };
        kernel.say(EXEC);
        assert!(!ring.is_sound());
        kernel.say(Contents::ack_of(1, 0));
        assert!(ring.is_sound());
    }
}

/// The losses of each CPU are with its next record, those before its first record, too.
#[test]
fn full_ring_counts_each_loss_and_shows_where_it_happened() {
    let Some((kernel, mut ring)) = ring(&Filter::EVERYTHING, false, 1) else { return };
    ring.arm(u64::MAX);
    let capacity = ring.records.buffer().capacity() as u32;
    for seq in 0..capacity {
        kernel.say(Contents { seq, ..EXEC });
    }
    // Of CPU 0 one, of CPU 1 two, of CPU 7 none.
    for (cpu, seq) in [(0, capacity), (1, 0), (1, 1)] {
        assert_eq!(kernel.say(Contents { cpu, seq, ..EXEC }), Fate::Dropped);
    }
    assert_eq!(ring.lost(), 3);
    let kept = records(&mut ring);
    assert_eq!(kept.len(), capacity as usize);
    assert!(kept.iter().all(|(_, lost_before)| *lost_before == 0));

    for (cpu, lost) in [(7, 0), (1, 2), (0, 1), (1, 0), (0, 0)] {
        kernel.say(Contents { cpu, ..EXEC });
        let [(_, lost_before)] = records(&mut ring)[..] else { panic!() };
        assert_eq!(lost_before, lost, "CPU {cpu}");
    }
    assert_eq!(ring.lost(), 3);
}

#[test]
fn ring_holds_as_many_events_as_the_receive_buffer() {
    for receive_buffer in [1, 4096, 1 << 20, 32 << 20] {
        let Some((_, ring)) = ring(&Filter::EVERYTHING, false, receive_buffer) else { return };
        let capacity = ring.records.buffer().capacity();
        assert!(capacity >= receive_buffer as usize / 832, "{receive_buffer}");
        assert!(capacity <= (receive_buffer as usize / 832 * 2).max(1024), "{receive_buffer}");
    }
}

/// Positions go round the ring many times.
#[test]
fn ring_is_read_around_its_end_in_order() {
    let Some((kernel, mut ring)) = ring(&Filter::EVERYTHING, false, 1) else { return };
    let mut next = 0;
    for count in (1..64).cycle().take(300) {
        for seq in next..next + count {
            kernel.say(Contents { seq, ..EXEC });
        }
        for (event, _) in records(&mut ring) {
            assert_eq!(event, single_event(&Contents { seq: next, ..EXEC }.bytes()).unwrap());
            next += 1;
        }
    }
    assert_eq!(ring.lost(), 0);
}
