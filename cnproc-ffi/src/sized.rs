//! Structs that travel with their size, so that they may grow: the rules of openat2.

use core::ffi::c_int;
use core::mem::size_of;
use core::ptr;

/// Structs of integers without padding that grow at their end only.
///
/// # Safety
/// All bytes zero must be a value, any bytes must be a value, and there must be no padding.
pub(crate) unsafe trait Growing: Copy {
    /// Its size in the first version: less makes no sense.
    const FIRST: usize;
}

/// Reads a caller's struct of `size` bytes. What it lacks is zero; what it has beyond must be.
///
/// # Safety
/// `from` must be valid for reading of `size` bytes.
pub(crate) unsafe fn read<T: Growing>(from: *const T, size: usize) -> Result<T, c_int> {
    if from.is_null() || size < T::FIRST || isize::try_from(size).is_err() {
        return Err(libc::EINVAL);
    }
    let from = from.cast::<u8>();
    let known = size.min(size_of::<T>());
    // SAFETY: all bytes zero are a value of every `T` of this trait.
    let mut value: T = unsafe { core::mem::zeroed() };
    // SAFETY: `known` is at most the size of either; bytes have no alignment; the two do not overlap,
    // since `value` is our own.
    unsafe { ptr::copy_nonoverlapping(from, ptr::from_mut(&mut value).cast(), known) };
    // SAFETY: the caller's struct is `size` bytes long, and `known` of them were read above.
    let beyond = unsafe { core::slice::from_raw_parts(from.add(known), size - known) };
    if beyond.iter().any(|byte| *byte != 0) {
        return Err(libc::E2BIG);
    }
    Ok(value)
}

/// Writes into a caller's struct of `size` bytes: as much as it holds, and zeros beyond what is known.
///
/// # Safety
/// `to` must be valid for writing of `size` bytes.
pub(crate) unsafe fn write<T: Growing>(to: *mut T, size: usize, value: &T) -> Result<(), c_int> {
    if to.is_null() || size < T::FIRST || isize::try_from(size).is_err() {
        return Err(libc::EINVAL);
    }
    let to = to.cast::<u8>();
    let known = size.min(size_of::<T>());
    // SAFETY: `known` is at most the size of either; bytes have no alignment; `value` has no padding,
    // and is borrowed, so that the caller's struct cannot be it.
    unsafe { ptr::copy_nonoverlapping(ptr::from_ref(value).cast(), to, known) };
    // SAFETY: the caller's struct is `size` bytes long.
    unsafe { ptr::write_bytes(to.add(known), 0, size - known) };
    Ok(())
}
