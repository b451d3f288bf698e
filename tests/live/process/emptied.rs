//! Processes that have no program in memory any more, or no command line.

use super::options;
use cnproc_sys::{Error, Process};
use std::ffi::c_void;
use std::fs;
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use support::child::{self, pause};
use support::task::end_with_parent;
use support::{live, require, shared, wait};

/// The pages in which the kernel has put the arguments and the environment of this process: address and length.
fn arguments_and_environment() -> (usize, usize) {
    let stat = fs::read_to_string("/proc/self/stat").unwrap();
    let numbers: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    // proc(5) calls arg_start the 48th field and env_end the 51st; the state is the third.
    let [start, end] = [48, 51].map(|field| numbers[field - 3].parse::<usize>().unwrap());
    // SAFETY: no memory is involved.
    let page = unsafe { libc::sysconf(libc::_SC_PAGESIZE) } as usize;
    let start = start / page * page;
    (start, end.next_multiple_of(page) - start)
}

#[test]
fn erased_command_line_and_environment_are_empty() {
    live::with(options(), |listener| {
        let (pages, length) = arguments_and_environment();
        let is_erased: &[_; 1] = shared();
        let child = child::fork(|| {
            // SAFETY: nothing in this child uses its arguments or its environment.
            assert_eq!(unsafe { libc::munmap(pages as *mut c_void, length) }, 0);
            is_erased[0].store(1, Ordering::Release);
            pause();
        });
        wait::until("it has erased them", || is_erased[0].load(Ordering::Acquire) == 1);
        let process = listener.process_of_pid(child.pid()).unwrap();
        assert_eq!(process.cmdline(), Ok(Vec::new()));
        assert_eq!(process.environ(), Ok(Vec::new()));
        assert_eq!(process.exe(), Ok(std::env::current_exe().unwrap()));
    });
}

/// The first process of a pid namespace exits only after all others have been waited for. Until then it is no zombie.
#[test]
fn process_in_the_midst_of_its_exit_has_no_program() {
    if !require::root() {
        return;
    }
    live::with(options(), |listener| {
        let numbers: &[_; 2] = shared();
        let [first, may_end] = numbers;
        let outer = child::fork(|| {
            end_with_parent();
            // SAFETY: no memory is involved.
            assert_eq!(unsafe { libc::unshare(libc::CLONE_NEWPID) }, 0);
            let init = child::fork(|| pause());
            let other = child::fork(|| pause());
            init.kill(libc::SIGKILL);
            first.store(init.pid() as u32, Ordering::Release);
            wait::until("the test has asked", || may_end.load(Ordering::Acquire) == 1);
            other.wait();
            init.wait();
        });
        let pid = wait::some("it runs", || match first.load(Ordering::Acquire) {
            0 => None,
            pid => Some(pid as i32),
        });
        let process = listener.process_of_pid(pid).unwrap();
        wait::until("it exits", || fs::read_link(format!("/proc/{pid}/cwd")).is_err());
        for fact in [Process::cmdline, Process::environ] {
            assert_eq!(fact(&process), Ok(Vec::new()));
        }
        for fact in [Process::exe, Process::cwd] {
            assert_eq!(fact(&process), Ok(PathBuf::new()));
        }
        assert!(matches!(process.exe_fd(), Err(Error::ProcessGone)));
        assert_ne!(process.status().unwrap().state, b'Z');
        may_end.store(1, Ordering::Release);
        assert_eq!(outer.exit_status(), 0);
        assert_eq!(process.cmdline(), Err(Error::ProcessGone));
    });
}
