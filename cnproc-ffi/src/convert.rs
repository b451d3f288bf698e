//! Events from Rust to C and back.

use crate::types::{
    cnproc_ack, cnproc_comm, cnproc_coredump, cnproc_event, cnproc_event_data, cnproc_exec,
    cnproc_exit, cnproc_fork, cnproc_id, cnproc_id_e, cnproc_id_r, cnproc_lost, cnproc_ptrace,
    cnproc_sid,
};
use cnproc_parse::{
    Ack, Comm, Coredump, Event, EventData, Exec, Exit, Fork, Gid, Ptrace, Sid, Uid, Unknown, kernel,
};
use cnproc_sys::Delivery;

/// CNPROC_EVENT_LOST: not the kernel's.
pub(crate) const LOST: u32 = u32::MAX;

impl From<&Event> for cnproc_event {
    fn from(event: &Event) -> Self {
        Self {
            what: event.data.what(),
            cpu: event.cpu,
            timestamp_ns: event.timestamp_ns,
            event_data: (&event.data).into(),
            seq: event.seq,
            ack: event.ack,
            size: event.size,
            reserved: [0; 3],
        }
    }
}

impl From<Delivery> for cnproc_event {
    fn from(delivery: Delivery) -> Self {
        match delivery {
            Delivery::Event(event) => (&event).into(),
            Delivery::Lost(count) => {
                let mut event_data = cnproc_event_data { bytes: [0; 24] };
                event_data.lost = cnproc_lost { count };
                Self {
                    what: LOST,
                    cpu: 0,
                    timestamp_ns: 0,
                    event_data,
                    seq: 0,
                    ack: 0,
                    size: 0,
                    reserved: [0; 3],
                }
            }
        }
    }
}

impl From<&EventData> for cnproc_event_data {
    fn from(data: &EventData) -> Self {
        // All bytes, so that none that C may copy is uninitialised.
        let mut c = Self { bytes: [0; 24] };
        match *data {
            EventData::Ack(Ack { err }) => c.ack = cnproc_ack { err },
            EventData::Fork(Fork { parent_pid, parent_tgid, child_pid, child_tgid }) => {
                c.fork = cnproc_fork { parent_pid, parent_tgid, child_pid, child_tgid };
            }
            EventData::Exec(Exec { process_pid, process_tgid }) => {
                c.exec = cnproc_exec { process_pid, process_tgid };
            }
            EventData::Uid(Uid { process_pid, process_tgid, ruid, euid }) => {
                let (r, e) = (cnproc_id_r { ruid }, cnproc_id_e { euid });
                c.id = cnproc_id { process_pid, process_tgid, r, e };
            }
            EventData::Gid(Gid { process_pid, process_tgid, rgid, egid }) => {
                let (r, e) = (cnproc_id_r { rgid }, cnproc_id_e { egid });
                c.id = cnproc_id { process_pid, process_tgid, r, e };
            }
            EventData::Sid(Sid { process_pid, process_tgid }) => {
                c.sid = cnproc_sid { process_pid, process_tgid };
            }
            EventData::Ptrace(Ptrace { process_pid, process_tgid, tracer_pid, tracer_tgid }) => {
                c.ptrace = cnproc_ptrace { process_pid, process_tgid, tracer_pid, tracer_tgid };
            }
            EventData::Comm(Comm { process_pid, process_tgid, comm }) => {
                c.comm = cnproc_comm { process_pid, process_tgid, comm: comm.map(|b| b as _) };
            }
            EventData::Coredump(Coredump {
                process_pid,
                process_tgid,
                parent_pid,
                parent_tgid,
            }) => {
                c.coredump = cnproc_coredump { process_pid, process_tgid, parent_pid, parent_tgid };
            }
            EventData::Exit(Exit {
                process_pid,
                process_tgid,
                exit_code,
                exit_signal,
                parent_pid,
                parent_tgid,
            }) => {
                c.exit = cnproc_exit {
                    process_pid,
                    process_tgid,
                    exit_code,
                    exit_signal,
                    parent_pid,
                    parent_tgid,
                };
            }
            EventData::Unknown(Unknown { bytes, .. }) => c.bytes = bytes,
            // EventData may grow: a type that this crate does not know yet has no member either.
            _ => {}
        }
        c
    }
}

/// A C event, as it was received. None of CNPROC_EVENT_LOST.
pub(crate) fn event(event: &cnproc_event) -> Option<Event> {
    let cnproc_event { cpu, timestamp_ns, seq, ack, size, .. } = *event;
    event_data(event).ok().map(|data| Event { cpu, timestamp_ns, seq, ack, size, data })
}

/// What a C event says; Err holds the count of a CNPROC_EVENT_LOST.
pub(crate) fn event_data(event: &cnproc_event) -> Result<EventData, u64> {
    let data = event.event_data;
    // SAFETY: every member of the union is of integers, for which any bytes are a value, and a C
    // caller hands over a whole struct.
    let (fork, id, ptrace, comm, coredump, exit, lost, bytes) = unsafe {
        (
            data.fork,
            data.id,
            data.ptrace,
            data.comm,
            data.coredump,
            data.exit,
            data.lost,
            data.bytes,
        )
    };
    // SAFETY: as above.
    let (real, effective) = unsafe { (id.r.ruid, id.e.euid) };
    let (process_pid, process_tgid) = (id.process_pid, id.process_tgid);
    Ok(match event.what {
        LOST => return Err(lost.count),
        kernel::PROC_EVENT_NONE => EventData::Ack(Ack { err: fork.parent_pid.cast_unsigned() }),
        kernel::PROC_EVENT_FORK => EventData::Fork(Fork {
            parent_pid: fork.parent_pid,
            parent_tgid: fork.parent_tgid,
            child_pid: fork.child_pid,
            child_tgid: fork.child_tgid,
        }),
        kernel::PROC_EVENT_EXEC => EventData::Exec(Exec { process_pid, process_tgid }),
        kernel::PROC_EVENT_UID => {
            EventData::Uid(Uid { process_pid, process_tgid, ruid: real, euid: effective })
        }
        kernel::PROC_EVENT_GID => {
            EventData::Gid(Gid { process_pid, process_tgid, rgid: real, egid: effective })
        }
        kernel::PROC_EVENT_SID => EventData::Sid(Sid { process_pid, process_tgid }),
        kernel::PROC_EVENT_PTRACE => EventData::Ptrace(Ptrace {
            process_pid,
            process_tgid,
            tracer_pid: ptrace.tracer_pid,
            tracer_tgid: ptrace.tracer_tgid,
        }),
        kernel::PROC_EVENT_COMM => EventData::Comm(Comm {
            process_pid,
            process_tgid,
            comm: comm.comm.map(|byte| byte as u8),
        }),
        kernel::PROC_EVENT_COREDUMP => EventData::Coredump(Coredump {
            process_pid,
            process_tgid,
            parent_pid: coredump.parent_pid,
            parent_tgid: coredump.parent_tgid,
        }),
        kernel::PROC_EVENT_EXIT => EventData::Exit(Exit {
            process_pid,
            process_tgid,
            exit_code: exit.exit_code,
            exit_signal: exit.exit_signal,
            parent_pid: exit.parent_pid,
            parent_tgid: exit.parent_tgid,
        }),
        what => EventData::Unknown(Unknown { what, bytes }),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every type, with all members different, to C and back.
    #[test]
    fn to_c_and_back_is_the_same() {
        let (process_pid, process_tgid) = (1, 2);
        let all = [
            EventData::Ack(Ack { err: 9 }),
            EventData::Fork(Fork { parent_pid: 1, parent_tgid: 2, child_pid: 3, child_tgid: 4 }),
            EventData::Exec(Exec { process_pid, process_tgid }),
            EventData::Uid(Uid { process_pid, process_tgid, ruid: 3, euid: 4 }),
            EventData::Gid(Gid { process_pid, process_tgid, rgid: 3, egid: 4 }),
            EventData::Sid(Sid { process_pid, process_tgid }),
            EventData::Ptrace(Ptrace { process_pid, process_tgid, tracer_pid: 3, tracer_tgid: 4 }),
            EventData::Comm(Comm { process_pid, process_tgid, comm: *b"\xff23456789abcdefg" }),
            EventData::Coredump(Coredump {
                process_pid,
                process_tgid,
                parent_pid: 3,
                parent_tgid: 4,
            }),
            EventData::Exit(Exit {
                process_pid,
                process_tgid,
                exit_code: 3,
                exit_signal: 4,
                parent_pid: 5,
                parent_tgid: 6,
            }),
            EventData::Unknown(Unknown { what: 0x400, bytes: core::array::from_fn(|i| i as u8) }),
        ];
        for data in all {
            let event = Event { cpu: 7, timestamp_ns: 8, seq: 9, ack: 10, size: 40, data };
            let c = cnproc_event::from(&event);
            assert_eq!(super::event(&c), Some(event));
            assert_eq!((c.what, c.cpu, c.timestamp_ns), (data.what(), 7, 8));
            assert_eq!((c.seq, c.ack, c.size, c.reserved), (9, 10, 40, [0; 3]));
        }
    }

    #[test]
    fn a_loss_has_its_count_and_nothing_else() {
        let c = cnproc_event::from(Delivery::Lost(1 << 40));
        assert_eq!(event_data(&c), Err(1 << 40));
        assert_eq!((c.what, c.size), (LOST, 0));
    }
}
