// SPDX-License-Identifier: MIT OR Apache-2.0

package cnproc_test

import (
	"context"
	"errors"
	"math"
	"os"
	"reflect"
	"syscall"
	"testing"

	"github.com/cnproc/cnproc/bindings/go"
)

func TestFirstChangesAreTheTable(t *testing.T) {
	tracker := openTracker(t, cnproc.TrackerOptions{})
	table := map[uint64]int32{}
	for _, change := range until(t, tracker, isSynced) {
		if change.Type == cnproc.ChangeExited {
			delete(table, change.Process.ID)
		} else if change.Process != nil {
			table[change.Process.ID] = change.Process.Pid
		}
	}
	entries, err := tracker.Entries()
	if err != nil {
		t.Fatal(err)
	}
	listed := map[uint64]int32{}
	for _, entry := range entries {
		listed[entry.ID] = entry.Pid
	}
	if !reflect.DeepEqual(listed, table) {
		t.Errorf("%v, but %v", listed, table)
	}
	stats, err := tracker.Stats()
	if err != nil || stats.Processes != uint64(len(table)) || stats.MemoryBytes == 0 {
		t.Error(stats, err)
	}

	own, err := tracker.Get(os.Getpid())
	if err != nil || table[own.ID] != int32(os.Getpid()) {
		t.Error(own, err)
	}
	known := cnproc.KnownComm | cnproc.KnownUID | cnproc.KnownGID | cnproc.KnownSession | cnproc.KnownPpid
	if own.Known != known || own.Ppid != int32(os.Getppid()) || own.RUID != uint32(os.Getuid()) || own.EGID != uint32(os.Getegid()) {
		t.Errorf("%+v", own)
	}
	if own.Comm+"\n" != contents(t, "/proc/self/comm") {
		t.Error(own.Comm)
	}
}

func TestFullTableIsAnErrorAndTheTrackerGoesOn(t *testing.T) {
	chosen, other := startShell(t, "read x; sh -c 'exit 3'; exit 7"), startShell(t, "read x")
	tracker := openTracker(t, cnproc.TrackerOptions{Scope: cnproc.ScopeDescendants, MaxProcesses: 1})
	if err := tracker.Add(chosen.Process.Pid); err != nil {
		t.Fatal(err)
	}
	if err := tracker.Add(other.Process.Pid); err != cnproc.ErrFull {
		t.Error(err)
	}
	other.finish()
	chosen.finish()
	full := 0
	for {
		change, err := tracker.Recv(context.Background())
		if errors.Is(err, cnproc.ErrFull) {
			full++
		} else if err != nil {
			t.Fatal(err)
		} else if isOf(chosen.Process.Pid, cnproc.ChangeExited)(change) {
			break
		}
	}
	if full == 0 {
		t.Error("no process was left out")
	}
}

func TestProcessThatIsNotThereIsAnErrorOfTheTracker(t *testing.T) {
	tracker := openTracker(t, cnproc.TrackerOptions{Cmdline: true})
	until(t, tracker, isSynced)
	calls := map[string]func() error{
		"Get":     func() error { _, err := tracker.Get(math.MaxInt32); return err },
		"GetID":   func() error { _, err := tracker.GetID(math.MaxUint64); return err },
		"Cmdline": func() error { _, err := tracker.Cmdline(math.MaxUint64); return err },
		"Exe":     func() error { _, err := tracker.Exe(math.MaxUint64); return err },
		"Cgroup":  func() error { _, err := tracker.Cgroup(math.MaxUint64); return err },
		"Process": func() error { _, err := tracker.Process(math.MaxUint64); return err },
		"Add":     func() error { return tracker.Add(math.MaxInt32) },
	}
	for name, call := range calls {
		if err := call(); !errors.Is(err, syscall.ESRCH) {
			t.Error(name, err)
		}
	}
	if resumed, err := tracker.Resume(); resumed != cnproc.AlreadyOn || err != nil {
		t.Error(resumed, err)
	}
}

func TestTextOfAnEarlierProgramIsNotKnown(t *testing.T) {
	tracker := openTracker(t, cnproc.TrackerOptions{Cmdline: true})
	until(t, tracker, isSynced)
	own, err := tracker.Get(os.Getpid())
	if err != nil || own.Known&cnproc.KnownCmdline == 0 || own.Known&cnproc.KnownExe != 0 {
		t.Error(own, err)
	}
	// It has exited before its exec is applied: what is kept is what it inherited.
	pid, _ := run(t, "true")
	exited := last(until(t, tracker, isOf(int(pid), cnproc.ChangeExited))).Process
	if exited.Known&cnproc.KnownCmdline != 0 {
		t.Errorf("%+v", exited)
	}
	inherited, err := tracker.Cmdline(exited.ID)
	if arguments, _ := tracker.Cmdline(own.ID); err != nil || !reflect.DeepEqual(inherited, arguments) {
		t.Error(inherited, err)
	}
}
