// SPDX-License-Identifier: MIT OR Apache-2.0

package cnproc_test

import (
	"testing"

	"github.com/cnproc/cnproc/bindings/go"
)

func TestSourceIsTheRingOrThereIsAReason(t *testing.T) {
	listener := open(t, cnproc.Options{Events: cnproc.EventExit, Ring: true})
	tracker := openTracker(t, cnproc.TrackerOptions{Ring: true})
	pid, _ := run(t, "sh", "-c", "exit 6")
	event := find(t, listener, func(e cnproc.Event) bool { exit, ok := e.Data.(cnproc.Exit); return ok && exit.Pid == pid })
	exited := last(until(t, tracker, isOf(int(pid), cnproc.ChangeExited))).Process
	if event.Data.(cnproc.Exit).Code != uint32(exited.ExitCode) || exited.ExitCode.ExitStatus() != 6 {
		t.Errorf("%v, %+v", event, exited)
	}
	ofListener, err := listener.Stats()
	if err != nil {
		t.Fatal(err)
	}
	ofTracker, err := tracker.Stats()
	if err != nil {
		t.Fatal(err)
	}
	for _, stats := range []cnproc.Stats{ofListener, ofTracker.Listener} {
		if (stats.Source == cnproc.SourceRing) != (stats.RingError == nil) {
			t.Errorf("%+v", stats)
		}
	}
}

func TestSourceIsTheSocketUnlessARingIsAskedFor(t *testing.T) {
	listener := open(t, cnproc.Options{})
	if stats, err := listener.Stats(); err != nil || stats.Source != cnproc.SourceSocket || stats.RingError != nil {
		t.Error(stats, err)
	}
}
