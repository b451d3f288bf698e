//! The two forms of a filter: the kernel's program and the function.

use crate::strategies::{event, mask};
use crate::{bpf, config, encode};
use cnproc_parse::{ByteOrder, Event, EventData, Exit, Filter, Message};
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
        let filter = Filter { events, skip_threads: processes };
        prop_assert_eq!(passes_program(&filter, &event), filter.matches(&event));
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
            prop_assert_eq!(Filter { events, skip_threads: false }.matches(&event), kernel);
        }
    }
}
