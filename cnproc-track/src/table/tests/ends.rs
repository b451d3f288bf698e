use super::*;

#[test]
fn leaders_exit_ends_a_process_that_never_had_threads() {
    let mut tester = Tester::complete();
    tester.fork(1, 5);
    let id = tester.id(5);
    assert_eq!(change(tester.exit(5, 7 << 8)), (Kind::Exited, id));
    assert!(tester.table.get(5).is_none());
    let entry = tester.table.get_id(id).unwrap();
    assert_eq!((entry.status, entry.exit_ns), (Some(WaitStatus(7 << 8)), tester.now));
    assert!(tester.table.is_synced());
}

#[test]
fn process_lives_on_when_its_leader_leaves_before_a_thread() {
    let mut tester = Tester::complete();
    tester.fork(1, 5);
    let id = tester.id(5);
    tester.thread(5, 6);
    let leader = tester.exit_event(5, 0);
    let seen = tester.look(5, Presence::Leaderless);
    assert_eq!(tester.apply_with(&leader, &seen), Outcome::Nothing);
    assert_eq!(tester.id(5), id);
    let last = tester.thread_exit_event(6, 5, 7 << 8);
    let seen = tester.look(5, Presence::Gone);
    assert_eq!(change(tester.apply_with(&last, &seen)), (Kind::Exited, id));
    assert_eq!(status(&tester, id), Some(7 << 8));
}

#[test]
fn threads_exit_before_the_leaders_needs_no_look() {
    let mut tester = Tester::complete();
    tester.fork(1, 5);
    tester.thread(5, 6);
    let event = tester.thread_exit_event(6, 5, 0);
    assert_eq!(tester.apply(&event), Outcome::Nothing);
    let id = tester.id(5);
    let last = tester.exit_event(5, 3 << 8);
    let seen = tester.look(5, Presence::Ended(None));
    assert_eq!(change(tester.apply_with(&last, &seen)), (Kind::Exited, id));
    assert_eq!(status(&tester, id), Some(3 << 8));
}

#[test]
fn exec_by_a_thread_ends_nothing() {
    let mut tester = Tester::complete();
    tester.fork(1, 5);
    let id = tester.id(5);
    tester.thread(5, 6);
    let leader = tester.exit_event(5, 0);
    let seen = tester.look(5, Presence::Running);
    assert_eq!(tester.apply_with(&leader, &seen), Outcome::Nothing);
    assert_eq!(change(tester.exec(5)), (Kind::Executed, id));
    assert_eq!(change(tester.exit(5, 256)), (Kind::Exited, id), "one thread, so without a look");
    assert_eq!(status(&tester, id), Some(256));
}

#[test]
fn former_leaders_exit_after_an_exec_ends_nothing() {
    let mut tester = Tester::complete();
    tester.fork(1, 5);
    tester.thread(5, 6);
    // Made before the exec, or by a leader that has lost its place.
    let late = tester.exit_event(5, 0);
    tester.exec(5);
    assert_eq!(tester.apply(&late), Outcome::Nothing);
    let demoted = tester.event(kernel::PROC_EVENT_EXIT, [5, 5, 0, -1, 0, 0]);
    assert_eq!(tester.apply(&demoted), Outcome::Nothing);
    assert!(tester.table.get(5).is_some() && tester.table.is_synced());
}

#[test]
fn process_goes_on_if_the_stream_holds_more_of_it() {
    for pending in [
        Pending { thread_exit: true, ..Pending::default() },
        Pending { exec: true, ..Pending::default() },
        Pending { thread: true, ..Pending::default() },
        Pending { session: true, ..Pending::default() },
    ] {
        let mut tester = Tester::complete();
        tester.fork(1, 5);
        tester.thread(5, 6);
        let leader = tester.exit_event(5, 0);
        let gone = tester.look(5, Presence::Gone);
        assert_eq!(
            tester.apply_with(&leader, &Observation { pending, ..gone }),
            Outcome::Nothing,
            "{pending:?}"
        );
        assert!(tester.table.get(5).is_some());
    }
}

#[test]
fn status_is_the_zombies_or_that_on_which_all_exits_agree() {
    // Leader's code, the other thread's, what the zombie shows; what is known.
    let cases = [
        (0, 7, None, Some(7)),
        (0, 0, None, Some(0)),
        (7, 7, None, Some(7)),
        (7, 0, None, None),
        (7, 9, None, None),
        (7, 0, Some(3), Some(3)),
        (0, 7, Some(5), Some(5)),
    ];
    for (leader, other, zombie, known) in cases {
        let mut tester = Tester::complete();
        tester.fork(1, 5);
        let id = tester.id(5);
        tester.thread(5, 6);
        let first = tester.exit_event(5, leader);
        let seen = tester.look(5, Presence::Leaderless);
        tester.apply_with(&first, &seen);
        let last = tester.thread_exit_event(6, 5, other);
        let seen = tester.look(5, Presence::Ended(zombie.map(WaitStatus)));
        tester.apply_with(&last, &seen);
        assert_eq!(status(&tester, id), known, "{leader} {other} {zombie:?}");
    }
}

#[test]
fn status_is_unknown_while_a_threads_exit_is_missing() {
    let mut tester = Tester::complete();
    tester.fork(1, 5);
    let id = tester.id(5);
    tester.thread(5, 6);
    tester.thread(5, 7);
    let first = tester.exit_event(5, 0);
    let seen = tester.look(5, Presence::Leaderless);
    tester.apply_with(&first, &seen);
    // The other thread's is on its way: what it carries is not known.
    let second = tester.thread_exit_event(6, 5, 0);
    let seen = tester.look(5, Presence::Gone);
    assert_eq!(change(tester.apply_with(&second, &seen)), (Kind::Exited, id));
    assert_eq!(status(&tester, id), None);
}

#[test]
fn fork_of_a_live_pid_ends_its_owner_and_its_late_exit_ends_nobody() {
    let mut tester = Tester::complete();
    tester.fork(1, 5);
    let former = tester.id(5);
    let late = tester.exit_event(5, 256);
    let fork = tester.event(kernel::PROC_EVENT_FORK, [1, 1, 5, 5, 0, 0]);
    let Outcome::First(ended) = tester.apply(&fork) else { panic!("not ended first") };
    assert_eq!((ended.kind, ended.id), (Kind::Exited, former));
    assert!(tester.table.get(5).is_none(), "as of this change, nobody has the pid");
    assert_eq!(status(&tester, former), None);
    assert_eq!(change(tester.apply(&fork)).0, Kind::Started);
    let owner = tester.id(5);
    assert_ne!(owner, former);
    assert_eq!(tester.apply(&late), Outcome::Nothing, "it is older than the fork");
    assert_eq!(change(tester.exit(5, 0)), (Kind::Exited, owner));
    assert!(tester.table.is_synced());
}

/// A pid whose former owner's EXIT is still to come.
fn owed() -> (Tester, Id) {
    let mut tester = Tester::complete();
    tester.fork(1, 5);
    assert!(matches!(tester.fork(1, 5), Outcome::First(_)));
    assert_eq!(change(tester.fork(1, 5)).0, Kind::Started);
    let owner = tester.id(5);
    (tester, owner)
}

#[test]
fn late_exit_without_a_parent_is_swallowed_if_the_process_lives() {
    let (mut tester, owner) = owed();
    let late = tester.released_exit_event(5, 256);
    let seen = tester.running(5, 1);
    assert_eq!(tester.apply_with(&late, &seen), Outcome::Nothing);
    // One was to come, and has come.
    let own = tester.released_exit_event(5, 512);
    assert_eq!(change(tester.apply(&own)), (Kind::Exited, owner));
    assert_eq!(status(&tester, owner), Some(512));
}

#[test]
fn exit_with_a_parent_is_the_present_owners() {
    let (mut tester, owner) = owed();
    assert_eq!(change(tester.exit(5, 256)), (Kind::Exited, owner));
    assert_eq!(status(&tester, owner), Some(256));
    let late = tester.released_exit_event(5, 0);
    assert_eq!(tester.apply(&late), Outcome::Nothing);
    assert!(tester.table.is_synced(), "the late one was expected");
}

#[test]
fn status_is_unknown_if_the_exit_may_be_a_former_owners() {
    for (presence, known) in
        [(Presence::Gone, None), (Presence::Ended(Some(WaitStatus(9))), Some(9))]
    {
        let (mut tester, owner) = owed();
        let either = tester.released_exit_event(5, 256);
        let seen = tester.look(5, presence);
        assert_eq!(change(tester.apply_with(&either, &seen)), (Kind::Exited, owner));
        assert_eq!(status(&tester, owner), known);
        let other = tester.released_exit_event(5, 0);
        assert_eq!(tester.apply(&other), Outcome::Nothing);
        assert!(tester.table.is_synced());
    }
}

#[test]
fn look_at_a_process_that_has_not_run_decides_nothing() {
    let (mut tester, owner) = owed();
    let late = tester.released_exit_event(5, 256);
    let mut seen = tester.running(5, 1);
    seen.snapshot.has_run = false;
    assert_eq!(tester.apply_with(&late, &seen), Outcome::Look(5));
    seen.pending.fork = true;
    assert_eq!(change(tester.apply_with(&late, &seen)), (Kind::Exited, owner));
}

#[test]
fn exit_long_after_the_start_is_the_present_owners() {
    let mut tester = Tester::complete();
    let mut seen = tester.running(5, 1);
    seen.snapshot.start_ns = tester.now;
    assert!(matches!(tester.table.compare(&seen), Ok(Compared::Again(_))));
    let exit = tester.released_exit_event(5, 256);
    assert_eq!(tester.apply(&exit), Outcome::Look(5), "a former owner is not known of");
    tester.now += LATE_NS;
    let exit = tester.released_exit_event(5, 256);
    assert_eq!(change(tester.apply(&exit)).0, Kind::Exited);
}

#[test]
fn late_exit_that_does_not_come_puts_the_table_in_doubt() {
    let (mut tester, _) = owed();
    tester.now += LATE_NS - 10_000;
    tester.comm(1, 1, b'a');
    assert!(tester.table.is_synced());
    tester.now += 10_000;
    tester.comm(1, 1, b'b');
    assert!(tester.table.is_in_doubt());
}

#[test]
fn exit_without_a_parent_needs_a_look_while_former_owners_are_unknown() {
    let mut tester = Tester::with(&TableOptions { pids: 100, ..TableOptions::default() });
    tester.sync();
    tester.fork(0, 5);
    let exit = tester.released_exit_event(5, 0);
    assert_eq!(tester.apply(&exit), Outcome::Look(5));
    tester.now += LATE_NS;
    tester.fork(0, 6);
    let exit = tester.released_exit_event(6, 0);
    assert_eq!(change(tester.apply(&exit)).0, Kind::Exited);
}

#[test]
fn exit_in_doubt_needs_a_look() {
    let mut tester = Tester::complete();
    tester.fork(1, 5);
    let id = tester.id(5);
    tester.table.doubt();
    let leader = tester.exit_event(5, 0);
    let seen = tester.look(5, Presence::Leaderless);
    assert_eq!(
        tester.apply_with(&leader, &seen),
        Outcome::Nothing,
        "the FORK of a thread was lost"
    );
    let last = tester.thread_exit_event(6, 5, 0);
    let seen = tester.look(5, Presence::Gone);
    let Outcome::Change(ended) = tester.apply_with(&last, &seen) else { panic!("it has ended") };
    assert_eq!((ended.kind, ended.id, ended.in_doubt), (Kind::Exited, id, true));
}

#[test]
fn look_without_the_whole_stream_puts_the_table_in_doubt() {
    let mut tester = Tester::complete();
    tester.fork(1, 5);
    tester.thread(5, 6);
    let leader = tester.exit_event(5, 0);
    let seen = Observation { is_complete: false, ..tester.look(5, Presence::Gone) };
    assert_eq!(tester.apply_with(&leader, &seen), Outcome::Nothing);
    assert!(tester.table.is_in_doubt() && tester.table.get(5).is_some());
}

#[test]
fn process_that_has_executed_has_its_leader_again() {
    let mut tester = Tester::complete();
    tester.fork(1, 5);
    tester.thread(5, 6);
    let leader = tester.exit_event(5, 0);
    let seen = tester.look(5, Presence::Leaderless);
    tester.apply_with(&leader, &seen);
    tester.exec(5);
    tester.thread(5, 7);
    let thread = tester.thread_exit_event(7, 5, 0);
    assert_eq!(tester.apply(&thread), Outcome::Nothing, "without a look");
}

#[test]
fn exit_of_a_leader_that_an_exec_has_replaced_is_expected() {
    let mut tester = Tester::complete();
    tester.fork(1, 5);
    tester.thread(5, 6);
    tester.exec(5);
    let late = tester.released_exit_event(5, 0);
    let seen = tester.running(5, 1);
    assert_eq!(tester.apply_with(&late, &seen), Outcome::Nothing);
    let id = tester.id(5);
    let own = tester.released_exit_event(5, 256);
    assert_eq!(change(tester.apply(&own)), (Kind::Exited, id));
    assert_eq!(status(&tester, id), Some(256));
}

#[test]
fn zombie_is_not_known_to_be_the_process_without_the_whole_stream() {
    let (mut tester, owner) = owed();
    let either = tester.released_exit_event(5, 256);
    let zombie = tester.look(5, Presence::Ended(Some(WaitStatus(9))));
    let seen = Observation { is_complete: false, ..zombie };
    assert_eq!(change(tester.apply_with(&either, &seen)), (Kind::Exited, owner));
    assert_eq!(status(&tester, owner), None);
}

#[test]
fn process_that_has_run_has_ended_if_one_has_its_pid_that_has_not() {
    let (mut tester, owner) = owed();
    tester.comm(5, 5, b'x');
    let exit = tester.released_exit_event(5, 256);
    let mut seen = tester.running(5, 1);
    seen.snapshot.has_run = false;
    assert_eq!(change(tester.apply_with(&exit, &seen)), (Kind::Exited, owner));
}

#[test]
fn exit_made_before_the_process_was_seen_alive_is_not_its_own() {
    let mut tester = Tester::complete();
    tester.fork(1, 5);
    let id = tester.id(5);
    let older = tester.exit_event(5, 0);
    tester.table.doubt();
    let seen = tester.running(5, 1);
    while tester.table.compare(&seen) != Ok(Compared::Settled) {}
    tester.sync();
    assert_eq!(tester.apply(&older), Outcome::Nothing);
    assert_eq!(tester.id(5), id);
}

#[test]
fn exit_of_a_leader_that_was_found_a_zombie_may_be_older_than_the_look() {
    let mut tester = Tester::complete();
    let leader = tester.exit_event(6, 0);
    let mut seen = tester.look(6, Presence::Leaderless);
    seen.snapshot.threads = 2;
    while tester.table.compare(&seen) != Ok(Compared::Settled) {}
    assert_eq!(tester.apply_with(&leader, &seen), Outcome::Nothing);
    let id = tester.id(6);
    let last = tester.thread_exit_event(7, 6, 0);
    let seen = tester.look(6, Presence::Gone);
    assert_eq!(change(tester.apply_with(&last, &seen)), (Kind::Exited, id));
}

#[test]
fn exit_made_while_the_process_was_looked_at_needs_another_look() {
    let mut tester = Tester::complete();
    let mut seen = tester.running(5, 1);
    seen.snapshot.after_ns += 5_000;
    while tester.table.compare(&seen) != Ok(Compared::Settled) {}
    let exit = tester.exit_event(5, 0);
    assert!(exit.timestamp_ns < seen.snapshot.after_ns);
    let (id, gone) = (tester.id(5), tester.look(5, Presence::Gone));
    assert_eq!(change(tester.apply_with(&exit, &gone)), (Kind::Exited, id));
}
