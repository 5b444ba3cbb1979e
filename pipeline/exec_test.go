package pipeline

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"spa-runner/internal/fault"
)

func shell(t *testing.T, ctx context.Context, rt *Runtime, script string) error {
	t.Helper()
	return Exec(ctx, rt, Credentials[None]{}, Command{Dir: t.TempDir(), Argv: []string{"sh", "-c", ours(script)}})
}

// ours makes `sleep 70…` in a script something that no other process of this
// machine has in its command line, such as these tests beside themselves.
func ours(script string) string {
	return strings.ReplaceAll(script, "sleep 70", fmt.Sprintf("sleep %d70", os.Getpid()))
}

func TestExecStatus(t *testing.T) {
	rt, _, out := testRuntime()
	if err := shell(t, t.Context(), rt, "echo hello; echo hi >&2"); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"hello\n", "hi\n"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("got output %q, want %q in it", out, want)
		}
	}
	for script, want := range map[string]int{"exit 2": 2, "exit 200": 200, "kill -9 $$": 137, "kill -TERM $$": 143} {
		err := shell(t, t.Context(), rt, script)
		var child *fault.ChildError
		if !errors.As(err, &child) || child.Code != want {
			t.Errorf("%s: got %v, want status %d", script, err, want)
		}
	}
	if err := Exec(t.Context(), rt, Credentials[None]{}, Command{Dir: t.TempDir(), Argv: []string{"no-such-program"}}); err == nil ||
		!strings.Contains(err.Error(), `no "no-such-program" on the PATH`) || fault.ExitCode(err) != fault.ExitRunner {
		t.Errorf("a missing program: got %v", err)
	}
}

func TestExecFindsProgramsOnTheChildsPath(t *testing.T) {
	dir := t.TempDir()
	program := filepath.Join(dir, "venv", "bin", "tool-of-the-venv")
	if err := os.MkdirAll(filepath.Dir(program), 0o755); err != nil {
		t.Fatal(err)
	}
	script := "#!/bin/sh\necho \"$VIRTUAL_ENV|$PYTHONHOME\"\n"
	if err := os.WriteFile(program, []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	rt, _, out := testRuntime("PYTHONHOME=/somewhere")
	if err := Exec(t.Context(), rt, Credentials[None]{}, Command{Dir: dir, Argv: []string{"tool-of-the-venv"}}); err != nil {
		t.Fatal(err)
	}
	if got, want := out.String(), filepath.Join(dir, "venv")+"|\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// gone waits until no process has the mark in its command line.
func gone(t *testing.T, mark string) {
	t.Helper()
	for limit := time.Now().Add(patient); time.Now().Before(limit); time.Sleep(10 * time.Millisecond) {
		if err := exec.Command("pgrep", "-f", ours(mark)).Run(); err != nil {
			return
		}
	}
	t.Errorf("a process with %s in its command line is still there", mark)
}

func needPgrep(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("pgrep"); err != nil {
		t.Skip("needs pgrep")
	}
}

func TestWhatAChildStartedIsGoneWhenItEnds(t *testing.T) {
	needPgrep(t)
	for name, script := range map[string]string{
		"in its group":                  "sleep 7001 & exit 3",
		"in a session of its own":       "setsid sleep 7002 & exit 3",
		"orphaned, holding the output":  "(setsid sh -c 'sleep 7003; echo late' &) ; exit 3",
		"ignoring every polite request": "setsid sh -c 'trap \"\" TERM INT HUP; sleep 7004; sleep 7004' & exit 3",
	} {
		t.Run(name, func(t *testing.T) {
			rt, _, _ := testRuntime()
			err := shell(t, t.Context(), rt, script) // which would wait for hours for a survivor
			if fault.ExitCode(err) != 3 {
				t.Errorf("got %v, want the child's own status 3", err)
			}
			gone(t, "sleep 700")
		})
	}
}

func TestCommandsSideBySideDoNotEndEachOther(t *testing.T) {
	rt, _, out := testRuntime()
	dir := t.TempDir()
	ended := make(chan error)
	go func() {
		script := "touch begun; until test -e go; do sleep 0.01; done; echo survived"
		ended <- Exec(t.Context(), rt, Credentials[None]{}, Command{Dir: dir, Argv: []string{"sh", "-c", script}, Beside: true})
	}()
	for _, err := os.Stat(filepath.Join(dir, "begun")); err != nil; _, err = os.Stat(filepath.Join(dir, "begun")) {
		time.Sleep(time.Millisecond)
	}
	if err := Exec(t.Context(), rt, Credentials[None]{}, Command{Dir: dir, Argv: []string{"true"}, Beside: true}); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "go"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err != nil || out.String() != "survived\n" {
		t.Errorf("got %v and %q", err, out)
	}
}

func TestInterruptionReachesTheGroup(t *testing.T) {
	for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
		rt, _, out := testRuntime()
		script := fmt.Sprintf("trap 'echo got %d; exit 9' %d; touch ready; while :; do sleep 0.05; done", signal, signal)
		_, _, err := shellEndedBy(t, rt, signal, script)
		var child *fault.ChildError
		if want := fmt.Sprintf("got %d\n", signal); !strings.Contains(out.String(), want) ||
			!errors.As(err, &child) || child.Code != 9 || fault.ExitCode(err) != 128+int(signal) {
			t.Errorf("got %q and %v, want %q", out, err, want)
		}
	}
}

func TestWhoIgnoresTheSignalIsKilledAfterTheGrace(t *testing.T) {
	needPgrep(t)
	for _, hurry := range []bool{false, true} {
		rt, _, _ := testRuntime()
		rt.Grace = 300 * time.Millisecond
		if hurry {
			rt.Grace = time.Hour
			twice := make(chan struct{})
			rt.Hurry = twice
			time.AfterFunc(400*time.Millisecond, func() { close(twice) })
		}
		_, _, err := interruptedShell(t, rt, "trap '' TERM INT; touch ready; while :; do sleep 7005; done")
		var child *fault.ChildError
		if !errors.As(err, &child) || child.Code != 137 || fault.ExitCode(err) != 143 {
			t.Errorf("hurry %v: got %v, want it killed", hurry, err)
		}
		gone(t, "sleep 7005")
	}
}

func TestChildWithoutATerminalReadsNothing(t *testing.T) {
	rt, _, out := testRuntime()
	if err := shell(t, t.Context(), rt, `read -r line; echo "[$line]"; (: </dev/tty) 2>/dev/null && echo terminal; true`); err != nil {
		t.Fatal(err)
	}
	if got := out.String(); got != "[]\n" {
		t.Errorf("got %q", got)
	}
}

func TestNoInputAndCapturedOutput(t *testing.T) {
	rt, _, out := testRuntime()
	var captured bytes.Buffer
	err := Exec(t.Context(), rt, Credentials[None]{}, Command{
		Dir: t.TempDir(), Argv: []string{"sh", "-c", "cat; echo out"}, Stdout: &captured,
	})
	if err != nil || captured.String() != "out\n" || out.String() != "" {
		t.Errorf("got %v, captured %q, logged %q", err, captured.String(), out)
	}
}

// slow is a log that takes longer to be written than the pipe is waited for.
type slow struct {
	buffer
	pause time.Duration
}

func (s *slow) Write(p []byte) (int, error) {
	time.Sleep(s.pause)
	return s.buffer.Write(p)
}

func TestASlowLogLosesNothing(t *testing.T) {
	rt, _, _ := testRuntime()
	rt.drainLimit = 20 * time.Millisecond
	out := &slow{pause: 5 * rt.drainLimit}
	err := Exec(t.Context(), rt, Credentials[None]{}, Command{
		Dir: t.TempDir(), Argv: []string{"sh", "-c", "seq 1 40000; echo LAST"}, Stdout: out,
	})
	if err != nil || !strings.HasSuffix(out.String(), "40000\nLAST\n") {
		t.Errorf("got %v and %d bytes, want all of them", err, len(out.String()))
	}
}

func TestEnvironmentOfAChildIsNeverTheRunners(t *testing.T) {
	t.Setenv("CANARY_OF_THE_RUNNER", "visible")
	rt, _, out := testRuntime()
	rt.Env = NewEnviron(nil) // not even a PATH: an empty slice must not become nil
	dir := t.TempDir()
	if err := Exec(t.Context(), rt, Credentials[None]{}, Command{Dir: dir, Argv: []string{"/usr/bin/env"}}); err != nil {
		t.Fatal(err)
	}
	want := "AWS_CONFIG_FILE=…\nAWS_EC2_METADATA_DISABLED=true\nAWS_SHARED_CREDENTIALS_FILE=…\nBOTO_CONFIG=/dev/null\nPWD=" + dir + "\n"
	if got := stepFile.ReplaceAllString(out.String(), "=…"); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
