//! A run of kernel and table, as bytes decide.

use super::check::{Check, Counts};
use super::choices::Choices;
use super::kernel::{BOOT_OFFSET, Kernel};
use super::world::World;
use cnproc_track::{Choice, Heap, Join, Machine, Scope, Table, TableOptions};

/// Runs kernel and table as `bytes` decide, and checks all that the table says.
///
/// # Panics
/// If it says something wrong.
pub fn run(bytes: &[u8]) -> Counts {
    let mut choices = Choices::new(bytes);
    let room = [usize::MAX, usize::MAX, usize::MAX, 6][choices.one_of(4)];
    let shows_status = choices.one_of(2) == 0;
    let scope = [Scope::All, Scope::All, Scope::All, Scope::Descendants][choices.one_of(4)];
    let mut kernel = Kernel::new();
    let mut options = TableOptions::default();
    (options.pids, options.scope, options.text_bytes) = (64, scope, 1);
    (options.cmdline, options.exe) = (choices.one_of(2) == 0, choices.one_of(2) == 0);
    kernel.names_parents = choices.one_of(4) != 3;
    kernel.exchanges_ids = choices.one_of(4) != 3;
    for _ in 0..choices.byte() % 64 {
        kernel.step(&mut choices);
    }
    kernel.listening = true;
    let mut world = World::new(kernel, choices, &options);
    (world.room, world.shows_status) = (room, shows_status);
    let mut table = Table::<u64, _>::new(&Heap, &options).expect("memory");
    table.set_boot_offset(BOOT_OFFSET);
    let mut join = Join::new(table);
    let mut check = Check::default();

    while !world.choices.is_empty() {
        match world.choices.byte() {
            0..90 => {
                let steps = world.choices.one_of(32);
                for _ in 0..steps {
                    world.kernel.step(&mut world.choices);
                }
            }
            90..220 => {
                let _ = world.receive();
                for _ in 0..world.choices.one_of(24) {
                    if !next(&mut join, &mut world, &mut check) {
                        break;
                    }
                }
            }
            220..230 => {
                let lose = world.choices.one_of(12);
                world.kernel.lose = lose as u32;
            }
            230..236 => world.kernel.muted = true,
            236..244 => unmute(&mut join, &mut world, &mut check),
            244..252 if scope == Scope::Descendants => choose(&mut join, &mut world, &mut check),
            _ => join.resync(),
        }
    }

    world.kernel.lose = 0;
    unmute(&mut join, &mut world, &mut check);
    world.kernel.settle();
    world.at_rest = true;
    world.room = usize::MAX;
    synchronise(&mut join, &mut world, &mut check);
    check.complete(&mut join, &mut world, false);
    join.resync();
    // A comparison can find those that were given to a parent in the table.
    check.expects_no_arrivals = scope == Scope::All;
    synchronise(&mut join, &mut world, &mut check);
    check.complete(&mut join, &mut world, true);
    check.counts
}

fn unmute(join: &mut Join<u64, Heap>, world: &mut World<'_>, check: &mut Check) {
    if std::mem::take(&mut world.kernel.muted) {
        check.reported_muted = world.kernel.missed_muted;
        join.resync();
    }
}

fn choose(join: &mut Join<u64, Heap>, world: &mut World<'_>, check: &mut Check) {
    let pid = world.choices.one_of(12) as i32 + 1;
    if join.choose(world, pid).expect("no error") == Choice::Taken {
        check.choose(pid, world);
    }
}

/// One update. False: there is none.
fn next(join: &mut Join<u64, Heap>, world: &mut World<'_>, check: &mut Check) -> bool {
    let update = join.next(world).expect("no error");
    match update {
        Some(update) => {
            check.update(&update, join.table(), world);
            check.has_started(Some(&update), world);
            true
        }
        None => {
            check.has_started(None, world);
            false
        }
    }
}

fn synchronise(join: &mut Join<u64, Heap>, world: &mut World<'_>, check: &mut Check) {
    for _ in 0..10_000 {
        let _ = world.receive();
        if !next(join, world, check) && join.table().is_synced() && !world.has_next() {
            return;
        }
    }
    panic!("the table does not become complete: {join:?}");
}
