package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"spa-runner/internal/loopback"
)

// A limit holds also where the log takes nothing more, so that no work of the runner
// comes to its end: what it does is given up, the exit code is that of the limit, and
// the record has the end of the run.
func TestALimitHoldsWhereNobodyReadsTheLog(t *testing.T) {
	t.Parallel()
	if os.Getenv("SPA_RUNNER_LONG") != "1" {
		t.Skip("takes 15 seconds: set SPA_RUNNER_LONG=1")
	}
	for name, test := range map[string]struct {
		limit    string
		atOnce   bool // the pipe is full from the beginning
		together bool // with stderr
	}{
		"of the run": {limit: "SPA_RUNNER_TIMEOUT"}, "of the run, stderr too": {limit: "SPA_RUNNER_TIMEOUT", together: true},
		"of the step": {limit: "SPA_RUNNER_STEP_TIMEOUT"}, "of the step, stderr too": {limit: "SPA_RUNNER_STEP_TIMEOUT", together: true},
		"before the first event": {limit: "SPA_RUNNER_TIMEOUT", atOnce: true, together: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, loopback.Options{})
			w.env[test.limit], w.env["SPA_RUNNER_GRACE_PERIOD"] = "2s", "1s"
			w.write("code", "Makefile", "setup lint all-tests deploy:\n\t@yes\n")
			w.serve()
			unread, stdout, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			defer unread.Close()
			if test.atOnce {
				fillPipe(t, stdout)
			}
			cmd := w.command("run")
			var stderr strings.Builder
			if cmd.Stdout, cmd.Stderr = stdout, &stderr; test.together {
				cmd.Stderr = stdout
			}
			start := time.Now()
			err = cmd.Run()
			stdout.Close()
			// The limit, the grace of make, the patience with the step, its last event, the end, and stderr.
			if most := (2 + 1 + 5 + 1 + 5 + 1 + 5) * time.Second; cmd.ProcessState.ExitCode() != 124 || time.Since(start) > most {
				t.Errorf("got %v after %s, want 124: %s", err, time.Since(start), stderr.String())
			}
			record, err := os.ReadFile(filepath.Join(w.workdir, "spa-run", "record.json"))
			if !test.atOnce && (err != nil || !bytes.Contains(record, []byte(`"exit_code": 124`))) {
				t.Errorf("got %v: %s", err, record)
			}
		})
	}
}

// fillPipe writes to a pipe until that takes nothing more.
func fillPipe(t *testing.T, pipe *os.File) {
	t.Helper()
	if err := pipe.SetWriteDeadline(time.Now().Add(time.Second)); err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := pipe.Write([]byte{'x'}); errors.Is(err, os.ErrDeadlineExceeded) {
			return
		} else if err != nil {
			t.Fatal(err)
		}
	}
}
