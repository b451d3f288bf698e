// SPDX-License-Identifier: MIT OR Apache-2.0

package cnproc

// #include <cnproc.h>
import "C"

import "fmt"

// ChangeType is what happened.
type ChangeType uint32

// The types.
const (
	ChangeFound    ChangeType = C.CNPROC_CHANGE_FOUND // by the scan at the start, or by a later comparison with /proc
	ChangeStarted  ChangeType = C.CNPROC_CHANGE_STARTED
	ChangeExecuted ChangeType = C.CNPROC_CHANGE_EXECUTED
	ChangeIDs      ChangeType = C.CNPROC_CHANGE_IDS
	ChangeSession  ChangeType = C.CNPROC_CHANGE_SESSION
	ChangeRenamed  ChangeType = C.CNPROC_CHANGE_RENAMED
	ChangeExited   ChangeType = C.CNPROC_CHANGE_EXITED
	ChangeSynced   ChangeType = C.CNPROC_CHANGE_SYNCED // the table is complete as of here
	ChangeLost     ChangeType = C.CNPROC_CHANGE_LOST   // the table is repaired, up to the next ChangeSynced
	ChangeEvent    ChangeType = C.CNPROC_CHANGE_EVENT  // an event as it was received: TrackerOptions.Raw
)

var changeNames = map[ChangeType]string{
	ChangeFound: "FOUND", ChangeStarted: "STARTED", ChangeExecuted: "EXECUTED", ChangeIDs: "IDS", ChangeSession: "SESSION",
	ChangeRenamed: "RENAMED", ChangeExited: "EXITED", ChangeSynced: "SYNCED", ChangeLost: "LOST", ChangeEvent: "EVENT",
}

// String returns the type's name, for example EXITED.
func (t ChangeType) String() string {
	if name, known := changeNames[t]; known {
		return name
	}
	return fmt.Sprintf("ChangeType(%d)", uint32(t))
}

// Change is a change of the table of a Tracker.
type Change struct {
	Type     ChangeType
	Process  *Entry // as it is now, or as it last was; nil if the change is not of a process
	Event    *Event // the event behind the change; nil if there is none
	Count    uint64 // of ChangeLost: how many events; 0 if unknown
	Inferred bool   // no event reported it, but the comparison with /proc showed it
	InDoubt  bool   // events were lost, and the process may be a later owner of the pid
}

func newChange(c *C.struct_cnproc_change) Change {
	change := Change{
		Type: ChangeType(c._type), Count: uint64(c.count),
		Inferred: c.flags&C.CNPROC_INFERRED != 0, InDoubt: c.flags&C.CNPROC_IN_DOUBT != 0,
	}
	if c.entry.id != 0 {
		entry := newEntry(&c.entry)
		change.Process = &entry
	}
	if c.event.size != 0 {
		event := newEvent(&c.event)
		change.Event = &event
	}
	return change
}
