package main

import (
	"os"
	"strings"
	"testing"
	"time"

	"spa-runner/internal/loopback"
)

// A limit holds also where the log takes nothing more, so that no work of the runner
// comes to its end: what it does is given up, and the exit code is that of the limit.
func TestALimitHoldsWhereNobodyReadsTheLog(t *testing.T) {
	t.Parallel()
	if os.Getenv("SPA_RUNNER_LONG") != "1" {
		t.Skip("takes 15 seconds: set SPA_RUNNER_LONG=1")
	}
	w := newWorld(t, loopback.Options{})
	w.env["SPA_RUNNER_TIMEOUT"], w.env["SPA_RUNNER_GRACE_PERIOD"] = "2s", "1s"
	w.write("code", "Makefile", "setup lint all-tests deploy:\n\t@yes\n")
	w.serve()
	unread, stdout, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer unread.Close()
	cmd := w.command("run")
	var stderr strings.Builder
	cmd.Stdout, cmd.Stderr = stdout, &stderr
	start := time.Now()
	err = cmd.Run()
	stdout.Close()
	// The limit, the grace of make, the patience with the step, its last event, and the end.
	if most := (2 + 1 + 5 + 1 + 5 + 5) * time.Second; cmd.ProcessState.ExitCode() != 124 || time.Since(start) > most {
		t.Errorf("got %v after %s, want 124: %s", err, time.Since(start), stderr.String())
	}
}
