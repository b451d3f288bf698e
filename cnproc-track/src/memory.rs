//! Where the table keeps its arrays.

use core::ops::DerefMut;

/// An array that grows at its end.
pub trait Array<T: Copy>: DerefMut<Target = [T]> {
    /// Why it did not grow.
    type Error;

    /// Appends `count` copies of `value`. After an error the array is as it was.
    ///
    /// # Errors
    /// There is no memory.
    fn grow(&mut self, count: usize, value: T) -> Result<(), Self::Error>;
}

/// A supply of memory.
pub trait Memory {
    /// Why there is none.
    type Error;
    /// An array that grows.
    type Array<T: Copy>: Array<T, Error = Self::Error>;
    /// An array of fixed length.
    type Fixed: DerefMut<Target = [u32]>;

    /// An empty array. It takes memory as it grows.
    fn array<T: Copy>(&self) -> Self::Array<T>;

    /// `length` zeros. Parts that are never written need not take memory.
    ///
    /// # Errors
    /// There is no memory.
    fn zeroed(&self, length: usize) -> Result<Self::Fixed, Self::Error>;
}

/// Memory of the global allocator.
#[cfg(any(feature = "std", test))]
#[derive(Clone, Copy, Debug, Default)]
pub struct Heap;

#[cfg(any(feature = "std", test))]
mod heap {
    use super::{Array, Heap, Memory};
    use std::collections::TryReserveError;
    use std::vec::Vec;

    impl<T: Copy> Array<T> for Vec<T> {
        type Error = TryReserveError;

        fn grow(&mut self, count: usize, value: T) -> Result<(), TryReserveError> {
            self.try_reserve(count)?;
            self.resize(self.len() + count, value);
            Ok(())
        }
    }

    impl Memory for Heap {
        type Error = TryReserveError;
        type Array<T: Copy> = Vec<T>;
        type Fixed = Vec<u32>;

        fn array<T: Copy>(&self) -> Vec<T> {
            Vec::new()
        }

        fn zeroed(&self, length: usize) -> Result<Vec<u32>, TryReserveError> {
            let mut zeros = Vec::new();
            zeros.grow(length, 0)?;
            Ok(zeros)
        }
    }
}
