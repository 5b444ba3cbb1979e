package main

import (
	"bufio"
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

//go:embed workbook.sh
var workbook string

// The aims, and the memory that each row may take.
const (
	mebibyte    = 1 << 20
	wholeMemory = 64 * mebibyte
	linesMemory = 32 * mebibyte
)

// buildspec is the whole job but for make, against the shell.
func (w *world) buildspec(aws string) contest {
	return contest{
		work: "all but make, on " + w.spa, peer: "bash, " + aws + ", git, cp",
		aim: 0.15, memory: wholeMemory,
		runner: func(ctx context.Context) (sample, error) {
			return w.whole(ctx, "json", []string{w.runner, "run"},
				"SETTINGS_GIT_URL=codecommit::"+region+"://SpaSettings",
				"SPA_RUNNER_SETUP_TARGETS=", "SPA_RUNNER_LINT_TARGETS=", "SPA_RUNNER_TEST_TARGETS=", "SPA_RUNNER_DEPLOY_TARGETS=",
				"SPA_RUNNER_LOG_FORMAT=json")
		},
		base: func(ctx context.Context) (sample, error) {
			marks := filepath.Join(w.dir, "marks")
			_ = os.Remove(marks)
			s, err := w.whole(ctx, "bash", []string{"bash", "-c", workbook},
				"SETTINGS_GIT_URL="+w.server.URL()+"/v1/repos/SpaSettings", "MARKS="+marks)
			if err == nil {
				s.parts, err = readMarks(marks)
			}
			return s, err
		},
	}
}

// whole runs one side of the whole job in a new folder, and makes sure that it
// did it: the workbook's shell does not notice when it did not.
func (w *world) whole(ctx context.Context, side string, argv []string, env ...string) (sample, error) {
	dir, err := os.MkdirTemp(w.dir, side+"-")
	if err != nil {
		return sample{}, fmt.Errorf("making a work folder: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	env = slices.Concat(w.env, env, []string{
		"SETTINGS_ENVIRONMENT_PATH=environments/spa", "CODE_GIT_BRANCH=main", "CODE_GIT_URL=" + w.server.URL() + "/git/spa.git",
	})
	before := len(w.server.Calls())
	log := filepath.Join(w.dir, side+".log")
	s, err := command{dir: dir, argv: argv, env: env, out: log}.run(ctx)
	if err != nil {
		return sample{}, err
	}
	var assumed []string
	for _, call := range w.server.Calls()[before:] {
		if call.Code == "" && strings.Contains(call.CallerARN, "222222222222") {
			assumed = append(assumed, call.RoleARN)
		}
	}
	if want := []string{settingsRole, deployRole}; !slices.Equal(assumed, want) {
		return sample{}, fmt.Errorf("the service role assumed %q, want %q", assumed, want)
	}
	for name, want := range settings {
		name, ours := strings.CutPrefix(name, "environments/spa/")
		if got, err := os.ReadFile(filepath.Join(dir, "code", name)); ours && (err != nil || string(got) != want) {
			return sample{}, fmt.Errorf("%s was not laid over the code: got %q, %v", name, got, err)
		}
	}
	if side == "json" {
		s.parts, err = stepTimes(log)
	}
	return s, err
}

// readMarks turns the times that the shell noted into durations.
func readMarks(file string) ([]part, error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("reading the times of the shell: %w", err)
	}
	var parts []part
	var last float64
	for line := range strings.Lines(string(content)) {
		at, name, _ := strings.Cut(strings.TrimSpace(line), " ")
		seconds, err := strconv.ParseFloat(at, 64)
		if err != nil {
			return nil, fmt.Errorf("the shell notes no times, is it bash 5 or later? %w", err)
		}
		if last > 0 {
			parts = append(parts, part{name, time.Duration((seconds - last) * float64(time.Second))})
		}
		last = seconds
	}
	return parts, nil
}

// output is a make target that prints a million lines, against make alone. What
// is measured of the runner is the step, not the clone before it.
func (w *world) output(work, target, format string, c contest) contest {
	log, plain := filepath.Join(w.dir, "lines.log"), filepath.Join(w.dir, "lines.txt")
	c.work, c.peer, c.memory = work+", in "+format, "make >file", linesMemory
	c.runner = func(ctx context.Context) (sample, error) {
		env := []string{
			"SETTINGS_ENVIRONMENT_PATH=environments/lines", "CODE_GIT_URL=" + w.server.URL() + "/git/lines.git", "SPA_RUNNER_LOG_FORMAT=" + format,
			"SPA_RUNNER_SETUP_TARGETS=", "SPA_RUNNER_LINT_TARGETS=" + target, "SPA_RUNNER_TEST_TARGETS=", "SPA_RUNNER_DEPLOY_TARGETS=",
		}
		return w.step(ctx, "make-lint", "SpaSettings", log, env)
	}
	c.base = func(ctx context.Context) (sample, error) {
		s, err := command{dir: filepath.Join(w.dir, "lines.git.files"), argv: []string{"make", target}, env: w.env, out: plain}.run(ctx)
		s.cpu = 0 // there is none of the step alone to compare it with
		return s, err
	}
	return c
}

// step runs spa-runner in a new folder, with settings on CodeCommit, and
// measures one of its steps. Of the memory it is all of the run.
func (w *world) step(ctx context.Context, name, settings, log string, env []string) (sample, error) {
	dir, err := os.MkdirTemp(w.dir, "run-")
	if err != nil {
		return sample{}, fmt.Errorf("making a work folder: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	env = slices.Concat(w.env, env, []string{"SETTINGS_GIT_URL=codecommit::" + region + "://" + settings})
	s, err := command{dir: dir, argv: []string{w.runner, "run"}, env: env, out: log}.run(ctx)
	if err != nil {
		return sample{}, err
	}
	if s.parts, err = stepTimes(log); err != nil {
		return sample{}, err
	}
	i := slices.IndexFunc(s.parts, func(p part) bool { return p.name == name })
	if i < 0 {
		return sample{}, fmt.Errorf("the log has no time of %s", name)
	}
	s.took, s.cpu = s.parts[i].took, 0
	return s, nil
}

// stepTimes reads how long each step took from a log, which may be long.
func stepTimes(log string) ([]part, error) {
	f, err := os.Open(log)
	if err != nil {
		return nil, fmt.Errorf("reading the log of the runner: %w", err)
	}
	defer func() { _ = f.Close() }()
	var parts []part
	events := bufio.NewScanner(f)
	for events.Scan() {
		if !bytes.Contains(events.Bytes(), []byte(`"msg":"step finished"`)) {
			continue
		}
		var event struct {
			Step string `json:"step"`
			Took int64  `json:"took_ms"`
		}
		if err := json.Unmarshal(events.Bytes(), &event); err != nil {
			return nil, fmt.Errorf("reading the log of the runner: %w", err)
		}
		// The log cuts the fraction of a millisecond off; its mean is a half.
		took := time.Duration(event.Took)*time.Millisecond + time.Millisecond/2
		parts = append(parts, part{event.Step, took})
	}
	return parts, events.Err()
}

// awsVersion is what the aws CLI says of itself; "" is that there is none.
func (w *world) awsVersion(ctx context.Context) string {
	cmd := exec.CommandContext(ctx, "bash", "-c", "aws --version")
	cmd.Env = w.env
	out, _ := cmd.CombinedOutput()
	version, _, _ := strings.Cut(string(out), " ")
	if !strings.HasPrefix(version, "aws-cli/") {
		return ""
	}
	return version
}
