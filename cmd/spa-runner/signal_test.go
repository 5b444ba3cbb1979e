package main

import (
	"bufio"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"spa-runner/internal/fault"
	"spa-runner/internal/loopback"
)

// start starts a run whose log is read while it goes on.
func start(w *world) (*exec.Cmd, *bufio.Scanner) {
	w.t.Helper()
	cmd := w.command("run")
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		w.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
	return cmd, bufio.NewScanner(stdout)
}

// An operator stops a deployment: the target gets the signal, the log is whole,
// and the exit code says what happened.
func TestInterruption(t *testing.T) {
	t.Parallel()
	for signal, want := range map[syscall.Signal]int{syscall.SIGINT: 130, syscall.SIGTERM: 143} {
		w := newWorld(t, loopback.Options{})
		w.env["SPA_RUNNER_GRACE_PERIOD"] = "5s"
		w.write("code", "Makefile", "setup lint all-tests:\n\t@true\ndeploy:\n\t@trap 'echo asked to stop; exit 1' INT TERM; echo deploying; while :; do sleep 0.1; done\n")
		w.serve()
		cmd, lines := start(w)
		var log strings.Builder
		for lines.Scan() {
			log.WriteString(lines.Text() + "\n")
			if strings.Contains(lines.Text(), `"line":"deploying"`) {
				if err := cmd.Process.Signal(signal); err != nil {
					t.Fatal(err)
				}
			}
		}
		var exit *exec.ExitError
		if err := cmd.Wait(); !errors.As(err, &exit) || exit.ExitCode() != want {
			t.Errorf("%v: got %v, want exit code %d\n%s", signal, err, want, log.String())
		}
		o := outcome{stdout: log.String()}
		if !strings.Contains(o.output(t, "make-deploy"), "asked to stop") || len(o.find(t, "run failed", "")) != 1 {
			t.Errorf("%v: got %v", signal, o)
		}
	}
}

// A second signal ends the patience with a target that ignores the first.
func TestInterruptedTwice(t *testing.T) {
	t.Parallel()
	w := newWorld(t, loopback.Options{})
	w.env["SPA_RUNNER_GRACE_PERIOD"] = "1h"
	w.write("code", "Makefile", "setup:\n\t@trap 'echo stubborn' INT TERM; echo begun; while :; do sleep 0.1; done\n")
	w.serve()
	cmd, lines := start(w)
	for lines.Scan() {
		if strings.Contains(lines.Text(), `"line":"begun"`) || strings.Contains(lines.Text(), `"line":"stubborn"`) {
			_ = cmd.Process.Signal(syscall.SIGTERM)
		}
	}
	if err := cmd.Wait(); cmd.ProcessState.ExitCode() != 143 {
		t.Errorf("got %v", err)
	}
}

// A log that cannot be written stops the run before the next step: nobody could
// read what it does.
func TestALostLogStopsTheRun(t *testing.T) {
	t.Parallel()
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skipf("needs /dev/full: %v", err)
	}
	defer full.Close()
	for _, format := range []string{"json", "mixed", "console"} {
		w := newWorld(t, loopback.Options{})
		w.env["SPA_RUNNER_LOG_FORMAT"] = format
		w.serve()
		var stderr strings.Builder
		cmd := w.command("run")
		cmd.Stdout, cmd.Stderr = full, &stderr
		err := cmd.Run()
		if cmd.ProcessState.ExitCode() != 125 || strings.Count(stderr.String(), "spa-runner: ") != 1 || len(w.assumed()) != 0 {
			t.Errorf("%s: got %v, assumed %q, stderr %s", format, err, w.assumed(), stderr.String())
		}
	}
}

func TestDryRunUsesNothingReal(t *testing.T) {
	t.Parallel()
	w := newWorld(t, loopback.Options{})
	plant(w)
	for name := range w.env {
		if strings.HasPrefix(name, "AWS_ENDPOINT_URL") || strings.HasPrefix(name, "SETTINGS_") || strings.HasPrefix(name, "CODE_") {
			delete(w.env, name)
		}
	}
	// What would be asked if anything real were: a server that nobody may reach.
	w.env["AWS_ENDPOINT_URL_STS"] = "http://127.0.0.1:1"
	delete(w.env, "SPA_RUNNER_WORKDIR")
	o := w.run("dry-run")
	if o.code != 0 || len(o.started(t)) != len(allSteps) || len(w.aws.Calls()) != 0 {
		t.Fatalf("%v", o)
	}
	if last := o.find(t, "run finished", ""); len(last) != 1 || last[0]["deployed"] != false || last[0]["what"] != "dry run" {
		t.Errorf("last event: %v", last)
	}
	delete(w.env, "READ_SETTINGS_ROLE")
	delete(w.env, "DEPLOY_ENVIRONMENT_ROLE")
	if o := w.run("dry-run", "--aws-region", "cn-north-1"); o.code != 0 {
		t.Errorf("another partition: %v", o)
	}
	if got := o.output(t, "make-deploy"); !strings.Contains(got, "echo ") {
		t.Errorf("deploy was not only printed: %q", got)
	}
	if strings.Contains(o.stdout, canary) {
		t.Error("a planted identity is in the log")
	}
	o = w.run("dry-run", "--until", "overlay-settings", "--execute-deploy")
	if started := o.started(t); o.code != 0 || len(started) != 5 {
		t.Errorf("--until: got %v", o)
	}
	if o = w.run("dry-run", "--until", "nowhere"); o.code != 64 || !strings.Contains(o.stderr, "make-deploy") {
		t.Errorf("--until nowhere: got %v", o)
	}
}

// A rehearsal of one's own folders, uncommitted edits included.
func TestDryRunOfOwnFolders(t *testing.T) {
	t.Parallel()
	w := newWorld(t, loopback.Options{})
	w.write("settings", environmentPath+"/variables.sh", "export CODE_GIT_BRANCH=v1 CODE_GIT_COMMIT="+strings.Repeat("0", 40)+"\n")
	w.write("code", "Makefile", "setup lint all-tests:\n\t@true\ndeploy:\n\t@echo edited; cat settings.yaml\n")
	delete(w.env, "SPA_RUNNER_WORKDIR")
	o := w.run("dry-run", "--settings", w.dirs["settings"], "--code", w.dirs["code"], "--execute-deploy", "--workdir", w.workdir)
	if got := o.output(t, "make-deploy"); o.code != 0 || got != "edited\nenvironment: test\n" {
		t.Errorf("got %q, %v", got, o)
	}
	if _, err := filepath.Glob(filepath.Join(w.workdir, "code", ".git")); err != nil {
		t.Error(err)
	}
}

// A terminal sends a signal to both processes of the program: that is one. Two are two,
// however they come.
func TestASignalThatComesByTwoWaysCountsOnce(t *testing.T) {
	passedOn := make(chan syscall.Signal)
	ctx, hurry, _, stop := interruptible(passedOn)
	defer stop()
	passedOn <- syscall.SIGHUP
	<-ctx.Done()
	var cause *fault.InterruptedError
	if !errors.As(context.Cause(ctx), &cause) || cause.Signal != syscall.SIGHUP {
		t.Errorf("got %v", context.Cause(ctx))
	}
	if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	select {
	case <-hurry:
		t.Error("one signal that came by two ways was counted twice")
	case <-time.After(100 * time.Millisecond): // nothing more can be waited for
	}
	passedOn <- syscall.SIGHUP
	<-hurry
}
