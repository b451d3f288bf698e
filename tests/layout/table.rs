//! The library's own numbers: those of `cnproc_parse::kernel`, as the compiler sees them.
//!
//! They are committed as `tests/c/layout.def`, so that C compilers can compare them with headers:
//! `CNPROC_BLESS=1 cargo test -p cnproc-tests --test layout` writes that file.

use crate::{Kind, Member};
use cnproc_parse::kernel::{self, cn_msg, nlmsghdr, proc_event, proc_input};
use std::fmt::Write;
use std::fs;
use std::mem::offset_of;

pub(crate) struct Struct {
    pub(crate) name: &'static str,
    pub(crate) size: usize,
    pub(crate) align: usize,
    pub(crate) members: Vec<Member>,
}

/// `$member as name` where the kernel has a union of members that are read in the same way.
macro_rules! structs {
    ($($type:ident { $($($member:ident).+ $(as $($alias:ident).+)?),* $(,)? })*) => {
        vec![$(Struct {
            name: stringify!($type),
            size: size_of::<$type>(),
            align: align_of::<$type>(),
            members: vec![$(member(
                structs!(@path $($member).+ $(as $($alias).+)?),
                offset_of!($type, $($member).+),
                // SAFETY: no memory is read: only the type of the place matters.
                |at: *const $type| unsafe { &raw const (*at).$($member).+ },
            )),*],
        }),*]
    };
    (@path $($member:ident).+) => { &[$(stringify!($member)),+] };
    (@path $($member:ident).+ as $($alias:ident).+) => { &[$(stringify!($alias)),+] };
}

fn member<S, M>(path: &[&str], offset: usize, _: impl Fn(*const S) -> *const M) -> Member {
    let kind = match std::any::type_name::<M>().as_bytes()[0] {
        b'i' => Kind::Signed,
        b'u' => Kind::Unsigned,
        _ => Kind::Bytes,
    };
    Member { path: path.join("."), offset, size: size_of::<M>(), kind }
}

pub(crate) fn structs() -> Vec<Struct> {
    structs! {
        nlmsghdr { nlmsg_len, nlmsg_type, nlmsg_flags, nlmsg_seq, nlmsg_pid }
        cn_msg { id.idx, id.val, seq, ack, len, flags }
        proc_event {
            what, cpu, timestamp_ns,
            event_data.ack.err,
            event_data.fork.parent_pid, event_data.fork.parent_tgid,
            event_data.fork.child_pid, event_data.fork.child_tgid,
            event_data.exec.process_pid, event_data.exec.process_tgid,
            event_data.id.process_pid, event_data.id.process_tgid,
            event_data.id.r as event_data.id.r.ruid, event_data.id.r as event_data.id.r.rgid,
            event_data.id.e as event_data.id.e.euid, event_data.id.e as event_data.id.e.egid,
            event_data.sid.process_pid, event_data.sid.process_tgid,
            event_data.ptrace.process_pid, event_data.ptrace.process_tgid,
            event_data.ptrace.tracer_pid, event_data.ptrace.tracer_tgid,
            event_data.comm.process_pid, event_data.comm.process_tgid, event_data.comm.comm,
            event_data.coredump.process_pid, event_data.coredump.process_tgid,
            event_data.coredump.parent_pid, event_data.coredump.parent_tgid,
            event_data.exit.process_pid, event_data.exit.process_tgid,
            event_data.exit.exit_code, event_data.exit.exit_signal,
            event_data.exit.parent_pid, event_data.exit.parent_tgid,
        }
        proc_input { mcast_op, event_type }
    }
}

pub(crate) fn constants() -> Vec<(&'static str, i64)> {
    macro_rules! constants {
        ($($name:ident),* $(,)?) => { vec![$((stringify!($name), kernel::$name as i64)),*] };
    }
    constants![
        NETLINK_CONNECTOR,
        NLMSG_NOOP,
        NLMSG_ERROR,
        NLMSG_DONE,
        NLMSG_OVERRUN,
        NLMSG_ALIGNTO,
        CN_IDX_PROC,
        CN_VAL_PROC,
        PROC_CN_MCAST_LISTEN,
        PROC_CN_MCAST_IGNORE,
        PROC_EVENT_NONE,
        PROC_EVENT_FORK,
        PROC_EVENT_EXEC,
        PROC_EVENT_UID,
        PROC_EVENT_GID,
        PROC_EVENT_SID,
        PROC_EVENT_PTRACE,
        PROC_EVENT_COMM,
        PROC_EVENT_COREDUMP,
        PROC_EVENT_EXIT,
        PROC_EVENT_NONZERO_EXIT,
        PROC_EVENT_ALL,
    ]
}

/// Whether the kernel's headers have it only since Linux 6.6.
fn is_since_6_6(name: &str) -> bool {
    ["proc_input", "PROC_EVENT_NONZERO_EXIT", "PROC_EVENT_ALL"].contains(&name)
}

fn as_c() -> String {
    let (mut always, mut since_6_6) = (String::new(), String::new());
    for Struct { name, size, align, members } in structs() {
        let out = if is_since_6_6(name) { &mut since_6_6 } else { &mut always };
        writeln!(out, "STRUCT({name}, {size}, {align})").unwrap();
        for Member { path, offset, size, kind } in members {
            let kind = format!("{kind:?}").to_uppercase();
            writeln!(out, "MEMBER({name}, {path}, {offset}, {size}, {kind})").unwrap();
        }
    }
    for (name, value) in constants() {
        let out = if is_since_6_6(name) { &mut since_6_6 } else { &mut always };
        writeln!(out, "CONSTANT({name}, {value:#x})").unwrap();
    }
    format!(
        "/* The layouts and constants of cnproc-parse/src/kernel.rs: written by tests/layout. */\n\
         {always}#ifdef PROC_EVENT_ALL /* Linux 6.6 */\n{since_6_6}#endif\n"
    )
}

#[test]
fn committed_table_is_the_librarys() {
    let path = support::root().join("tests/c/layout.def");
    if std::env::var_os("CNPROC_BLESS").is_some() {
        fs::write(&path, as_c()).unwrap();
    }
    assert!(
        fs::read_to_string(&path).unwrap() == as_c(),
        "tests/c/layout.def is not what cnproc-parse has: run the test with CNPROC_BLESS=1, and read \
         what changed"
    );
}

/// The table is written by hand. It has every constant that the library has.
#[test]
fn table_has_every_constant() {
    let source = support::root().join("cnproc-parse/src/kernel.rs");
    let source = fs::read_to_string(source).unwrap();
    let names =
        source.lines().filter_map(|line| line.strip_prefix("pub const ")?.split(':').next());
    // Not a name of the kernel's.
    for name in names.filter(|name| *name != "PROC_EVENT_SIZE_BEFORE_3_2") {
        assert!(constants().iter().any(|(known, _)| *known == name), "{name} is not in the table");
    }
}
