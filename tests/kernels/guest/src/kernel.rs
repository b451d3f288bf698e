//! Which kernel this is, and how it lays out what it sends.

use crate::Outcome;
use crate::btf::Btf;
use cnproc_parse::kernel::{
    cn_msg, comm_proc_event, coredump_proc_event, exec_proc_event, exit_proc_event,
    fork_proc_event, id_proc_event, nlmsghdr, proc_event, proc_input, ptrace_proc_event,
    sid_proc_event,
};
use std::fs;
use std::mem::offset_of;

/// How the kernel suspends the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Suspend {
    /// It cannot.
    None,
    /// The processors idle, and on such machines no clock stops.
    Idle,
    /// The machine is off except for its memory, and CLOCK_MONOTONIC stops.
    Deep,
}

pub struct Kernel {
    pub release: String,
    /// How the release starts according to the table of kernels, or "newest".
    requested: String,
    /// Whether it has BTF according to the table.
    has_btf: bool,
    /// How it suspends according to the table.
    pub suspend: Suspend,
}

impl Kernel {
    /// The kernel of the virtual machine; `None` anywhere else.
    pub fn running() -> Option<Kernel> {
        let line = fs::read_to_string("/proc/cmdline").ok()?;
        let argument = |name| line.split_whitespace().find_map(|word| word.strip_prefix(name));
        Some(Kernel {
            release: fs::read_to_string("/proc/sys/kernel/osrelease").ok()?.trim().to_owned(),
            requested: argument("cnproc.release=")?.to_owned(),
            has_btf: argument("cnproc.btf=")? == "yes",
            suspend: match argument("cnproc.suspend=")? {
                "none" => Suspend::None,
                "idle" => Suspend::Idle,
                "deep" => Suspend::Deep,
                _ => return None,
            },
        })
    }

    fn version(&self) -> (u32, u32) {
        let mut numbers = self.release.split('.').map(|number| number.parse().unwrap_or(0));
        (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0))
    }

    /// Since 6.6 the kernel keeps an operation and a mask for each socket, and lets anybody listen.
    pub fn has_own_state_per_socket(&self) -> bool {
        self.version() >= (6, 6)
    }
}

pub fn is_the_requested_one(kernel: &Kernel) -> Outcome {
    match kernel.requested.as_str() {
        "newest" => {
            assert!(kernel.version() > (6, 18), "{} is not newer than 6.18", kernel.release)
        }
        start => assert!(kernel.release.starts_with(start), "{} is not {start}", kernel.release),
    }
    Ok(())
}

/// Asserts that a mirrored struct is the kernel's: its size, and the offset of each member named.
macro_rules! assert_layout {
    ($btf:expr, $type:ident, $($member:ident),+) => {{
        let name = stringify!($type);
        let layout = $btf.layout(name).ok_or_else(|| format!("BTF has no struct {name}"))?;
        assert_eq!(layout.size as usize, size_of::<$type>(), "size of {name}");
        $(
            let offset = layout.members.get(stringify!($member)).copied();
            let ours = offset_of!($type, $member) as u32;
            assert_eq!(offset, Some(ours), "offset of {name}.{}", stringify!($member));
        )+
    }};
}

pub fn layout_is_that_of_btf(kernel: &Kernel) -> Outcome {
    let btf = Btf::of_kernel();
    assert_eq!(btf.is_some(), kernel.has_btf, "whether the kernel has BTF");
    let Some(btf) = btf else { return Ok(()) };
    assert_layout!(btf, nlmsghdr, nlmsg_len, nlmsg_type, nlmsg_flags, nlmsg_seq, nlmsg_pid);
    assert_layout!(btf, cn_msg, id, seq, ack, len, flags);
    assert_layout!(btf, proc_event, what, cpu, timestamp_ns, event_data);
    assert_layout!(btf, fork_proc_event, parent_pid, parent_tgid, child_pid, child_tgid);
    assert_layout!(btf, exec_proc_event, process_pid, process_tgid);
    assert_layout!(btf, id_proc_event, process_pid, process_tgid, r, e);
    assert_layout!(btf, sid_proc_event, process_pid, process_tgid);
    assert_layout!(btf, ptrace_proc_event, process_pid, process_tgid, tracer_pid, tracer_tgid);
    assert_layout!(btf, comm_proc_event, process_pid, process_tgid, comm);
    assert_layout!(btf, coredump_proc_event, process_pid, process_tgid, parent_pid, parent_tgid);
    assert_layout!(
        btf,
        exit_proc_event,
        process_pid,
        process_tgid,
        exit_code,
        exit_signal,
        parent_pid,
        parent_tgid
    );
    if kernel.has_own_state_per_socket() {
        assert_layout!(btf, proc_input, mcast_op, event_type);
    }
    Ok(())
}
