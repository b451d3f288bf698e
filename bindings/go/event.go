// SPDX-License-Identifier: MIT OR Apache-2.0

package cnproc

// #include <cnproc.h>
import "C"

import "unsafe"

// EventType is the type of an event, or a combination of types in the options of a listener.
type EventType uint32

// The types. NonzeroExit is for asking only: exits whose code is not 0.
const (
	EventAck         EventType = C.CNPROC_EVENT_NONE
	EventFork        EventType = C.CNPROC_EVENT_FORK
	EventExec        EventType = C.CNPROC_EVENT_EXEC
	EventUID         EventType = C.CNPROC_EVENT_UID
	EventGID         EventType = C.CNPROC_EVENT_GID
	EventSID         EventType = C.CNPROC_EVENT_SID
	EventPtrace      EventType = C.CNPROC_EVENT_PTRACE
	EventComm        EventType = C.CNPROC_EVENT_COMM
	EventCoredump    EventType = C.CNPROC_EVENT_COREDUMP
	EventExit        EventType = C.CNPROC_EVENT_EXIT
	EventNonzeroExit EventType = C.CNPROC_EVENT_NONZERO_EXIT
	EventLost        EventType = C.CNPROC_EVENT_LOST
)

// Event is an event. Data is an Ack, Fork, Exec, ID, SID, Ptrace, Comm, Coredump, Exit, Lost, or Unknown.
type Event struct {
	Type        EventType
	CPU         uint32
	TimestampNS uint64 // of CLOCK_MONOTONIC
	Seq         uint32
	Data        any
	raw         C.struct_cnproc_event
}

// Pid is a thread, and Tgid the process that it belongs to, in all of these.
type (
	// Ack: the kernel acknowledged a request.
	Ack struct{ Err uint32 }
	// Fork: a process (ChildPid == ChildTgid) or a thread was created.
	Fork struct{ ParentPid, ParentTgid, ChildPid, ChildTgid int32 }
	// Exec: a process runs a new program.
	Exec struct{ Pid, Tgid int32 }
	// ID: the real or effective user id (EventUID) or group id (EventGID) changed.
	ID struct {
		Pid, Tgid       int32
		Real, Effective uint32
	}
	// SID: a process became a session leader.
	SID struct{ Pid, Tgid int32 }
	// Ptrace: a tracer attached, or detached (TracerPid 0).
	Ptrace struct{ Pid, Tgid, TracerPid, TracerTgid int32 }
	// Comm: a thread's name changed. Any user may have chosen the bytes.
	Comm struct {
		Pid, Tgid int32
		Name      string
	}
	// Coredump: a process dumps core.
	Coredump struct{ Pid, Tgid, ParentPid, ParentTgid int32 }
	// Exit: a thread exited. Code is a wait status: syscall.WaitStatus(exit.Code).ExitStatus().
	Exit struct {
		Pid, Tgid             int32
		Code, Signal          uint32
		ParentPid, ParentTgid int32
	}
	// Lost: so many events were lost here.
	Lost struct{ Count uint64 }
	// Unknown: the kernel's bytes of a type that this version does not know.
	Unknown struct{ Bytes [24]byte }
)

func newEvent(raw *C.struct_cnproc_event) Event {
	return Event{
		Type: EventType(raw.what), CPU: uint32(raw.cpu), TimestampNS: uint64(raw.timestamp_ns), Seq: uint32(raw.seq),
		Data: data(raw), raw: *raw,
	}
}

// data converts the member of the union that belongs to the type. A struct of Go has the layout of the kernel's, except
// for names.
func data(raw *C.struct_cnproc_event) any {
	union := &raw.event_data
	switch EventType(raw.what) {
	case EventAck:
		return *pointer[Ack](union)
	case EventFork:
		return *pointer[Fork](union)
	case EventExec:
		return *pointer[Exec](union)
	case EventUID, EventGID:
		return *pointer[ID](union)
	case EventSID:
		return *pointer[SID](union)
	case EventPtrace:
		return *pointer[Ptrace](union)
	case EventComm:
		comm := pointer[C.struct_cnproc_comm](union)
		return Comm{Pid: int32(comm.process_pid), Tgid: int32(comm.process_tgid), Name: name(&comm.comm)}
	case EventCoredump:
		return *pointer[Coredump](union)
	case EventExit:
		return *pointer[Exit](union)
	case EventLost:
		return *pointer[Lost](union)
	default:
		return *pointer[Unknown](union)
	}
}

// String returns the classic line: "exit: tid=4711 pid=4711 exit_code=0".
func (e Event) String() string {
	var line [128]C.char
	C.cnproc_event_format(&e.raw, &line[0], C.size_t(len(line)))
	return C.GoString(&line[0])
}

// Tgid returns the process that the event concerns, of a Fork the child; ok is false where there is none.
func (e Event) Tgid() (tgid int32, ok bool) {
	result := C.cnproc_event_tgid(&e.raw)
	return int32(result), result >= 0
}

// IsThread reports whether the event concerns only a thread of a process, and not the process.
func (e Event) IsThread() bool { return C.cnproc_event_is_thread(&e.raw) == 1 }

// pointer is for the members of an event's union.
func pointer[T any](union *[24]byte) *T { return (*T)(unsafe.Pointer(union)) }
