//! Whose directory it is: the proof, pure. It is told in [`super`].

use super::clock::Start;
use super::stat::Stat;
use crate::connector::Since;
use cnproc_parse::EventData;

/// How sure it is that facts are of the event's process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Identity {
    /// Certain. See [`Process`](crate::Process) for the proof.
    Proven,
    /// Nothing speaks against it, but the proof is not complete.
    Likely,
}

/// What is known of the process whose directory it is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Found {
    pub(crate) stat: Stat,
    /// It is another process's thread, whose id is a name in `/proc`, too.
    pub(crate) is_thread: bool,
    /// When it started, as seen from the event.
    pub(crate) start: Start,
    /// It has run, before the stream was read to its end.
    pub(crate) has_run: bool,
}

/// Whether the process found is the event's. None: it is not, or that must be feared.
pub(crate) fn verdict(event: &EventData, found: &Found, since: &Since) -> Option<Identity> {
    if found.is_thread || found.start == Start::After || since.reused {
        return None;
    }
    // Another would have been forked after the event, and that FORK sent before it first ran.
    let by_stream = since.all_forks && found.has_run;
    let proven = found.start == Start::Before || by_stream;
    if proven && is_sent_by_the_living(event) {
        return Some(Identity::Proven);
    }
    let ends = matches!(event, EventData::Exit(exit) if exit.process_pid == exit.process_tgid);
    let ended = ends && found.stat.state != b'Z' || since.exited && !proven;
    if ended { None } else { Some(Identity::Likely) }
}

/// Whether its process still had its pid when the event was sent. An EXIT is sent after the parent has
/// been told, and a PTRACE by the tracer: the pid may be another's by then.
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
    const FOUND: Found = Found {
        stat: Stat {
            state: b'S',
            ppid: 1,
            session: 1,
            effort: 1,
            threads: 1,
            start_ticks: 1,
            exit_signal: 17,
        },
        is_thread: false,
        start: Start::Unclear,
        has_run: true,
    };
    const OLD: Found = Found { start: Start::Before, ..FOUND };
    const NEW: Found = Found { has_run: false, ..FOUND };
    const ZOMBIE: Found = Found { stat: Stat { state: b'Z', ..FOUND.stat }, ..FOUND };
    const NOTHING: Since =
        Since { reused: false, exited: false, replaced: false, all_forks: false, all_execs: false };
    const ALL: Since = Since { all_forks: true, ..NOTHING };

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
    fn the_whole_stream_proves_it_of_one_that_has_run() {
        assert_eq!(verdict(&EXEC, &FOUND, &ALL), PROVEN);
        assert_eq!(verdict(&EXEC, &NEW, &ALL), LIKELY);
        assert_eq!(verdict(&EXEC, &FOUND, &NOTHING), LIKELY);
    }

    #[test]
    fn an_earlier_start_proves_it_without_the_stream() {
        assert_eq!(verdict(&EXEC, &OLD, &NOTHING), PROVEN);
        assert_eq!(verdict(&EXEC, &Found { has_run: false, ..OLD }, &NOTHING), PROVEN);
    }

    #[test]
    fn another_of_the_same_pid_is_refused() {
        for found in [FOUND, OLD, NEW, ZOMBIE] {
            for since in [NOTHING, ALL] {
                assert_eq!(verdict(&EXEC, &found, &Since { reused: true, ..since }), None);
                let later = Found { start: Start::After, ..found };
                assert_eq!(verdict(&EXEC, &later, &since), None);
                let thread = Found { is_thread: true, ..found };
                assert_eq!(verdict(&EXEC, &thread, &since), None, "a thread");
            }
        }
    }

    #[test]
    fn an_exit_refutes_only_where_a_fork_could_be_missing() {
        let exited = |since| Since { exited: true, ..since };
        assert_eq!(verdict(&EXEC, &FOUND, &exited(NOTHING)), None);
        assert_eq!(verdict(&EXEC, &NEW, &exited(ALL)), None);
        assert_eq!(verdict(&EXEC, &ZOMBIE, &exited(ALL)), PROVEN);
        assert_eq!(verdict(&EXEC, &OLD, &exited(NOTHING)), PROVEN);
    }

    #[test]
    fn events_that_may_be_late_prove_nothing() {
        assert_eq!(verdict(&PTRACE, &OLD, &ALL), LIKELY);
        assert_eq!(verdict(&exit(8), &OLD, &ALL), LIKELY);
        assert_eq!(verdict(&exit(7), &ZOMBIE, &ALL), LIKELY);
        assert_eq!(verdict(&exit(7), &OLD, &ALL), None, "it ended, and this one lives");
    }
}
