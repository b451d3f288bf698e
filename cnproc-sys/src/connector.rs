//! The listener: open, receive, change, close.

mod check;

pub use check::Check;

use crate::batch::{Arena, Delivery};
use crate::deadline::Deadline;
use crate::diagnosis;
use crate::errno::Errno;
use crate::error::Error;
use crate::fd::Fd;
use crate::gather::Gather;
use crate::handshake::Listens;
use crate::loss::{Account, CPUS};
use crate::options::Options;
use crate::stats::Stats;
use crate::syscall::{self, Mapping};
use cnproc_parse::{Event, EventData, EventMask, Filter, Message, Sequence, kernel, messages};
use core::ffi::c_int;
use core::time::Duration;

/// A listener for process events. Dropping it says IGNORE to the kernel, and closes it.
///
/// It may move between threads; one at a time uses it. There may be many in one process. After `fork`
/// the child's copy may only be dropped, which closes the child's descriptor and says nothing to the
/// kernel: any other call there fails with [`Error::ChildProcess`].
#[derive(Debug)]
pub struct Connector {
    listens: Listens,
    fd: Fd,
    gather: Option<Gather>,
    /// The process that opened it.
    owner: c_int,
    filter: Filter,
    acks: bool,
    arena: Arena,
    account: Account<Mapping<Sequence>>,
    /// The drop counter when the socket's queue was last found empty; None while it is not.
    drops_when_empty: Option<u32>,
    /// How much of the front datagram has been read.
    read: usize,
    /// Losses to be told before the next event.
    lost_here: u64,
    /// The next event, once it has been read.
    next: Option<Event>,
    /// The socket's SO_RCVTIMEO.
    receive_timeout: Option<Duration>,
    stats: Stats,
}

/// A wait without end, as SO_RCVTIMEO. A time-out of any length makes the kernel return EINTR where
/// it would otherwise restart the call, for handlers installed with SA_RESTART.
const FOREVER: Duration = Duration::from_secs(365 * 24 * 60 * 60);

const fn failed(call: &'static str) -> impl Fn(Errno) -> Error {
    move |errno| Error::System { call, errno }
}

impl Connector {
    /// What is to be opened: all events, unless the options say otherwise.
    pub const fn options() -> Options {
        Options::DEFAULT
    }

    pub(crate) fn open(options: &Options) -> Result<Self, Error> {
        let fd = syscall::netlink_socket().map_err(diagnosis::no_socket)?;
        set_receive_buffer(&fd, options.receive_buffer)?;
        let receive_buffer =
            syscall::receive_buffer(&fd).map_err(failed("getsockopt(SO_RCVBUF)"))?;
        let has_drop_counter = syscall::drops(&fd).is_ok();
        if has_drop_counter {
            // Full, the queue then refuses what there is no room for, and no more than that.
            syscall::set_option_int(&fd, libc::SOL_NETLINK, libc::NETLINK_NO_ENOBUFS, 1)
                .map_err(failed("setsockopt(NETLINK_NO_ENOBUFS)"))?;
        }
        let cpus = Mapping::new(CPUS).map_err(failed("mmap"))?;
        let mut connector = Self {
            listens: Listens::default(),
            fd,
            gather: None,
            owner: syscall::getpid(),
            filter: options.filter,
            acks: options.acks,
            arena: Arena::new().map_err(failed("mmap"))?,
            account: Account::new(cpus, options.filter.is_everything()),
            drops_when_empty: None,
            read: 0,
            lost_here: 0,
            next: None,
            receive_timeout: None,
            stats: Stats {
                delivered: 0,
                lost: 0,
                lost_is_lower_bound: !has_drop_counter,
                forged: 0,
                malformed: 0,
                unknown: 0,
                acks: 0,
                events: options.filter.events,
                processes: options.filter.processes,
                receive_buffer,
            },
        };
        // Before bind: nothing unwanted ever enters the queue.
        connector.attach_filter()?;
        let Self { listens, fd, arena, .. } = &mut connector;
        syscall::bind(fd, kernel::CN_IDX_PROC).map_err(diagnosis::not_bound)?;
        syscall::connect_to_kernel(fd).map_err(failed("connect"))?;
        listens.listen(fd, arena, options.ack_timeout)?;
        if !options.gather.is_zero() {
            let gather = Gather::new(fd, options.gather, receive_buffer);
            connector.gather = Some(gather.map_err(failed("epoll_create1, timerfd_create"))?);
        }
        Ok(connector)
    }

    /// Waits for events, at most as long as `timeout`; without one, for ever. None: none came.
    ///
    /// What the batch is not asked for stays for the next call.
    ///
    /// # Errors
    /// [`Error::Interrupted`] if a signal handler ran, [`Error::ChildProcess`], and
    /// [`Error::System`].
    pub fn recv(&mut self, timeout: Option<Duration>) -> Result<Option<Batch<'_>>, Error> {
        self.check_owner()?;
        if !self.has_next() {
            let deadline = timeout.filter(|timeout| !timeout.is_zero()).map(Deadline::after);
            let mut left = timeout;
            loop {
                let came = self.fill(left)?;
                if self.has_next() {
                    break;
                }
                if let Some(deadline) = deadline {
                    left = Some(deadline.left());
                }
                if !came && left.is_some_and(|left| left.is_zero()) {
                    return Ok(None);
                }
            }
        }
        Ok(Some(Batch { connector: self }))
    }

    /// Changes the types of events wanted. What is already queued is checked against the new mask, too.
    ///
    /// # Errors
    /// [`Error::ChildProcess`], and [`Error::System`].
    pub fn set_events(&mut self, events: EventMask) -> Result<(), Error> {
        self.check_owner()?;
        let filter = Filter { events, ..self.filter };
        if filter == self.filter {
            return Ok(());
        }
        self.filter = filter;
        self.attach_filter()?;
        let since = syscall::monotonic();
        if let Ok(drops) = syscall::drops(&self.fd) {
            self.observe_drops(drops);
        }
        self.account.filter_changed(filter.is_everything(), since);
        self.stats.events = events;
        self.next = self.next.filter(|event| filter.matches(event));
        Ok(())
    }

    /// What the listener has seen so far.
    pub const fn stats(&self) -> Stats {
        self.stats
    }

    /// Says IGNORE to the kernel, and closes. The same as dropping it.
    pub fn close(self) {}

    /// That this process is the one that opened the listener, and not a child of it by fork.
    ///
    /// # Errors
    /// [`Error::ChildProcess`]
    pub fn check_owner(&self) -> Result<(), Error> {
        if syscall::getpid() == self.owner { Ok(()) } else { Err(Error::ChildProcess) }
    }

    /// The descriptor, to wait on with `poll` and its kin. It stays the listener's.
    pub fn raw_fd(&self) -> c_int {
        self.polled().raw()
    }

    fn polled(&self) -> &Fd {
        self.gather.as_ref().map_or(&self.fd, Gather::fd)
    }

    fn attach_filter(&self) -> Result<(), Error> {
        let result = if self.filter.is_everything() {
            syscall::detach_filter(&self.fd)
        } else {
            syscall::attach_filter(&self.fd, &self.filter.program())
        };
        match result {
            // There was none to detach.
            Err(errno) if errno.raw() == libc::ENOENT => Ok(()),
            result => result.map_err(failed("setsockopt(SO_ATTACH_FILTER)")),
        }
    }
}

/// Receiving.
impl Connector {
    /// Whether there is something to hand over without a system call.
    fn has_next(&mut self) -> bool {
        while self.lost_here == 0 && self.next.is_none() {
            if !self.read_message() {
                return false;
            }
        }
        true
    }

    /// Reads one message of the front datagram. Whether there was something to read.
    fn read_message(&mut self) -> bool {
        let Some(slot) = self.arena.front() else {
            // Losses at the very end of a stream: no number follows that would show them.
            let drops = self.drops_when_empty.take();
            return drops.is_some_and(|drops| self.observe_drops(drops));
        };
        if !slot.is_from_kernel() {
            self.stats.forged += 1;
            self.arena.pop();
            return true;
        }
        let datagram = slot.datagram();
        let mut messages = messages(datagram.get(self.read..).unwrap_or_default());
        let message = messages.next();
        self.read += messages.offset();
        if self.read == datagram.len() {
            self.read = 0;
            self.stats.malformed += u64::from(slot.is_cut_off());
            self.arena.pop();
        }
        match message {
            Some(Ok(Message::Event(event))) => self.take_event(event),
            Some(_) => self.stats.malformed += 1,
            None => {}
        }
        true
    }

    /// Takes an event into the account, and keeps it if it is wanted.
    fn take_event(&mut self, event: Event) {
        let lost = self.account.observe(&event);
        self.lose(lost);
        let wanted = match event.data {
            EventData::Ack(_) => {
                self.stats.acks += 1;
                self.acks
            }
            EventData::Unknown(_) => {
                self.stats.unknown += 1;
                self.filter.matches(&event)
            }
            _ => self.filter.matches(&event),
        };
        if wanted {
            self.next = Some(event);
        }
    }

    fn lose(&mut self, count: u64) {
        self.lost_here += count;
        self.stats.lost += count;
    }

    /// Takes a reading of the drop counter. Whether it makes a loss known.
    fn observe_drops(&mut self, drops: u32) -> bool {
        let lost = self.account.observe_drops(drops);
        self.lose(lost);
        lost > 0
    }

    /// Receives a batch, waiting for it as long as `timeout`. Whether anything came.
    fn fill(&mut self, timeout: Option<Duration>) -> Result<bool, Error> {
        if let Some(gather) = &mut self.gather {
            match gather.wait(&self.fd, timeout) {
                Ok(true) => {}
                Ok(false) => return Ok(false),
                Err(errno) if errno.raw() == libc::EINTR => return Err(Error::Interrupted),
                Err(errno) => return Err(Error::System { call: "epoll_wait", errno }),
            }
        }
        let flags = if self.gather.is_some() || timeout.is_some_and(|timeout| timeout.is_zero()) {
            libc::MSG_DONTWAIT
        } else {
            self.set_receive_timeout(timeout.unwrap_or(FOREVER).min(FOREVER))?;
            libc::MSG_WAITFORONE
        };
        let (came, drained) = match self.arena.receive(&self.fd, flags) {
            Ok(received) => received,
            Err(errno) => match errno.raw() {
                libc::EAGAIN => (0, true),
                libc::EINTR => return Err(Error::Interrupted),
                libc::ENOBUFS => {
                    let lost = self.account.observe_overrun();
                    self.lose(lost);
                    return Ok(true);
                }
                _ => return Err(Error::System { call: "recvmmsg", errno }),
            },
        };
        if let Some(gather) = &mut self.gather {
            gather
                .drained(&self.fd, came, drained)
                .map_err(failed("timerfd_settime, epoll_ctl"))?;
        }
        if !self.stats.lost_is_lower_bound {
            let drops = syscall::drops(&self.fd).map_err(failed("getsockopt(SO_MEMINFO)"))?;
            self.drops_when_empty = drained.then_some(drops);
            if !self.account.by_sequence() {
                // Where the gap is can't be told: not after the first event of this batch, at least.
                self.observe_drops(drops);
            }
        }
        Ok(came > 0)
    }

    fn set_receive_timeout(&mut self, timeout: Duration) -> Result<(), Error> {
        if self.receive_timeout != Some(timeout) {
            syscall::set_receive_timeout(&self.fd, timeout)
                .map_err(failed("setsockopt(SO_RCVTIMEO)"))?;
            self.receive_timeout = Some(timeout);
        }
        Ok(())
    }
}

/// What has come: an iterator over deliveries, which makes no system call.
///
/// Dropped before its end, it leaves the rest to the next [`Connector::recv`].
#[derive(Debug)]
pub struct Batch<'a> {
    connector: &'a mut Connector,
}

impl Iterator for Batch<'_> {
    type Item = Delivery;

    fn next(&mut self) -> Option<Delivery> {
        let connector = &mut *self.connector;
        if !connector.has_next() {
            return None;
        }
        if connector.lost_here > 0 {
            return Some(Delivery::Lost(core::mem::take(&mut connector.lost_here)));
        }
        connector.stats.delivered += 1;
        connector.next.take().map(Delivery::Event)
    }
}

impl Drop for Connector {
    fn drop(&mut self) {
        // A child's IGNORE would silence the parent.
        if self.check_owner().is_ok() {
            self.listens.ignore(&self.fd);
        }
    }
}

#[cfg(feature = "std")]
impl std::os::fd::AsFd for Connector {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        syscall::borrow(self.polled())
    }
}

#[cfg(feature = "std")]
impl std::os::fd::AsRawFd for Connector {
    fn as_raw_fd(&self) -> std::os::fd::RawFd {
        self.raw_fd()
    }
}

/// Asks for the buffer past the system's limit, or, where that is not allowed, up to it.
fn set_receive_buffer(fd: &Fd, bytes: u32) -> Result<(), Error> {
    let bytes = c_int::try_from(bytes).unwrap_or(c_int::MAX);
    let set = |name| syscall::set_option_int(fd, libc::SOL_SOCKET, name, bytes);
    set(libc::SO_RCVBUFFORCE)
        .or_else(|_| set(libc::SO_RCVBUF))
        .map_err(failed("setsockopt(SO_RCVBUF)"))
}
