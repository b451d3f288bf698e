//! A listener that is killed cannot say IGNORE: the kernel goes on making events until it is rebooted,
//! on every version. That costs it time, and a listener must be none the worse for it.

use crate::Outcome;
use crate::kernel::Kernel;
use crate::permission::hears;
use crate::raw::RawListener;
use crate::switched_off::stray_ignores;
use cnproc_sys::{Listener, Resumed};
use std::io::Read;
use std::process::{Command, Stdio};

/// This program's argument: listen until killed.
pub const LISTEN: &str = "--listen";

pub fn listen() -> ! {
    let _connector = Listener::options().open().expect("a listener");
    println!("open");
    loop {
        std::thread::park();
    }
}

pub fn does_no_harm(kernel: &Kernel) -> Outcome {
    let bystander = RawListener::bind(1 << 20)?;
    assert!(!bystander.hears()?, "somebody listens before");
    let mut killed = Command::new("/proc/self/exe").arg(LISTEN).stdout(Stdio::piped()).spawn()?;
    killed.stdout.take().ok_or("no output")?.read_exact(&mut [0; 5])?;
    killed.kill()?;
    killed.wait()?;
    assert!(bystander.hears()?, "the kernel leaks no count: a fact the documentation has wrong");

    let mut listener = Listener::options().open()?;
    assert!(hears(&mut listener, "after a leak")?, "no event came");
    assert_eq!(listener.resume()?, Resumed::AlreadyOn);
    drop(listener);
    assert!(bystander.hears()?, "closing took away more than opening gave");
    stray_ignores(kernel, 1)?;
    assert!(!bystander.hears()?, "more than one was leaked");
    Ok(())
}
