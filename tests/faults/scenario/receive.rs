//! Events of this process with a number each, and what becomes of them.

use crate::step::{mark, step};
use cnproc_sys::{Delivery, Event, EventData, Listener};
use std::collections::BTreeSet;
use std::time::Duration;

/// Detects a hang: a listener that receives nothing.
pub(crate) const HANG_LIMIT: Duration = Duration::from_secs(600);
pub(crate) const NOW: Option<Duration> = Some(Duration::ZERO);

/// Generated and delivered events of this process, and reported losses.
#[derive(Debug)]
pub(crate) struct Account {
    generated: u32,
    delivered: BTreeSet<u32>,
    repeated: u32,
    lost: u64,
    /// Receives what other processes send, with a large buffer: some of the losses may be theirs.
    others: Listener,
    pub(crate) last: Option<Event>,
}

/// Real user ids far from any in use.
const FIRST: u32 = 1 << 20;

impl Account {
    /// Before the listener is opened.
    pub(crate) fn new() -> Self {
        let others = Listener::options().acks(true).receive_buffer(64 << 20).open().unwrap();
        Self { generated: 0, delivered: BTreeSet::new(), repeated: 0, lost: 0, others, last: None }
    }

    /// In a forked child.
    pub(crate) fn adopt(&mut self) {
        self.others.adopt().unwrap();
    }

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
            if self.receive(name, listener, Some(HANG_LIMIT)).is_none() {
                eprintln!("{name}: the listener is deaf");
                std::process::exit(2);
            }
            if self.lost > 0 {
                // One that is missing will not come.
                return self.receive_what_is_queued(name, listener);
            }
        }
    }

    /// Receives, without waiting, until nothing is left.
    pub(crate) fn receive_what_is_queued(&mut self, name: &str, listener: &mut Listener) {
        while self.receive(name, listener, NOW).is_some() {}
    }

    /// Receives a batch, and allocates nothing for it: the allocator would make system calls, too.
    fn receive(
        &mut self,
        name: &str,
        listener: &mut Listener,
        timeout: Option<Duration>,
    ) -> Option<()> {
        step(name, || {
            let batch = listener.recv(timeout)?;
            Ok(batch.map(|batch| batch.for_each(|delivery| self.take(delivery))))
        })
    }

    /// What the second listener has received of other processes, without a step.
    fn count_others(&mut self) -> u64 {
        let mut count = 0;
        while let Some(batch) = self.others.recv(NOW).unwrap() {
            for delivery in batch {
                count += match delivery {
                    Delivery::Event(event) => u64::from(Self::number(&event).is_none()),
                    Delivery::Lost(_) => u64::from(u32::MAX),
                };
            }
        }
        // Where the queue is full, a forged message counts as well.
        count + self.others.stats().forged
    }

    /// Logs the sums. Without a drop counter the number of lost events is only a lower bound.
    pub(crate) fn log(&mut self, listener: &Listener) {
        let others = self.count_others();
        let missing = u64::from(self.generated) - self.delivered.len() as u64;
        let Self { repeated, lost, .. } = self;
        let least = if listener.stats().lost_is_lower_bound { missing.min(1) } else { missing };
        mark(&format!(
            "account missing={missing} least={least} repeated={repeated} lost={lost} others={others}"
        ));
    }
}
