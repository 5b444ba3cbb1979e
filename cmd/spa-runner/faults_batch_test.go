package main

import (
	"os"
	"strings"
	"testing"

	"spa-runner/internal/loopback"
)

// Where a server or a reader fails, a batch is an exit code, a cause and no text that
// somebody could start; nothing is left.
func TestFaultsOfABatch(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		faults  map[string][]misbehaviour
		forever string
		says    string
	}{
		"STS: 503 for ever":                     {on(stsCall, refusedBySTS(503, "ServiceUnavailable")), stsCall, "STS answered ServiceUnavailable"},
		"STS: never answers, for ever":          {on(stsCall, silent), stsCall, "longer than 4s"},
		"CodeCommit: 503 for ever":              {on(settingsRefs, status(503)), settingsRefs, "503"},
		"CodeCommit: 404":                       {on(settingsRefs, status(404)), settingsRefs, "404"},
		"CodeCommit: reset in mid-pack":         {on(settingsPack, reset()), settingsPack, "broke off"},
		"CodeCommit: half of a pack":            {on(settingsPack, truncated()), settingsPack, "downloading"},
		"CodeCommit: a second clone that fails": {on(settingsRefs, nil, status(403)), settingsRefs, "403"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newBatchWorld(t, loopback.Options{Middleware: play(test.faults, test.forever).middleware})
			first := w.commit()
			w.write("settings", "environments/b/x", "x")
			w.commit()
			w.serveSettings(true)
			if strings.Contains(name, "never") {
				w.env[realWaits], w.env[attemptFor] = "1", "4s"
				w.env["SPA_RUNNER_STEP_TIMEOUT"] = "6s"
			}
			code := 125
			if w.env["SPA_RUNNER_STEP_TIMEOUT"] != "" {
				code = 124
			}
			o := w.run("batch", "--changed-since", first)
			if o.code != code || o.stdout != "" {
				t.Errorf("got %v, want %d and no answer", o, code)
			}
			if !strings.Contains(o.stderr, test.says) {
				t.Errorf("it says %q, want %q", o.stderr, test.says)
			}
		})
	}
	t.Run("nobody reads it", func(t *testing.T) {
		t.Parallel()
		full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
		if err != nil {
			t.Skipf("needs /dev/full: %v", err)
		}
		defer func() { _ = full.Close() }()
		w := newBatchWorld(t, loopback.Options{})
		w.commit()
		w.serveSettings(true)
		var stderr strings.Builder
		cmd := w.command("batch")
		cmd.Stdout, cmd.Stderr = full, &stderr
		_ = cmd.Run()
		if cmd.ProcessState.ExitCode() != 125 || !strings.Contains(stderr.String(), "no space left on device") {
			t.Errorf("exit code %d: %s", cmd.ProcessState.ExitCode(), stderr.String())
		}
	})
}
