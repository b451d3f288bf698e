// SPDX-License-Identifier: MIT OR Apache-2.0

package cnproc

// #include <cnproc.h>
// #include <errno.h>
import "C"

import (
	"context"
	"runtime"
	"sync"
)

// Scope is which processes are in the table of a Tracker.
type Scope uint32

// All; those of Add; or those and their descendants.
const (
	ScopeAll         Scope = C.CNPROC_SCOPE_ALL
	ScopeChosen      Scope = C.CNPROC_SCOPE_CHOSEN
	ScopeDescendants Scope = C.CNPROC_SCOPE_DESCENDANTS
)

// TrackerOptions are the options of a tracker. The zero value asks for all processes, without texts.
type TrackerOptions struct {
	Scope         Scope
	Cmdline       bool   // read and keep the command line of each process
	Exe           bool   // read and keep the path of each process's program
	Cgroup        bool   // read and keep the control groups of each process
	Raw           bool   // return each event, too, before the changes that it causes
	Ring          bool   // as in Options
	ReceiveBuffer uint32 // as in Options
	AckTimeoutMS  uint32 // as in Options
	CoalesceUS    uint32 // as in Options
	MaxProcesses  uint32 // how many may be in the table at a time; 0 for as many as the kernel allows
	TextBytes     uint32 // how many bytes are kept of each text, at most 65536; 0 for 256
	KeepEnded     uint32 // how many processes that have exited are kept for GetID; 0 for the last one
}

// Tracker keeps a table of the machine's processes complete, and returns its changes. The table is as of the change that was
// returned last. Any goroutine may call its methods. One at a time receives; meanwhile others may use the table.
type Tracker struct {
	stream  sync.Mutex // held by the goroutine that receives; protects pending
	pending *Change

	next   sync.Mutex               // held by the goroutine whose turn is next: it may hold mu, or wait for it
	mu     sync.Mutex               // held for each call of the library
	handle *C.struct_cnproc_tracker // changed with both next and mu held
	err    error                    // protected by mu
}

// OpenTracker opens a tracker. The first changes are those of a scan of /proc, up to ChangeSynced.
func OpenTracker(options TrackerOptions) (*Tracker, error) {
	var c C.struct_cnproc_tracker_options
	for _, flag := range []struct {
		isSet bool
		bit   C.uint64_t
	}{
		{options.Cmdline, C.CNPROC_TRACK_CMDLINE},
		{options.Exe, C.CNPROC_TRACK_EXE},
		{options.Cgroup, C.CNPROC_TRACK_CGROUP},
		{options.Raw, C.CNPROC_TRACK_RAW},
		{options.Ring, C.CNPROC_TRACK_RING},
	} {
		if flag.isSet {
			c.flags |= flag.bit
		}
	}
	c.scope = C.uint32_t(options.Scope)
	c.receive_buffer = C.uint32_t(options.ReceiveBuffer)
	c.ack_timeout_ms = C.uint32_t(options.AckTimeoutMS)
	c.coalesce_us = C.uint32_t(options.CoalesceUS)
	c.max_processes = C.uint32_t(options.MaxProcesses)
	c.text_bytes = C.uint32_t(options.TextBytes)
	c.keep_ended = C.uint32_t(options.KeepEnded)

	t := new(Tracker)
	if err := check(C.cnproc_tracker_open(&t.handle, &c, C.sizeof_struct_cnproc_tracker_options)); err != nil {
		return nil, err
	}
	runtime.SetFinalizer(t, (*Tracker).Close)
	return t, nil
}

// take takes next and mu, and ends the wait of the goroutine that receives. That one takes next before mu: so it cannot wait
// again first, and afterwards it looks again for what a call may have read from the socket.
func (t *Tracker) take() {
	t.next.Lock()
	C.cnproc_tracker_wake(t.handle)
	t.mu.Lock()
}

// lock takes mu.
func (t *Tracker) lock() {
	t.take()
	t.next.Unlock()
}

// Close stops tracking. A wait of another goroutine, and further calls, return EINVAL.
func (t *Tracker) Close() error {
	t.take()
	defer t.next.Unlock()
	defer t.mu.Unlock()
	C.cnproc_tracker_close(t.handle)
	t.handle = nil
	runtime.SetFinalizer(t, nil)
	return nil
}

// Recv waits for the next change of the table. It returns the context's error once that is done. ErrFull: a process was left
// out because the table is full; the next call goes on.
func (t *Tracker) Recv(ctx context.Context) (Change, error) {
	t.stream.Lock()
	defer t.stream.Unlock()
	return t.recv(ctx)
}

// recv is Recv, called with the stream locked.
func (t *Tracker) recv(ctx context.Context) (Change, error) {
	if err := ctx.Err(); err != nil {
		return Change{}, err
	}
	if t.pending != nil {
		change := *t.pending
		t.pending = nil
		return change, nil
	}
	var c C.struct_cnproc_change
	result := t.receive(&c, 0)
	if result <= 0 && ctx.Done() != nil {
		finished := make(chan struct{})
		defer close(finished)
		go func() {
			select {
			case <-ctx.Done():
				t.wake()
			case <-finished:
			}
		}()
	}
	for result == 0 || result == -C.EINTR {
		if err := ctx.Err(); err != nil {
			return Change{}, err
		}
		result = t.receive(&c, -1)
	}
	if err := check(result); err != nil {
		return Change{}, err
	}
	return newChange(&c), nil
}

// receive calls the library when it is this goroutine's turn.
func (t *Tracker) receive(c *C.struct_cnproc_change, timeout C.int) C.int {
	t.next.Lock()
	t.mu.Lock()
	defer t.mu.Unlock()
	t.next.Unlock()
	return C.cnproc_tracker_recv(t.handle, c, C.sizeof_struct_cnproc_change, timeout)
}

// wake ends the wait of the goroutine that receives.
func (t *Tracker) wake() {
	t.next.Lock()
	defer t.next.Unlock()
	C.cnproc_tracker_wake(t.handle)
}

// Changes returns a channel of changes, which is closed when the context is done or an error occurs: then Err returns it, and
// after ErrFull another channel goes on. A change that was not taken from the channel comes first when the tracker receives
// again. The table may be one change ahead of the channel: the next change is received before it is taken. With Recv it is
// not.
func (t *Tracker) Changes(ctx context.Context) <-chan Change {
	channel := make(chan Change)
	go func() {
		t.stream.Lock()
		defer t.stream.Unlock()
		defer close(channel)
		for {
			change, err := t.recv(ctx)
			if err != nil {
				t.mu.Lock()
				t.err = err
				t.mu.Unlock()
				return
			}
			select {
			case channel <- change:
			case <-ctx.Done():
				t.pending = &change
			}
		}
	}()
	return channel
}

// Err returns what closed the channel of Changes.
func (t *Tracker) Err() error {
	t.lock()
	defer t.mu.Unlock()
	return t.err
}

// Add takes the process that has a pid into the scope. ESRCH: there is none. ErrFull: the table is full.
func (t *Tracker) Add(pid int) error {
	t.lock()
	defer t.mu.Unlock()
	return check(C.cnproc_tracker_add(t.handle, C.int32_t(pid)))
}

// Resync compares the table with /proc, as a loss does: the differences come next, and then ChangeSynced.
func (t *Tracker) Resync() error {
	t.lock()
	defer t.mu.Unlock()
	return check(C.cnproc_tracker_resync(t.handle))
}

// Resume checks whether other processes have disabled events, and enables them again.
func (t *Tracker) Resume() (Resumed, error) {
	t.lock()
	defer t.mu.Unlock()
	result := C.cnproc_tracker_resume(t.handle)
	return Resumed(result), check(result)
}
