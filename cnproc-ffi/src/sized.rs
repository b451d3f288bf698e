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
    // SAFETY: all bytes zero are a value of every `T` of this trait.
    let mut value: T = unsafe { core::mem::zeroed() };
    let sizes = Sizes { first: T::FIRST, known: size_of::<T>(), given: size };
    // SAFETY: `value` is `known` bytes long, any bytes are a value of it, and `from` is `given` long.
    unsafe { read_bytes(from.cast(), ptr::from_mut(&mut value).cast(), sizes) }?;
    Ok(value)
}

/// Writes into a caller's struct of `size` bytes: as much as it holds, and zeros beyond what is known.
///
/// # Safety
/// `to` must be valid for writing of `size` bytes.
pub(crate) unsafe fn write<T: Growing>(to: *mut T, size: usize, value: &T) -> Result<(), c_int> {
    let sizes = Sizes { first: T::FIRST, known: size_of::<T>(), given: size };
    // SAFETY: `value` is `known` bytes long, without padding, and `to` is `given` long.
    unsafe { write_bytes(ptr::from_ref(value).cast(), to.cast(), sizes) }
}

/// Of a struct: in the first version, in this one, and as the caller has it.
#[derive(Clone, Copy)]
struct Sizes {
    first: usize,
    known: usize,
    given: usize,
}

impl Sizes {
    fn check(self, memory: *const u8) -> Result<(), c_int> {
        let makes_sense = self.given >= self.first && isize::try_from(self.given).is_ok();
        if memory.is_null() || !makes_sense { Err(libc::EINVAL) } else { Ok(()) }
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
    // since `to` is our own.
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
    // SAFETY: `shared` is at most the size of either; bytes have no alignment; `from` is our own, so that
    // the caller's struct cannot be it.
    unsafe { ptr::copy_nonoverlapping(from, to, shared) };
    // SAFETY: the caller's struct is `given` bytes long.
    unsafe { ptr::write_bytes(to.add(shared), 0, sizes.given - shared) };
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A struct that has grown since its first version, which had `old` only.
    #[repr(C)]
    #[derive(Clone, Copy, Debug, PartialEq)]
    struct Grown {
        old: u64,
        new: u64,
    }

    // SAFETY: integers only, 2 * 8 bytes, 8-aligned: no padding.
    unsafe impl Growing for Grown {
        const FIRST: usize = 8;
    }

    /// What programs of all versions have in memory: the struct, and more behind it.
    const BEHIND: u64 = 0xa5a5_a5a5_a5a5_a5a5;

    fn read_of(memory: &[u64; 4], size: usize) -> Result<Grown, c_int> {
        // SAFETY: no more than the memory's size is asked for.
        unsafe { read(memory.as_ptr().cast::<Grown>(), size) }
    }

    #[test]
    fn what_an_older_program_does_not_know_is_zero() {
        assert_eq!(read_of(&[1, BEHIND, BEHIND, BEHIND], 8), Ok(Grown { old: 1, new: 0 }));
        assert_eq!(read_of(&[1, 2, BEHIND, BEHIND], 16), Ok(Grown { old: 1, new: 2 }));
        assert_eq!(read_of(&[1, 2, BEHIND, BEHIND], 7), Err(libc::EINVAL));
    }

    #[test]
    fn what_a_newer_program_asks_for_is_told_it_is_too_big() {
        assert_eq!(read_of(&[1, 2, 0, BEHIND], 24), Ok(Grown { old: 1, new: 2 }));
        assert_eq!(read_of(&[1, 2, 0, 1], 32), Err(libc::E2BIG));
    }

    #[test]
    fn a_program_of_any_version_gets_its_size_and_no_more() {
        for (size, expected) in [
            (7, Err(libc::EINVAL)),
            (8, Ok([1, BEHIND, BEHIND, BEHIND])),
            (16, Ok([1, 2, BEHIND, BEHIND])),
            (24, Ok([1, 2, 0, BEHIND])),
            (32, Ok([1, 2, 0, 0])),
        ] {
            let mut memory = [BEHIND; 4];
            let to = memory.as_mut_ptr().cast::<Grown>();
            // SAFETY: no more than the memory's size is asked for.
            let written = unsafe { write(to, size, &Grown { old: 1, new: 2 }) };
            assert_eq!(written.map(|()| memory), expected);
            if written.is_err() {
                assert_eq!(memory, [BEHIND; 4]);
            }
        }
    }
}
