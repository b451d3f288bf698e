//! The two forms of a filter: the kernel's program and the function.

use crate::strategies::{event, mask};
use crate::{bpf, config};
use cnproc_parse::{Acks, ByteOrder, Event, EventData, Exit, Filter, Message, Program, encode};
use proptest::prelude::*;
use proptest::test_runner::Config;

fn passes_program(filter: &Filter, event: &Event) -> bool {
    let packet = encode::message(&Message::Event(*event), ByteOrder::NATIVE);
    match bpf::run(filter.program().instructions(), &packet) {
        0 => false,
        kept => {
            assert!(kept as usize >= packet.len(), "cut short to {kept}");
            true
        }
    }
}

/// Many pairs of an event and a mask have nothing to do with each other.
fn many() -> Config {
    let config = config();
    Config { cases: config.cases.max(1024), ..config }
}

proptest! {
    #![proptest_config(many())]

    #[test]
    fn the_program_agrees_with_the_function(
        event in event(), events in mask(), processes in any::<bool>()
    ) {
        let filter = Filter::new(events, processes);
        prop_assert_eq!(passes_program(&filter, &event), filter.matches(&event));
    }

    /// Behind a filter, others' acknowledgements must not fill the queue.
    #[test]
    fn only_the_expected_ack_passes(
        event in event(), events in mask(), skip_threads in any::<bool>(), ack in any::<u32>()
    ) {
        let filter = Filter::new(events, skip_threads);
        let packet = encode::message(&Message::Event(event), ByteOrder::NATIVE);
        let passes = |acks| bpf::run(filter.program_with(acks).instructions(), &packet) != 0;
        let is_ack = event.what == 0;
        prop_assert_eq!(passes(Acks::None), filter.matches(&event) && !is_ack);
        prop_assert_eq!(passes(Acks::Only(event.ack)), filter.matches(&event));
        prop_assert_eq!(passes(Acks::Only(ack)), filter.matches(&event) && (!is_ack || ack == event.ack));
        let kept = bpf::run(Program::acks_only().instructions(), &packet);
        prop_assert_eq!(kept != 0, is_ack);
    }

    /// Another socket's filter has cut it: user space counts it as lost.
    #[test]
    fn message_too_short_for_an_event_passes(
        event in event(), events in mask(), skip_threads in any::<bool>(), length in 1..68_usize
    ) {
        let packet = encode::message(&Message::Event(event), ByteOrder::NATIVE);
        let filter = Filter::new(events, skip_threads);
        for program in [filter.program_with(Acks::None), Program::acks_only()] {
            prop_assert!(bpf::run(program.instructions(), &packet[..length]) as usize >= length);
        }
    }

    #[test]
    fn everything_lets_everything_pass(event in event()) {
        prop_assert!(Filter::EVERYTHING.matches(&event));
        prop_assert!(passes_program(&Filter::EVERYTHING, &event));
    }

    /// Against the kernel's own words for its filter, in `cn_filter` of `drivers/connector/cn_proc.c`.
    #[test]
    fn a_mask_means_what_it_means_to_the_kernel(event in event(), events in mask()) {
        let what = event.what;
        let nonzero = matches!(event.data(), EventData::Exit(Exit { exit_code: 1.., .. }));
        let kernel = events.bits() & what != 0
            || nonzero && events.bits() & 0x2000_0000 != 0;
        let known = !matches!(event.data(), EventData::Ack(_) | EventData::Unknown(_));
        if known {
            prop_assert_eq!(Filter::new(events, false).matches(&event), kernel);
        }
    }
}
