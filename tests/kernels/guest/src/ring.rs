//! Where a ring cannot be had on this kernel.

use crate::Outcome;
use crate::kernel::Kernel;
use crate::permission::receives;
use cnproc_sys::{Error, Listener, Source};
use std::fs;
use std::path::Path;

const JIT: &str = "/proc/sys/net/core/bpf_jit_enable";
const HARDEN: &str = "/proc/sys/net/core/bpf_jit_harden";
const RESTRICT: &str = "/proc/sys/kernel/kptr_restrict";

/// The kernel hides how it translates a program if it blinds constants, which its compiler does, and hides addresses.
pub fn hidden_translation_leaves_the_socket(_: &Kernel) -> Outcome {
    // A kernel that cannot compile programs lacks its compiler's settings.
    let is_compiled = Path::new(JIT).exists() && fs::read_to_string(JIT)?.trim() != "0";
    let mut before = Vec::new();
    for file in [HARDEN, RESTRICT].into_iter().filter(|file| Path::new(file).exists()) {
        before.push((file, fs::read_to_string(file)?));
        fs::write(file, "2")?;
    }
    let listener = Listener::options().ring(true).open();
    for (file, value) in before {
        fs::write(file, value)?;
    }
    let mut listener = listener?;
    let stats = listener.stats();
    let expected =
        if is_compiled { (Source::Socket, Some(Error::NoRing)) } else { (Source::Ring, None) };
    assert_eq!((stats.source, stats.ring_error), expected);
    assert!(receives(&mut listener, "no translation")?, "no event came");
    let stats = Listener::options().ring(true).open()?.stats();
    assert_eq!((stats.source, stats.ring_error), (Source::Ring, None));
    Ok(())
}
