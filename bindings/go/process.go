// SPDX-License-Identifier: MIT OR Apache-2.0

package cnproc

// #include <cnproc.h>
import "C"

import (
	"os"
	"runtime"
)

// Process is the process of an event, or one of the table of a Tracker. All facts come from that one process; once it has
// been reaped, asking for them returns ESRCH. One goroutine at a time uses it.
type Process struct{ handle *C.struct_cnproc_process }

// Process identifies the process of an event; of a Fork, the child. ESRCH: it is gone, or its pid is another's. Ask for
// Fork among the events: it is the evidence that a pid was not reused.
func (l *Listener) Process(event Event) (*Process, error) {
	return l.open(func(out **C.struct_cnproc_process) C.int { return C.cnproc_process_open(out, l.cp, &event.raw) })
}

// ProcessOfPid returns the process that has a pid now, without an event.
func (l *Listener) ProcessOfPid(pid int) (*Process, error) {
	return l.open(func(out **C.struct_cnproc_process) C.int { return C.cnproc_process_open_pid(out, l.cp, C.int32_t(pid)) })
}

func (l *Listener) open(function func(out **C.struct_cnproc_process) C.int) (*Process, error) {
	return newProcess(func(out **C.struct_cnproc_process) C.int { return l.call(func() C.int { return function(out) }) })
}

func newProcess(open func(out **C.struct_cnproc_process) C.int) (*Process, error) {
	p := new(Process)
	if err := check(open(&p.handle)); err != nil {
		return nil, err
	}
	runtime.SetFinalizer(p, (*Process).Close)
	return p, nil
}

// Close closes the handle. Further calls return EINVAL.
func (p *Process) Close() error {
	C.cnproc_process_close(p.handle)
	p.handle = nil
	runtime.SetFinalizer(p, nil)
	return nil
}

// Proven reports whether this is the event's process for certain, and not only consistent with all evidence.
func (p *Process) Proven() (bool, error) {
	identity := C.cnproc_process_identity(p.handle)
	return identity == C.CNPROC_IDENTITY_PROVEN, check(identity)
}

// text reads a text of any length.
func (p *Process) text(read func(buffer *C.char, length C.size_t) C.ssize_t) (string, error) {
	defer runtime.KeepAlive(p)
	return readText(read)
}

// Cmdline returns the arguments; none for a kernel thread.
func (p *Process) Cmdline() ([]string, error) {
	return split(p.text(func(b *C.char, n C.size_t) C.ssize_t { return C.cnproc_process_cmdline(p.handle, b, n) }))
}

// Environ returns the environment that the program was started with.
func (p *Process) Environ() ([]string, error) {
	return split(p.text(func(b *C.char, n C.size_t) C.ssize_t { return C.cnproc_process_environ(p.handle, b, n) }))
}

// Exe returns the path of the program.
func (p *Process) Exe() (string, error) {
	return p.text(func(b *C.char, n C.size_t) C.ssize_t { return C.cnproc_process_exe(p.handle, b, n) })
}

// Cwd returns the path of the working directory.
func (p *Process) Cwd() (string, error) {
	return p.text(func(b *C.char, n C.size_t) C.ssize_t { return C.cnproc_process_cwd(p.handle, b, n) })
}

// Comm returns the name. Any user may have chosen the bytes.
func (p *Process) Comm() (string, error) {
	return p.text(func(b *C.char, n C.size_t) C.ssize_t { return C.cnproc_process_comm(p.handle, b, n) })
}

// Cgroup returns the lines of /proc/PID/cgroup.
func (p *Process) Cgroup() (string, error) {
	return p.text(func(b *C.char, n C.size_t) C.ssize_t { return C.cnproc_process_cgroup(p.handle, b, n) })
}

// Status of a process: ids in the initial user namespace.
type Status struct {
	Ppid                   int32
	RUID, EUID, RGID, EGID uint32
	Sid                    int32
	Threads                uint32
	State                  byte // as in /proc/PID/stat: 'R', 'S', ...
	StartTimeNS            uint64
}

// Status returns the ids and the state of the process.
func (p *Process) Status() (Status, error) {
	var c C.struct_cnproc_process_status
	err := check(C.cnproc_process_get_status(p.handle, &c, C.sizeof_struct_cnproc_process_status))
	return Status{
		Ppid: int32(c.ppid), RUID: uint32(c.ruid), EUID: uint32(c.euid), RGID: uint32(c.rgid), EGID: uint32(c.egid),
		Sid: int32(c.sid), Threads: uint32(c.threads), State: byte(c.state), StartTimeNS: uint64(c.start_time_ns),
	}, err
}

// Pidfd returns a descriptor of the process, for signals that reach no other; nil and ENOSYS before Linux 5.3.
func (p *Process) Pidfd() (*os.File, error) {
	fd := C.cnproc_process_pidfd(p.handle)
	if err := check(fd); err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), "pidfd"), nil
}
