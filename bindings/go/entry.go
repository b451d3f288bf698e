// SPDX-License-Identifier: MIT OR Apache-2.0

package cnproc

// #include <cnproc.h>
import "C"

import "syscall"

// Known is a set of bits: which members and texts of an Entry are known.
type Known uint32

// The bits. KnownCmdline, KnownExe and KnownCgroup: that text is up to date.
const (
	KnownComm     Known = C.CNPROC_KNOWN_COMM
	KnownUID      Known = C.CNPROC_KNOWN_UID // RUID and EUID
	KnownGID      Known = C.CNPROC_KNOWN_GID // RGID and EGID
	KnownSession  Known = C.CNPROC_KNOWN_SESSION
	KnownCreator  Known = C.CNPROC_KNOWN_CREATOR
	KnownCmdline  Known = C.CNPROC_KNOWN_CMDLINE
	KnownExe      Known = C.CNPROC_KNOWN_EXE
	KnownCgroup   Known = C.CNPROC_KNOWN_CGROUP
	KnownPpid     Known = C.CNPROC_KNOWN_PPID
	KnownExitCode Known = C.CNPROC_KNOWN_EXIT_CODE
)

// Entry is a process in the table of a Tracker. What is not Known is 0, or as it was before.
type Entry struct {
	ID                     uint64 // never given to another process while the tracker is open, and never 0
	CreatorID              uint64 // the process that forked it, which may have exited
	Pid                    int32
	Ppid                   int32 // its parent now; 0 for the kernel's children
	Sid                    int32
	Known                  Known
	RUID, EUID, RGID, EGID uint32
	StartNS                uint64 // of CLOCK_MONOTONIC; to the clock tick if it was found by a scan
	ExecNS                 uint64 // when it executed its present program; 0 if that was not seen
	ExitNS                 uint64 // 0 if it has not exited, or if that was not seen
	ExitCode               syscall.WaitStatus
	Comm                   string // any user may have chosen the bytes
}

func newEntry(c *C.struct_cnproc_entry) Entry {
	return Entry{
		ID: uint64(c.id), CreatorID: uint64(c.creator_id), Pid: int32(c.pid), Ppid: int32(c.ppid), Sid: int32(c.sid),
		Known: Known(c.known), RUID: uint32(c.ruid), EUID: uint32(c.euid), RGID: uint32(c.rgid), EGID: uint32(c.egid),
		StartNS: uint64(c.start_ns), ExecNS: uint64(c.exec_ns), ExitNS: uint64(c.exit_ns),
		ExitCode: syscall.WaitStatus(c.exit_code), Comm: name(&c.comm),
	}
}
