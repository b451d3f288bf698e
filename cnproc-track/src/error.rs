//! Why a tracker could not go on, and what to do about it.

use crate::join::JoinError;
use crate::table::TableError;
use core::fmt;

/// Why a call of a [`Tracker`](crate::Tracker) failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// The listener's, or `/proc`'s, with its own cause and remedy.
    Listener(cnproc_sys::Error),
    /// `/proc` hides the processes of other users: it is mounted with `hidepid`.
    ProcessesHidden,
    /// No process has that pid.
    NoSuchProcess,
    /// There are as many processes in the table as it may hold; one was left out.
    TableFull,
    /// The table was not made for a pid as high as this; the process was left out.
    PidTooHigh(i32),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Listener(error) => error.fmt(f),
            Self::ProcessesHidden => f.write_str(
                "/proc hides other users' processes (hidepid): mount it without, or run as root or \
                 as a member of the group that its option gid names",
            ),
            Self::NoSuchProcess => f.write_str("no process has that pid"),
            Self::TableFull => {
                f.write_str("the table is full, and a process was left out: allow more processes")
            }
            Self::PidTooHigh(pid) => write!(f, "the table has no place for pid {pid}"),
        }
    }
}

impl core::error::Error for Error {}

impl From<cnproc_sys::Error> for Error {
    fn from(error: cnproc_sys::Error) -> Self {
        Self::Listener(error)
    }
}

impl From<TableError<cnproc_sys::Error>> for Error {
    fn from(error: TableError<cnproc_sys::Error>) -> Self {
        match error {
            TableError::Full => Self::TableFull,
            TableError::Pid(pid) => Self::PidTooHigh(pid),
            TableError::Memory(error) => Self::Listener(error),
        }
    }
}

impl From<JoinError<cnproc_sys::Error, cnproc_sys::Error>> for Error {
    fn from(error: JoinError<cnproc_sys::Error, cnproc_sys::Error>) -> Self {
        match error {
            JoinError::Machine(error) => Self::Listener(error),
            JoinError::Table(error) => error.into(),
        }
    }
}

#[cfg(feature = "std")]
impl From<Error> for std::io::Error {
    fn from(error: Error) -> Self {
        match error {
            Error::Listener(error) => error.into(),
            Error::ProcessesHidden => Self::new(std::io::ErrorKind::PermissionDenied, error),
            Error::NoSuchProcess => Self::new(std::io::ErrorKind::NotFound, error),
            Error::TableFull | Error::PidTooHigh(_) => {
                Self::new(std::io::ErrorKind::OutOfMemory, error)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;

    #[test]
    fn each_error_names_its_remedy() {
        assert!(Error::ProcessesHidden.to_string().contains("hidepid"));
        assert!(Error::TableFull.to_string().contains("allow more processes"));
        assert!(Error::PidTooHigh(7).to_string().contains("pid 7"));
        let listener = cnproc_sys::Error::NoProcfs;
        assert_eq!(Error::from(listener).to_string(), listener.to_string());
        assert_eq!(Error::from(TableError::Memory(listener)), Error::Listener(listener));
        assert_eq!(Error::from(JoinError::Table(TableError::Full)), Error::TableFull);
        assert_eq!(Error::from(JoinError::Machine(listener)), Error::Listener(listener));
    }

    #[cfg(feature = "std")]
    #[test]
    fn io_error_has_a_fitting_kind() {
        let kind = |error: Error| std::io::Error::from(error).kind();
        assert_eq!(kind(Error::ProcessesHidden), std::io::ErrorKind::PermissionDenied);
        assert_eq!(kind(Error::NoSuchProcess), std::io::ErrorKind::NotFound);
        assert_eq!(kind(Error::TableFull), std::io::ErrorKind::OutOfMemory);
        let listener = cnproc_sys::Error::NoProcfs;
        assert_eq!(kind(Error::Listener(listener)), std::io::Error::from(listener).kind());
    }
}
