//! The listener: open, change, close.

mod ahead;
mod check;
mod receive;

pub(crate) use ahead::Since;
pub use check::Check;
pub use receive::Batch;

use crate::batch::Arena;
use crate::call::Call;
use crate::deadline::nanoseconds;
use crate::diagnosis;
use crate::errno::Errno;
use crate::error::Error;
use crate::fd::Fd;
use crate::gather::Gather;
use crate::handshake::Listens;
use crate::loss::{Account, CPUS, Cpu};
use crate::options::Options;
use crate::owner::Owner;
use crate::process::Procfs;
use crate::stats::Stats;
use crate::syscall::{self, Mapping};
use ahead::Completeness;
use cnproc_parse::{Event, EventMask, Filter, kernel};
use core::ffi::c_int;

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
    owner: Owner,
    filter: Filter,
    acks: bool,
    arena: Arena,
    account: Account<Mapping<Cpu>>,
    /// The drop counter as it was once all that is in the arena had been received.
    drops_when_empty: Option<u32>,
    /// How much of the front datagram has been read.
    read: usize,
    /// Losses to be told before the next event.
    lost_here: u64,
    /// The event read last, and whether it is yet to be handed over.
    event: Event,
    is_read: bool,
    /// The socket's SO_RCVTIMEO.
    receive_timeout_ns: Option<u64>,
    stats: Stats,
    /// How far the clock of the events is ahead of this process's: see `Listens::listen`.
    clock_ahead: u64,
    completeness: Completeness,
    pub(crate) procfs: Procfs,
}

const fn failed(call: Call) -> impl Fn(Errno) -> Error {
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
        if syscall::memory(&fd).is_ok() {
            // Full, the queue then refuses what there is no room for, and no more than that. Without
            // the drop counter it would do so in silence.
            syscall::set_option_int(&fd, libc::SOL_NETLINK, libc::NETLINK_NO_ENOBUFS, 1)
                .map_err(failed(Call::SetNoEnobufs))?;
        }
        let mut connector = Self::of(fd, options)?;
        // Before bind: nothing unwanted ever enters the queue.
        connector.attach_filter(&options.filter)?;
        syscall::bind(&connector.fd, kernel::CN_IDX_PROC).map_err(diagnosis::not_bound)?;
        syscall::connect_to_kernel(&connector.fd).map_err(failed(Call::Connect))?;
        connector.listen(nanoseconds(options.ack_timeout))?;
        if !options.gather.is_zero() {
            let receive_buffer = connector.stats.receive_buffer;
            let gather = Gather::new(&connector.fd, nanoseconds(options.gather), receive_buffer);
            connector.gather = Some(gather.map_err(failed(Call::EpollCreate))?);
        }
        Ok(connector)
    }

    /// A listener on that socket.
    fn of(fd: Fd, options: &Options) -> Result<Self, Error> {
        let receive_buffer =
            syscall::receive_buffer(&fd).map_err(failed(Call::GetReceiveBuffer))?;
        let has_drop_counter = syscall::memory(&fd).is_ok();
        let cpus = Mapping::new(CPUS).map_err(failed(Call::Mmap))?;
        Ok(Self {
            listens: Listens::default(),
            fd,
            gather: None,
            owner: Owner::new(),
            filter: options.filter,
            acks: options.acks,
            arena: Arena::new().map_err(failed(Call::Mmap))?,
            account: Account::new(cpus, options.filter.is_everything()),
            drops_when_empty: None,
            read: 0,
            lost_here: 0,
            event: Event::default(),
            is_read: false,
            receive_timeout_ns: None,
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
            clock_ahead: 0,
            completeness: Completeness::default(),
            procfs: Procfs::new(),
        })
    }

    /// Says LISTEN. What came before the acknowledgement is in the arena; what was lost is told.
    fn listen(&mut self, timeout_ns: u64) -> Result<(), Error> {
        self.clock_ahead = self.listens.listen(&self.fd, &mut self.arena, timeout_ns)?;
        self.check_drops()
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
        self.attach_filter(&filter)?;
        let was_everything = self.filter.is_everything();
        self.filter = filter;
        self.completeness.filter_changed(self.now());
        self.stats.events = events;
        self.is_read &= filter.matches(&self.event);
        if was_everything && filter.is_everything() {
            return Ok(());
        }
        // In this order: see `filter_changed`.
        if !self.stats.lost_is_lower_bound {
            let memory = syscall::memory(&self.fd).map_err(failed(Call::GetMemory))?;
            self.observe_drops(memory.drops);
            self.drops_when_empty = None;
        }
        self.account.filter_changed(filter.is_everything(), self.now());
        Ok(())
    }

    /// Now, on the events' clock, or a moment later.
    fn now(&self) -> u64 {
        syscall::monotonic().wrapping_add(self.clock_ahead)
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
        if self.owner.is_this_process() { Ok(()) } else { Err(Error::ChildProcess) }
    }

    /// The descriptor, to wait on with `poll` and its kin. It stays the listener's.
    ///
    /// Wait on it only after [`recv`](Self::recv) with a time-out of zero has had nothing: what has been
    /// received already makes it readable no more. That holds for waiting at edges, too.
    pub fn raw_fd(&self) -> c_int {
        self.polled().raw()
    }

    fn polled(&self) -> &Fd {
        self.gather.as_ref().map_or(&self.fd, Gather::fd)
    }

    fn attach_filter(&self, filter: &Filter) -> Result<(), Error> {
        let result = if filter.is_everything() {
            syscall::detach_filter(&self.fd)
        } else {
            syscall::attach_filter(&self.fd, &filter.program())
        };
        match result {
            // There was none to detach.
            Err(errno) if errno.raw() == libc::ENOENT => Ok(()),
            result => result.map_err(failed(Call::AttachFilter)),
        }
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
        .map_err(failed(Call::SetReceiveBuffer))
}
