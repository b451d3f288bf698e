//! The socket's own filter (classic BPF, as cnproc uses it) against the kernel's (`struct proc_input`, Linux
//! 6.6) and a ring's program: what an event costs the process that makes it, by the filters of one listener.
//!
//! The events are COMM, made by `prctl(PR_SET_NAME)`. Other listeners cost as much again: run it where there
//! are none.

use cnproc_parse::{EventMask, Filter, Operation, Request, kernel};
use cnproc_sys::{Listener, Source};
use std::mem::{size_of_val, zeroed};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::time::{Duration, Instant};

/// As many events as the queue of a listener that takes them holds with ease.
const BURST: u32 = 200;
const BURSTS: u32 = 250;
const ROUNDS: usize = 21;

#[derive(Clone, Copy)]
enum By {
    Nobody,
    Socket(Filter),
    Kernel(EventMask),
    Ring(EventMask),
}

/// What listens.
enum Listening {
    Nobody,
    Socket(OwnedFd),
    Ring(Listener),
}

const fn only(events: EventMask) -> Filter {
    Filter::new(events, false)
}

/// What a listener asks for, by which filter.
const CASES: [(&str, By); 11] = [
    ("no listener", By::Nobody),
    ("everything", By::Socket(Filter::EVERYTHING)),
    ("everything, through a ring", By::Ring(EventMask::ALL)),
    ("EXIT, by the socket's filter", By::Socket(only(EventMask::EXIT))),
    ("EXIT, by the kernel's filter", By::Kernel(EventMask::EXIT)),
    ("EXIT, by a ring's program", By::Ring(EventMask::EXIT)),
    ("COMM, by the socket's filter", By::Socket(only(EventMask::COMM))),
    ("COMM, by the kernel's filter", By::Kernel(EventMask::COMM)),
    ("COMM, through a ring", By::Ring(EventMask::COMM)),
    ("NONZERO_EXIT, by the socket's filter", By::Socket(only(EventMask::NONZERO_EXIT))),
    ("processes only, by the socket's filter", By::Socket(Filter::new(EventMask::ALL, true))),
];

fn check(result: libc::c_int) -> libc::c_int {
    assert!(result >= 0, "{}", std::io::Error::last_os_error());
    result
}

fn set<T>(socket: &OwnedFd, name: libc::c_int, value: &T) {
    let (pointer, length) = (std::ptr::from_ref(value).cast(), size_of_val(value) as _);
    // SAFETY: pointer and length are of `value`.
    check(unsafe { libc::setsockopt(socket.as_raw_fd(), libc::SOL_SOCKET, name, pointer, length) });
}

fn attach(socket: &OwnedFd, filter: &Filter) {
    let steps = filter.program();
    let mut steps: Vec<_> = steps
        .instructions()
        .iter()
        .map(|&kernel::sock_filter { code, jt, jf, k }| libc::sock_filter { code, jt, jf, k })
        .collect();
    let program = libc::sock_fprog { len: steps.len() as u16, filter: steps.as_mut_ptr() };
    set(socket, libc::SO_ATTACH_FILTER, &program);
}

fn send(socket: &OwnedFd, operation: Operation, events: Option<EventMask>) {
    let request = Request::new(operation, events, 1).to_bytes();
    let bytes = request.as_ref();
    // SAFETY: `bytes` is valid for reading of its length.
    let sent = unsafe { libc::send(socket.as_raw_fd(), bytes.as_ptr().cast(), bytes.len(), 0) };
    check(sent as libc::c_int);
}

fn listen(by: By) -> Listening {
    let (filter, events) = match by {
        By::Nobody => return Listening::Nobody,
        By::Ring(events) => return Listening::Ring(open_ring(events)),
        By::Socket(filter) => (filter, None),
        By::Kernel(events) => (Filter::EVERYTHING, Some(events)),
    };
    // SAFETY: a new descriptor, owned by nobody else; the address is valid for reading.
    unsafe {
        let kind = libc::SOCK_DGRAM | libc::SOCK_CLOEXEC;
        let socket = check(libc::socket(libc::AF_NETLINK, kind, libc::NETLINK_CONNECTOR));
        let socket = OwnedFd::from_raw_fd(socket);
        set(&socket, libc::SO_RCVBUFFORCE, &(4_i32 << 20));
        if !filter.is_everything() {
            attach(&socket, &filter);
        }
        let mut address: libc::sockaddr_nl = zeroed();
        address.nl_family = libc::AF_NETLINK as _;
        address.nl_groups = kernel::CN_IDX_PROC;
        let length = size_of_val(&address) as _;
        check(libc::bind(socket.as_raw_fd(), (&raw const address).cast(), length));
        send(&socket, Operation::Listen, events);
        Listening::Socket(socket)
    }
}

/// A listener with a ring. The first event of a burst would wake it.
fn open_ring(events: EventMask) -> Listener {
    let listener = Listener::options().ring(true).events(events).open().expect("a listener");
    let stats = listener.stats();
    assert_eq!(stats.source, Source::Ring, "no ring: {:?}", stats.ring_error);
    listener
}

impl Listening {
    /// Takes all that waits. How much it was.
    fn drain(&mut self) -> u64 {
        match self {
            Self::Nobody => 0,
            Self::Socket(socket) => drain_socket(socket),
            Self::Ring(listener) => drain_ring(listener),
        }
    }
}

fn drain_ring(listener: &mut Listener) -> u64 {
    let mut count = 0;
    while let Some(batch) = listener.recv(Some(Duration::ZERO)).expect("a batch") {
        count += batch.count() as u64;
    }
    count
}

fn drain_socket(socket: &OwnedFd) -> u64 {
    let mut bytes = [0_u8; 128];
    let mut count = 0;
    // SAFETY: the buffer is valid for writing of its length.
    while unsafe {
        let flags = libc::MSG_DONTWAIT;
        libc::recv(socket.as_raw_fd(), bytes.as_mut_ptr().cast(), bytes.len(), flags)
    } > 0
    {
        count += 1;
    }
    count
}

/// Nanoseconds for each event made, burst by burst, and how many reached the listener.
fn measure(by: By, nanoseconds: &mut Vec<f64>) -> u64 {
    let mut listening = listen(by);
    let mut came = 0;
    for _ in 0..BURSTS {
        listening.drain();
        let begin = Instant::now();
        for _ in 0..BURST {
            // SAFETY: the name ends with NUL.
            unsafe { libc::prctl(libc::PR_SET_NAME, c"filters".as_ptr()) };
        }
        nanoseconds.push(begin.elapsed().as_nanos() as f64 / f64::from(BURST));
        came += listening.drain();
    }
    if let Listening::Socket(socket) = &listening {
        send(socket, Operation::Ignore, None);
    }
    came
}

fn main() {
    let mut results = CASES.map(|_| (Vec::new(), 0));
    for round in 0..ROUNDS {
        for turn in 0..CASES.len() {
            let case = (round + turn) % CASES.len();
            let (nanoseconds, came) = &mut results[case];
            *came += measure(CASES[case].1, nanoseconds);
        }
    }
    println!(
        "{:<40} {:>8} {:>8} {:>9}",
        "one listener, that asks for", "least", "median", "reach it"
    );
    for ((name, _), (mut nanoseconds, came)) in CASES.into_iter().zip(results) {
        nanoseconds.sort_by(f64::total_cmp);
        let (least, median) = (nanoseconds[0], nanoseconds[nanoseconds.len() / 2]);
        let reach = 100.0 * came as f64 / (nanoseconds.len() as f64 * f64::from(BURST));
        println!("{name:<40} {least:>5.0} ns {median:>5.0} ns {reach:>7.1} %");
    }
}
