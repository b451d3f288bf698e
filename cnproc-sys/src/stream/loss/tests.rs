//! Loss accounting, step by step.

use super::*;

fn losses(by_sequence: bool) -> Losses<Vec<Cpu>> {
    Losses::new(vec![Cpu::default(); 4], by_sequence, DropCounter::Total, 1 << 20)
}

fn event(cpu: u32, seq: u32, timestamp_ns: u64) -> Event {
    let mut event = Event::default();
    (event.cpu, event.seq, event.timestamp_ns) = (cpu, seq, timestamp_ns);
    event
}

/// What is reported when that event is observed.
fn observe<C: DerefMut<Target = [Cpu]>>(losses: &mut Losses<C>, cpu: u32, seq: u32) -> u64 {
    losses.observe(&event(cpu, seq, 0), 0);
    losses.take_pending()
}

/// What is reported when the counter was read, and everything received has been handed over.
fn read<C: DerefMut<Target = [Cpu]>>(losses: &mut Losses<C>, drops: u32) -> u64 {
    losses.read(Some(DropReading { drops, queue_is_empty: true }), 0);
    losses.emptied();
    losses.take_pending()
}

#[test]
fn loss_seen_by_both_sources_is_reported_once() {
    let mut gap_first = losses(true);
    assert_eq!(observe(&mut gap_first, 0, 1), 0);
    assert_eq!(observe(&mut gap_first, 0, 5), 3);
    assert_eq!(read(&mut gap_first, 3), 0);

    let mut counter_first = losses(true);
    assert_eq!(observe(&mut counter_first, 0, 1), 0);
    assert_eq!(read(&mut counter_first, 3), 3);
    assert_eq!(observe(&mut counter_first, 0, 3), 0);
    assert_eq!(observe(&mut counter_first, 0, 6), 0);
    assert_eq!(observe(&mut counter_first, 0, 8), 1, "a failed allocation");
}

#[test]
fn first_number_of_a_cpu_is_no_loss() {
    let mut losses = losses(true);
    assert_eq!(observe(&mut losses, 0, 100), 0);
    assert_eq!(observe(&mut losses, 3, 7), 0);
    assert_eq!(observe(&mut losses, 0, 101), 0);
    assert_eq!(observe(&mut losses, 3, 9), 1);
    assert_eq!(observe(&mut losses, 4, 9), 0, "no such CPU in the table");
}

#[test]
fn gap_is_reported_in_place_after_drops_without_a_gap() {
    let mut losses = losses(true);
    assert_eq!(read(&mut losses, 4), 4, "before the first event of CPU 1");
    assert_eq!(observe(&mut losses, 1, 10), 0);
    assert!(losses.wants_reading(), "no gap has shown the four");
    losses.read(Some(DropReading { drops: 7, queue_is_empty: false }), 0);
    assert_eq!(observe(&mut losses, 1, 14), 3);
    assert_eq!(read(&mut losses, 7), 0, "the same three");
    assert_eq!(losses.total(), 7);
}

#[test]
fn gap_of_drops_reported_before_is_not_reported_again() {
    let mut losses = losses(true);
    assert_eq!(observe(&mut losses, 0, 1), 0);
    assert_eq!(read(&mut losses, 4), 4, "trailing");
    losses.read(Some(DropReading { drops: 4, queue_is_empty: false }), 0);
    assert_eq!(observe(&mut losses, 0, 6), 0);
    assert!(!losses.wants_reading(), "the gap has shown the four");
}

#[test]
fn look_ahead_finds_gaps_and_changes_no_count() {
    let mut losses = losses(true);
    assert_eq!(observe(&mut losses, 0, 1), 0);
    losses.received(0, true, 50);
    for numbers in [&[(0, 2), (3, 9), (4, 7), (4, 9)][..], &[(0, 2), (0, 3)][..]] {
        losses.start_look_ahead();
        numbers.iter().for_each(|&(cpu, seq)| losses.look_at(&event(cpu, seq, 0)));
        assert!(losses.is_complete_since(1), "a first number, or no such CPU: no loss");
    }
    losses.look_at(&event(0, 5, 0));
    assert!(!losses.is_complete_since(50) && losses.is_complete_since(51));
    assert_eq!(observe(&mut losses, 0, 5), 3);

    losses.filter_changed(false, Some(0), 60);
    losses.received(0, true, 70);
    losses.start_look_ahead();
    losses.look_at(&event(0, 9, 0));
    assert!(losses.is_complete_since(60), "behind a filter gaps are no losses");
    assert!(!losses.is_complete_since(59), "the filter was another");
}

#[test]
fn filtered_numbers_are_no_losses_and_drops_are() {
    let mut losses = losses(false);
    assert_eq!(observe(&mut losses, 0, 1), 0);
    assert_eq!(observe(&mut losses, 0, 50), 0);
    assert_eq!(read(&mut losses, 2), 2);
    assert_eq!(read(&mut losses, 2), 0);
}

#[test]
fn drops_are_counted_once_the_queue_is_empty() {
    let mut losses = losses(true);
    losses.read(Some(DropReading { drops: 2, queue_is_empty: false }), 9);
    losses.emptied();
    assert_eq!(losses.take_pending(), 0);
    assert!(losses.wants_reading() && !losses.is_complete_since(9));
    assert_eq!(read(&mut losses, 2), 2);
    losses.received(0, true, 9);
    assert_eq!(read(&mut losses, 2), 0);
}

#[test]
fn drop_counter_wraps_around() {
    let mut losses = losses(false);
    assert_eq!(read(&mut losses, u32::MAX), u64::from(u32::MAX));
    assert_eq!(read(&mut losses, 4), 5);
}

#[test]
fn trimmed_event_is_reported_at_once_and_its_gap_is_not() {
    let mut losses = losses(true);
    assert_eq!(observe(&mut losses, 0, 1), 0);
    losses.trimmed();
    assert_eq!(losses.take_pending(), 1);
    assert_eq!(observe(&mut losses, 0, 3), 0);
    losses.trimmed();
    assert_eq!(losses.take_pending(), 1);
    assert_eq!(read(&mut losses, 2), 2, "two drops in addition to the two trimmed");
    assert_eq!(losses.total(), 4);
}

#[test]
fn late_event_takes_its_gap_back() {
    let mut losses = losses(true);
    assert_eq!(observe(&mut losses, 0, 1), 0);
    assert_eq!(observe(&mut losses, 0, 4), 2);
    assert_eq!(observe(&mut losses, 0, 2), 0);
    assert_eq!(observe(&mut losses, 0, 6), 0, "two in all, and two were reported");
    assert_eq!(observe(&mut losses, 0, 8), 1);
}

#[test]
fn filter_change_makes_earlier_events_and_numbers_meaningless() {
    let mut losses = losses(true);
    let observe = |losses: &mut Losses<_>, seq, timestamp_ns| {
        losses.observe(&event(1, seq, timestamp_ns), 0);
        losses.take_pending()
    };
    assert_eq!(observe(&mut losses, 1, 10), 0);
    assert_eq!(read(&mut losses, 1), 1);
    losses.filter_changed(false, Some(1), 20);
    assert_eq!(observe(&mut losses, 9, 25), 0);
    losses.filter_changed(true, Some(1), 30);
    assert_eq!(observe(&mut losses, 20, 29), 0, "queued under the filter");
    assert_eq!(observe(&mut losses, 22, 30), 0, "the first one without");
    assert_eq!(observe(&mut losses, 25, 31), 2);
    assert_eq!(read(&mut losses, 3), 0, "the same two");
    assert_eq!(observe(&mut losses, 26, 29), 0, "numbered after its time was taken");
    assert_eq!(observe(&mut losses, 27, 32), 0);
}

#[test]
fn overrun_without_a_counter_is_at_least_one() {
    let mut losses = Losses::new(vec![Cpu::default(); 4], true, DropCounter::Absent, 1 << 20);
    let overrun = |losses: &mut Losses<_>| {
        losses.overran();
        assert!(losses.wants_reading());
        losses.read(None, 0);
        losses.take_pending()
    };
    assert!(losses.is_lower_bound());
    assert_eq!(observe(&mut losses, 0, 1), 0);
    assert_eq!(overrun(&mut losses), 1);
    assert_eq!(observe(&mut losses, 0, 12), 9);
    assert_eq!(overrun(&mut losses), 1, "another, though the gaps are ahead");
    assert_eq!(observe(&mut losses, 0, 15), 1);
}

#[test]
fn reading_is_due_until_it_was_taken_if_the_queue_may_have_been_full() {
    let mut losses = losses(true);
    losses.received(1 << 19, false, 0);
    assert!(!losses.wants_reading());
    losses.received(1 << 19, true, 0);
    assert!(losses.wants_reading());
    losses.received(0, true, 0);
    assert!(losses.wants_reading(), "the reading failed");
    losses.read(Some(DropReading { drops: 0, queue_is_empty: true }), 0);
    losses.received(1 << 19, true, 0);
    assert!(!losses.wants_reading(), "the queue was empty in between");
}

/// What is reported when an event arrives that shows how many its CPU lost before it.
fn observe_record<C: DerefMut<Target = [Cpu]>>(
    losses: &mut Losses<C>,
    seq: u32,
    lost_before: u32,
) -> u64 {
    losses.observe(&event(0, seq, 0), lost_before);
    losses.take_pending()
}

fn counted_for_each_cpu(by_sequence: bool) -> Losses<Vec<Cpu>> {
    Losses::new(vec![Cpu::default(); 4], by_sequence, DropCounter::EachCpu, 1 << 20)
}

#[test]
fn losses_of_each_cpu_are_located_behind_a_filter() {
    let mut losses = counted_for_each_cpu(false);
    assert_eq!(observe_record(&mut losses, 1, 0), 0);
    assert_eq!(observe_record(&mut losses, 9, 3), 3);
    assert_eq!(read(&mut losses, 3), 0, "the same three");
    losses.read(Some(DropReading { drops: 5, queue_is_empty: false }), 0);
    assert!(!losses.is_pending(), "the place of the two is still to come");
    assert_eq!(observe_record(&mut losses, 20, 2), 2);
    assert_eq!(read(&mut losses, 9), 4, "trailing");
    assert_eq!(observe_record(&mut losses, 30, 4), 0);
}

#[test]
fn losses_of_each_cpu_are_counted_before_its_first_event() {
    for by_sequence in [false, true] {
        let mut losses = counted_for_each_cpu(by_sequence);
        assert_eq!(observe_record(&mut losses, 7, 2), 2);
        assert_eq!(read(&mut losses, 2), 0);
        let mut losses = counted_for_each_cpu(by_sequence);
        assert_eq!(read(&mut losses, 2), 2);
        assert_eq!(observe_record(&mut losses, 7, 2), 0);
    }
}

#[test]
fn gap_wider_than_the_losses_of_its_cpu_is_reported_whole() {
    let mut losses = counted_for_each_cpu(true);
    assert_eq!(observe_record(&mut losses, 1, 0), 0);
    assert_eq!(observe_record(&mut losses, 7, 3), 5, "two failed allocations");
    assert_eq!(read(&mut losses, 3), 0);
}

/// Numbers mean nothing across it; counts do not depend on it.
#[test]
fn filter_change_leaves_the_losses_of_each_cpu_as_they_are() {
    let mut losses = counted_for_each_cpu(true);
    assert_eq!(observe_record(&mut losses, 1, 0), 0);
    assert_eq!(read(&mut losses, 4), 4);
    losses.filter_changed(false, Some(6), 100);
    assert_eq!(observe_record(&mut losses, 90, 6), 2, "four were reported");
    losses.filter_changed(true, Some(6), 200);
    assert_eq!(observe_record(&mut losses, 190, 0), 0, "generated before");
    losses.observe(&event(0, 300, 300), 1);
    assert_eq!(losses.take_pending(), 1);
    assert_eq!(losses.total(), 7);
}
