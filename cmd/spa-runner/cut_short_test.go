package main

import (
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"

	"spa-runner/internal/fault"
	"spa-runner/internal/loopback"
)

// Who ends make in the middle of deploying is told what goes on without it; of a
// deployment that failed by itself, and of a rehearsal, nothing such is said.
func TestADeploymentCutShort(t *testing.T) {
	t.Parallel()
	const claim = "CloudFormation goes on by itself"
	for name, c := range map[string]struct {
		deploy string
		env    map[string]string
		args   []string
		code   int
		tells  bool
	}{
		"step limit": {deploy: "trap 'exit 0' TERM; while :; do sleep 0.1; done", env: map[string]string{"SPA_RUNNER_STEP_TIMEOUT": "6s"}, code: 124, tells: true},
		"killed":     {deploy: "kill -9 $$PPID", code: 137, tells: true},
		"failed":     {deploy: "exit 1", code: 2},
		"rehearsed":  {deploy: "kill -9 $$PPID", args: []string{"--execute-deploy"}, code: 137},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, loopback.Options{})
			for name, value := range c.env {
				w.env[name] = value
			}
			w.env["DEPLOY_ENVIRONMENT_REGION"] = "eu-west-3"
			w.write("code", "Makefile", "setup lint all-tests:\n\t@true\ndeploy:\n\t@"+c.deploy+"\n")
			w.serve()
			args := append([]string{"run"}, c.args...)
			if len(c.args) > 0 {
				delete(w.env, "SPA_RUNNER_WORKDIR")
				args = append([]string{"dry-run", "--settings", w.dirs["settings"], "--code", w.dirs["code"]}, c.args...)
			}
			o := w.run(args...)
			last := o.find(t, "run failed", "")
			if o.code != c.code || len(last) != 1 || last[0]["failed_step"] != "make-deploy" {
				t.Fatalf("want %d in make-deploy, got %v", c.code, o)
			}
			hint := fmt.Sprint(last[0]["hint"])
			if strings.Contains(hint, claim) != c.tells || c.tells && !strings.Contains(hint, "--region eu-west-3 ") {
				t.Errorf("hint: got %q", hint)
			}
		})
	}
}

func TestWhatCountsAsCutShort(t *testing.T) {
	t.Parallel()
	make := func(code int) *fault.ChildError { return &fault.ChildError{Argv: []string{"make"}, Code: code} }
	signal := &fault.InterruptedError{Signal: syscall.SIGTERM}
	run, step := &fault.TimeLimitError{Of: "run"}, &fault.TimeLimitError{Of: "step"}
	for _, c := range []struct {
		step  string
		err   error
		tells bool
		ended string
	}{
		{"make-deploy", fmt.Errorf("%w (%w)", signal, make(143)), true, "SIGTERM"},
		{"make-deploy", fmt.Errorf("%w (%w)", signal, make(0)), true, "SIGTERM"},
		{"make-deploy", fmt.Errorf("%w (%w)", run, make(2)), true, "run limit"},
		{"make-deploy", fmt.Errorf("%w (%w)", step, make(2)), true, "step limit"},
		{"make-deploy", make(137), true, ""},
		{"make-deploy", make(2), false, ""},
		{"make-deploy", signal, false, "SIGTERM"}, // before make was started
		{"make-deploy", errors.New("there is no make"), false, ""},
		{"make-all-tests", fmt.Errorf("%w (%w)", signal, make(143)), false, "SIGTERM"},
		{"make-all-tests", make(137), false, ""},
		{"assume-deploy-role", signal, false, "SIGTERM"},
	} {
		err := &fault.StepError{Step: c.step, Err: c.err}
		if got, ended := deployCutShort("make-deploy", err), endedBy(err); got != c.tells || ended != c.ended {
			t.Errorf("%v: got %v and %q, want %v and %q", err, got, ended, c.tells, c.ended)
		}
	}
}
