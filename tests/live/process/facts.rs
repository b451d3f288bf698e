//! Who it was, live: facts, verdicts, and whatever a process may be up to meanwhile.

use cnproc_parse::kernel;
use cnproc_sys::{
    Delivery, Error, Event, EventData, EventMask, Identity, Listener, Options, Process, Replaced,
};
use std::fs;
use std::io::ErrorKind;
use std::os::fd::AsRawFd;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;
use support::child::Child;
use support::{child, live};

/// Waits for an event of a process.
fn await_event(listener: &mut Listener, tgid: i32, wanted: fn(&EventData) -> bool) -> Event {
    live::until(listener, |delivery| match delivery {
        Delivery::Event(event) if event.process_tgid() == Some(tgid) => {
            wanted(&event.data()).then_some(event)
        }
        _ => None,
    })
}

/// Without COMM and GID, of which others may make more than anybody can read.
fn options() -> Options {
    use EventMask as Mask;
    Listener::options().events(Mask::FORK | Mask::EXEC | Mask::UID | Mask::EXIT)
}

const IS_UID: fn(&EventData) -> bool = |data| matches!(data, EventData::Uid(_));
const IS_EXEC: fn(&EventData) -> bool = |data| matches!(data, EventData::Exec(_));
const IS_LEADERS_EXIT: fn(&EventData) -> bool =
    |data| matches!(data, EventData::Exit(exit) if exit.process_pid == exit.process_tgid);

fn sleep(duration: Duration) {
    let time = libc::timespec { tv_sec: 0, tv_nsec: duration.subsec_nanos() as _ };
    // SAFETY: `time` is valid for reading, and what is left is not asked for.
    unsafe { libc::nanosleep(&time, std::ptr::null_mut()) };
}

/// Takes a name, and a user id of its own: that makes the event by which it is told.
fn name_oneself() {
    // SAFETY: system calls, on a name that ends with NUL.
    unsafe {
        libc::prctl(libc::PR_SET_NAME, c"named".as_ptr());
        libc::setresuid(USER, USER, USER);
    }
}

const USER: u32 = 54321;

/// A child that names itself after that time, and waits for its end.
fn named_after(age: Duration) -> Child {
    child::fork(|| {
        sleep(age);
        name_oneself();
        pause(std::ptr::null_mut());
    })
}

/// A start, as `/proc/PID/stat` has it, in nanoseconds: of which the tick ends ten milliseconds later.
fn start_tick(pid: i32) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let (_, fields) = stat.rsplit_once(')').unwrap();
    fields.split_whitespace().nth(19).unwrap().parse::<u64>().unwrap() * 10_000_000
}

/// How far the clock of start times is ahead of that of events, or a little less.
fn lead() -> u64 {
    let now = |clock| {
        let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        // SAFETY: `time` is valid for writing.
        unsafe { libc::clock_gettime(clock, &mut time) };
        time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
    };
    now(libc::CLOCK_BOOTTIME).saturating_sub(now(libc::CLOCK_MONOTONIC))
}

fn is_in_the_tick_of_its_start(child: &Child, event: &Event) -> bool {
    start_tick(child.pid()) + 10_000_000 > event.timestamp_ns + lead() + 1_000_000
}

/// A child, and the event of its naming, at that age. None if events were lost: perhaps that one.
fn named(listener: &mut Listener, age: Duration) -> Option<(Child, Event)> {
    let child = named_after(age);
    let event = live::until(listener, |delivery| match delivery {
        Delivery::Event(event) if event.process_tgid() == Some(child.pid()) => {
            IS_UID(&event.data()).then_some(Some(event))
        }
        Delivery::Event(_) => None,
        Delivery::Lost(_) => Some(None),
    });
    event.map(|event| (child, event))
}

/// A child, and an event of it from the tick in which it started: its start does not tell who it is.
fn young(listener: &mut Listener) -> (Child, Event) {
    (0..100)
        .filter_map(|_| named(listener, Duration::ZERO))
        .find(|(child, event)| is_in_the_tick_of_its_start(child, event))
        .unwrap()
}

/// A child, and an event of it when it is older than two ticks.
fn old(listener: &mut Listener) -> (Child, Event) {
    (0..100).find_map(|_| named(listener, Duration::from_millis(30))).unwrap()
}

fn exe(process: &Process) -> Result<Vec<u8>, Error> {
    process.exe().map(|path| path.into_os_string().into_encoded_bytes())
}

fn cwd(process: &Process) -> Result<Vec<u8>, Error> {
    process.cwd().map(|path| path.into_os_string().into_encoded_bytes())
}

fn comm(process: &Process) -> Result<Vec<u8>, Error> {
    process.comm()
}

fn cmdline(process: &Process) -> Result<Vec<u8>, Error> {
    process.cmdline()
}

#[test]
fn the_stream_proves_a_young_process_and_its_start_an_old_one() {
    for options in [Listener::options(), options()] {
        let Some(mut listener) = live::open(options) else { return };
        for find in [proven_young, old] {
            let (_child, event) = find(&mut listener);
            let process = listener.process(&event).unwrap();
            assert_eq!(process.identity(), Identity::Proven);
            assert_eq!(comm(&process).unwrap(), b"named");
        }
    }
}

/// One after whose event nothing was lost, though others flood the queue, too.
fn proven_young(listener: &mut Listener) -> (Child, Event) {
    for _ in 0..50 {
        let (child, event) = young(listener);
        if listener.process(&event).unwrap().identity() == Identity::Proven {
            return (child, event);
        }
    }
    panic!("none is proven");
}

/// Events of processes of our own, more than the queue holds.
fn flood() {
    for _ in 0..500 {
        child::fork(|| {}).wait();
    }
}

#[test]
fn where_events_were_lost_only_the_start_still_proves() {
    for options in [Listener::options(), options(), options().skip_threads(true)] {
        let Some(mut listener) = live::open(options.receive_buffer(256 << 10)) else { return };
        let (_young, event_of_young) = proven_young(&mut listener);
        flood();
        let process = listener.process(&event_of_young).unwrap();
        assert_eq!(process.identity(), Identity::Likely);
        assert_eq!(comm(&process).unwrap(), b"named");
        // The loss is told as ever, and what comes after it is whole again.
        live::until(&mut listener, |delivery| {
            matches!(delivery, Delivery::Lost(1..)).then_some(())
        });
        while listener.recv(Some(Duration::ZERO)).unwrap().is_some_and(|batch| batch.count() > 0) {}
        proven_young(&mut listener);

        let (_old, event_of_old) = old(&mut listener);
        flood();
        assert_eq!(listener.process(&event_of_old).unwrap().identity(), Identity::Proven);
    }
}

#[test]
fn where_forks_are_filtered_out_only_the_start_proves() {
    let options = Listener::options().events(EventMask::UID | EventMask::EXIT);
    let Some(mut listener) = live::open(options) else { return };
    let (_young, event) = young(&mut listener);
    assert_eq!(listener.process(&event).unwrap().identity(), Identity::Likely);
    let (old, event) = old(&mut listener);
    assert_eq!(listener.process(&event).unwrap().identity(), Identity::Proven);
    // An exit that may be its end: of a young one.
    let (young, event) = young(&mut listener);
    young.kill(libc::SIGKILL);
    await_zombie(young.pid());
    assert!(matches!(listener.process(&event), Err(Error::ProcessGone)));
    drop(old);
}

fn await_zombie(pid: i32) {
    let stat = format!("/proc/{pid}/stat");
    while !fs::read_to_string(&stat).unwrap().contains(") Z ") {
        sleep(Duration::from_millis(1));
    }
}

#[test]
fn asking_ahead_takes_nothing_from_the_stream() {
    let Some(mut listener) = live::open(options()) else { return };
    let child = child::fork(|| {
        for user in 1..=4 {
            // The effective user id 0 lets it go on. SAFETY: no memory is involved.
            unsafe { libc::setresuid(user, 0, 0) };
        }
    });
    let pid = child.pid();
    child.wait();
    let mut told = Vec::new();
    while told.last() != Some(&"exit") {
        let mut batch = listener.recv(Some(Duration::from_secs(20))).unwrap().unwrap();
        while let Some(delivery) = batch.next() {
            let Delivery::Event(event) = delivery else { panic!("{delivery:?}") };
            if event.process_tgid() == Some(pid) {
                assert!(matches!(batch.process(&event), Err(Error::ProcessGone)));
                told.push(cnproc_sys::event_name(event.what).unwrap());
            } else if event.process_tgid().is_some() {
                drop(batch.process(&event));
            }
        }
    }
    assert_eq!(told, ["fork", "uid", "uid", "uid", "uid", "exit"]);
    assert_eq!(listener.stats().lost, 0);
}

#[test]
fn a_zombie_is_the_process_still_and_one_waited_for_is_gone() {
    let Some(mut listener) = live::open(options()) else { return };
    let (child, event) = young(&mut listener);
    let before = listener.process(&event).unwrap();
    child.kill(libc::SIGKILL);
    let exit = await_event(&mut listener, child.pid(), IS_LEADERS_EXIT);
    let at_exit = listener.process(&exit).unwrap();
    assert_eq!(at_exit.identity(), Identity::Likely, "an EXIT may be late");
    for process in [&before, &at_exit] {
        assert_eq!(process.status().unwrap().state, b'Z');
        assert_eq!(comm(process).unwrap(), b"named");
        for fact in [Process::cmdline, exe, cwd] {
            assert_eq!(fact(process), Ok(Vec::new()));
        }
    }
    child.wait();
    assert!(matches!(listener.process(&event), Err(Error::ProcessGone)));
    assert!(matches!(listener.process(&exit), Err(Error::ProcessGone)));
    for process in [before, at_exit] {
        let facts = [Process::cmdline, Process::environ, exe, cwd, Process::comm, Process::cgroup];
        for fact in facts {
            assert_eq!(fact(&process), Err(Error::ProcessGone));
        }
        assert_eq!(process.nspid(), Err(Error::ProcessGone));
        assert!(matches!(process.exe_fd(), Err(Error::ProcessGone)));
        assert_eq!(process.status(), Err(Error::ProcessGone));
        assert!(matches!(process.pidfd(), Err(Error::ProcessGone)));
    }
}

/// Begins a thread in a child: it runs `body`, on a stack that was made before.
fn begin_thread(stack: &mut [u128], body: extern "C" fn(*mut libc::c_void) -> libc::c_int) {
    let flags = libc::CLONE_VM
        | libc::CLONE_FS
        | libc::CLONE_FILES
        | libc::CLONE_SIGHAND
        | libc::CLONE_THREAD;
    let top = stack.as_mut_ptr_range().end;
    // SAFETY: the stack is long enough, and the child has a copy of it for as long as it lives.
    let thread = unsafe { libc::clone(body, top.cast(), flags, std::ptr::null_mut()) };
    assert!(thread > 0);
}

extern "C" fn pause(_: *mut libc::c_void) -> libc::c_int {
    // SAFETY: no memory is involved.
    unsafe { libc::pause() }
}

extern "C" fn become_sleep(_: *mut libc::c_void) -> libc::c_int {
    let arguments = [c"sleep".as_ptr(), c"20".as_ptr(), std::ptr::null()];
    // SAFETY: the strings end with NUL, the array with NULL.
    unsafe { libc::execv(c"/bin/sleep".as_ptr(), arguments.as_ptr()) }
}

/// An EXIT of the leader is in the stream, and it is proven all the same: no FORK is.
#[test]
fn a_process_outlives_its_leader() {
    let Some(mut listener) = live::open(options()) else { return };
    let mut stack = vec![0; 4096];
    let child = child::fork(|| {
        name_oneself();
        begin_thread(&mut stack, pause);
        // SAFETY: ends this thread only.
        unsafe { libc::syscall(libc::SYS_exit, 0) };
    });
    let named = await_event(&mut listener, child.pid(), IS_UID);
    await_zombie(child.pid());
    let process = listener.process(&named).unwrap();
    assert_eq!(process.identity(), Identity::Proven);
    assert_eq!(process.status().unwrap().threads, 2);
    let exit = await_event(&mut listener, child.pid(), IS_LEADERS_EXIT);
    assert_eq!(listener.process(&exit).unwrap().identity(), Identity::Likely);
}

/// EXIT of the leader, which did not call execve, then EXEC. A leader that is late with its EXIT bears a
/// thread's id by then.
#[test]
fn a_process_outlives_its_leader_in_an_exec_by_a_thread() {
    let Some(mut listener) = live::open(options()) else { return };
    let mut stack = vec![0; 4096];
    let child = child::fork(|| {
        name_oneself();
        begin_thread(&mut stack, become_sleep);
        // SAFETY: no memory is involved.
        unsafe { libc::pause() };
    });
    let pid = child.pid();
    let named = await_event(&mut listener, pid, IS_UID);
    let process = listener.process(&named).unwrap();
    assert_eq!(process.identity(), Identity::Proven);
    while listener.replaced(&process).unwrap() == Replaced::No {
        sleep(Duration::from_millis(1));
    }
    assert_eq!(listener.replaced(&process), Ok(Replaced::Yes));
    assert_eq!(cmdline(&process).unwrap(), b"sleep\x0020\0");
    assert_eq!(listener.process(&named).unwrap().identity(), Identity::Proven);

    let mut exits = Vec::new();
    let exec = live::until(&mut listener, |delivery| match delivery {
        Delivery::Event(event) if event.process_tgid() == Some(pid) => {
            exits.extend(IS_LEADERS_EXIT(&event.data()).then_some(event));
            IS_EXEC(&event.data()).then_some(event)
        }
        _ => None,
    });
    for exit in exits {
        assert!(matches!(listener.process(&exit), Err(Error::ProcessGone)), "it did not end");
    }
    let process = listener.process(&exec).unwrap();
    assert_eq!(process.identity(), Identity::Proven);
    assert_eq!(listener.replaced(&process), Ok(Replaced::No));
}

#[test]
fn a_thread_that_got_the_pid_is_not_the_process() {
    let Some(mut listener) = live::open(options()) else { return };
    let (begun, begins) = std::sync::mpsc::channel();
    let (end, ends) = std::sync::mpsc::channel::<()>();
    let thread = std::thread::spawn(move || {
        // SAFETY: no memory is involved.
        begun.send(unsafe { libc::gettid() }).unwrap();
        ends.recv().unwrap_err();
    });
    assert!(matches!(listener.process(&exec_now(begins.recv().unwrap())), Err(Error::ProcessGone)));
    assert!(listener.process(&exec_now(std::process::id() as i32)).is_ok());
    drop(end);
    thread.join().unwrap();
}

/// As if the process had just called execve.
fn exec_now(tgid: i32) -> Event {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is valid for writing.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &mut time) };
    let timestamp_ns = time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64;
    let mut event = Event::default();
    (event.what, event.timestamp_ns, event.size) = (kernel::PROC_EVENT_EXEC, timestamp_ns, 40);
    event.event_data[..8].copy_from_slice([tgid.to_ne_bytes(); 2].as_flattened());
    event
}

/// It shares its parent's processor, which the parent does not leave.
#[test]
fn a_process_that_has_not_run_yet_is_likely() {
    let Some(mut listener) = live::open(options()) else { return };
    // SAFETY: system calls, on structs of numbers.
    unsafe {
        let mut processors: libc::cpu_set_t = std::mem::zeroed();
        libc::CPU_SET(libc::sched_getcpu() as usize, &mut processors);
        assert_eq!(libc::sched_setaffinity(0, size_of_val(&processors), &processors), 0);
        let first_come = libc::sched_param { sched_priority: 1 };
        assert_eq!(libc::sched_setscheduler(0, libc::SCHED_FIFO, &first_come), 0);
    }
    let (_child, event) = loop {
        let child = child::fork(|| {
            pause(std::ptr::null_mut());
        });
        let event = loop {
            let mut batch = listener.recv(Some(Duration::ZERO)).unwrap().unwrap();
            match batch.next() {
                Some(Delivery::Event(event)) if event.process_tgid() == Some(child.pid()) => {
                    break event;
                }
                _ => {}
            }
        };
        if is_in_the_tick_of_its_start(&child, &event) {
            break (child, event);
        }
    };
    let process = listener.process(&event).unwrap();
    assert_eq!(process.identity(), Identity::Likely);
    sleep(Duration::from_millis(50));
    assert_eq!(listener.process(&event).unwrap().identity(), Identity::Proven);
}

/// A FORK of that pid, as if the kernel had sent it.
fn forge_fork(pid: i32) {
    let mut bytes = 76_u32.to_ne_bytes().to_vec();
    bytes.extend([kernel::NLMSG_DONE, 0].into_iter().flat_map(u16::to_ne_bytes));
    let words = [0, 0, kernel::CN_IDX_PROC, kernel::CN_VAL_PROC, 1, 0];
    bytes.extend(words.into_iter().flat_map(u32::to_ne_bytes));
    bytes.extend([40_u16, 0].into_iter().flat_map(u16::to_ne_bytes));
    let words = [kernel::PROC_EVENT_FORK as i32, 0, 0, 0, 1, 1, pid, pid, 0, 0];
    bytes.extend(words.into_iter().flat_map(i32::to_ne_bytes));
    // SAFETY: system calls; the address is a whole one, of numbers, and the bytes are `bytes`.
    unsafe {
        let kind = libc::SOCK_DGRAM | libc::SOCK_CLOEXEC;
        let socket = libc::socket(libc::AF_NETLINK, kind, libc::NETLINK_CONNECTOR);
        let mut group: libc::sockaddr_nl = std::mem::zeroed();
        (group.nl_family, group.nl_groups) = (libc::AF_NETLINK as _, kernel::CN_IDX_PROC);
        let (address, length) = (std::ptr::from_ref(&group).cast(), size_of_val(&group) as u32);
        let sent = libc::sendto(socket, bytes.as_ptr().cast(), bytes.len(), 0, address, length);
        assert_eq!(sent, 76);
        libc::close(socket);
    }
}

#[test]
fn a_fork_that_the_kernel_did_not_send_proves_nothing() {
    let Some(mut listener) = live::open(options()) else { return };
    let (child, event) = young(&mut listener);
    forge_fork(child.pid());
    assert_eq!(listener.process(&event).unwrap().identity(), Identity::Proven);
    child.kill(libc::SIGKILL);
    await_event(&mut listener, child.pid(), IS_LEADERS_EXIT);
    assert!(listener.stats().forged > 0);
}

#[test]
fn a_kernel_thread_has_a_name_and_no_program() {
    let Some(mut listener) = live::open(options()) else { return };
    const KTHREADD: i32 = 2;
    let process = listener.process(&exec_now(KTHREADD)).unwrap();
    assert_eq!(process.identity(), Identity::Proven, "by its start");
    assert_eq!(comm(&process).unwrap(), b"kthreadd");
    assert_eq!(process.cmdline(), Ok(Vec::new()));
    assert_eq!(process.exe(), Ok(PathBuf::new()));
    let status = process.status().unwrap();
    assert_eq!((status.ppid, status.sid, status.euid, status.threads), (0, 0, 0, 1));
}

#[test]
fn what_is_of_no_process_or_asked_by_a_child_is_an_error() {
    let Some(mut listener) = live::open(options()) else { return };
    let mut ack = exec_now(1);
    ack.what = kernel::PROC_EVENT_NONE;
    assert!(matches!(listener.process(&ack), Err(Error::NotOfProcess)));
    assert!(matches!(listener.process(&exec_now(0)), Err(Error::NotOfProcess)));
    let process = listener.process(&exec_now(1)).unwrap();
    let child = child::fork(|| {
        let refused = matches!(listener.process(&exec_now(1)), Err(Error::Forked))
            && matches!(listener.replaced(&process), Err(Error::Forked));
        // SAFETY: ends the process.
        unsafe { libc::_exit(i32::from(!refused)) };
    });
    assert_eq!(child.wait(), 0);
}

/// A program of the system that waits for a line or the end of its input, under a name of its own.
struct Waiting {
    child: std::process::Child,
}

impl Waiting {
    fn spawn(command: &mut Command) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        loop {
            match command.spawn() {
                Ok(child) => return Self { child },
                // Another test's child still has open what was just written.
                Err(error) if error.kind() == ErrorKind::ExecutableFileBusy => {}
                Err(error) => panic!("{error}"),
            }
        }
    }

    fn pid(&self) -> i32 {
        self.child.id() as i32
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

#[test]
fn a_command_line_of_two_mebibytes_is_told_in_whole() {
    let Some(mut listener) = live::open(options()) else { return };
    let argument = "x".repeat(100_000);
    let mut command = Command::new("/bin/sh");
    command.args(["-c", "read line"]).args(std::iter::repeat_n(&argument, 21)).env_clear();
    // SAFETY: a system call, on a struct of numbers.
    unsafe {
        command.pre_exec(|| {
            let limit = libc::rlimit { rlim_cur: 64 << 20, rlim_max: libc::RLIM_INFINITY };
            libc::setrlimit(libc::RLIMIT_STACK, &limit);
            Ok(())
        });
    }
    let waiting = Waiting::spawn(&mut command);
    let exec = await_event(&mut listener, waiting.pid(), IS_EXEC);
    let process = listener.process(&exec).unwrap();
    let expected: Vec<u8> = ["/bin/sh", "-c", "read line"]
        .into_iter()
        .chain(std::iter::repeat_n(argument.as_str(), 21))
        .flat_map(|argument| [argument.as_bytes(), b"\0"].concat())
        .collect();
    assert!(expected.len() > 2 << 20);
    for room in [0, 1, 4096, expected.len() - 1, expected.len(), expected.len() + 1] {
        let mut buffer = vec![b'?'; room];
        let text = process.read_cmdline(&mut buffer).unwrap();
        assert_eq!(text.full_len(), expected.len());
        assert_eq!(text.is_truncated(), room < expected.len());
        assert_eq!(text.bytes(), &expected[..room.min(expected.len())]);
        let (told, rest) = buffer.split_at(room.min(expected.len()));
        assert!(told == &expected[..told.len()] && rest.iter().all(|byte| *byte == b'?'));
    }
}

#[test]
fn a_deleted_program_is_told_with_what_the_kernel_adds() {
    let Some(mut listener) = live::open(options()) else { return };
    let path = std::env::temp_dir().join(format!("cnproc-deleted-{}", std::process::id()));
    fs::copy("/bin/sleep", &path).unwrap();
    // The name matters where one program is many.
    let waiting = Waiting::spawn(Command::new(&path).arg0("sleep").arg("100"));
    let exec = await_event(&mut listener, waiting.pid(), IS_EXEC);
    let process = listener.process(&exec).unwrap();
    assert_eq!(process.exe().unwrap(), path);
    fs::remove_file(&path).unwrap();
    let deleted = format!("{} (deleted)", path.display());
    assert_eq!(process.exe().unwrap(), PathBuf::from(&deleted));
    assert!(process.exe_is_deleted().unwrap());
    assert_eq!(process.read_exe(&mut [0; 3]).unwrap().full_len(), deleted.len());
}

/// Two programs in turn, in one process, while it is read: never a mixture.
#[test]
fn a_process_that_execs_while_it_is_read_is_one_program_or_the_other() {
    let Some(mut listener) = live::open(options()) else { return };
    let script = "n=$1; [ $n = 0 ] && exit; exec sh \"$0\" $((n-1)) $(printf %04000d $((n-1)))";
    let path = std::env::temp_dir().join(format!("cnproc-exec-{}", std::process::id()));
    fs::write(&path, script).unwrap();
    let waiting = Waiting::spawn(Command::new("/bin/sh").arg(&path).arg("300"));
    let pid = waiting.pid();
    let first = await_event(&mut listener, pid, IS_EXEC);
    let process = listener.process(&first).unwrap();
    let (mut read, mut replaced) = (0, 0);
    loop {
        let command = cmdline(&process).unwrap();
        if process.status().unwrap().state == b'Z' {
            break;
        }
        let text = String::from_utf8(command).unwrap();
        let arguments: Vec<_> = text.trim_end_matches('\0').split('\0').collect();
        if let [_, _, number, padded] = arguments[..] {
            assert_eq!(format!("{:04000}", number.parse::<u32>().unwrap()), padded);
            replaced += u32::from(listener.replaced(&process) == Ok(Replaced::Yes));
            read += 1;
        }
    }
    fs::remove_file(&path).unwrap();
    assert!(read > 10, "{read}");
    assert!(replaced * 2 > read, "{replaced} of {read}");
}

fn is_child_of(pid: i32, parent: &Child) -> bool {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    status.contains(&format!("\nPPid:\t{}\n", parent.pid()))
}

#[test]
fn a_process_of_another_pid_namespace_is_told_by_its_outer_id() {
    let Some(mut listener) = live::open(options()) else { return };
    let outer = child::fork(|| {
        // SAFETY: system calls, on a name that ends with NUL.
        unsafe {
            assert_eq!(libc::unshare(libc::CLONE_NEWPID), 0);
            let inner = libc::fork();
            if inner == 0 {
                name_oneself();
                libc::pause();
            }
            libc::waitpid(inner, std::ptr::null_mut(), 0);
        }
    });
    let event = live::until(&mut listener, |delivery| match delivery {
        Delivery::Event(event) => match event.data() {
            EventData::Uid(uid) if uid.ruid == USER && is_child_of(uid.process_tgid, &outer) => {
                Some(event)
            }
            _ => None,
        },
        Delivery::Lost(_) => None,
    });
    let process = listener.process(&event).unwrap();
    assert_eq!(process.identity(), Identity::Proven);
    assert_eq!(comm(&process).unwrap(), b"named");
    assert_eq!(process.status().unwrap().ppid, outer.pid());
    let inside = fs::read_to_string(format!("/proc/{}/status", process.tgid())).unwrap();
    assert!(inside.contains(&format!("NSpid:\t{}\t1\n", process.tgid())), "{inside}");
    let pidfd = process.pidfd().unwrap();
    // SAFETY: no memory is involved.
    let sent = unsafe { libc::syscall(libc::SYS_pidfd_send_signal, pidfd.as_raw_fd(), 9, 0, 0) };
    assert_eq!(sent, 0);
    outer.wait();
    assert_eq!(comm(&process), Err(Error::ProcessGone));
}

#[test]
fn a_pidfd_is_of_the_process_and_tells_its_end() {
    let Some(mut listener) = live::open(options()) else { return };
    let (child, event) = young(&mut listener);
    let process = listener.process(&event).unwrap();
    let pidfd = process.pidfd().unwrap();
    let ends_within = |timeout| {
        let mut poll = libc::pollfd { fd: pidfd.as_raw_fd(), events: libc::POLLIN, revents: 0 };
        // SAFETY: `poll` is valid for writing.
        unsafe { libc::poll(&mut poll, 1, timeout) == 1 }
    };
    assert!(!ends_within(0));
    // SAFETY: no memory is involved.
    unsafe { libc::syscall(libc::SYS_pidfd_send_signal, pidfd.as_raw_fd(), libc::SIGKILL, 0, 0) };
    assert!(ends_within(20_000));
    assert_eq!(libc::WTERMSIG(child.wait()), libc::SIGKILL);
}

/// What a listener answers that was opened in a mount namespace of its own, once `mount` has changed it,
/// and that is asked after `prepare`.
fn in_another_proc(
    mount: impl FnOnce(),
    prepare: impl FnOnce(),
    ask: impl FnOnce(&mut Listener) -> bool,
) -> Option<bool> {
    drop(live::open(options())?);
    let child = child::fork(|| {
        // SAFETY: system calls, on strings that end with NUL.
        unsafe {
            assert_eq!(libc::unshare(libc::CLONE_NEWNS), 0);
            let (none, root) = (std::ptr::null(), c"/".as_ptr());
            let private = libc::MS_REC | libc::MS_PRIVATE;
            assert_eq!(libc::mount(none, root, none, private, std::ptr::null()), 0);
        }
        mount();
        // As root, which opening and closing require before Linux 6.6.
        let mut listener = options().open().unwrap();
        prepare();
        let right = ask(&mut listener);
        // SAFETY: no memory is involved.
        assert_eq!(unsafe { libc::setresuid(0, 0, 0) }, 0);
        drop(listener);
        // SAFETY: ends the process.
        unsafe { libc::_exit(i32::from(!right)) };
    });
    Some(child.wait() == 0)
}

fn become_nobody() {
    // hidepid exempts the group 0. SAFETY: no memory is involved.
    let groups = unsafe { libc::setgroups(0, std::ptr::null()) };
    // SAFETY: as above.
    let ids = unsafe { libc::setresgid(65534, 65534, 0) + libc::setresuid(65534, 65534, 0) };
    assert_eq!((groups, ids), (0, 0));
}

fn mount_proc(options: &std::ffi::CStr) {
    let (kind, place) = (c"proc".as_ptr(), c"/proc".as_ptr());
    // SAFETY: strings that end with NUL.
    let mounted = unsafe { libc::mount(kind, place, kind, 0, options.as_ptr().cast()) };
    assert_eq!(mounted, 0);
}

#[test]
fn a_hidden_process_is_hidden_and_not_gone() {
    let is_told = |listener: &mut Listener| {
        matches!(listener.process(&exec_now(1)), Err(Error::ProcessHidden))
            && matches!(listener.process(&exec_now(4_194_303)), Err(Error::ProcessGone))
    };
    // Its directory can't be read; or it is not there at all.
    for prepare in [|| mount_proc(c"hidepid=1"), || mount_proc(c"hidepid=2")] as [fn(); 2] {
        assert_ne!(in_another_proc(prepare, become_nobody, is_told), Some(false));
    }
}

#[test]
fn without_hidepid_an_ordinary_user_sees_all_but_paths() {
    let right = in_another_proc(
        || (),
        become_nobody,
        |listener| {
            let process = listener.process(&exec_now(1)).unwrap();
            process.comm().is_ok_and(|name| !name.is_empty())
                && process.status().is_ok()
                && process.exe() == Err(Error::ProcessHidden)
                && process.cwd() == Err(Error::ProcessHidden)
        },
    );
    assert_ne!(right, Some(false));
}

#[test]
fn another_pid_namespaces_proc_is_refused_and_none_at_all_too() {
    let unmount = || {
        // SAFETY: a string that ends with NUL.
        assert_eq!(unsafe { libc::umount2(c"/proc".as_ptr(), libc::MNT_DETACH) }, 0);
    };
    let refused =
        |listener: &mut Listener| matches!(listener.process(&exec_now(1)), Err(Error::NoProcfs));
    assert_ne!(in_another_proc(unmount, || (), refused), Some(false));
    let of_another = || {
        // SAFETY: system calls; the child ends by itself.
        unsafe {
            assert_eq!(libc::unshare(libc::CLONE_NEWPID), 0);
            let inner = libc::fork();
            if inner == 0 {
                mount_proc(c"");
                libc::_exit(0);
            }
            libc::waitpid(inner, std::ptr::null_mut(), 0);
        }
    };
    assert_ne!(in_another_proc(of_another, || (), refused), Some(false));
}
