//! Errors as exit codes, for children that may not allocate.

use cnproc_sys::Error;

/// The exit code that stands for an error: 200 and more.
pub const fn of(error: &Error) -> i32 {
    match error {
        Error::NotPermitted => 200,
        Error::NetworkNamespace => 201,
        Error::UserNamespace => 202,
        Error::PidNamespace => 203,
        Error::NoAck => 204,
        Error::Muted => 205,
        Error::Interrupted => 206,
        Error::Sandboxed => 207,
        _ => 210,
    }
}
