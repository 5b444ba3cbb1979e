package main

import (
	"errors"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"spa-runner/internal/loopback"
)

// Commands that only answer end by a signal as any program does, also where nobody reads the answer.
func TestASignalEndsAnAnswerThatNobodyReads(t *testing.T) {
	t.Parallel()
	for name, args := range map[string][]string{"version": {"version", "--json"}, "help": {"run", "--help"}, "plan": {"plan", "--json"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, loopback.Options{})
			unread, stdout, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			defer unread.Close()
			if _, err := unix.FcntlInt(stdout.Fd(), unix.F_SETPIPE_SZ, os.Getpagesize()); err != nil {
				t.Fatal(err)
			}
			cmd := w.command(args...)
			cmd.Stdout = stdout
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			ended := make(chan error, 1)
			go func() { ended <- cmd.Wait() }()
			begun := []unix.PollFd{{Fd: int32(unread.Fd()), Events: unix.POLLIN}}
			for n := 0; n <= 0; { // -1 if a signal came in between
				if n, err = unix.Poll(begun, -1); err != nil && !errors.Is(err, unix.EINTR) {
					t.Fatal(err)
				}
			}
			_ = cmd.Process.Signal(unix.SIGTERM)
			<-ended
			if got := cmd.ProcessState.String(); got != "signal: terminated" {
				t.Errorf("it ended with %q: perhaps the answer fits into a page", got)
			}
		})
	}
}
