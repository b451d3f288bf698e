//! Structs that are passed with their size, so that later versions can extend them: the rules of openat2.

use core::ffi::c_int;
use core::mem::size_of;
use core::ptr;

/// Structs that later versions extend at their end.
///
/// # Safety
/// Any bytes must be a value.
pub(crate) unsafe trait Extensible: Copy {
    /// The size in the first version: the minimum.
    const V1_SIZE: usize;
}

/// Extensible structs that are written to the caller's memory.
///
/// # Safety
/// There must be no padding.
pub(crate) unsafe trait Unpadded: Extensible {}

/// Reads a caller's struct of `size` bytes. Members that it lacks are zero; bytes beyond the known members
/// must be.
///
/// # Safety
/// `from` must be valid for reading of `size` bytes.
pub(crate) unsafe fn read<T: Extensible>(from: *const T, size: usize) -> Result<T, c_int> {
    // SAFETY: any bytes are a value of a `T` of this trait.
    let mut value: T = unsafe { core::mem::zeroed() };
    let sizes = Sizes { minimum: T::V1_SIZE, known: size_of::<T>(), given: size };
    // SAFETY: `value` is `known` bytes long, any bytes are a value of it, and `from` is `given` long.
    unsafe { read_bytes(from.cast(), ptr::from_mut(&mut value).cast(), sizes) }?;
    Ok(value)
}

/// Writes to a caller's struct of `size` bytes: as many members as it has, and zeros beyond the known ones.
///
/// # Safety
/// `to` must be valid for writing of `size` bytes.
pub(crate) unsafe fn write<T: Unpadded>(to: *mut T, size: usize, value: &T) -> Result<(), c_int> {
    let sizes = Sizes { minimum: T::V1_SIZE, known: size_of::<T>(), given: size };
    // SAFETY: `value` is `known` bytes long, without padding, and `to` is `given` long.
    unsafe { write_bytes(ptr::from_ref(value).cast(), to.cast(), sizes) }
}

/// Whether a caller's struct of `size` bytes can be written to.
pub(crate) fn check<T: Unpadded>(to: *mut T, size: usize) -> Result<(), c_int> {
    Sizes { minimum: T::V1_SIZE, known: size_of::<T>(), given: size }.check(to.cast())
}

/// The sizes of a struct: in its first version, in this one, and in the caller's.
#[derive(Clone, Copy)]
struct Sizes {
    minimum: usize,
    known: usize,
    given: usize,
}

impl Sizes {
    fn check(self, memory: *const u8) -> Result<(), c_int> {
        let is_valid = self.given >= self.minimum && isize::try_from(self.given).is_ok();
        if memory.is_null() || !is_valid { Err(libc::EINVAL) } else { Ok(()) }
    }

    fn shared(self) -> usize {
        self.given.min(self.known)
    }
}

/// # Safety
/// `from` must be valid for reading of `sizes.given` bytes, `to` for writing of `sizes.known`.
unsafe fn read_bytes(from: *const u8, to: *mut u8, sizes: Sizes) -> Result<(), c_int> {
    sizes.check(from)?;
    let shared = sizes.shared();
    // SAFETY: `shared` is at most the size of either; bytes have no alignment; the two do not overlap,
    // because `to` is a local variable of the caller above.
    unsafe { ptr::copy_nonoverlapping(from, to, shared) };
    // SAFETY: the caller's struct is `given` bytes long, and `shared` of them were read above.
    let beyond = unsafe { core::slice::from_raw_parts(from.add(shared), sizes.given - shared) };
    if beyond.iter().any(|byte| *byte != 0) { Err(libc::E2BIG) } else { Ok(()) }
}

/// # Safety
/// `from` must be valid for reading of `sizes.known` bytes, `to` for writing of `sizes.given`.
unsafe fn write_bytes(from: *const u8, to: *mut u8, sizes: Sizes) -> Result<(), c_int> {
    sizes.check(to)?;
    let shared = sizes.shared();
    // SAFETY: `shared` is at most the size of either; bytes have no alignment; the two do not overlap,
    // because `from` is a local variable of the library.
    unsafe { ptr::copy_nonoverlapping(from, to, shared) };
    // SAFETY: the caller's struct is `given` bytes long.
    unsafe { ptr::write_bytes(to.add(shared), 0, sizes.given - shared) };
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A struct that was extended: its first version had only `old`.
    #[repr(C)]
    #[derive(Clone, Copy, Debug, PartialEq)]
    struct Grown {
        old: u64,
        new: u64,
    }

    // SAFETY: integers, for which any bytes are a value.
    unsafe impl Extensible for Grown {
        const V1_SIZE: usize = 8;
    }

    // SAFETY: 2 * 8 bytes, 8-aligned.
    unsafe impl Unpadded for Grown {}

    /// Memory behind the struct.
    const BEHIND: u64 = 0xa5a5_a5a5_a5a5_a5a5;

    fn read_of(memory: &[u64; 4], size: usize) -> Result<Grown, c_int> {
        // SAFETY: `size` is at most the memory's.
        unsafe { read(memory.as_ptr().cast::<Grown>(), size) }
    }

    #[test]
    fn members_that_an_older_program_lacks_are_zero() {
        assert_eq!(read_of(&[1, BEHIND, BEHIND, BEHIND], 8), Ok(Grown { old: 1, new: 0 }));
        assert_eq!(read_of(&[1, 2, BEHIND, BEHIND], 16), Ok(Grown { old: 1, new: 2 }));
        assert_eq!(read_of(&[1, 2, BEHIND, BEHIND], 7), Err(libc::EINVAL));
    }

    #[test]
    fn unknown_members_of_a_newer_program_must_be_zero() {
        assert_eq!(read_of(&[1, 2, 0, BEHIND], 24), Ok(Grown { old: 1, new: 2 }));
        assert_eq!(read_of(&[1, 2, 0, 1], 32), Err(libc::E2BIG));
    }

    #[test]
    fn exactly_the_given_size_is_written() {
        for (size, expected) in [
            (7, Err(libc::EINVAL)),
            (8, Ok([1, BEHIND, BEHIND, BEHIND])),
            (16, Ok([1, 2, BEHIND, BEHIND])),
            (24, Ok([1, 2, 0, BEHIND])),
            (32, Ok([1, 2, 0, 0])),
        ] {
            let mut memory = [BEHIND; 4];
            let to = memory.as_mut_ptr().cast::<Grown>();
            // SAFETY: `size` is at most the memory's.
            let written = unsafe { write(to, size, &Grown { old: 1, new: 2 }) };
            assert_eq!(written.map(|()| memory), expected);
            if written.is_err() {
                assert_eq!(memory, [BEHIND; 4]);
            }
        }
    }
}
