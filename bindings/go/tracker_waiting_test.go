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

// What other processes do ends a wait as well, at most once a second: so many rounds would take longer than a test may.
const rounds = 1000

func TestDeadlineEndsAWaitAndTheTrackerGoesOn(t *testing.T) {
	tracker := openTracker(t, cnproc.TrackerOptions{Scope: cnproc.ScopeChosen})
	for i := 0; i < rounds; i++ {
		ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
		var err error
		for err == nil {
			_, err = tracker.Recv(ctx)
		}
		cancel()
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Fatal(err)
		}
	}
	if err := tracker.Add(os.Getpid()); err != nil {
		t.Fatal(err)
	}
	until(t, tracker, isOf(os.Getpid(), cnproc.ChangeFound))
}

func TestChangesNotTakenFromTheChannelComeAgain(t *testing.T) {
	tracker := openTracker(t, cnproc.TrackerOptions{})
	reported := map[uint64]int{}
	for isComplete := false; !isComplete; {
		ctx, cancel := context.WithCancel(context.Background())
		changes := tracker.Changes(ctx)
		change := <-changes
		cancel()
		for ; change.Type != 0; change = <-changes {
			isComplete = isComplete || isSynced(change)
			if change.Type == cnproc.ChangeFound || change.Type == cnproc.ChangeStarted {
				reported[change.Process.ID]++
			}
		}
		if err := tracker.Err(); !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
	}
	entries, err := tracker.Entries()
	if err != nil {
		t.Fatal(err)
	}
	// The table may be one change ahead.
	ahead := 0
	for _, entry := range entries {
		if reported[entry.ID] == 0 {
			ahead++
		}
	}
	if ahead > 1 {
		t.Errorf("%d of %d processes were not reported", ahead, len(entries))
	}
	for id, count := range reported {
		if count != 1 {
			t.Errorf("%d was reported %d times", id, count)
		}
	}
}

func TestTableIsUsedWhileAnotherGoroutineWaits(t *testing.T) {
	tracker := openTracker(t, cnproc.TrackerOptions{Scope: cnproc.ScopeChosen})
	until(t, tracker, isSynced)
	found := make(chan cnproc.Change)
	go func() {
		for change := range tracker.Changes(context.Background()) {
			if change.Type == cnproc.ChangeFound {
				found <- change
			}
		}
	}()
	for i := 0; i < rounds; i++ {
		if entry, err := tracker.Get(os.Getpid()); !errors.Is(err, syscall.ESRCH) {
			t.Fatal(entry, err)
		}
	}
	if err := tracker.Add(os.Getpid()); err != nil {
		t.Fatal(err)
	}
	if change := <-found; change.Process.Pid != int32(os.Getpid()) {
		t.Error(change)
	}
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
