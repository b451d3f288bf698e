//! The program, run by the kernel on datagrams of our own, and the ring that it fills.
//!
//! They take the capabilities that a ring takes: without them they are skipped, unless `CNPROC_REQUIRE_LIVE` is
//! set.

mod filter;
mod program;
mod waking;

use super::*;
use crate::fake_kernel::Contents;
use cnproc_parse::{Event, single_event};
use std::vec::Vec;

/// A ring, and the kernel that fills it.
struct Kernel {
    program: Fd,
}

/// What the program made of a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Dropped,
    /// Queued on the socket, whole.
    Queued,
}

/// A ring for as many events as that receive buffer holds. None if there cannot be any here.
fn ring(filter: &Filter, acks: bool, receive_buffer: u32) -> Option<(Kernel, Ring)> {
    match Ring::with_program(filter, acks, receive_buffer) {
        Ok((ring, program)) => Some((Kernel { program }, ring)),
        Err(error) if std::env::var_os("CNPROC_REQUIRE_LIVE").is_none() => {
            std::eprintln!("skipped: {error}");
            None
        }
        Err(error) => panic!("live tests are required: {error}"),
    }
}

fn everything() -> Option<(Kernel, Ring)> {
    ring(&Filter::EVERYTHING, false, crate::DEFAULT_RECEIVE_BUFFER)
}

impl Kernel {
    fn send(&self, datagram: &[u8]) -> Fate {
        self.send_from(datagram, 0)
    }

    fn send_from(&self, datagram: &[u8], port: u32) -> Fate {
        match bpf::test_run(&self.program, datagram, port) {
            0 => Fate::Dropped,
            u32::MAX => Fate::Queued,
            length => panic!("it would cut the datagram to {length} bytes"),
        }
    }

    fn say(&self, contents: Contents) -> Fate {
        self.send(&contents.bytes())
    }
}

fn slots(count: usize) -> crate::sys::mapping::Mapping<Slot> {
    crate::sys::mapping::Mapping::new(count).unwrap()
}

/// All that is in the ring: events, and how many were lost before each.
fn records(ring: &mut Ring) -> Vec<(Event, u32)> {
    let mut slots = slots(4096);
    let Received::Datagrams(count) = ring.take_ready(&mut slots) else { panic!("unfinished") };
    let taken = slots.iter().take(count);
    taken.map(|slot| (single_event(slot.datagram()).unwrap(), slot.lost_before())).collect()
}
