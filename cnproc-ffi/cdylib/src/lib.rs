//! What makes a C library of `cnproc-ffi`: its symbols, and the panic handler that stands in for std.
//!
//! No code of the library panics; the linker drops the handler, and a test sees to it that it does.

#![cfg_attr(all(panic = "abort", not(test)), no_std)]

pub use cnproc_ffi::*;

#[cfg(all(panic = "abort", not(test)))]
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    // SAFETY: abort takes nothing, and does not return.
    unsafe { libc::abort() }
}
