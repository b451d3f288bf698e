// SPDX-License-Identifier: MIT OR Apache-2.0

package cnproc

// #include <cnproc.h>
import "C"

// Get returns the entry of the process that has a pid. ESRCH: no process in the table has it.
func (t *Tracker) Get(pid int) (Entry, error) {
	t.lock()
	defer t.mu.Unlock()
	var c C.struct_cnproc_entry
	err := check(C.cnproc_tracker_get(t.handle, C.int32_t(pid), &c, C.sizeof_struct_cnproc_entry))
	return newEntry(&c), err
}

// GetID returns the entry of the process that has an id: also of one that has exited, while it is kept.
func (t *Tracker) GetID(id uint64) (Entry, error) {
	t.lock()
	defer t.mu.Unlock()
	var c C.struct_cnproc_entry
	err := check(C.cnproc_tracker_get_id(t.handle, C.uint64_t(id), &c, C.sizeof_struct_cnproc_entry))
	return newEntry(&c), err
}

// Entries returns the table, in no particular order. A Ppid is not looked up in /proc.
func (t *Tracker) Entries() ([]Entry, error) {
	t.lock()
	defer t.mu.Unlock()
	var entries []Entry
	var cursor C.uint64_t
	for {
		var c C.struct_cnproc_entry
		result := C.cnproc_tracker_next(t.handle, &cursor, &c, C.sizeof_struct_cnproc_entry)
		if result <= 0 {
			return entries, check(result)
		}
		entries = append(entries, newEntry(&c))
	}
}

// Cmdline returns the arguments that are kept of a process; none if there are none. They may be out of date, unless its entry
// has KnownCmdline. ESRCH: no process in the table has that id. Both are true of Exe and Cgroup.
func (t *Tracker) Cmdline(id uint64) ([]string, error) {
	t.lock()
	defer t.mu.Unlock()
	return split(readText(func(b *C.char, n C.size_t) C.ssize_t {
		return C.cnproc_tracker_cmdline(t.handle, C.uint64_t(id), b, n)
	}))
}

// Exe returns the path of the program that is kept of a process; "" if there is none.
func (t *Tracker) Exe(id uint64) (string, error) {
	t.lock()
	defer t.mu.Unlock()
	return readText(func(b *C.char, n C.size_t) C.ssize_t { return C.cnproc_tracker_exe(t.handle, C.uint64_t(id), b, n) })
}

// Cgroup returns the lines of /proc/PID/cgroup that are kept of a process; "" if there are none.
func (t *Tracker) Cgroup(id uint64) (string, error) {
	t.lock()
	defer t.mu.Unlock()
	return readText(func(b *C.char, n C.size_t) C.ssize_t { return C.cnproc_tracker_cgroup(t.handle, C.uint64_t(id), b, n) })
}

// Process returns a process of the table, to read facts of it. ESRCH: it has exited, or is not in the table.
func (t *Tracker) Process(id uint64) (*Process, error) {
	t.lock()
	defer t.mu.Unlock()
	return newProcess(func(out **C.struct_cnproc_process) C.int {
		return C.cnproc_tracker_process(out, t.handle, C.uint64_t(id))
	})
}

// TrackerStats is what a tracker has seen since it was opened.
type TrackerStats struct {
	Processes   uint64 // in the table
	Resyncs     uint64 // comparisons with /proc completed, after the first
	Inferred    uint64 // changes that no event reported
	MemoryBytes uint64 // of the table, without the index by pid
	Listener    Stats
}

// Stats returns the counts of now.
func (t *Tracker) Stats() (TrackerStats, error) {
	t.lock()
	defer t.mu.Unlock()
	var c C.struct_cnproc_tracker_stats
	err := check(C.cnproc_tracker_get_stats(t.handle, &c, C.sizeof_struct_cnproc_tracker_stats))
	return TrackerStats{
		Processes: uint64(c.processes), Resyncs: uint64(c.resyncs), Inferred: uint64(c.inferred),
		MemoryBytes: uint64(c.memory_bytes), Listener: newStats(&c.listener),
	}, err
}
