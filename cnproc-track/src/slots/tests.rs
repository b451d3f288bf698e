use super::*;
use crate::entry::{Known, Parent};
use std::vec::Vec;

type Numbers = Slots<u64, Vec<Slot<u64>>>;

fn entry(id: Id) -> (Entry<u64>, Life) {
    let entry = Entry {
        id,
        creator: None,
        parent: Parent::Unknown,
        pid: 1,
        sid: 0,
        ruid: 0,
        euid: 0,
        rgid: 0,
        egid: 0,
        start_ns: 0,
        exec_ns: 0,
        exit_ns: 0,
        status: None,
        known: Known::NONE,
        comm: [0; 16],
        user: 0,
    };
    (entry, Life::new(0, 0))
}

fn add(slots: &mut Numbers) -> (usize, Id) {
    let (slot, _) = slots.add(entry).unwrap();
    (slot, slots.get(slot).unwrap().entry.id)
}

#[test]
fn ids_increase_and_are_never_used_again() {
    let mut slots = Numbers::new(Vec::new(), 3, 1);
    let mut last = None;
    for _ in 0..100 {
        let (slot, id) = add(&mut slots);
        assert!(last < Some(id));
        assert_eq!(slots.find(id), Some(slot));
        last = Some(id);
        slots.end(slot);
    }
    assert_eq!(slots.all().len(), 2, "one that ended is kept, and one is used");
    assert_eq!(slots.live(), 0);
}

#[test]
fn ended_process_is_found_until_later_ones_take_its_place() {
    let mut slots = Numbers::new(Vec::new(), 10, 2);
    let added: Vec<_> = (0..4).map(|_| add(&mut slots)).collect();
    for (number, (slot, id)) in added.iter().enumerate() {
        slots.end(*slot);
        assert!(!slots.is_live(*id));
        let kept: Vec<_> = added.iter().map(|(_, id)| slots.find(*id).is_some()).collect();
        let dropped = number.saturating_sub(1);
        let expected: Vec<_> = (0..4).map(|place| place >= dropped).collect();
        assert_eq!(kept, expected);
    }
}

#[test]
fn full_table_stays_as_it_was() {
    let mut slots = Numbers::new(Vec::new(), 2, 1);
    let (first, second) = (add(&mut slots), add(&mut slots));
    assert_eq!(slots.add(entry).unwrap_err(), NoSlot::Full);
    assert_eq!((slots.live(), slots.is_live(first.1), slots.is_live(second.1)), (2, true, true));
    slots.end(first.0);
    assert!(slots.add(entry).is_ok(), "there is a place again");
    assert_eq!(slots.add(entry).unwrap_err(), NoSlot::Full);
}

#[test]
fn slot_of_a_process_that_ended_cannot_end_again() {
    let mut slots = Numbers::new(Vec::new(), 2, 1);
    let (slot, _) = add(&mut slots);
    slots.end(slot);
    slots.end(slot);
    assert_eq!(slots.live(), 0);
    assert!(slots.add(entry).is_ok() && slots.add(entry).is_ok());
}

#[test]
fn exhausted_ids_are_reported_and_none_is_repeated() {
    let mut slots = Numbers::new(Vec::new(), 2, 1);
    let (_, first) = add(&mut slots);
    slots.last_count = u64::MAX >> slots.slot_bits;
    assert_eq!(slots.add(entry).unwrap_err(), NoSlot::Full);
    assert!(slots.is_live(first));
}
