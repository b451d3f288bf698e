//! Peer: the `cnproc` crate, 0.2. It hands over only fork, exec, exit and coredump, without their time, and says `None` for
//! each other event.

use cnproc_bench::Account;

fn main() -> std::io::Result<()> {
    let account = Account::begin();
    let mut monitor = peer_cnproc::PidMonitor::new()?;
    account.ready();
    loop {
        std::hint::black_box(monitor.recv());
        account.events(1);
    }
}
