use super::*;

fn compare(tester: &mut Tester, seen: &Observation) -> Compared {
    tester.table.compare(seen).unwrap()
}

fn kind(compared: Compared) -> (Kind, Id, bool) {
    match compared {
        Compared::Again(change) => (change.kind, change.id, change.inferred),
        compared => panic!("no change: {compared:?}"),
    }
}

#[test]
fn process_that_has_run_is_found() {
    let mut tester = Tester::complete();
    let mut seen = tester.running(5, 1);
    seen.snapshot.start_ns = BOOT_OFFSET + 70;
    let compared = compare(&mut tester, &seen);
    let entry = tester.entry(5);
    assert_eq!(kind(compared), (Kind::Found, entry.id, true));
    assert_eq!((entry.name(), entry.sid, entry.start_ns), (&b"N"[..], 1, 70));
    assert_eq!((entry.creator, tester.table.ppid(entry)), (None, Some(1)));
    assert_eq!(entry.known, Known::MEMBERS);
    assert_eq!(compare(&mut tester, &seen), Compared::Settled);
}

#[test]
fn process_that_has_not_run_is_looked_at_later() {
    let mut tester = Tester::complete();
    let mut seen = tester.running(5, 1);
    seen.snapshot.has_run = false;
    assert_eq!(compare(&mut tester, &seen), Compared::Later);
    seen.pending.fork = true;
    assert_eq!(compare(&mut tester, &seen), Compared::Settled, "its FORK brings it in");
    assert!(tester.table.get(5).is_none());
}

#[test]
fn pending_fork_brings_its_process_in() {
    let mut tester = Tester::complete();
    let mut seen = tester.running(5, 1);
    seen.pending.fork = true;
    assert_eq!(compare(&mut tester, &seen), Compared::Settled);
    assert!(tester.table.get(5).is_none());
    assert_eq!(change(tester.fork(1, 5)).0, Kind::Started);
}

#[test]
fn zombie_without_threads_is_no_process_and_one_with_threads_is() {
    let mut tester = Tester::complete();
    let seen = tester.look(5, Presence::Ended(None));
    assert_eq!(compare(&mut tester, &seen), Compared::Settled);
    let mut seen = tester.look(6, Presence::Leaderless);
    seen.snapshot.threads = 2;
    let compared = compare(&mut tester, &seen);
    assert_eq!(kind(compared).0, Kind::Found);
    let last = tester.thread_exit_event(7, 6, 256);
    let seen = tester.look(6, Presence::Gone);
    assert_eq!(change(tester.apply_with(&last, &seen)).0, Kind::Exited);
}

#[test]
fn other_start_is_another_process() {
    let mut tester = Tester::complete();
    tester.fork(1, 5);
    let former = tester.id(5);
    tester.doubt();
    let mut seen = tester.running(5, 1);
    seen.snapshot.start_ns += 1;
    assert_eq!(kind(compare(&mut tester, &seen)), (Kind::Exited, former, true));
    assert!(tester.table.get(5).is_none(), "it ends before the other is found");
    let compared = compare(&mut tester, &seen);
    let found = tester.id(5);
    assert_eq!(kind(compared), (Kind::Found, found, true));
    assert!(found > former);
    assert_eq!(compare(&mut tester, &seen), Compared::Settled);
}

#[test]
fn earlier_start_than_the_fork_is_the_same_process_until_a_tick_is_seen() {
    let mut tester = Tester::complete();
    tester.fork(1, 5);
    let id = tester.id(5);
    tester.doubt();
    let mut seen = tester.running(5, 1);
    seen.snapshot.start_ns -= 500;
    while compare(&mut tester, &seen) != Compared::Settled {}
    assert_eq!(tester.id(5), id);
    seen.snapshot.start_ns -= 1;
    tester.doubt();
    assert_eq!(kind(compare(&mut tester, &seen)).0, Kind::Exited, "the tick is known now");
}

#[test]
fn process_known_to_have_run_is_not_one_that_has_not() {
    let mut tester = Tester::complete();
    tester.fork(1, 5);
    tester.comm(5, 5, b'x');
    tester.fork(1, 6);
    tester.doubt();
    let mut seen = tester.running(5, 1);
    seen.snapshot.has_run = false;
    assert_eq!(compare(&mut tester, &seen), Compared::Later, "whose FORK may be on its way");
    let mut seen = tester.running(6, 1);
    seen.snapshot.has_run = false;
    assert_eq!(compare(&mut tester, &seen), Compared::Later, "this one, or another");
}

#[test]
fn end_is_inferred_only_in_doubt_and_if_nothing_is_pending() {
    let mut tester = Tester::complete();
    tester.fork(1, 5);
    let id = tester.id(5);
    let mut seen = tester.look(5, Presence::Gone);
    assert_eq!(compare(&mut tester, &seen), Compared::Settled, "its EXIT is on its way");
    tester.doubt();
    seen.pending.exit = true;
    assert_eq!(compare(&mut tester, &seen), Compared::Later);
    seen.pending.exit = false;
    assert_eq!(kind(compare(&mut tester, &seen)), (Kind::Exited, id, true));
    let entry = tester.table.get_id(id).unwrap();
    assert_eq!((entry.status, entry.exit_ns), (None, 0));
}

#[test]
fn inferred_end_has_the_zombies_status_or_that_of_exits_before() {
    let mut tester = Tester::complete();
    tester.fork(1, 5);
    let id = tester.id(5);
    tester.doubt();
    let seen = tester.look(5, Presence::Ended(Some(WaitStatus(7))));
    compare(&mut tester, &seen);
    assert_eq!(status(&tester, id), Some(7));

    let mut tester = Tester::complete();
    tester.fork(1, 5);
    let id = tester.id(5);
    tester.thread(5, 6);
    let leader = tester.exit_event(5, 256);
    let seen = tester.look(5, Presence::Leaderless);
    tester.apply_with(&leader, &seen);
    let last = tester.thread_exit_event(6, 5, 256);
    let seen = Observation { is_complete: false, ..tester.look(5, Presence::Gone) };
    assert_eq!(tester.apply_with(&last, &seen), Outcome::Nothing);
    assert!(tester.table.is_in_doubt());
    tester.doubt();
    let seen = tester.look(5, Presence::Gone);
    compare(&mut tester, &seen);
    assert_eq!(status(&tester, id), Some(256));
}

#[test]
fn late_exit_of_an_inferred_end_is_expected() {
    let mut tester = Tester::complete();
    tester.fork(1, 5);
    tester.doubt();
    let gone = tester.look(5, Presence::Gone);
    compare(&mut tester, &gone);
    tester.sync();
    tester.exit(5, 0);
    assert!(tester.table.is_synced());
    tester.exit(5, 0);
    assert!(tester.table.is_in_doubt(), "but one alone");
}

#[test]
fn lost_changes_are_inferred_one_at_a_time() {
    let mut tester = Tester::complete();
    tester.fork(1, 5);
    let id = tester.id(5);
    tester.doubt();
    let mut seen = tester.running(5, 1);
    (seen.snapshot.comm[0], seen.snapshot.sid) = (b'x', 5);
    seen.snapshot.ids = Some(Ids { ruid: 1, euid: 2, rgid: 3, egid: 4 });
    assert_eq!(kind(compare(&mut tester, &seen)), (Kind::Renamed, id, true));
    assert_eq!(kind(compare(&mut tester, &seen)), (Kind::Session, id, true));
    assert_eq!(kind(compare(&mut tester, &seen)), (Kind::Ids, id, true));
    assert_eq!(compare(&mut tester, &seen), Compared::Settled);
    let entry = tester.entry(5);
    assert_eq!((entry.name(), entry.sid), (&b"x"[..], 5));
    assert_eq!((entry.ruid, entry.euid, entry.rgid, entry.egid), (1, 2, 3, 4));
}

#[test]
fn pending_event_decides_what_it_changes() {
    let mut tester = Tester::complete();
    let mut seen = tester.running(5, 1);
    seen.pending = Pending { comm: true, uid: true, session: true, ..Pending::default() };
    let compared = compare(&mut tester, &seen);
    assert_eq!(kind(compared).0, Kind::Found);
    assert_eq!(tester.entry(5).known, Known::GID);
    seen.pending = Pending { exec: true, ..Pending::default() };
    assert_eq!(kind(compare(&mut tester, &seen)).0, Kind::Session);
    assert_eq!(compare(&mut tester, &seen), Compared::Settled);
    assert_eq!(tester.entry(5).known, Known::GID | Known::SESSION);
    seen.pending = Pending::default();
    assert_eq!(kind(compare(&mut tester, &seen)).0, Kind::Renamed, "known now");
    assert_eq!(kind(compare(&mut tester, &seen)).0, Kind::Ids);
    assert_eq!(compare(&mut tester, &seen), Compared::Settled);
}

#[test]
fn program_is_taken_only_from_the_process_that_executed_it() {
    let mut tester = Tester::complete();
    tester.fork(1, 5);
    tester.exec(5);
    let id = tester.id(5);
    let good = tester.running(5, 1);
    let with = |change: fn(&mut Observation)| {
        let mut seen = good;
        change(&mut seen);
        seen
    };
    for seen in [
        with(|seen| seen.snapshot.presence = Presence::Gone),
        with(|seen| seen.snapshot.has_run = false),
        with(|seen| seen.snapshot.start_ns += 1),
        with(|seen| seen.pending.fork = true),
        with(|seen| seen.pending.exec = true),
        with(|seen| seen.is_complete = false),
    ] {
        assert!(!tester.table.set_program(id, &seen), "{seen:?}");
        assert!(!tester.entry(5).known.contains(Known::COMM), "{seen:?}");
    }
    let renamed = with(|seen| seen.pending.comm = true);
    assert!(tester.table.set_program(id, &renamed), "the texts are its own");
    assert!(!tester.entry(5).known.contains(Known::COMM));
    let zombie = with(|seen| seen.snapshot.presence = Presence::Ended(None));
    assert!(tester.table.set_program(id, &zombie));
    assert!(tester.entry(5).known.contains(Known::COMM));
}

#[test]
fn comparison_with_doubt_in_it_does_not_make_the_table_complete() {
    let mut tester = Tester::complete();
    tester.table.doubt();
    tester.table.begin_scan(tester.now);
    tester.table.doubt();
    assert!(!tester.table.end_scan(tester.now));
    assert!(tester.table.is_in_doubt());
    tester.sync();
    assert!(tester.table.is_synced());
}

#[test]
fn only_entries_from_before_the_comparison_are_unchecked() {
    let mut tester = Tester::complete();
    tester.fork(1, 5);
    tester.table.begin_scan(tester.now);
    tester.fork(1, 6);
    let mut cursor = 0;
    assert_eq!(tester.table.next_unchecked(&mut cursor, false), Some(1));
    assert_eq!(tester.table.next_unchecked(&mut cursor, false), Some(5));
    assert_eq!(tester.table.next_unchecked(&mut cursor, false), None);
    let seen = tester.running(5, 1);
    while compare(&mut tester, &seen) != Compared::Settled {}
    cursor = 0;
    assert_eq!(tester.table.next_unchecked(&mut cursor, false), Some(1));
    assert_eq!(tester.table.next_unchecked(&mut cursor, false), None);
}

#[test]
fn pending_fork_of_its_pid_leaves_a_process_to_that_event() {
    let mut tester = Tester::complete();
    tester.fork(1, 5);
    let mut seen = tester.running(5, 1);
    seen.pending.fork = true;
    assert_eq!(compare(&mut tester, &seen), Compared::Settled);
    tester.table.doubt();
    assert_eq!(compare(&mut tester, &seen), Compared::Settled);
    assert!(tester.table.get(5).is_some(), "until then it is there");
}

#[test]
fn name_and_ids_of_a_thread_that_was_not_seen_are_unknown() {
    let unknown = |tester: &mut Tester| {
        tester.fork_by(6, 5, 7);
        let known = tester.entry(7).known;
        !known.contains(Known::COMM) && !known.contains(Known::UID) && !known.contains(Known::GID)
    };
    // It was there before the process was found; threads may have ended by then.
    let mut tester = Tester::complete();
    let seen = tester.running(5, 1);
    while compare(&mut tester, &seen) != Compared::Settled {}
    assert!(unknown(&mut tester));
    // It was there when the process was looked at.
    let mut tester = Tester::complete();
    tester.fork(1, 5);
    let mut seen = tester.running(5, 1);
    seen.snapshot.threads = 2;
    while compare(&mut tester, &seen) != Compared::Settled {}
    assert!(unknown(&mut tester));
    // The leader has its own.
    tester.fork(5, 8);
    assert!(tester.entry(8).known.contains(Known::COMM | Known::UID | Known::GID));
}

/// The parent can wait for a process before the EXIT of its last thread is sent.
#[test]
fn found_process_that_is_gone_before_its_last_exit_has_no_status_of_0() {
    // The other thread's code, if its EXIT has come, and the leader's.
    let cases = [(None, 0, None), (None, 7, Some(7)), (Some(0), 0, Some(0)), (Some(7), 7, Some(7))];
    for (others, leaders, known) in cases {
        let mut tester = Tester::complete();
        let mut seen = tester.running(5, 1);
        seen.snapshot.threads = 2;
        while compare(&mut tester, &seen) != Compared::Settled {}
        let id = tester.id(5);
        if let Some(code) = others {
            let other = tester.thread_exit_event(6, 5, code);
            assert_eq!(tester.apply(&other), Outcome::Nothing);
        }
        let leader = tester.exit_event(5, leaders);
        let gone = tester.look(5, Presence::Gone);
        assert_eq!(change(tester.apply_with(&leader, &gone)), (Kind::Exited, id));
        assert_eq!(status(&tester, id), known, "{others:?} {leaders}");
    }
}

#[test]
fn process_that_has_not_run_and_started_during_the_comparison_is_left_to_its_fork() {
    let mut tester = Tester::complete();
    tester.doubt();
    let mut seen = tester.running(5, 1);
    seen.snapshot.has_run = false;
    seen.snapshot.start_ns = tester.now + BOOT_OFFSET;
    assert_eq!(compare(&mut tester, &seen), Compared::Settled);
    assert!(tester.table.get(5).is_none());
    seen.snapshot.start_ns = tester.now + BOOT_OFFSET - 2_000;
    assert_eq!(compare(&mut tester, &seen), Compared::Later, "its FORK may have come before");
    tester.table.expect_forks(tester.now + 1_000);
    seen.snapshot.start_ns = tester.now + BOOT_OFFSET;
    assert_eq!(compare(&mut tester, &seen), Compared::Later, "applied to another scope");
}

#[test]
fn process_that_passed_the_comparison_or_began_during_it_is_left_to_its_events() {
    let mut tester = Tester::complete();
    tester.fork(1, 5);
    tester.doubt();
    let seen = tester.running(5, 1);
    while compare(&mut tester, &seen) != Compared::Settled {}
    tester.fork(1, 6);
    for pid in [5, 6] {
        let id = tester.id(pid);
        let mut seen = tester.look(pid, Presence::Gone);
        for exit in [true, false] {
            seen.pending.exit = exit;
            assert_eq!(compare(&mut tester, &seen), Compared::Settled, "{pid} {exit}");
        }
        assert!(tester.table.is_live(id));
    }
    let mut seen = tester.running(6, 1);
    seen.snapshot.has_run = false;
    assert_eq!(compare(&mut tester, &seen), Compared::Settled);
}
