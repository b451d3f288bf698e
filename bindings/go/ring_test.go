// SPDX-License-Identifier: MIT OR Apache-2.0

package cnproc_test

import (
	"errors"
	"os"
	"runtime"
	"syscall"
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

func TestRingWithoutCapabilitiesHasItsReason(t *testing.T) {
	open(t, cnproc.Options{}).Close()
	if os.Geteuid() != 0 {
		t.Skip("requires root")
	}
	reason := make(chan error)
	go func() {
		// Not unlocked: the thread, whose user changes, exits with the goroutine.
		runtime.LockOSThread()
		reason <- reasonForNoRing()
	}()
	err := <-reason
	// ErrPerm: before Linux 6.6 there is no listener either.
	if !errors.Is(err, cnproc.ErrRingPerm) && !errors.Is(err, cnproc.ErrNoRing) && !errors.Is(err, cnproc.ErrPerm) {
		t.Error(err)
	}
}

func reasonForNoRing() error {
	const same = ^uintptr(0)
	if _, _, errno := syscall.RawSyscall(syscall.SYS_SETRESUID, same, 65534, same); errno != 0 {
		return errno
	}
	listener, err := cnproc.Open(cnproc.Options{Ring: true})
	if err != nil {
		return err
	}
	defer listener.Close()
	stats, err := listener.Stats()
	if err != nil {
		return err
	}
	return stats.RingError
}
