//! The machine: a listener, and `/proc`.

use crate::machine::{Delivery, Look, Machine};
use crate::scan::{Ids, Pending, Presence, Snapshot};
use crate::status::WaitStatus;
use crate::texts::Text;
use cnproc_sys::{Error, Growing, Listener, Process, Processes, Sight, pause};

/// A pid that is given away all the time looks like a hidden process's: how often it is looked at again, and after
/// what time.
const ATTEMPTS: u32 = 100;
const PAUSE_NS: u64 = 50_000;

/// The machine that this program runs on.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) listener: Listener,
    processes: Option<Processes>,
    cmdline: Buffer,
    exe: Buffer,
    cgroup: Buffer,
}

/// A text that a look has read.
#[derive(Debug)]
struct Buffer {
    /// Empty if this text is not kept.
    bytes: Growing<u8>,
    /// How much was read; None if that failed.
    length: Option<usize>,
}

impl Buffer {
    fn new(is_kept: bool, room: usize) -> Result<Self, Error> {
        let mut bytes = Growing::new();
        bytes.grow(if is_kept { room } else { 0 }, 0)?;
        Ok(Self { bytes, length: None })
    }

    fn read<'a>(
        &'a mut self,
        read: impl FnOnce(&'a mut [u8]) -> Result<cnproc_sys::Text<'a>, Error>,
    ) {
        if !self.bytes.is_empty() {
            self.length = read(&mut self.bytes).ok().map(|text| text.bytes().len());
        }
    }

    fn take_empty_as_unread(&mut self) {
        self.length = self.length.filter(|length| *length > 0);
    }

    fn get(&self) -> Option<&[u8]> {
        self.bytes.get(..self.length?)
    }
}

impl Source {
    pub(super) fn new(listener: Listener, kept: [bool; 3], room: usize) -> Result<Self, Error> {
        let [cmdline, exe, cgroup] = kept;
        Ok(Self {
            listener,
            processes: None,
            cmdline: Buffer::new(cmdline, room)?,
            exe: Buffer::new(exe, room)?,
            cgroup: Buffer::new(cgroup, room)?,
        })
    }

    /// Whether `/proc` shows processes of other users: process 1 is one.
    pub(super) fn sees_all_processes(&mut self) -> Result<bool, Error> {
        match self.listener.sight(1, true, &mut |_| ()) {
            Ok(sight) => Ok(sight.is_some_and(|sight| sight.ids.is_some())),
            Err(Error::ProcessHidden) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

impl Machine for Source {
    type Error = Error;

    fn next(&mut self) -> Option<Delivery> {
        Some(match self.listener.next_received()? {
            cnproc_sys::Delivery::Event(event) => Delivery::Event(event),
            cnproc_sys::Delivery::Lost(count) => Delivery::Lost(count),
        })
    }

    fn has_next(&mut self) -> bool {
        self.listener.has_received()
    }

    fn receive(&mut self) -> Result<bool, Error> {
        self.listener.receive_all()
    }

    fn pending(&self, pid: i32, pending: &mut Pending) {
        self.listener.waiting_of(pid, &mut |event| pending.note(pid, event));
    }

    fn look(&mut self, pid: i32, what: Look) -> Result<Snapshot, Error> {
        let Self { listener, cmdline, exe, cgroup, .. } = self;
        for buffer in [&mut *cmdline, &mut *exe, &mut *cgroup] {
            buffer.length = None;
        }
        let mut attempts = ATTEMPTS;
        let (before_ns, sight) = loop {
            let (before_ns, _) = listener.events_clock();
            let sight = listener.sight(pid, what.ids, &mut |process: &Process| {
                if what.texts {
                    cmdline.read(|buffer| process.read_cmdline(buffer));
                    exe.read(|buffer| process.read_exe(buffer));
                    cgroup.read(|buffer| process.read_cgroup(buffer));
                }
            });
            match sight {
                Err(Error::ProcessHidden) if attempts > 0 => attempts -= 1,
                sight => break (before_ns, sight?),
            }
            pause(PAUSE_NS);
        };
        let (_, after_ns) = listener.events_clock();
        if !sight.is_some_and(|sight| sight.is_kernel_thread) {
            // A process that is about to end has none any more.
            cmdline.take_empty_as_unread();
            exe.take_empty_as_unread();
        }
        Ok(snapshot(pid, sight.as_ref(), before_ns, after_ns))
    }

    fn text(&self, text: Text) -> Option<&[u8]> {
        match text {
            Text::Cmdline => self.cmdline.get(),
            Text::Exe => self.exe.get(),
            Text::Cgroup => self.cgroup.get(),
        }
    }

    fn rewind(&mut self) -> Result<(), Error> {
        self.processes = Some(self.listener.list_processes()?);
        Ok(())
    }

    fn list(&mut self) -> Result<Option<i32>, Error> {
        let next = self.processes.as_mut().map_or(Ok(None), Processes::next_pid)?;
        if next.is_none() {
            self.processes = None;
        }
        Ok(next)
    }

    fn now_ns(&self) -> u64 {
        self.listener.events_clock().1
    }
}

fn snapshot(pid: i32, sight: Option<&Sight>, before_ns: u64, after_ns: u64) -> Snapshot {
    let presence = match sight {
        None => Presence::Gone,
        Some(Sight { is_zombie: false, .. }) => Presence::Running,
        Some(Sight { has_live_threads: true, .. }) => Presence::Leaderless,
        Some(sight) => Presence::Ended(sight.exit_code.map(WaitStatus)),
    };
    Snapshot {
        pid,
        presence,
        before_ns,
        after_ns,
        start_ns: sight.map_or(0, |sight| sight.start_ns),
        has_run: sight.is_some_and(|sight| sight.has_run),
        threads: sight.map_or(0, |sight| sight.threads),
        ppid: sight.map_or(0, |sight| sight.ppid),
        sid: sight.map_or(0, |sight| sight.sid),
        comm: sight.map_or([0; 16], |sight| sight.comm),
        ids: sight.and_then(|sight| sight.ids).map(|[ruid, euid, rgid, egid]| Ids {
            ruid,
            euid,
            rgid,
            egid,
        }),
    }
}
