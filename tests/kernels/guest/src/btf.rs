//! The running kernel's own description of its types, `/sys/kernel/btf/vmlinux`: as much of BTF as finding a struct's
//! members takes.

use std::collections::HashMap;
use std::fs;

const MAGIC: u16 = 0xeb9f;
const KIND_STRUCT: u32 = 4;
const KIND_UNION: u32 = 5;

/// A struct's size, and the offset of each of its members, in bytes.
#[derive(Debug, PartialEq, Eq)]
pub struct Layout {
    pub size: u32,
    pub members: HashMap<String, u32>,
}

pub struct Btf {
    bytes: Vec<u8>,
    types: std::ops::Range<usize>,
    strings: usize,
}

impl Btf {
    /// `None` if the kernel has no BTF.
    pub fn of_kernel() -> Option<Btf> {
        let bytes = fs::read("/sys/kernel/btf/vmlinux").ok()?;
        let half = u16::from_ne_bytes([bytes[0], bytes[1]]);
        assert_eq!(half, MAGIC, "BTF's magic number in the machine's byte order");
        let mut btf = Btf { bytes, types: 0..0, strings: 0 };
        let header = btf.word(4) as usize;
        let start = header + btf.word(8) as usize;
        btf.types = start..start + btf.word(12) as usize;
        btf.strings = header + btf.word(16) as usize;
        Some(btf)
    }

    fn word(&self, at: usize) -> u32 {
        u32::from_ne_bytes([
            self.bytes[at],
            self.bytes[at + 1],
            self.bytes[at + 2],
            self.bytes[at + 3],
        ])
    }

    fn string(&self, offset: u32) -> &str {
        let tail = &self.bytes[self.strings + offset as usize..];
        let end = tail.iter().position(|&byte| byte == 0).expect("the string ends with NUL");
        std::str::from_utf8(&tail[..end]).expect("a name in ASCII")
    }

    /// The struct or union with that name.
    pub fn layout(&self, name: &str) -> Option<Layout> {
        let mut at = self.types.start;
        while at < self.types.end {
            let (type_name, info, size) = (self.word(at), self.word(at + 4), self.word(at + 8));
            let (kind, count) = ((info >> 24) & 0x1f, (info & 0xffff) as usize);
            let members = at + 12;
            if (kind == KIND_STRUCT || kind == KIND_UNION) && self.string(type_name) == name {
                // With the flag set, the offset has 24 bits, and the rest is the width of a bit field.
                let mask = if info >> 31 == 1 { 0x00ff_ffff } else { u32::MAX };
                let members = (0..count)
                    .map(|i| {
                        let member = members + 12 * i;
                        (
                            self.string(self.word(member)).to_owned(),
                            (self.word(member + 8) & mask) / 8,
                        )
                    })
                    .collect();
                return Some(Layout { size, members });
            }
            at = members + tail(kind, count);
        }
        None
    }
}

/// Bytes after a type's first 12, by its kind.
fn tail(kind: u32, count: usize) -> usize {
    match kind {
        1 | 14 | 17 => 4, // INT, VAR, DECL_TAG
        3 => 12,          // ARRAY
        KIND_STRUCT | KIND_UNION => 12 * count,
        6 | 13 => 8 * count,       // ENUM, FUNC_PROTO
        15 | 19 => 12 * count,     // DATASEC, ENUM64
        2 | 7..=12 | 16 | 18 => 0, // PTR, FWD, TYPEDEF, VOLATILE, CONST, RESTRICT, FUNC, FLOAT, TYPE_TAG
        _ => panic!("BTF kind {kind} is not known"),
    }
}
