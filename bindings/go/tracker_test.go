// SPDX-License-Identifier: MIT OR Apache-2.0

package cnproc_test

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"reflect"
	"strconv"
	"syscall"
	"testing"

	"github.com/cnproc/cnproc/bindings/go"
)

func openTracker(t *testing.T, options cnproc.TrackerOptions) *cnproc.Tracker {
	t.Helper()
	tracker, err := cnproc.OpenTracker(options)
	closeAtEnd(t, tracker, err)
	return tracker
}

// until returns the changes up to the first that the condition accepts.
func until(t *testing.T, tracker *cnproc.Tracker, wanted func(cnproc.Change) bool) []cnproc.Change {
	t.Helper()
	var changes []cnproc.Change
	for {
		change, err := tracker.Recv(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		changes = append(changes, change)
		if wanted(change) {
			return changes
		}
	}
}

func isSynced(change cnproc.Change) bool { return change.Type == cnproc.ChangeSynced }

func isOf(pid int, kind cnproc.ChangeType) func(cnproc.Change) bool {
	return func(change cnproc.Change) bool { return change.Type == kind && change.Process.Pid == int32(pid) }
}

func last(changes []cnproc.Change) cnproc.Change { return changes[len(changes)-1] }

// shell is a shell that runs a script. It reads from a pipe.
type shell struct {
	*exec.Cmd
	input io.Closer
}

func startShell(t *testing.T, script string) shell {
	t.Helper()
	command := exec.Command("sh", "-c", script)
	input, err := command.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	s := shell{command, input}
	t.Cleanup(s.finish)
	return s
}

// finish ends the input, and waits until the shell has exited.
func (s shell) finish() {
	s.input.Close()
	s.Wait()
}

func contents(t *testing.T, path string) string {
	t.Helper()
	bytes, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(bytes)
}

func TestChildIsReportedFromItsForkToItsExit(t *testing.T) {
	tracker := openTracker(t, cnproc.TrackerOptions{Cmdline: true, Exe: true, Cgroup: true, TextBytes: 4096})
	until(t, tracker, isSynced)
	script := "read x; exit 7"
	shell := startShell(t, script)
	pid := shell.Process.Pid
	directory := "/proc/" + strconv.Itoa(pid)
	changes := until(t, tracker, isOf(pid, cnproc.ChangeExecuted))
	process := last(changes).Process

	own, err := tracker.Get(os.Getpid())
	if err != nil || process.CreatorID != own.ID || process.Known&cnproc.KnownCreator == 0 {
		t.Error(process, own, err)
	}
	if entry, err := tracker.Get(pid); err != nil || entry.ID != process.ID || entry.Ppid != int32(os.Getpid()) {
		t.Error(entry, err)
	}
	texts := cnproc.KnownCmdline | cnproc.KnownExe | cnproc.KnownCgroup
	if process.Known&texts != texts {
		t.Errorf("%+v", process)
	}
	isCmdline := func() {
		t.Helper()
		arguments, err := tracker.Cmdline(process.ID)
		if err != nil || !reflect.DeepEqual(arguments, []string{"sh", "-c", script}) {
			t.Error(arguments, err)
		}
	}
	isCmdline()
	program, err := os.Readlink(directory + "/exe")
	if err != nil {
		t.Fatal(err)
	}
	if path, err := tracker.Exe(process.ID); err != nil || path != program {
		t.Error(path, err)
	}
	if cgroup, err := tracker.Cgroup(process.ID); err != nil || cgroup != contents(t, directory+"/cgroup") {
		t.Error(cgroup, err)
	}
	handle, err := tracker.Process(process.ID)
	if err != nil {
		t.Fatal(err)
	}
	defer handle.Close()
	if proven, err := handle.Proven(); err != nil || !proven {
		t.Error(proven, err)
	}
	if status, err := handle.Status(); err != nil || status.Ppid != int32(os.Getpid()) {
		t.Error(status, err)
	}

	shell.finish()
	changes = append(changes, until(t, tracker, isOf(pid, cnproc.ChangeExited))...)
	// The table is as of this change.
	if entry, err := tracker.Get(pid); !errors.Is(err, syscall.ESRCH) {
		t.Error(entry, err)
	}
	if entry, err := tracker.GetID(process.ID); err != nil || entry.ExitCode != last(changes).Process.ExitCode {
		t.Error(entry, err)
	}
	isCmdline()
	if _, err := tracker.Process(process.ID); !errors.Is(err, syscall.ESRCH) {
		t.Error(err)
	}
	if err := tracker.Resync(); err != nil {
		t.Fatal(err)
	}
	changes = append(changes, until(t, tracker, isSynced)...)

	var types []cnproc.ChangeType
	var events []cnproc.EventType
	for _, change := range changes {
		if change.Process == nil || change.Process.ID != process.ID {
			continue
		}
		switch change.Type {
		case cnproc.ChangeStarted, cnproc.ChangeExecuted, cnproc.ChangeExited:
			types = append(types, change.Type)
			events = append(events, change.Event.Type)
			if change.Inferred || change.InDoubt {
				t.Errorf("%+v", change)
			}
			if is := change.Process.Known&cnproc.KnownExitCode != 0; is != (change.Type == cnproc.ChangeExited) {
				t.Errorf("%+v", change.Process)
			}
			if change.Type == cnproc.ChangeExited && change.Process.ExitCode.ExitStatus() != 7 {
				t.Errorf("%+v", change.Process)
			}
		}
	}
	if !reflect.DeepEqual(types, []cnproc.ChangeType{cnproc.ChangeStarted, cnproc.ChangeExecuted, cnproc.ChangeExited}) {
		t.Error(types)
	}
	if !reflect.DeepEqual(events, []cnproc.EventType{cnproc.EventFork, cnproc.EventExec, cnproc.EventExit}) {
		t.Error(events)
	}
}

func TestScopeOfDescendantsHasOnlyThoseOfTheChosen(t *testing.T) {
	tracker := openTracker(t, cnproc.TrackerOptions{Scope: cnproc.ScopeDescendants})
	chosen, other := startShell(t, "read x; sh -c 'exit 3'; exit 7"), startShell(t, "read x; exit 5")
	if err := tracker.Add(chosen.Process.Pid); err != nil {
		t.Fatal(err)
	}
	other.finish()
	chosen.finish()
	changes := until(t, tracker, isOf(chosen.Process.Pid, cnproc.ChangeExited))
	if err := tracker.Resync(); err != nil {
		t.Fatal(err)
	}
	changes = append(changes, until(t, tracker, isSynced)...)
	var root *cnproc.Entry
	var statuses []int
	for _, change := range changes {
		if change.Process == nil {
			continue
		}
		if root == nil && change.Process.Pid == int32(chosen.Process.Pid) {
			root = change.Process
		}
		if root == nil || change.Process.ID != root.ID && change.Process.CreatorID != root.ID {
			t.Errorf("%+v", change.Process)
		}
		if change.Type == cnproc.ChangeExited {
			statuses = append(statuses, change.Process.ExitCode.ExitStatus())
		}
	}
	if !reflect.DeepEqual(statuses, []int{3, 7}) {
		t.Error(statuses)
	}
	if entries, err := tracker.Entries(); err != nil || len(entries) != 0 {
		t.Error(entries, err)
	}
}

func TestRawEventsComeBeforeTheirChanges(t *testing.T) {
	tracker := openTracker(t, cnproc.TrackerOptions{Raw: true})
	until(t, tracker, isSynced)
	pid, _ := run(t, "true")
	changes := until(t, tracker, isOf(int(pid), cnproc.ChangeStarted))
	started := last(changes)
	event := last(changes[:len(changes)-1])
	if event.Type != cnproc.ChangeEvent || event.Process != nil || event.Event.Data != started.Event.Data {
		t.Errorf("%+v, then %+v", event, started)
	}
	if fork, ok := event.Event.Data.(cnproc.Fork); !ok || fork.ChildTgid != pid {
		t.Error(event.Event)
	}
}

func TestLossIsCountedAndTheTableRepaired(t *testing.T) {
	tracker := openTracker(t, cnproc.TrackerOptions{Scope: cnproc.ScopeChosen, ReceiveBuffer: 65536})
	until(t, tracker, isSynced)
	// A FORK, an EXEC and an EXIT each, and 157 events fit.
	for i := 0; i < 100; i++ {
		run(t, "true")
	}
	lost := last(until(t, tracker, func(change cnproc.Change) bool { return change.Type == cnproc.ChangeLost }))
	until(t, tracker, isSynced)
	stats, err := tracker.Stats()
	if err != nil || lost.Count == 0 || stats.Listener.Lost < lost.Count || stats.Resyncs == 0 {
		t.Errorf("%+v, %+v, %v", lost, stats, err)
	}
}

func TestInvalidOptionOfATrackerIsAnError(t *testing.T) {
	if _, err := cnproc.OpenTracker(cnproc.TrackerOptions{TextBytes: 65537}); !errors.Is(err, syscall.EINVAL) {
		t.Error(err)
	}
}

func TestChangeTypeHasAName(t *testing.T) {
	for kind, name := range map[cnproc.ChangeType]string{cnproc.ChangeExited: "EXITED", 99: "ChangeType(99)"} {
		if kind.String() != name {
			t.Errorf("%q, not %q", kind, name)
		}
	}
}
