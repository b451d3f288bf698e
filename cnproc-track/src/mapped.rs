//! Memory of a tracker's own, from the kernel.

use crate::memory::{Array, Memory};
use cnproc_sys::{Error, Growing, Mapping, zeros};

/// Memory mapped from the kernel: of each array, pages that were never written to take none.
#[derive(Clone, Copy, Debug, Default)]
pub struct Mapped;

impl<T: Copy> Array<T> for Growing<T> {
    type Error = Error;

    fn grow(&mut self, count: usize, value: T) -> Result<(), Error> {
        Growing::grow(self, count, value)
    }
}

impl Memory for Mapped {
    type Error = Error;
    type Array<T: Copy> = Growing<T>;
    type Fixed = Mapping<u32>;

    fn array<T: Copy>(&self) -> Growing<T> {
        Growing::new()
    }

    fn zeroed(&self, length: usize) -> Result<Mapping<u32>, Error> {
        zeros(length)
    }
}
