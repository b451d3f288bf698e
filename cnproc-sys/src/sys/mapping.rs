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
pub(crate) unsafe trait Zeroed {}

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

    /// Their address: valid until drop.
    pub(super) const fn start(&self) -> *const u8 {
        self.start.as_ptr()
    }
}

pub(super) fn page_size() -> usize {
    // SAFETY: no memory is involved.
    let size = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    usize::try_from(size).unwrap_or(4096)
}

impl Drop for Pages {
    fn drop(&mut self) {
        // SAFETY: exactly what `map` mapped, and nothing refers to it any more.
        unsafe { libc::munmap(self.start.as_ptr().cast(), self.bytes) };
    }
}

/// An array in memory of its own, zero at first. A page takes up memory only once it is written to.
#[derive(Debug)]
pub(crate) struct Mapping<T> {
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
