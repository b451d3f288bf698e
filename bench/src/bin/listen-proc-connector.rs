//! Peer: proc-connector's `recv`, an event per call; with the argument `timeout`, its `recv_timeout`.

use cnproc_bench::Account;
use proc_connector::{Error, ProcConnector, ProcEvent};
use std::time::Duration;

fn timestamp(event: &ProcEvent) -> u64 {
    match event {
        ProcEvent::Exec { timestamp_ns, .. }
        | ProcEvent::Fork { timestamp_ns, .. }
        | ProcEvent::Exit { timestamp_ns, .. }
        | ProcEvent::Uid { timestamp_ns, .. }
        | ProcEvent::Gid { timestamp_ns, .. }
        | ProcEvent::Sid { timestamp_ns, .. }
        | ProcEvent::Ptrace { timestamp_ns, .. }
        | ProcEvent::Comm { timestamp_ns, .. }
        | ProcEvent::Coredump { timestamp_ns, .. } => *timestamp_ns,
        ProcEvent::Unknown { .. } => 0,
    }
}

fn main() -> Result<(), Error> {
    let account = Account::begin();
    let connector = ProcConnector::new()?;
    account.ready();
    let mut buffer = [0; 4096];
    loop {
        let received = if account.timeout() {
            connector.recv_timeout(&mut buffer, Duration::from_secs(1))
        } else {
            connector.recv(&mut buffer).map(Some)
        };
        match received {
            Ok(Some(event)) => {
                account.events(1);
                if account.latency() {
                    account.delay(timestamp(&event), account.now());
                }
            }
            Ok(None) | Err(Error::Overrun) => {}
            Err(error) => return Err(error),
        }
    }
}
