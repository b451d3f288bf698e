//! One test of a program at a time.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Keeps the other tests of this program waiting for as long as it is held: for those which make so many
/// events, or such, that others would hear them.
pub fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}
