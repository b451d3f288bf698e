//! What each kernel of the matrix must show, run in a virtual machine as root and as an ordinary user.
//!
//! Prints "ok NAME" or "not ok NAME: why" for each check. It mutes other programs' listeners, unshares namespaces, takes
//! a CPU offline and suspends the machine, so it refuses to run anywhere except in the guest.

#![deny(clippy::undocumented_unsafe_blocks)]

mod acknowledgements;
mod btf;
mod cpu_hotplug;
mod events;
mod flood;
mod kernel;
mod leak;
mod muted;
mod namespaces;
mod neighbours;
mod permission;
mod raw;
mod ring;
mod suspend;
mod system;
mod tracker;

use kernel::{Kernel, Suspend};
use std::panic;
use std::process::ExitCode;
use support::live;

/// A check fails with an error that contains the reason, or with a panic.
type Outcome = Result<(), Box<dyn std::error::Error>>;

type Check = (&'static str, fn(&Kernel) -> Outcome);

const AS_ROOT: &[Check] = &[
    ("the kernel is the requested one", kernel::is_the_requested_one),
    ("the layout is that of the kernel's BTF", kernel::layout_is_that_of_btf),
    ("root may listen", permission::events_come),
    ("events come from the source asked for", permission::source_is_the_one_asked_for),
    ("each event type comes with its fields, with each mask", events::each_type_with_each_mask),
    ("generated = delivered + lost, unfiltered, tiny buffer", flood::unfiltered_tiny_buffer),
    ("generated = delivered + lost, unfiltered, large buffer", flood::unfiltered_large_buffer),
    ("generated = delivered + lost, filtered, tiny buffer", flood::filtered_tiny_buffer),
    ("generated = delivered + lost while a CPU goes off and on", cpu_hotplug::loss_stays_exact),
    ("a storm of others' acknowledgements confuses no open", acknowledgements::storm),
    ("a mask in the request is acknowledged since 6.6 only", acknowledgements::of_masks),
    ("closing sends IGNORE", acknowledgements::closing_sends_ignore),
    ("another network namespace is diagnosed", namespaces::network),
    ("another user namespace is diagnosed", namespaces::user),
    ("another pid namespace is diagnosed", namespaces::pid),
    ("events that others disabled are restored by resume", muted::resume_restores_events),
    ("resume leaves the kernel's count as it was", muted::resume_keeps_the_count),
    ("events that others disabled are restored by open", muted::open_restores_events),
    ("events are restored for all listeners", muted::resume_restores_events_for_all),
    ("a process table is repaired by resume", tracker::is_repaired_by_resume),
    ("a full stream does not show that events are enabled", muted::full_stream_is_no_answer),
    ("events that a neighbour's filter cuts are counted", neighbours::trimmed_events_are_counted),
    ("acknowledgements fill no filtered queue", neighbours::acks_fill_no_filtered_queue),
    ("nothing is proven across a mute", neighbours::nothing_is_proven_across_a_mute),
    ("a killed listener's leaked count does no harm", leak::does_no_harm),
];

const AS_ROOT_WITH_A_RING: &[Check] =
    &[("a hidden translation leaves the socket", ring::hidden_translation_leaves_the_socket)];

const AS_ROOT_WHERE_IT_SUSPENDS: &[Check] = &[
    ("the machine suspends as the table has it", suspend::is_as_the_table_has_it),
    ("generated = delivered + lost while the machine is suspended", suspend::loss_stays_exact),
    ("events are identified across a suspend", suspend::events_are_identified),
];

const AS_ROOT_ELSEWHERE: &[Check] =
    &[("the machine cannot be suspended, as the table has it", suspend::is_impossible)];

const AS_USER_BEFORE_6_6: &[Check] = &[
    ("an ordinary user is refused, with the reason", permission::refused),
    ("another user namespace is diagnosed", namespaces::user),
];

const AS_USER: &[Check] = &[
    ("an ordinary user may listen", permission::events_come),
    ("generated = delivered + lost, as an ordinary user", flood::as_user),
    ("another user namespace is diagnosed", namespaces::user),
    ("events that others disabled are restored by resume", muted::resume_restores_events),
];

fn main() -> ExitCode {
    let kernel = Kernel::running();
    let Some(kernel) = kernel else {
        eprintln!(
            "guest: not in the virtual machine of the kernel tests: this program does nothing here"
        );
        return ExitCode::FAILURE;
    };
    let mut arguments = std::env::args().skip(1);
    match arguments.next().as_deref() {
        None => {}
        Some(namespaces::REPORT) => return namespaces::report(),
        Some(namespaces::PID) => return namespaces::spawn_in_pid_namespace(),
        Some(events::CAUSE) => events::cause(),
        Some(leak::LISTEN) => leak::listen(),
        Some(_) => return ExitCode::FAILURE,
    }
    let of_suspend = match kernel.suspend {
        Suspend::None => AS_ROOT_ELSEWHERE,
        Suspend::Idle | Suspend::Deep => AS_ROOT_WHERE_IT_SUSPENDS,
    };
    let checks = match (system::is_root(), kernel.has_own_state_per_socket()) {
        (true, _) if live::is_with_ring() => [of_suspend, AS_ROOT, AS_ROOT_WITH_A_RING].concat(),
        (true, _) => [of_suspend, AS_ROOT].concat(),
        (false, false) => AS_USER_BEFORE_6_6.to_vec(),
        (false, true) => AS_USER.to_vec(),
    };
    panic::set_hook(Box::new(|_| ()));
    let mut failed = 0;
    for (name, check) in checks {
        let why = match panic::catch_unwind(|| check(&kernel).map_err(|error| error.to_string())) {
            Ok(Ok(())) => {
                println!("ok {name}");
                continue;
            }
            Ok(Err(why)) => why,
            Err(panic) => message(panic.as_ref()),
        };
        println!("not ok {name}: {}", why.replace('\n', " "));
        failed += 1;
    }
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn message(panic: &(dyn std::any::Any + Send)) -> String {
    match (panic.downcast_ref::<&str>(), panic.downcast_ref::<String>()) {
        (Some(text), _) => (*text).to_owned(),
        (_, Some(text)) => text.clone(),
        _ => "a panic".to_owned(),
    }
}
