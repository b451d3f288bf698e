//! Decides whether a `/proc` directory belongs to the event's process. Pure; the proof is in [`super`].

use super::evidence::Evidence;
use super::stat::Stat;
use crate::procfs::Start;
use cnproc_parse::EventData;

/// How certain it is that facts are those of the event's process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Identity {
    /// Certain. See [`Process`](crate::Process) for the proof.
    Proven,
    /// Consistent with all evidence, but not proven.
    Likely,
}

/// What is known of the process that the directory belongs to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Candidate {
    pub(crate) stat: Stat,
    /// It is another process's thread, whose id is a name in `/proc`, too.
    pub(crate) is_thread: bool,
    /// When it started, compared with the event.
    pub(crate) start: Start,
    /// It had run before the stream was read to its end.
    pub(crate) has_run: bool,
}

impl Candidate {
    /// Whether only a complete stream can prove it.
    pub(crate) fn needs_the_stream(&self) -> bool {
        self.start == Start::Unclear && self.has_run && !self.is_thread
    }
}

/// Whether the candidate is the event's process. `None` if it is a different process, or that cannot be
/// ruled out.
pub(crate) fn identify(
    event: &EventData,
    candidate: &Candidate,
    evidence: &Evidence,
) -> Option<Identity> {
    if candidate.is_thread || candidate.start == Start::After || evidence.reused {
        return None;
    }
    // Another process would have been forked after the event, and that FORK sent before it first ran.
    let by_stream = evidence.all_forks && candidate.has_run;
    let proven = candidate.start == Start::Before || by_stream;
    if proven && is_sent_by_the_living(event) {
        return Some(Identity::Proven);
    }
    let ends = matches!(event, EventData::Exit(exit) if exit.process_pid == exit.process_tgid);
    let ended = ends && candidate.stat.state != b'Z' || evidence.exited && !proven;
    if ended { None } else { Some(Identity::Likely) }
}

/// Whether the process still had its pid when the event was sent. An EXIT is sent after the parent has
/// been notified, and a PTRACE by the tracer: the pid may belong to another process by then.
const fn is_sent_by_the_living(event: &EventData) -> bool {
    !matches!(event, EventData::Exit(_) | EventData::Ptrace(_))
}

#[cfg(test)]
mod tests {
    use super::*;
    use cnproc_parse::{Exec, Exit, Ptrace};

    const EXEC: EventData = EventData::Exec(Exec { process_pid: 7, process_tgid: 7 });
    const PTRACE: EventData = EventData::Ptrace(Ptrace {
        process_pid: 7,
        process_tgid: 7,
        tracer_pid: 1,
        tracer_tgid: 1,
    });
    const FOUND: Candidate = Candidate {
        stat: Stat {
            pid: 7,
            state: b'S',
            ppid: 1,
            session: 1,
            flags: 0,
            effort: 1,
            threads: 1,
            start_ticks: 1,
            exit_signal: 17,
            comm: [0; 16],
            exit_code: 0,
        },
        is_thread: false,
        start: Start::Unclear,
        has_run: true,
    };
    const OLD: Candidate = Candidate { start: Start::Before, ..FOUND };
    const NEW: Candidate = Candidate { has_run: false, ..FOUND };
    const ZOMBIE: Candidate = Candidate { stat: Stat { state: b'Z', ..FOUND.stat }, ..FOUND };
    const NOTHING: Evidence = Evidence {
        reused: false,
        exited: false,
        replaced: false,
        all_forks: false,
        all_execs: false,
    };
    const ALL: Evidence = Evidence { all_forks: true, ..NOTHING };

    const PROVEN: Option<Identity> = Some(Identity::Proven);
    const LIKELY: Option<Identity> = Some(Identity::Likely);

    fn exit(pid: i32) -> EventData {
        EventData::Exit(Exit {
            process_pid: pid,
            process_tgid: 7,
            exit_code: 0,
            exit_signal: 17,
            parent_pid: 1,
            parent_tgid: 1,
        })
    }

    #[test]
    fn complete_stream_proves_a_process_that_has_run() {
        assert_eq!(identify(&EXEC, &FOUND, &ALL), PROVEN);
        assert_eq!(identify(&EXEC, &NEW, &ALL), LIKELY);
        assert_eq!(identify(&EXEC, &FOUND, &NOTHING), LIKELY);
    }

    #[test]
    fn earlier_start_proves_without_the_stream() {
        assert_eq!(identify(&EXEC, &OLD, &NOTHING), PROVEN);
        assert_eq!(identify(&EXEC, &Candidate { has_run: false, ..OLD }, &NOTHING), PROVEN);
    }

    #[test]
    fn later_owner_of_the_pid_is_refused() {
        for found in [FOUND, OLD, NEW, ZOMBIE] {
            for since in [NOTHING, ALL] {
                assert_eq!(identify(&EXEC, &found, &Evidence { reused: true, ..since }), None);
                let later = Candidate { start: Start::After, ..found };
                assert_eq!(identify(&EXEC, &later, &since), None);
                let thread = Candidate { is_thread: true, ..found };
                assert_eq!(identify(&EXEC, &thread, &since), None, "a thread");
            }
        }
    }

    #[test]
    fn exit_refutes_only_where_a_fork_may_be_missing() {
        let exited = |since| Evidence { exited: true, ..since };
        assert_eq!(identify(&EXEC, &FOUND, &exited(NOTHING)), None);
        assert_eq!(identify(&EXEC, &NEW, &exited(ALL)), None);
        assert_eq!(identify(&EXEC, &ZOMBIE, &exited(ALL)), PROVEN);
        assert_eq!(identify(&EXEC, &OLD, &exited(NOTHING)), PROVEN);
    }

    #[test]
    fn late_events_prove_nothing() {
        assert_eq!(identify(&PTRACE, &OLD, &ALL), LIKELY);
        assert_eq!(identify(&exit(8), &OLD, &ALL), LIKELY);
        assert_eq!(identify(&exit(7), &ZOMBIE, &ALL), LIKELY);
        assert_eq!(identify(&exit(7), &OLD, &ALL), None, "it ended, and this one lives");
    }
}
