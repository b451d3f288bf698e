//! How many sockets listen: `/proc/net/netlink`.

use crate::error::{Call, Error};
use crate::sys::file;
use cnproc_parse::kernel;

/// The number of sockets in the group of the process events, in this network namespace.
pub(crate) fn count() -> Result<u32, Error> {
    let list = file::open_path(Call::OpenProc, c"/proc/net/netlink")?;
    let mut counter = Counter::default();
    loop {
        let mut bytes = [0; 2048];
        let length = file::read(Call::OpenProc, &list, &mut bytes)?;
        if length == 0 {
            return Ok(counter.sockets);
        }
        bytes.iter().take(length).for_each(|byte| counter.add(*byte));
    }
}

/// Reads the table byte by byte: lines of columns, of which the second is the protocol, in decimal, and
/// the fourth the groups, in hexadecimal.
#[derive(Debug, Default)]
struct Counter {
    sockets: u32,
    column: u32,
    in_column: bool,
    protocol: u32,
    groups: u32,
}

impl Counter {
    fn add(&mut self, byte: u8) {
        match byte {
            b'\n' => {
                let in_group = self.groups & kernel::CN_IDX_PROC != 0;
                let is_listener = self.protocol == libc::NETLINK_CONNECTOR as u32 && in_group;
                *self = Self { sockets: self.sockets + u32::from(is_listener), ..Self::default() };
            }
            b' ' => {
                self.column += u32::from(self.in_column);
                self.in_column = false;
            }
            byte => {
                self.in_column = true;
                let digit = char::from(byte).to_digit(16).unwrap_or_default();
                match self.column {
                    1 => self.protocol = self.protocol.wrapping_mul(10).wrapping_add(digit),
                    3 => self.groups = self.groups.wrapping_mul(16).wrapping_add(digit),
                    _ => {}
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &[u8] = b"sk               Eth Pid        Groups   Rmem     Wmem     Dump  Locks    Drops    Inode\n\
        00000000f4bf4b6c 0   3341       00000111 0        0        0     2        0        22113   \n\
        00000000fd3a1a01 11  0          00000000 0        0        0     2        0        10      \n\
        00000000e1b0a1c2 11  3355       00000001 832      0        0     2        0        22114   \n\
        00000000e1b0a1c3 11  2147487651 00000003 0        0        0     2        0        22115   \n\
        00000000e1b0a1c4 11  3357       00000002 0        0        0     2        0        22116   \n\
        00000000e1b0a1c5 15  3358       00000001 0        0        0     2        0        22117   \n";

    #[test]
    fn sockets_of_protocol_and_group_are_counted() {
        let mut counter = Counter::default();
        TABLE.iter().for_each(|byte| counter.add(*byte));
        assert_eq!(counter.sockets, 2);
    }

    #[test]
    fn table_of_this_machine_is_read() {
        assert!(count().is_ok());
    }
}
