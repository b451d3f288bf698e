use super::*;
use crate::memory::{Array, Memory};
use std::cell::Cell;
use std::ops::{Deref, DerefMut};
use std::rc::Rc;
use std::vec::Vec;

/// Memory that ends when the cell says so.
struct Scarce(Rc<Cell<bool>>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct NoMemory;

struct Growing<T>(Vec<T>, Rc<Cell<bool>>);

impl<T> Deref for Growing<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.0
    }
}

impl<T> DerefMut for Growing<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        &mut self.0
    }
}

impl<T: Copy> Array<T> for Growing<T> {
    type Error = NoMemory;

    fn grow(&mut self, count: usize, value: T) -> Result<(), NoMemory> {
        if self.1.get() {
            return Err(NoMemory);
        }
        self.0.resize(self.0.len() + count, value);
        Ok(())
    }
}

impl Memory for Scarce {
    type Error = NoMemory;
    type Array<T: Copy> = Growing<T>;
    type Fixed = Vec<u32>;

    fn array<T: Copy>(&self) -> Growing<T> {
        Growing(Vec::new(), Rc::clone(&self.0))
    }

    fn zeroed(&self, length: usize) -> Result<Vec<u32>, NoMemory> {
        if self.0.get() { Err(NoMemory) } else { Ok(std::vec![0; length]) }
    }
}

#[test]
fn full_table_reports_each_process_that_it_leaves_out() {
    let mut tester =
        Tester::with(&TableOptions { pids: 100, max_processes: 2, ..TableOptions::default() });
    tester.sync();
    tester.fork(0, 1);
    tester.fork(1, 2);
    let fork = tester.event(kernel::PROC_EVENT_FORK, [1, 1, 3, 3, 0, 0]);
    assert_eq!(tester.table.apply(&fork, None), Err(TableError::Full));
    let seen = tester.running(3, 1);
    assert_eq!(tester.table.compare(&seen), Err(TableError::Full));
    assert_eq!((tester.table.len(), tester.table.get(3).is_none()), (2, true));
    assert!(!tester.table.is_synced() && !tester.table.has_room());
    assert!(!tester.table.is_in_doubt(), "a comparison would be useless");
    tester.now += LATE_NS;
    tester.exit(2, 0);
    assert!(tester.table.is_in_doubt() && tester.table.has_room(), "now it would not");
    assert!(matches!(tester.table.compare(&seen), Ok(Compared::Again(_))));
}

#[test]
fn pid_beyond_the_index_is_reported() {
    let mut tester = Tester::complete();
    let fork = tester.event(kernel::PROC_EVENT_FORK, [1, 1, 100, 100, 0, 0]);
    assert_eq!(tester.table.apply(&fork, None), Err(TableError::Pid(100)));
    assert!(tester.table.is_synced());
    let seen = tester.running(4_000_000, 1);
    assert_eq!(tester.table.compare(&seen), Err(TableError::Pid(4_000_000)));
}

#[test]
fn table_without_memory_is_as_it_was() {
    let exhausted = Rc::new(Cell::new(true));
    let memory = Scarce(Rc::clone(&exhausted));
    let options = TableOptions { pids: 100, cmdline: true, ..TableOptions::default() };
    assert!(Table::<u64, _>::new(&memory, &options).is_err());
    exhausted.set(false);
    let mut table = Table::<u64, _>::new(&memory, &options).unwrap();
    let mut tester = Tester::complete();
    let first = tester.event(kernel::PROC_EVENT_FORK, [0, 0, 1, 1, 0, 0]);
    table.apply(&first, None).unwrap();
    let id = table.get(1).unwrap().id;
    assert_eq!(table.set_text(id, Text::Cmdline, b"init"), Ok(false));
    exhausted.set(true);
    let second = tester.event(kernel::PROC_EVENT_FORK, [1, 1, 2, 2, 0, 0]);
    assert_eq!(table.apply(&second, None), Err(TableError::Memory(NoMemory)));
    assert_eq!((table.len(), table.get(2).is_none()), (1, true));
    assert!(!table.is_synced() && !table.has_room());
    exhausted.set(false);
    table.apply(&second, None).unwrap();
    assert!(table.is_in_doubt() && table.has_room(), "what was left out can be found");
    let child = table.get(2).unwrap().id;
    exhausted.set(true);
    assert_eq!(table.set_text(child, Text::Cmdline, b"sh"), Err(NoMemory));
    assert_eq!(table.text(child, Text::Cmdline), Some(&b"init"[..]));
    assert!(!table.get_id(child).unwrap().known.contains(Known::CMDLINE), "it is another now");
    assert_eq!(table.set_text(id, Text::Cmdline, b"init"), Ok(false), "nothing to be kept");
}

#[test]
fn errors_say_what_to_do() {
    let text = |error: TableError<&str>| std::format!("{error}");
    assert!(text(TableError::Full).contains("allow more processes"));
    assert!(text(TableError::Pid(7)).contains("pid 7: allow higher pids"));
    assert!(
        text(TableError::Memory("ENOMEM")).contains("allow fewer processes or less text (ENOMEM)")
    );
}

#[test]
fn chosen_scope_holds_the_chosen_alone() {
    let options = TableOptions { pids: 100, scope: Scope::Chosen, ..TableOptions::default() };
    let mut tester = Tester::with(&options);
    tester.sync();
    tester.now = CALM;
    let seen = tester.running(5, 1);
    assert_eq!(tester.table.compare(&seen), Ok(Compared::Settled));
    assert!(!tester.table.may_want(5));
    tester.table.choose(5);
    assert!(tester.table.may_want(5));
    assert!(matches!(tester.table.compare(&seen), Ok(Compared::Again(_))));
    assert_eq!(tester.fork(5, 6), Outcome::Nothing);
    tester.table.choose(7);
    assert_eq!(change(tester.fork(1, 7)).0, Kind::Started);
    assert_eq!(tester.exec(50), Outcome::Nothing);
    assert_eq!(tester.exit(50, 0), Outcome::Nothing);
    assert_eq!(tester.table.len(), 2);
    assert!(tester.table.is_synced(), "others are not missed");
    tester.exit(7, 0);
    assert_eq!(tester.fork(1, 7), Outcome::Nothing, "the next owner was not chosen");
}

#[test]
fn descendants_scope_holds_children_of_what_it_holds() {
    let options = TableOptions { pids: 100, scope: Scope::Descendants, ..TableOptions::default() };
    let mut tester = Tester::with(&options);
    tester.sync();
    tester.now = CALM;
    let seen = tester.running(5, 1);
    tester.table.choose(5);
    tester.table.compare(&seen).unwrap();
    assert_eq!(change(tester.fork(5, 6)).0, Kind::Started);
    assert_eq!(change(tester.fork(6, 7)).0, Kind::Started);
    assert_eq!(tester.fork(1, 8), Outcome::Nothing);
    let mut child = tester.running(9, 7);
    child.parent_is_new = true;
    assert_eq!(tester.table.compare(&child), Ok(Compared::Later), "7 may be another's pid");
    child.parent_is_new = false;
    assert!(matches!(tester.table.compare(&child), Ok(Compared::Again(_))));
    let stranger = tester.running(10, 8);
    assert_eq!(tester.table.compare(&stranger), Ok(Compared::Settled));
    assert_eq!(tester.table.len(), 4);
}
