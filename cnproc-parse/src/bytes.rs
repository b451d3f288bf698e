//! Integers from bytes, in either byte order. The functions take fixed-size arrays, so no read can be
//! out of bounds.

/// The byte order of a datagram: that of the machine whose kernel sent it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ByteOrder {
    /// Least significant byte first: x86, arm, riscv.
    Little,
    /// Most significant byte first: s390x, sparc, big-endian mips and powerpc.
    Big,
}

impl ByteOrder {
    /// This machine's byte order. Every datagram of a live socket has it.
    pub const NATIVE: Self = if cfg!(target_endian = "big") { Self::Big } else { Self::Little };

    #[inline]
    pub(crate) const fn u16(self, bytes: [u8; 2]) -> u16 {
        match self {
            Self::Little => u16::from_le_bytes(bytes),
            Self::Big => u16::from_be_bytes(bytes),
        }
    }

    #[inline]
    pub(crate) const fn u32(self, bytes: [u8; 4]) -> u32 {
        match self {
            Self::Little => u32::from_le_bytes(bytes),
            Self::Big => u32::from_be_bytes(bytes),
        }
    }

    #[inline]
    pub(crate) const fn i32(self, bytes: [u8; 4]) -> i32 {
        self.u32(bytes) as i32
    }

    #[inline]
    pub(crate) const fn u64(self, bytes: [u8; 8]) -> u64 {
        match self {
            Self::Little => u64::from_le_bytes(bytes),
            Self::Big => u64::from_be_bytes(bytes),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::ByteOrder::{self, Big, Little};

    #[test]
    fn each_order_reads_its_own_bytes() {
        assert_eq!(Little.u16([1, 2]), 0x0201);
        assert_eq!(Big.u16([1, 2]), 0x0102);
        assert_eq!(Little.u32([1, 2, 3, 4]), 0x0403_0201);
        assert_eq!(Big.u32([1, 2, 3, 4]), 0x0102_0304);
        assert_eq!(Little.i32([0xfe, 0xff, 0xff, 0xff]), -2);
        assert_eq!(Big.u64([0, 0, 0, 0, 0, 0, 1, 2]), 0x0102);
        assert_eq!(Little.u64([1, 2, 0, 0, 0, 0, 0, 0]), 0x0201);
    }

    #[test]
    fn native_order_reads_the_machines_integers() {
        assert_eq!(ByteOrder::NATIVE.u32(0x0102_0304_u32.to_ne_bytes()), 0x0102_0304);
    }
}
