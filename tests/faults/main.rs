//! Every system call of the library fails once, with each error that it may have: the answer is documented, nothing
//! leaks, and the listener, or the tracker, goes on.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "for tests"
)]

mod answers;
mod judge;
mod log;
mod sweep;

use cnproc_sys::Listener;
use support::require;
use sweep::sweep;

/// Lets each call of all steps fail.
fn with_faults(scenario: &'static str) {
    if require::root() && require::program("strace") && require::live() {
        sweep(scenario);
    }
}

#[test]
fn unfiltered_listener_survives_each_failed_call() {
    with_faults("everything");
}

#[test]
fn filtered_listener_survives_each_failed_call() {
    with_faults("filtered");
}

#[test]
fn coalescing_listener_survives_each_failed_call() {
    with_faults("coalescing");
}

#[test]
fn full_queue_is_accounted_for_after_each_failed_call() {
    with_faults("overflow");
}

#[test]
fn full_filtered_queue_is_accounted_for_after_each_failed_call() {
    with_faults("filtered_overflow");
}

/// Lets each call of all steps of a listener that asks for a ring fail. While it is opened, the socket takes its place.
fn with_faults_of_the_ring(scenario: &'static str) {
    if !require::root() || !require::live() {
        return;
    }
    match Listener::options().ring(true).open().unwrap().stats().ring_error {
        None => with_faults(scenario),
        Some(error) => require::skip(&format!("no ring: {error}")),
    }
}

#[test]
fn listener_with_a_ring_survives_each_failed_call() {
    with_faults_of_the_ring("ring");
}

#[test]
fn coalescing_listener_with_a_ring_survives_each_failed_call() {
    with_faults_of_the_ring("ring_coalescing");
}

#[test]
fn full_ring_is_accounted_for_after_each_failed_call() {
    with_faults_of_the_ring("ring_overflow");
}

#[test]
fn acknowledgements_are_counted_after_each_failed_call() {
    with_faults("witness");
}

#[test]
fn change_of_the_mask_survives_each_failed_call() {
    with_faults("set_events");
}

#[test]
fn adopted_listener_survives_each_failed_call() {
    with_faults("adopt");
}

#[test]
fn process_is_identified_after_each_failed_call() {
    with_faults("identify");
}

#[test]
fn facts_are_right_after_each_failed_call() {
    with_faults("facts");
}

#[test]
fn scan_finds_every_process_after_each_failed_call() {
    with_faults("track_scan");
}

#[test]
fn changes_of_a_process_are_tracked_after_each_failed_call() {
    with_faults("track_stream");
}

#[test]
fn table_recovers_from_a_loss_after_each_failed_call() {
    with_faults("track_loss");
}

#[test]
fn tracked_process_can_be_asked_for_after_each_failed_call() {
    with_faults("track_handles");
}

#[test]
fn descendants_are_found_after_each_failed_call() {
    with_faults("track_descendants");
}

#[test]
fn adopted_tracker_survives_each_failed_call() {
    with_faults("track_adopt");
}
