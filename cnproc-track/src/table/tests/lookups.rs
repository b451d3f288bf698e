use super::*;
use std::vec::Vec;

fn pids<'a>(entries: impl Iterator<Item = &'a Entry<u64>>) -> Vec<i32> {
    let mut pids: Vec<_> = entries.map(|entry| entry.pid).collect();
    pids.sort_unstable();
    pids
}

/// 1 has 5 and 6, and 5 has 7.
fn family() -> Tester {
    let mut tester = Tester::complete();
    tester.fork(1, 5);
    tester.fork(1, 6);
    tester.fork(5, 7);
    tester
}

#[test]
fn relatives_are_found_by_id() {
    let mut tester = family();
    let (one, five, seven) = (tester.id(1), tester.id(5), tester.id(7));
    assert_eq!(pids(tester.table.children(one)), [5, 6]);
    assert_eq!(pids(tester.table.children(five)), [7]);
    let ancestors: Vec<_> = tester.table.ancestors(seven).map(|entry| entry.pid).collect();
    assert_eq!(ancestors, [5, 1]);
    assert_eq!(pids(tester.table.ancestors(one)), []);
    assert_eq!(pids(tester.table.iter()), [1, 5, 6, 7]);
    assert_eq!((tester.table.len(), tester.table.is_empty()), (4, false));
    *tester.table.user_mut(five).unwrap() = 55;
    assert_eq!(tester.entry(5).user, 55);
    assert_eq!(tester.entry(7).user, 0, "it is not inherited");
}

#[test]
fn parent_of_an_orphan_is_unknown_until_a_look_finds_it() {
    let mut tester = family();
    let (five, seven) = (tester.id(5), tester.id(7));
    tester.exit(5, 0);
    assert_eq!(tester.table.ppid(tester.entry(7)), None);
    assert_eq!(pids(tester.table.ancestors(seven)), []);
    assert_eq!(pids(tester.table.children(five)), [], "it has ended");
    assert_eq!(tester.entry(7).creator, Some(five), "though it is gone");
    let gone = tester.look(7, Presence::Gone);
    assert!(!tester.table.set_parent(seven, &gone));
    let seen = tester.running(7, 6);
    assert!(tester.table.set_parent(seven, &seen));
    assert_eq!(tester.table.ppid(tester.entry(7)), Some(6));
    assert_eq!(pids(tester.table.ancestors(seven)), [1, 6]);
}

#[test]
fn exit_reports_the_parent_that_the_process_had_at_its_end() {
    let mut tester = family();
    let seven = tester.id(7);
    tester.exit(5, 0);
    tester.exit(7, 0);
    assert_eq!(tester.table.ppid(tester.table.get_id(seven).unwrap()), Some(1));
}

#[test]
fn parent_that_is_younger_than_the_look_is_not_the_parent() {
    let mut tester = Tester::complete();
    let mut seen = tester.running(5, 8);
    tester.fork(1, 8);
    tester.table.compare(&seen).unwrap();
    assert_eq!(tester.table.ppid(tester.entry(5)), None);
    seen.snapshot.before_ns = tester.now;
    let id = tester.id(5);
    assert!(tester.table.set_parent(id, &seen));
    assert_eq!(tester.table.ppid(tester.entry(5)), Some(8));
    seen.parent_is_new = true;
    assert!(tester.table.set_parent(id, &seen));
    assert_eq!(tester.table.ppid(tester.entry(5)), None, "its pid is given away");
}

#[test]
fn cursor_visits_each_process_once_whatever_happens_meanwhile() {
    let mut tester = family();
    let mut cursor = 0;
    let mut visited = Vec::new();
    while let Some(entry) = tester.table.next(&mut cursor) {
        visited.push(entry.pid);
        if visited.len() == 2 {
            tester.exit(6, 0);
        }
    }
    assert_eq!(visited, [1, 5, 7]);
    assert!(tester.table.next(&mut cursor).is_none());
}

#[test]
fn process_that_ended_is_found_by_id_until_the_next_one_ends() {
    let mut tester = family();
    let (six, seven) = (tester.id(6), tester.id(7));
    tester.exit(6, 0);
    assert!(tester.table.get_id(six).is_some() && !tester.table.is_live(six));
    tester.exit(7, 0);
    assert!(tester.table.get_id(six).is_none() && tester.table.get_id(seven).is_some());
}
