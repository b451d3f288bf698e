//! Memory from the kernel, instead of an allocator's.

use super::fd::Fd;
use super::{failed, status};
use crate::error::{Call, Errno, Error};
use core::ffi::c_int;
use core::marker::PhantomData;
use core::ops::{Deref, DerefMut};
use core::ptr::{self, NonNull};
use core::sync::atomic::AtomicU32;

/// Types for which all bytes zero are a valid value.
///
/// # Safety
/// All bytes zero must be a valid value.
pub unsafe trait Zeroed {}

// SAFETY: an integer.
unsafe impl Zeroed for u16 {}
// SAFETY: an integer.
unsafe impl Zeroed for u32 {}
// SAFETY: an integer.
unsafe impl Zeroed for u64 {}
// SAFETY: an integer.
unsafe impl Zeroed for AtomicU32 {}
// SAFETY: two integers.
unsafe impl Zeroed for cnproc_parse::Sequence {}
// SAFETY: an array of zeroed values is all bytes zero, and each element is valid.
unsafe impl<T: Zeroed, const N: usize> Zeroed for [T; N] {}

/// Pages from the kernel, returned on drop.
#[derive(Debug)]
pub(super) struct Pages {
    start: NonNull<u8>,
    bytes: usize,
}

// SAFETY: the pages are owned, and belong to no thread. Who accesses what they contain has a proof of its own.
unsafe impl Send for Pages {}
// SAFETY: a shared `Pages` only returns their address.
unsafe impl Sync for Pages {}

impl Pages {
    pub(super) const READ: c_int = libc::PROT_READ;
    pub(super) const READ_WRITE: c_int = libc::PROT_READ | libc::PROT_WRITE;

    fn new(bytes: usize, sharing: c_int) -> Result<Self, Error> {
        let flags = sharing | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
        Self::map(bytes, Self::READ_WRITE, flags, -1, 0)
    }

    /// What `fd` has from that offset on, shared with all others who map it.
    pub(super) fn of_file(
        fd: &Fd,
        offset: usize,
        bytes: usize,
        protection: c_int,
    ) -> Result<Self, Error> {
        Self::map(bytes, protection, libc::MAP_SHARED, fd.raw(), offset)
    }

    fn map(
        bytes: usize,
        protection: c_int,
        flags: c_int,
        fd: c_int,
        offset: usize,
    ) -> Result<Self, Error> {
        let (address, offset) = (ptr::null_mut(), offset as libc::off_t);
        // SAFETY: a new mapping at an address of the kernel's choice touches no memory in use.
        let start = unsafe { libc::mmap(address, bytes, protection, flags, fd, offset) };
        if start == libc::MAP_FAILED {
            return Err(failed(Call::Mmap));
        }
        let no_memory = Error::System { call: Call::Mmap, errno: Errno(libc::ENOMEM) };
        let start = NonNull::new(start.cast()).ok_or(no_memory)?;
        Ok(Self { start, bytes })
    }

    /// Makes it larger, and may move it. What it contained stays; the rest is zero.
    fn resize(&mut self, bytes: usize) -> Result<(), Error> {
        let start = self.start.as_ptr().cast();
        // SAFETY: exactly what `map` or `resize` mapped. `&mut self` means that nothing refers to it.
        let start = unsafe { libc::mremap(start, self.bytes, bytes, libc::MREMAP_MAYMOVE) };
        if start == libc::MAP_FAILED {
            return Err(failed(Call::Mmap));
        }
        let no_memory = Error::System { call: Call::Mmap, errno: Errno(libc::ENOMEM) };
        self.start = NonNull::new(start.cast()).ok_or(no_memory)?;
        self.bytes = bytes;
        Ok(())
    }

    /// Their address: valid until they are resized or dropped.
    pub(super) const fn start(&self) -> *const u8 {
        self.start.as_ptr()
    }
}

pub(super) fn page_size() -> usize {
    // SAFETY: no memory is involved.
    let size = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    usize::try_from(size).unwrap_or(4096)
}

/// No page is smaller.
const PAGE: usize = 4096;

impl Drop for Pages {
    fn drop(&mut self) {
        // SAFETY: exactly what `map` or `resize` mapped, and nothing refers to it any more.
        unsafe { libc::munmap(self.start.as_ptr().cast(), self.bytes) };
    }
}

/// An array in memory of its own, zero at first. A page takes up memory only once it is written to.
#[derive(Debug)]
pub struct Mapping<T> {
    pages: Pages,
    length: usize,
    values: PhantomData<T>,
}

// SAFETY: the memory is owned, as by a `Box<[T]>`.
unsafe impl<T: Send> Send for Mapping<T> {}
// SAFETY: a shared `Mapping` hands out `&[T]` only, as a `Box<[T]>` does.
unsafe impl<T: Sync> Sync for Mapping<T> {}

impl<T: Zeroed> Mapping<T> {
    pub(crate) fn new(length: usize) -> Result<Self, Error> {
        Self::with_sharing(length, libc::MAP_PRIVATE)
    }

    /// As [`new`](Self::new), and zero again in a forked child. Linux 4.14.
    pub(crate) fn wiped_on_fork(length: usize) -> Result<Self, Error> {
        let mapping = Self::new(length)?;
        let Pages { start, bytes } = &mapping.pages;
        // SAFETY: exactly what `new` mapped, and nothing refers to it yet. In a child it will hold zeros,
        // which are a valid value of every `T`.
        let result = unsafe { libc::madvise(start.as_ptr().cast(), *bytes, libc::MADV_WIPEONFORK) };
        status(Call::Mmap, result)?;
        Ok(mapping)
    }

    /// As [`new`](Self::new), and shared with forked children.
    pub(crate) fn shared_with_children(length: usize) -> Result<Self, Error> {
        Self::with_sharing(length, libc::MAP_SHARED)
    }

    fn with_sharing(length: usize, sharing: c_int) -> Result<Self, Error> {
        let pages = Pages::new(length.saturating_mul(size_of::<T>()), sharing)?;
        Ok(Self { pages, length, values: PhantomData })
    }
}

impl<T> Deref for Mapping<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        // SAFETY: the mapping is `length` values long, page-aligned, and was zero at first, which is a
        // valid value of every `T` that can be mapped. It lives until drop.
        unsafe { core::slice::from_raw_parts(self.pages.start.as_ptr().cast(), self.length) }
    }
}

impl<T> DerefMut for Mapping<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        let start = self.pages.start.as_ptr().cast();
        // SAFETY: as in `deref`; `&mut self` makes this the only reference in this process.
        unsafe { core::slice::from_raw_parts_mut(start, self.length) }
    }
}

/// That many zeros.
///
/// # Errors
/// [`Error::System`]: there is no memory, or no address space.
pub fn zeros(length: usize) -> Result<Mapping<u32>, Error> {
    Mapping::new(length)
}

/// An array that grows at its end, in memory of its own.
#[derive(Debug)]
pub struct Growing<T> {
    /// None as long as it is empty.
    pages: Option<Pages>,
    length: usize,
    values: PhantomData<T>,
}

// SAFETY: the memory is owned, as by a `Vec<T>`.
unsafe impl<T: Send> Send for Growing<T> {}
// SAFETY: a shared `Growing` hands out `&[T]` only, as a `Vec<T>` does.
unsafe impl<T: Sync> Sync for Growing<T> {}

impl<T: Copy> Growing<T> {
    /// An empty array.
    pub const fn new() -> Self {
        const { assert!(align_of::<T>() <= PAGE && size_of::<T>() > 0) };
        Self { pages: None, length: 0, values: PhantomData }
    }

    /// Appends `count` copies of `value`. An error changes nothing.
    ///
    /// # Errors
    /// [`Error::System`]: there is no memory, or no address space.
    pub fn grow(&mut self, count: usize, value: T) -> Result<(), Error> {
        let no_memory = Error::System { call: Call::Mmap, errno: Errno(libc::ENOMEM) };
        let length = self.length.checked_add(count).ok_or(no_memory)?;
        let bytes = length.checked_mul(size_of::<T>()).ok_or(no_memory)?;
        self.reserve(bytes)?;
        let Some(pages) = &self.pages else { return Ok(()) };
        let start = pages.start.as_ptr().cast::<T>();
        for index in self.length..length {
            // SAFETY: `pages` has room for `length` values, and is aligned for them, because pages are.
            unsafe { start.add(index).write(value) };
        }
        self.length = length;
        Ok(())
    }

    fn reserve(&mut self, bytes: usize) -> Result<(), Error> {
        match &mut self.pages {
            Some(pages) if pages.bytes >= bytes => Ok(()),
            Some(pages) => pages.resize(bytes.max(pages.bytes.saturating_mul(2))),
            None if bytes == 0 => Ok(()),
            None => {
                self.pages = Some(Pages::new(bytes.max(PAGE), libc::MAP_PRIVATE)?);
                Ok(())
            }
        }
    }
}

impl<T: Copy> Default for Growing<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Copy> Deref for Growing<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        match &self.pages {
            // SAFETY: `grow` has written the first `length` values, and a page's start is aligned for them.
            // They live until the pages are moved or unmapped, which takes `&mut self`.
            Some(pages) => unsafe {
                core::slice::from_raw_parts(pages.start.as_ptr().cast(), self.length)
            },
            None => &[],
        }
    }
}

impl<T: Copy> DerefMut for Growing<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        match &self.pages {
            // SAFETY: as in `deref`; `&mut self` makes this the only reference.
            Some(pages) => unsafe {
                core::slice::from_raw_parts_mut(pages.start.as_ptr().cast(), self.length)
            },
            None => &mut [],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    #[test]
    fn array_keeps_its_values_while_it_grows() {
        let mut array = Growing::<[u16; 5]>::new();
        assert!(array.is_empty());
        let expected: Vec<_> = (0..10_000).map(|number| [number; 5]).collect();
        for value in &expected {
            array.grow(1, *value).unwrap();
        }
        assert_eq!(*array, *expected);
        array.grow(3, [7; 5]).unwrap();
        array[10_002] = [8; 5];
        assert_eq!(array[9_999..], [[9_999; 5], [7; 5], [7; 5], [8; 5]]);
        array.grow(0, [0; 5]).unwrap();
        assert_eq!(array.len(), 10_003);
    }

    #[test]
    fn array_that_cannot_grow_is_as_it_was() {
        let mut array = Growing::<u64>::new();
        array.grow(0, 0).unwrap();
        array.grow(2, 5).unwrap();
        for count in [usize::MAX, usize::MAX / 8, usize::MAX / 16] {
            assert!(array.grow(count, 1).is_err(), "{count}");
        }
        assert_eq!(*array, [5, 5]);
    }
}
