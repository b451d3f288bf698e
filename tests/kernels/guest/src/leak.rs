//! A listener that is killed cannot send IGNORE, so the kernel generates events until the next boot, on every version.
//! That costs time, and must not harm another listener.

use crate::Outcome;
use crate::kernel::Kernel;
use crate::muted::stray_ignores;
use crate::permission::receives;
use crate::raw::RawListener;
use cnproc_sys::Resumed;
use std::io::Read;
use std::process::{Command, Stdio};
use support::live;

/// This program's argument: listen until killed.
pub const LISTEN: &str = "--listen";

pub fn listen() -> ! {
    let _listener = live::options().open().expect("a listener");
    println!("open");
    loop {
        std::thread::park();
    }
}

pub fn does_no_harm(kernel: &Kernel) -> Outcome {
    let bystander = RawListener::bind(1 << 20)?;
    assert!(!bystander.receives()?, "another process listens before");
    let mut killed = Command::new("/proc/self/exe").arg(LISTEN).stdout(Stdio::piped()).spawn()?;
    killed.stdout.take().ok_or("no output")?.read_exact(&mut [0; 5])?;
    killed.kill()?;
    killed.wait()?;
    assert!(bystander.receives()?, "the kernel leaks no count, although the documentation says so");

    let mut listener = live::options().open()?;
    assert!(receives(&mut listener, "after a leak")?, "no event came");
    assert_eq!(listener.resume()?, Resumed::AlreadyOn);
    drop(listener);
    assert!(bystander.receives()?, "closing lowered the count by more than opening had raised it");
    stray_ignores(kernel, 1)?;
    assert!(!bystander.receives()?, "more than one count leaked");
    Ok(())
}
