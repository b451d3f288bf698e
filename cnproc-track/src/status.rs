//! How a process ended.

use core::fmt;

/// A wait status, as `waitpid` returns it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct WaitStatus(pub u32);

impl WaitStatus {
    /// The exit code, if the process exited: `WEXITSTATUS`.
    pub const fn code(self) -> Option<u8> {
        if self.0 & 0x7f == 0 { Some((self.0 >> 8) as u8) } else { None }
    }

    /// The signal, if one ended the process: `WTERMSIG`.
    pub const fn signal(self) -> Option<u8> {
        match (self.0 & 0x7f) as u8 {
            0 | 0x7f => None,
            signal => Some(signal),
        }
    }

    /// Whether it dumped core: `WCOREDUMP`.
    pub const fn dumped_core(self) -> bool {
        self.signal().is_some() && self.0 & 0x80 != 0
    }
}

impl fmt::Display for WaitStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.code(), self.signal()) {
            (Some(code), _) => write!(f, "exit code {code}"),
            (None, Some(signal)) if self.dumped_core() => write!(f, "signal {signal}, core dumped"),
            (None, Some(signal)) => write!(f, "signal {signal}"),
            (None, None) => write!(f, "wait status {:#x}", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_are_read_as_wait_macros_do() {
        let read = |status: u32| {
            let status = WaitStatus(status);
            (status.code(), status.signal(), status.dumped_core())
        };
        assert_eq!(read(0), (Some(0), None, false));
        assert_eq!(read(7 << 8), (Some(7), None, false));
        assert_eq!(read(255 << 8), (Some(255), None, false));
        assert_eq!(read(9), (None, Some(9), false));
        assert_eq!(read(11 | 0x80), (None, Some(11), true));
        assert_eq!(read(0x80), (Some(0), None, false), "no signal, no core");
        assert_eq!(read(0x7f), (None, None, false), "stopped");
    }

    #[test]
    fn statuses_are_written_as_code_or_signal() {
        let text = |status| std::format!("{}", WaitStatus(status));
        assert_eq!(text(7 << 8), "exit code 7");
        assert_eq!(text(9), "signal 9");
        assert_eq!(text(11 | 0x80), "signal 11, core dumped");
        assert_eq!(text(0x7f), "wait status 0x7f");
    }
}
