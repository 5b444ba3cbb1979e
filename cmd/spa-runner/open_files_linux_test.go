package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"spa-runner/internal/loopback"
)

// A descriptor that somebody left open when the runner was started is in no
// child: it would give what its file has to whoever may not open that.
func TestNoChildInheritsOpenFiles(t *testing.T) {
	t.Parallel()
	w := newWorld(t, loopback.Options{})
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, []byte("of root alone"), 0o600); err != nil {
		t.Fatal(err)
	}
	open, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = open.Close() }()
	if os.Geteuid() == 0 {
		openTo(t, w)
		w.env["SPA_RUNNER_UNTRUSTED_USER"] = fmt.Sprint(freeUID(5))
	}
	w.write("code", "Makefile", "setup lint all-tests deploy:\n\t@for n in 3 4 5; do cat /proc/self/fd/$$n; cat <&$$n; done 2>/dev/null; true\n")
	w.env["SPA_RUNNER_VARIABLES"] = "sh"
	w.write("settings", environmentPath+"/variables.sh", "test -p /proc/self/fd/3 && echo a pipe; for n in 4 5 6; do cat /proc/self/fd/$n; cat <&$n; done 2>/dev/null; true\n")
	w.serve()
	cmd := w.command("run")
	for range 3 {
		cmd.ExtraFiles = append(cmd.ExtraFiles, open)
	}
	out, err := cmd.Output()
	o := outcome{code: cmd.ProcessState.ExitCode(), stdout: string(out)}
	if err != nil {
		t.Fatalf("%v: %v", err, o)
	}
	if got := o.output(t, "source-variables"); got != "a pipe\n" { // where it tells its results
		t.Errorf("variables.sh says %q", got)
	}
	for _, step := range []string{"make-setup", "make-deploy"} {
		if got := o.output(t, step); got != "" {
			t.Errorf("%s read %q", step, got)
		}
	}
}

// What an error repeats does nothing to the terminal it is read on.
func TestComplaintsAreHarmless(t *testing.T) {
	t.Parallel()
	w := newWorld(t, loopback.Options{})
	o := w.run("run", "--x\x1b[2J\x9b")
	if o.code != 64 || !strings.Contains(o.stderr, `unknown flag: --x\x1b[2J\x9b`) {
		t.Errorf("%q", o.stderr)
	}
}
