//! Memory of the handles, from malloc.

use core::ptr::NonNull;

/// Moves a value to memory of its own. `None` if there is no memory: then the value is dropped.
pub(crate) fn place<T>(value: T) -> Option<NonNull<T>> {
    // malloc aligns for every type of C, and no handle is aligned more strictly.
    const { assert!(align_of::<T>() <= 8) };
    // SAFETY: malloc accepts any size.
    let memory = NonNull::new(unsafe { libc::malloc(size_of::<T>()) }.cast::<T>())?;
    // SAFETY: malloc returned that many bytes, aligned for a `T` (see above), and nothing else refers to them.
    unsafe { memory.write(value) };
    Some(memory)
}

/// Drops a value, and frees its memory. errno stays as it is.
///
/// # Safety
/// `memory` must come from [`place`], and must not be used any more.
pub(crate) unsafe fn release<T>(memory: NonNull<T>) {
    // SAFETY: libc returns a valid pointer to the calling thread's errno.
    let errno = unsafe { *libc::__errno_location() };
    // SAFETY: by contract `place` wrote a `T` there, which nothing uses any more: it is dropped once, here,
    // and the memory, which malloc returned, is freed after that.
    unsafe {
        memory.drop_in_place();
        libc::free(memory.as_ptr().cast());
    }
    // SAFETY: as above.
    unsafe { *libc::__errno_location() = errno };
}
