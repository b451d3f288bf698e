//! Each of the nine event types, caused on purpose, comes with the right fields, and each mask passes only its types.

use crate::kernel::Kernel;
use crate::{Outcome, system};
use cnproc_parse::kernel;
use cnproc_sys::{Delivery, EventData, EventMask};
use std::io::{Read, Write};
use std::process::{self, Child, Command, Stdio};
use std::time::Duration;
use support::wait::HANG_LIMIT;
use support::{live, task};

/// This program's argument: cause events and die.
pub const CAUSE: &str = "--cause-events";

/// How long to wait for an event that must not come.
const A_WHILE: Duration = Duration::from_millis(100);

/// Not those of root; the effective ids differ from the real ones.
const GIDS: (u32, u32) = (7, 8);
const UIDS: (u32, u32) = (9, 10);
const NAME: &str = "cause of events";

/// Run as a child: causes an event of each type but fork and exec, which its parent caused.
pub fn cause() -> ! {
    system::setsid().expect("setsid");
    task::set_name(NAME);
    // The parent attaches to this process now, and then writes a byte.
    println!("ready");
    std::io::stdin().read_exact(&mut [0]).expect("a byte from the parent");
    system::set_ids(GIDS, UIDS).expect("ids");
    process::abort();
}

/// The types of the child's events, in their order.
const TYPES: [u32; 10] = [
    kernel::PROC_EVENT_FORK,
    kernel::PROC_EVENT_EXEC,
    kernel::PROC_EVENT_SID,
    kernel::PROC_EVENT_COMM,
    kernel::PROC_EVENT_PTRACE,
    kernel::PROC_EVENT_PTRACE,
    kernel::PROC_EVENT_GID,
    kernel::PROC_EVENT_UID,
    kernel::PROC_EVENT_COREDUMP,
    kernel::PROC_EVENT_EXIT,
];

/// The child's events as the kernel must send them.
fn expected(child: i32) -> Vec<(u32, EventData)> {
    use cnproc_sys::{Comm, Coredump, Exec, Exit, Fork, Gid, Ptrace, Sid, Uid};
    let (process_pid, process_tgid) = (child, child);
    let parent = process::id() as i32;
    let mut comm = [0; 16];
    comm[..NAME.len()].copy_from_slice(NAME.as_bytes());
    let ptrace = |tracer| {
        EventData::Ptrace(Ptrace {
            process_pid,
            process_tgid,
            tracer_pid: tracer,
            tracer_tgid: tracer,
        })
    };
    let data = [
        EventData::Fork(Fork {
            parent_pid: parent,
            parent_tgid: parent,
            child_pid: child,
            child_tgid: child,
        }),
        EventData::Exec(Exec { process_pid, process_tgid }),
        EventData::Sid(Sid { process_pid, process_tgid }),
        EventData::Comm(Comm { process_pid, process_tgid, comm }),
        ptrace(parent),
        ptrace(0),
        EventData::Gid(Gid { process_pid, process_tgid, rgid: GIDS.0, egid: GIDS.1 }),
        EventData::Uid(Uid { process_pid, process_tgid, ruid: UIDS.0, euid: UIDS.1 }),
        EventData::Coredump(Coredump {
            process_pid,
            process_tgid,
            parent_pid: parent,
            parent_tgid: parent,
        }),
        EventData::Exit(Exit {
            process_pid,
            process_tgid,
            exit_code: libc::SIGABRT as u32,
            exit_signal: libc::SIGCHLD as u32,
            parent_pid: parent,
            parent_tgid: parent,
        }),
    ];
    TYPES.into_iter().zip(data).collect()
}

/// Causes each type of event. Returns the child that did, which must be waited for after its EXIT has come: the event
/// of a process that has been reaped does not name the parent.
fn cause_all() -> Result<Child, Box<dyn std::error::Error>> {
    let mut child = Command::new("/proc/self/exe")
        .arg(CAUSE)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut ready = [0; 6];
    child.stdout.take().ok_or("no output")?.read_exact(&mut ready)?;
    system::attach_and_detach(child.id())?;
    child.stdin.take().ok_or("no input")?.write_all(b"!")?;
    Ok(child)
}

/// A child that exits with status 0, which NONZERO_EXIT leaves out.
fn exit_with_zero() -> Outcome {
    Command::new("/proc/self/exe").arg("--no-such-argument").stderr(Stdio::null()).status()?;
    Ok(())
}

fn bits() -> impl Iterator<Item = EventMask> {
    (0..32).filter_map(|bit| EventMask::from_bits(1 << bit))
}

pub fn each_type_with_each_mask(_: &Kernel) -> Outcome {
    let mut listeners = vec![(EventMask::ALL, live::options().open()?)];
    for mask in bits() {
        listeners.push((mask, live::options().events(mask).open()?));
    }
    // And one whose mask is changed while it is open.
    let mut changed = live::options().events(EventMask::FORK).open()?;
    changed.set_events(EventMask::GID | EventMask::NONZERO_EXIT)?;
    listeners.push((EventMask::GID | EventMask::NONZERO_EXIT, changed));

    exit_with_zero()?;
    let mut dying = cause_all()?;
    let child = dying.id() as i32;
    let all = expected(child);
    for (mask, listener) in &mut listeners {
        let (mut events, mut unwanted) = (Vec::new(), Vec::new());
        let mut timeout = HANG_LIMIT;
        while let Some(batch) = listener.recv(Some(timeout))? {
            for delivery in batch {
                let Delivery::Event(event) = delivery else {
                    return Err("events were lost".into());
                };
                if !passes(*mask, event.what, &event.data()) {
                    unwanted.push(event);
                }
                if event.process_tgid() == Some(child) {
                    events.push((event.what, event.data()));
                }
            }
            // What has come to the listener without a mask has come to all.
            if events.len() == all.len() || *mask != EventMask::ALL {
                timeout = A_WHILE;
            }
        }
        let wanted = all.iter().copied().filter(|(what, data)| passes(*mask, *what, data));
        let wanted: Vec<_> = wanted.collect();
        assert!(!wanted.is_empty());
        assert_eq!(unwanted, [], "with mask {:#x}", mask.bits());
        assert_eq!(events, wanted, "with mask {:#x}", mask.bits());
    }
    dying.wait()?;
    Ok(())
}

/// The meaning of the mask, in other words than the library's.
fn passes(mask: EventMask, what: u32, data: &EventData) -> bool {
    let nonzero = matches!(data, EventData::Exit(exit) if exit.exit_code != 0);
    mask.bits() & what != 0 || nonzero && mask.contains(EventMask::NONZERO_EXIT)
}
