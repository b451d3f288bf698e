//! Parse errors: the layer, the offset, and the lengths needed and available.

use core::fmt;

/// The kernel struct that a [`ParseError`] is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Layer {
    /// `struct nlmsghdr`, 16 bytes, of `<linux/netlink.h>`.
    Nlmsg,
    /// `struct cn_msg`, 20 bytes, of `<linux/connector.h>`.
    CnMsg,
    /// `struct proc_event`, 32 or 40 bytes, of `<linux/cn_proc.h>`.
    ProcEvent,
}

impl Layer {
    /// The struct's name in the kernel's headers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Nlmsg => "nlmsghdr",
            Self::CnMsg => "cn_msg",
            Self::ProcEvent => "proc_event",
        }
    }
}

/// Why the bytes at [`ParseError::offset`] could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ParseErrorKind {
    /// The struct, or the length that it gives, exceeds the available bytes.
    Truncated {
        /// Bytes needed from the offset on.
        needed: usize,
        /// Bytes available from the offset on, within the enclosing struct.
        available: usize,
    },
    /// The length that the struct gives is less than its header.
    LengthTooSmall {
        /// The value of the length field, in bytes.
        length: usize,
        /// The minimum.
        minimum: usize,
    },
}

/// A message that could not be read. The messages before it in the datagram are valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ParseError {
    /// The struct that could not be read.
    pub layer: Layer,
    /// The position of that struct in the datagram, in bytes.
    pub offset: usize,
    /// Why it could not be read.
    pub kind: ParseErrorKind,
}

impl ParseError {
    pub(crate) const fn truncated(
        layer: Layer,
        offset: usize,
        needed: usize,
        available: usize,
    ) -> Self {
        Self { layer, offset, kind: ParseErrorKind::Truncated { needed, available } }
    }
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { layer, offset, kind } = self;
        let layer = layer.name();
        match kind {
            ParseErrorKind::Truncated { needed, available } => write!(
                f,
                "{layer} at offset {offset} needs {needed} bytes and has {available}: \
                 the datagram is truncated or not from the process events connector"
            ),
            ParseErrorKind::LengthTooSmall { length, minimum } => write!(
                f,
                "{layer} at offset {offset} gives its length as {length}, less than the {minimum} \
                 of its header: the datagram is damaged or not from the process events connector"
            ),
        }
    }
}

impl core::error::Error for ParseError {}
