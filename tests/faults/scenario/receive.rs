//! Events of this process with a number each, and what becomes of them.

use crate::step::{mark, step};
use cnproc_sys::{Delivery, Event, EventData, Listener};
use std::collections::BTreeSet;
use std::time::Duration;

/// Detects a hang: a listener that is deaf.
const HANG_LIMIT: Duration = Duration::from_secs(600);
pub(crate) const NOW: Option<Duration> = Some(Duration::ZERO);

/// Generated and delivered events of this process, and reported losses.
#[derive(Debug, Default)]
pub(crate) struct Account {
    generated: u32,
    delivered: BTreeSet<u32>,
    repeated: u32,
    lost: u64,
    /// Events of other processes that a second listener received: some of the losses may be theirs.
    others: u64,
    pub(crate) last: Option<Event>,
}

/// Real user ids far from any in use.
const FIRST: u32 = 1 << 20;

impl Account {
    /// Generates so many UID events. The effective user stays root.
    pub(crate) fn generate(&mut self, count: u32) {
        for _ in 0..count {
            // SAFETY: no memory is involved.
            let failed =
                unsafe { libc::syscall(libc::SYS_setresuid, FIRST + self.generated, 0, 0) };
            assert_eq!(failed, 0, "{}", std::io::Error::last_os_error());
            self.generated += 1;
        }
    }

    fn number(event: &Event) -> Option<u32> {
        match event.data() {
            EventData::Uid(uid) if uid.process_tgid == std::process::id() as i32 => {
                uid.ruid.checked_sub(FIRST)
            }
            _ => None,
        }
    }

    fn take(&mut self, delivery: Delivery) {
        match delivery {
            Delivery::Lost(count) => self.lost += count,
            Delivery::Event(event) => {
                if let Some(number) = Self::number(&event) {
                    self.repeated += u32::from(!self.delivered.insert(number));
                    self.last = Some(event);
                }
            }
        }
    }

    /// Receives until all have been delivered, waiting for them.
    pub(crate) fn receive_all(&mut self, name: &str, listener: &mut Listener) {
        while self.delivered.len() < self.generated as usize {
            let batch = step(name, || {
                Ok(listener.recv(Some(HANG_LIMIT))?.map(|batch| batch.collect::<Vec<_>>()))
            });
            let Some(batch) = batch else {
                eprintln!("{name}: the listener is deaf");
                std::process::exit(2);
            };
            batch.into_iter().for_each(|delivery| self.take(delivery));
            if self.lost > 0 {
                // One that is missing will not come.
                return self.receive_what_is_queued(name, listener);
            }
        }
    }

    /// Receives, without waiting, until nothing is left.
    pub(crate) fn receive_what_is_queued(&mut self, name: &str, listener: &mut Listener) {
        loop {
            let batch =
                step(name, || Ok(listener.recv(NOW)?.map(|batch| batch.collect::<Vec<_>>())));
            let Some(batch) = batch else { return };
            batch.into_iter().for_each(|delivery| self.take(delivery));
        }
    }

    /// Counts what a second listener with a large buffer has received of other processes, without a step.
    pub(crate) fn receive_others(&mut self, listener: &mut Listener) {
        while let Some(batch) = listener.recv(NOW).unwrap() {
            for delivery in batch {
                self.others += match delivery {
                    Delivery::Event(event) => u64::from(Self::number(&event).is_none()),
                    Delivery::Lost(_) => u64::from(u32::MAX),
                };
            }
        }
    }

    /// Logs the sums. Without a drop counter the number of lost events is only a lower bound.
    pub(crate) fn log(&self, listener: &Listener) {
        let missing = u64::from(self.generated) - self.delivered.len() as u64;
        let Self { repeated, lost, others, .. } = self;
        let least = if listener.stats().lost_is_lower_bound { missing.min(1) } else { missing };
        mark(&format!(
            "account missing={missing} least={least} repeated={repeated} lost={lost} others={others}"
        ));
    }
}
