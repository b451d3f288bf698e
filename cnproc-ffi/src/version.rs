//! Version of the library.

use core::ffi::{CStr, c_char};

/// `major.minor.patch` of this package, at compile time.
const STRING: &CStr =
    match CStr::from_bytes_with_nul(concat!(env!("CARGO_PKG_VERSION"), "\0").as_bytes()) {
        Ok(version) => version,
        Err(_) => c"",
    };

const fn number(text: &str) -> u32 {
    match u32::from_str_radix(text, 10) {
        Ok(number) => number,
        Err(_) => u32::MAX,
    }
}

const NUMBER: u32 = number(env!("CARGO_PKG_VERSION_MAJOR")) << 16
    | number(env!("CARGO_PKG_VERSION_MINOR")) << 8
    | number(env!("CARGO_PKG_VERSION_PATCH"));

/// Returns the version of the linked library, in the form of CNPROC_VERSION, which is the header's.
#[unsafe(no_mangle)]
pub extern "C" fn cnproc_version() -> u32 {
    NUMBER
}

/// Returns the version of the linked library as a string like "0.1.0".
#[unsafe(no_mangle)]
pub extern "C" fn cnproc_version_string() -> *const c_char {
    STRING.as_ptr()
}
