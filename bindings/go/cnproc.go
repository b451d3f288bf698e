// SPDX-License-Identifier: MIT OR Apache-2.0

// Package cnproc receives the process events of the Linux kernel through the C library of the same name.
package cnproc

/*
#cgo pkg-config: cnproc
#include <cnproc.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

// Waits until there is something to receive or the eventfd was written, which it resets.
static void wait_for(int fd, int wake)
{
	struct pollfd fds[2] = { { fd, POLLIN, 0 }, { wake, POLLIN, 0 } };
	uint64_t count;

	while (poll(fds, 2, -1) < 0 && errno == EINTR)
		;
	if (fds[1].revents && read(wake, &count, sizeof count) < 0)
		return;
}

static void wake_up(int wake)
{
	const uint64_t one = 1;

	if (write(wake, &one, sizeof one) < 0)
		return;
}
*/
import "C"

import (
	"context"
	"runtime"
	"sync"
)

// Options of a listener. The zero value asks for all events.
type Options struct {
	Events        EventType // a combination of types; 0 for all
	SkipThreads   bool      // leave out what concerns only a thread of a process
	Acks          bool      // deliver acknowledgements as well
	Ring          bool      // receive through a ring buffer instead of the socket's queue, where that is possible: see Stats
	ReceiveBuffer uint32    // in bytes; 0 for 16 MiB
	AckTimeoutMS  uint32    // 0 for 2000
	CoalesceUS    uint32    // delay events by at most so many microseconds, so that one wake-up delivers many
}

// Listener receives events. Any goroutine may call its methods. One at a time receives; meanwhile others may ask for
// processes.
type Listener struct {
	stream  sync.Mutex // held by the goroutine that receives; protects pending and batch
	pending []Event
	batch   [64]C.struct_cnproc_event

	mu   sync.Mutex // held for each call of the library; protects cp and err
	cp   *C.struct_cnproc
	err  error
	wake C.int
}

// Open opens a listener, and waits until the kernel has acknowledged it.
func Open(options Options) (*Listener, error) {
	var c C.struct_cnproc_options
	c.events = C.uint32_t(options.Events)
	if options.SkipThreads {
		c.flags |= C.CNPROC_OPEN_SKIP_THREADS
	}
	if options.Acks {
		c.flags |= C.CNPROC_OPEN_ACKS
	}
	if options.Ring {
		c.flags |= C.CNPROC_OPEN_RING
	}
	c.receive_buffer = C.uint32_t(options.ReceiveBuffer)
	c.ack_timeout_ms = C.uint32_t(options.AckTimeoutMS)
	c.coalesce_us = C.uint32_t(options.CoalesceUS)

	wake, errno := C.eventfd(0, C.EFD_CLOEXEC|C.EFD_NONBLOCK)
	if wake < 0 {
		return nil, errno
	}
	l := &Listener{wake: wake}
	if err := check(C.cnproc_open(&l.cp, &c, C.sizeof_struct_cnproc_options)); err != nil {
		C.close(wake)
		return nil, err
	}
	runtime.SetFinalizer(l, (*Listener).Close)
	return l, nil
}

// Close stops listening. A wait of another goroutine, and further calls, return EINVAL.
func (l *Listener) Close() error {
	l.mu.Lock()
	cp := l.cp
	l.cp = nil
	l.mu.Unlock()
	if cp != nil {
		C.wake_up(l.wake)
		l.stream.Lock()
		defer l.stream.Unlock()
		C.cnproc_close(cp)
		C.close(l.wake)
		runtime.SetFinalizer(l, nil)
	}
	return nil
}

// call calls the library, which one goroutine at a time may do, and then lets the goroutine that waits receive: the call may
// have read events from the socket, and those no longer make the descriptor readable.
func (l *Listener) call(function func() C.int) C.int {
	l.mu.Lock()
	defer l.mu.Unlock()
	result := function()
	if l.cp != nil {
		C.wake_up(l.wake)
	}
	return result
}

// Recv waits for events, writes them to events and returns how many there are: 1 to 64. It returns the context's error
// once that is done.
func (l *Listener) Recv(ctx context.Context, events []Event) (int, error) {
	l.stream.Lock()
	defer l.stream.Unlock()
	return l.recv(ctx, events)
}

// recv is Recv, called with the stream locked.
func (l *Listener) recv(ctx context.Context, events []Event) (int, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	if len(l.pending) > 0 {
		count := copy(events, l.pending)
		l.pending = l.pending[count:]
		return count, nil
	}
	if ctx.Done() != nil {
		// It has stopped before this returns, and so before the eventfd can be closed.
		finished, stopped := make(chan struct{}), make(chan struct{})
		go func() {
			defer close(stopped)
			select {
			case <-ctx.Done():
				C.wake_up(l.wake)
			case <-finished:
			}
		}()
		defer func() { close(finished); <-stopped }()
	}
	max := len(l.batch)
	if len(events) < max {
		max = len(events)
	}
	for {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		l.mu.Lock()
		count := C.cnproc_recv(l.cp, &l.batch[0], C.size_t(max), 0)
		fd := C.cnproc_fd(l.cp)
		l.mu.Unlock()
		switch {
		case count > 0:
			for i := range l.batch[:count] {
				events[i] = newEvent(&l.batch[i])
			}
			return int(count), nil
		case count == 0:
			C.wait_for(fd, l.wake)
		case count != -C.EINTR:
			return 0, check(count)
		}
	}
}

// Events returns a channel of events, which is closed when the context is done or an error occurs: then Err returns it.
// Events that were not taken from the channel come first when the listener receives again.
func (l *Listener) Events(ctx context.Context) <-chan Event {
	channel := make(chan Event)
	go func() {
		l.stream.Lock()
		defer l.stream.Unlock()
		defer close(channel)
		var events [64]Event
		for {
			count, err := l.recv(ctx, events[:])
			if err != nil {
				l.mu.Lock()
				l.err = err
				l.mu.Unlock()
				return
			}
			for i, event := range events[:count] {
				select {
				case channel <- event:
					continue
				case <-ctx.Done():
				}
				l.pending = append(append([]Event{}, events[i:count]...), l.pending...)
				break
			}
		}
	}()
	return channel
}

// Err returns what closed the channel of Events.
func (l *Listener) Err() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.err
}

// SetEvents asks for other types from now on.
func (l *Listener) SetEvents(events EventType) error {
	return check(l.call(func() C.int { return C.cnproc_set_events(l.cp, C.uint32_t(events)) }))
}

// Resumed is what Resume found.
type Resumed int

// Events were on; they are on again; or that is unknown until some events are received.
const (
	AlreadyOn     Resumed = C.CNPROC_RESUMED_ALREADY_ON
	Restored      Resumed = C.CNPROC_RESUMED_RESTORED
	ResumeUnknown Resumed = C.CNPROC_RESUMED_UNKNOWN
)

// Resume checks whether other processes have disabled events, and enables them again.
func (l *Listener) Resume() (Resumed, error) {
	result := l.call(func() C.int { return C.cnproc_resume(l.cp) })
	return Resumed(result), check(result)
}

// Stats returns the counts of now.
func (l *Listener) Stats() (Stats, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var c C.struct_cnproc_stats
	err := check(C.cnproc_get_stats(l.cp, &c, C.sizeof_struct_cnproc_stats))
	return newStats(&c), err
}

// Version returns the version of the C library.
func Version() string { return C.GoString(C.cnproc_version_string()) }
