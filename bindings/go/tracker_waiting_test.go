// SPDX-License-Identifier: MIT OR Apache-2.0

package cnproc_test

import (
	"context"
	"errors"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/cnproc/cnproc/bindings/go"
)

func TestDeadlineEndsAWaitAndTheTrackerGoesOn(t *testing.T) {
	tracker := openTracker(t, cnproc.TrackerOptions{Scope: cnproc.ScopeChosen})
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer cancel()
	var err error
	for err == nil {
		_, err = tracker.Recv(ctx)
	}
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	if err := tracker.Add(os.Getpid()); err != nil {
		t.Fatal(err)
	}
	until(t, tracker, isOf(os.Getpid(), cnproc.ChangeFound))
}

func TestChangesNotTakenFromTheChannelComeAgain(t *testing.T) {
	tracker := openTracker(t, cnproc.TrackerOptions{})
	found := map[int32]int{}
	for isComplete := false; !isComplete; {
		ctx, cancel := context.WithCancel(context.Background())
		changes := tracker.Changes(ctx)
		change := <-changes
		cancel()
		for ; change.Type != 0; change = <-changes {
			isComplete = isComplete || isSynced(change)
			if change.Type == cnproc.ChangeFound {
				found[change.Process.Pid]++
			}
		}
		if err := tracker.Err(); !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
	}
	for _, pid := range []int{1, os.Getpid()} {
		if found[int32(pid)] != 1 {
			t.Errorf("%d was found %d times", pid, found[int32(pid)])
		}
	}
}

// If one call waited for the other, it would wait for long: no process is in the scope.
func TestTableIsUsedWhileAnotherGoroutineWaits(t *testing.T) {
	tracker := openTracker(t, cnproc.TrackerOptions{Scope: cnproc.ScopeChosen})
	changes := tracker.Changes(context.Background())
	for change := range changes {
		if isSynced(change) {
			break
		}
	}
	if _, err := tracker.Get(os.Getpid()); !errors.Is(err, syscall.ESRCH) {
		t.Error(err)
	}
	if err := tracker.Add(os.Getpid()); err != nil {
		t.Fatal(err)
	}
	for change := range changes {
		if isOf(os.Getpid(), cnproc.ChangeFound)(change) {
			return
		}
	}
	t.Error(tracker.Err())
}

func TestCloseEndsAWaitOfTheTracker(t *testing.T) {
	tracker := openTracker(t, cnproc.TrackerOptions{Scope: cnproc.ScopeChosen})
	changes := tracker.Changes(context.Background())
	if change := <-changes; !isSynced(change) {
		t.Errorf("%+v", change)
	}
	tracker.Close()
	tracker.Close()
	for range changes {
	}
	if err := tracker.Err(); !errors.Is(err, syscall.EINVAL) {
		t.Error(err)
	}
	if _, err := tracker.Recv(context.Background()); !errors.Is(err, syscall.EINVAL) {
		t.Error(err)
	}
	if _, err := tracker.Get(1); !errors.Is(err, syscall.EINVAL) {
		t.Error(err)
	}
}
