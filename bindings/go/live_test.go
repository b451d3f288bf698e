// SPDX-License-Identifier: MIT OR Apache-2.0

// On the live kernel: skipped where it sends no events, unless CNPROC_REQUIRE_LIVE is set.
package cnproc_test

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"regexp"
	"syscall"
	"testing"

	"github.com/cnproc/cnproc/bindings/go"
)

func open(t *testing.T, options cnproc.Options) *cnproc.Listener {
	t.Helper()
	listener, err := cnproc.Open(options)
	closeAtEnd(t, listener, err)
	return listener
}

// closeAtEnd closes what has been opened when the test ends. It skips the test if that failed and live tests are not required.
func closeAtEnd(t *testing.T, opened io.Closer, err error) {
	t.Helper()
	if err != nil && os.Getenv("CNPROC_REQUIRE_LIVE") == "" {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { opened.Close() })
}

// run runs a command and returns its pid and its wait status.
func run(t *testing.T, name string, arguments ...string) (int32, syscall.WaitStatus) {
	t.Helper()
	command := exec.Command(name, arguments...)
	command.Run()
	if command.ProcessState == nil {
		t.Fatal(name, "did not start")
	}
	return int32(command.Process.Pid), command.ProcessState.Sys().(syscall.WaitStatus)
}

// find returns the first event that the condition accepts.
func find(t *testing.T, listener *cnproc.Listener, wanted func(cnproc.Event) bool) cnproc.Event {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	for event := range listener.Events(ctx) {
		if wanted(event) {
			return event
		}
	}
	t.Fatal(listener.Err())
	panic("unreachable")
}

func TestExitOfChildHasItsStatus(t *testing.T) {
	listener := open(t, cnproc.Options{Events: cnproc.EventExit})
	pid, status := run(t, "sh", "-c", "exit 7")
	event := find(t, listener, func(e cnproc.Event) bool { exit, ok := e.Data.(cnproc.Exit); return ok && exit.Pid == pid })
	exit := event.Data.(cnproc.Exit)
	if syscall.WaitStatus(exit.Code) != status || status.ExitStatus() != 7 || exit.ParentTgid != int32(os.Getpid()) {
		t.Errorf("%+v, waited for %v", exit, status)
	}
	if tgid, ok := event.Tgid(); tgid != pid || !ok {
		t.Errorf("the process is %d", tgid)
	}
	if event.IsThread() || event.Type != cnproc.EventExit || event.TimestampNS == 0 {
		t.Errorf("%+v", event)
	}
	if !regexp.MustCompile(`^exit: tid=\d+ pid=\d+ exit_code=1792$`).MatchString(event.String()) {
		t.Error(event)
	}
}

func TestForkAndExecComeInOrder(t *testing.T) {
	listener := open(t, cnproc.Options{Events: cnproc.EventFork | cnproc.EventExec, SkipThreads: true, CoalesceUS: 1000})
	pid, _ := run(t, "true")
	fork := find(t, listener, func(e cnproc.Event) bool { f, ok := e.Data.(cnproc.Fork); return ok && f.ChildTgid == pid })
	if parent := fork.Data.(cnproc.Fork).ParentTgid; parent != int32(os.Getpid()) {
		t.Errorf("the parent is %d", parent)
	}
	find(t, listener, func(e cnproc.Event) bool { x, ok := e.Data.(cnproc.Exec); return ok && x.Tgid == pid })
}

func TestNameIsTheBytesThatWereChosen(t *testing.T) {
	listener := open(t, cnproc.Options{Events: cnproc.EventComm})
	pid, _ := run(t, "sh", "-c", `printf 'caf\351' >/proc/$$/comm`)
	event := find(t, listener, func(e cnproc.Event) bool { c, ok := e.Data.(cnproc.Comm); return ok && c.Tgid == pid })
	if name := event.Data.(cnproc.Comm).Name; name != "caf\xe9" {
		t.Errorf("%q", name)
	}
}

func TestContextEndsAWaitAndTheListenerGoesOn(t *testing.T) {
	listener := open(t, cnproc.Options{Events: cnproc.EventSID})
	ctx, cancel := context.WithCancel(context.Background())
	events := listener.Events(ctx)
	cancel()
	for range events {
	}
	if err := listener.Err(); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	pid, _ := run(t, "setsid", "true")
	find(t, listener, func(e cnproc.Event) bool { s, ok := e.Data.(cnproc.SID); return ok && s.Tgid == pid })
}

func TestEventsNotTakenFromTheChannelComeAgain(t *testing.T) {
	listener := open(t, cnproc.Options{Events: cnproc.EventExit, SkipThreads: true})
	pids := map[int32]bool{}
	for i := 0; i < 20; i++ {
		pid, _ := run(t, "true")
		pids[pid] = true
	}
	for len(pids) > 0 {
		event := find(t, listener, func(e cnproc.Event) bool { x, ok := e.Data.(cnproc.Exit); return ok && pids[x.Pid] })
		delete(pids, event.Data.(cnproc.Exit).Pid)
	}
}

func TestProcessOfAnExecHasItsCommandLine(t *testing.T) {
	listener := open(t, cnproc.Options{})
	command := exec.Command("sleep", "1000000")
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	defer command.Wait()
	defer command.Process.Kill()
	pid := int32(command.Process.Pid)
	event := find(t, listener, func(e cnproc.Event) bool { x, ok := e.Data.(cnproc.Exec); return ok && x.Tgid == pid })
	process, err := listener.Process(event)
	if err != nil {
		t.Fatal(err)
	}
	arguments, err := process.Cmdline()
	if err != nil || len(arguments) != 2 || arguments[1] != "1000000" {
		t.Error(arguments, err)
	}
	environ, err := process.Environ()
	if err != nil || len(environ) != len(os.Environ()) {
		t.Error(environ, err)
	}
	comm, err := process.Comm()
	if err != nil || comm != "sleep" {
		t.Error(comm, err)
	}
	status, err := process.Status()
	if err != nil || status.Ppid != int32(os.Getpid()) || status.Threads != 1 {
		t.Error(status, err)
	}
	cwd, err := process.Cwd()
	if here, _ := os.Getwd(); err != nil || cwd != here {
		t.Error(cwd, err)
	}
	if _, err := process.Proven(); err != nil {
		t.Error(err)
	}
	pidfd, err := process.Pidfd()
	if err != nil {
		t.Fatal(err)
	}
	pidfd.Close()
	process.Close()
	if _, err := process.Comm(); !errors.Is(err, syscall.EINVAL) {
		t.Error(err)
	}
}

// Events of that type are rare: if one call waited for the other, it would wait for long.
func TestProcessIsFoundWhileAnotherGoroutineWaits(t *testing.T) {
	listener := open(t, cnproc.Options{Events: cnproc.EventSID})
	command := exec.Command("setsid", "sleep", "1000000")
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	defer command.Wait()
	defer command.Process.Kill()
	pid := int32(command.Process.Pid)
	event := find(t, listener, func(e cnproc.Event) bool { s, ok := e.Data.(cnproc.SID); return ok && s.Tgid == pid })
	ctx, cancel := context.WithCancel(context.Background())
	events := listener.Events(ctx)
	process, err := listener.Process(event)
	if err != nil {
		t.Fatal(err)
	}
	process.Close()
	cancel()
	for range events {
	}
	if err := listener.Err(); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestCloseEndsAWait(t *testing.T) {
	listener := open(t, cnproc.Options{Events: cnproc.EventSID})
	events := listener.Events(context.Background())
	listener.Close()
	for range events {
	}
	if err := listener.Err(); !errors.Is(err, syscall.EINVAL) {
		t.Error(err)
	}
}

func TestProcessOfPidIsFoundWithoutAnEvent(t *testing.T) {
	listener := open(t, cnproc.Options{})
	process, err := listener.ProcessOfPid(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	defer process.Close()
	if status, err := process.Status(); err != nil || status.Ppid != int32(os.Getppid()) {
		t.Error(status, err)
	}
}

func TestProcessThatIsGoneIsAnError(t *testing.T) {
	listener := open(t, cnproc.Options{Events: cnproc.EventFork})
	pid, _ := run(t, "true")
	event := find(t, listener, func(e cnproc.Event) bool { f, ok := e.Data.(cnproc.Fork); return ok && f.ChildPid == pid })
	if _, err := listener.Process(event); !errors.Is(err, syscall.ESRCH) {
		t.Error(err)
	}
}

func TestStatisticsCountWhatWasDelivered(t *testing.T) {
	listener := open(t, cnproc.Options{Events: cnproc.EventFork})
	run(t, "true")
	var events [64]cnproc.Event
	count, err := listener.Recv(context.Background(), events[:])
	if err != nil {
		t.Fatal(err)
	}
	if err := listener.SetEvents(cnproc.EventExit); err != nil {
		t.Fatal(err)
	}
	stats, err := listener.Stats()
	if err != nil || stats.Delivered != uint64(count) || stats.Events != cnproc.EventExit {
		t.Errorf("%+v, %v", stats, err)
	}
	if resumed, err := listener.Resume(); resumed != cnproc.AlreadyOn || err != nil {
		t.Error(resumed, err)
	}
}

func TestClosedListenerIsAnError(t *testing.T) {
	listener := open(t, cnproc.Options{})
	listener.Close()
	listener.Close()
	if _, err := listener.Recv(context.Background(), make([]cnproc.Event, 1)); !errors.Is(err, syscall.EINVAL) {
		t.Error(err)
	}
}

func TestErrorHasTheLibrarysSentence(t *testing.T) {
	_, err := cnproc.Open(cnproc.Options{Events: 0x400})
	if !errors.Is(err, syscall.EINVAL) || !regexp.MustCompile("cnproc: .*argument").MatchString(err.Error()) {
		t.Error(err)
	}
}
