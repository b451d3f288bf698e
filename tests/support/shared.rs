//! Memory that a process shares with its forked children.

use std::sync::atomic::AtomicU32;

/// Numbers, 0 at first, that forked children share. The mapping is never removed.
pub fn shared<const N: usize>() -> &'static [AtomicU32; N] {
    let (protection, flags) =
        (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_SHARED | libc::MAP_ANONYMOUS);
    let size = size_of::<[AtomicU32; N]>();
    // SAFETY: a new mapping, at an address that the kernel chooses.
    let page = unsafe { libc::mmap(std::ptr::null_mut(), size, protection, flags, -1, 0) };
    assert_ne!(page, libc::MAP_FAILED);
    // SAFETY: page-aligned, large enough, zeros, which are numbers; and never unmapped.
    unsafe { &*page.cast() }
}
