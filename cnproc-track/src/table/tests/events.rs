use super::*;

#[test]
fn forked_child_has_its_parents_name_ids_and_session() {
    let mut tester = Tester::complete();
    assert_eq!(change(tester.fork(1, 5)), (Kind::Started, tester.id(5)));
    assert_eq!(change(tester.comm(5, 5, b'a')), (Kind::Renamed, tester.id(5)));
    assert_eq!(change(tester.uid(5, 5, 7, 8)), (Kind::Ids, tester.id(5)));
    let gid = tester.event(kernel::PROC_EVENT_GID, [5, 5, 9, 10, 0, 0]);
    assert_eq!(change(tester.apply(&gid)), (Kind::Ids, tester.id(5)));
    let sid = tester.event(kernel::PROC_EVENT_SID, [5, 5, 0, 0, 0, 0]);
    assert_eq!(change(tester.apply(&sid)), (Kind::Session, tester.id(5)));
    tester.fork(5, 6);
    let (parent, child) = (tester.entry(5), tester.entry(6));
    assert_eq!((child.name(), child.sid), (&b"a"[..], 5));
    assert_eq!((child.ruid, child.euid, child.rgid, child.egid), (7, 8, 9, 10));
    assert_eq!(child.creator, Some(parent.id));
    assert_eq!(tester.table.ppid(child), Some(5));
    assert_eq!(child.start_ns, tester.now);
    let members = Known::MEMBERS | Known::CREATOR;
    assert_eq!((parent.known, child.known), (members, members));
}

#[test]
fn event_that_changes_nothing_reports_nothing() {
    let mut tester = Tester::complete();
    tester.fork(1, 5);
    assert_eq!(tester.comm(5, 5, b'N'), Outcome::Nothing);
    assert_eq!(tester.uid(5, 5, 0, 0), Outcome::Nothing);
    let core = tester.event(kernel::PROC_EVENT_COREDUMP, [5, 5, 1, 1, 0, 0]);
    assert_eq!(tester.apply(&core), Outcome::Nothing);
    let ptrace = tester.event(kernel::PROC_EVENT_PTRACE, [99, 99, 98, 98, 0, 0]);
    assert_eq!(tester.apply(&ptrace), Outcome::Nothing);
    let ack = tester.event(kernel::PROC_EVENT_NONE, [0; 6]);
    assert_eq!(tester.apply(&ack), Outcome::Nothing);
    assert!(tester.table.is_synced());
}

#[test]
fn child_of_a_thread_with_another_name_has_no_known_name() {
    let mut tester = Tester::complete();
    tester.fork(1, 5);
    tester.thread(5, 6);
    tester.fork_by(6, 5, 7);
    assert!(tester.entry(7).known.contains(Known::COMM), "all threads have the leader's");
    assert_eq!(tester.comm(6, 5, b't'), Outcome::Nothing);
    tester.fork_by(6, 5, 8);
    assert!(!tester.entry(8).known.contains(Known::COMM));
    tester.fork(5, 9);
    assert!(tester.entry(9).known.contains(Known::COMM), "the leader forked");
    assert!(change(tester.exec(5)).0 == Kind::Executed);
    assert!(!tester.entry(5).known.contains(Known::COMM));
}

#[test]
fn child_of_a_thread_with_other_ids_has_no_known_ids() {
    let mut tester = Tester::complete();
    tester.fork(1, 5);
    tester.thread(5, 6);
    assert_eq!(tester.uid(6, 5, 3, 3), Outcome::Nothing);
    tester.fork_by(6, 5, 7);
    let known = tester.entry(7).known;
    assert!(!known.contains(Known::UID) && !known.contains(Known::GID));
    assert_eq!(change(tester.exec(5)).0, Kind::Executed);
    assert!(!tester.entry(5).known.contains(Known::UID), "they may be those of the thread");
}

#[test]
fn kernel_thread_has_no_known_name() {
    let mut tester = Tester::complete();
    let kthreadd = tester.running(2, 0);
    assert!(matches!(tester.table.compare(&kthreadd), Ok(Compared::Again(_))));
    tester.fork(2, 9);
    assert!(!tester.entry(9).known.contains(Known::COMM));
    assert!(tester.entry(9).known.contains(Known::UID));
}

#[test]
fn exec_replaces_name_and_texts_and_keeps_the_id() {
    let mut tester =
        Tester::with(&TableOptions { pids: 100, cmdline: true, ..TableOptions::default() });
    let one = tester.running(1, 0);
    tester.table.compare(&one).unwrap();
    let (id, text) = (tester.id(1), Text::Cmdline);
    tester.table.set_text(id, text, b"init").unwrap();
    tester.fork(1, 5);
    let child = tester.id(5);
    assert_eq!(tester.table.text(child, text), Some(&b"init"[..]));
    assert!(tester.entry(5).known.contains(Known::CMDLINE));

    assert_eq!(change(tester.exec(5)), (Kind::Executed, child));
    assert_eq!(tester.entry(5).exec_ns, tester.now);
    assert!(!tester.entry(5).known.contains(Known::CMDLINE));
    let seen = tester.running(5, 1);
    assert!(tester.table.set_program(child, &seen));
    assert_eq!(tester.table.set_text(child, text, b"sh"), Ok(false));
    assert_eq!(tester.table.text(child, text), Some(&b"sh"[..]));
    assert_eq!(tester.table.text(id, text), Some(&b"init"[..]));
    assert!(tester.entry(5).known.contains(Known::CMDLINE | Known::COMM));
    assert_eq!(
        tester.table.set_text(child, text, b"sh -x"),
        Ok(true),
        "another of the same program"
    );
    assert_eq!(tester.table.set_text(child, Text::Exe, b"/bin/sh"), Ok(false), "not kept");
    assert_eq!(tester.table.text(child, Text::Exe), Some(&b""[..]));
}

#[test]
fn session_change_among_threads_puts_the_table_in_doubt() {
    let mut tester = Tester::complete();
    tester.fork(1, 5);
    tester.thread(5, 6);
    let sid = tester.event(kernel::PROC_EVENT_SID, [5, 5, 0, 0, 0, 0]);
    assert_eq!(change(tester.apply(&sid)), (Kind::Session, tester.id(5)));
    assert!(tester.table.is_in_doubt());
}

#[test]
fn event_of_an_unknown_pid_puts_a_complete_table_in_doubt() {
    let events = [
        (kernel::PROC_EVENT_FORK, [50, 50, 51, 51, 0, 0]),
        (kernel::PROC_EVENT_FORK, [1, 1, 51, 50, 0, 0]),
        (kernel::PROC_EVENT_EXEC, [50, 50, 0, 0, 0, 0]),
        (kernel::PROC_EVENT_UID, [50, 50, 0, 0, 0, 0]),
        (kernel::PROC_EVENT_GID, [50, 50, 0, 0, 0, 0]),
        (kernel::PROC_EVENT_SID, [50, 50, 0, 0, 0, 0]),
        (kernel::PROC_EVENT_COMM, [50, 50, 0, 0, 0, 0]),
        (kernel::PROC_EVENT_COREDUMP, [50, 50, 1, 1, 0, 0]),
        (kernel::PROC_EVENT_EXIT, [50, 50, 0, 17, 1, 1]),
    ];
    for (what, words) in events {
        let mut tester = Tester::complete();
        let event = tester.event(what, words);
        tester.apply(&event);
        assert!(tester.table.is_in_doubt(), "{event}");
        let mut tester = Tester::with(&TableOptions { pids: 100, ..TableOptions::default() });
        tester.apply(&event);
        assert!(!tester.table.is_in_doubt(), "at the start: {event}");
    }
    let mut tester = Tester::complete();
    let late_thread = tester.thread_exit_event(51, 50, 0);
    assert_eq!(tester.apply(&late_thread), Outcome::Nothing);
    assert!(tester.table.is_synced(), "it may come after its process has ended");
}

#[test]
fn changes_in_doubt_are_marked_and_what_is_inherited_is_not_known() {
    let mut tester = Tester::complete();
    tester.table.doubt();
    let Outcome::Change(started) = tester.fork(1, 5) else { panic!("not started") };
    assert!(started.in_doubt && !started.inferred);
    assert_eq!(tester.entry(5).known, Known::NONE);
    assert_eq!(tester.entry(5).name(), b"N");
}
