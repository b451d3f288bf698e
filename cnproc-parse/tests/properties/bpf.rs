//! A classic BPF machine: the instructions that a socket filter of this library has, as
//! `Documentation/networking/filter.rst` gives their meaning.

use cnproc_parse::kernel::sock_filter;

/// Runs a program over a packet. Returns how many bytes of it to keep: 0 is none.
///
/// Panics where the kernel would not have taken the program: an instruction that is not one, a jump
/// out of the program, no return at its end.
pub(crate) fn run(program: &[sock_filter], packet: &[u8]) -> u32 {
    let (mut a, mut x, mut at) = (0_u32, 0_u32, 0_usize);
    loop {
        let sock_filter { code, jt, jf, k } = program[at];
        at += 1;
        let jump = |taken: bool| usize::from(if taken { jt } else { jf });
        match code {
            // ld [k]
            0x20 => match packet.get(k as usize..).and_then(|rest| rest.first_chunk()) {
                Some(word) => a = u32::from_be_bytes(*word),
                None => return 0,
            },
            // ld len
            0x80 => a = packet.len() as u32,
            // tax
            0x07 => x = a,
            // ja
            0x05 => at += k as usize,
            // jge #k, jeq #k, jeq x, jset #k
            0x35 => at += jump(a >= k),
            0x15 => at += jump(a == k),
            0x1d => at += jump(a == x),
            0x45 => at += jump(a & k != 0),
            // ret #k
            0x06 => return k,
            _ => panic!("no such instruction: {code:#x}"),
        }
    }
}
