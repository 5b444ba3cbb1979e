package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"spa-runner/internal/record"
	"spa-runner/internal/workfolder"
)

// SIGTERM in the middle of each step, to targets that do not listen: no process
// is left, nothing hangs, and the log is whole.
func TestSIGTERMInEachStep(t *testing.T) {
	t.Parallel()
	for _, format := range []string{"json", "mixed"} {
		for _, step := range allSteps {
			if leftOut(format + step) {
				continue
			}
			t.Run(format+" "+step, func(t *testing.T) {
				t.Parallel()
				h := newHeld(t, step)
				h.env["SPA_RUNNER_LOG_FORMAT"], h.env["STUBBORN"] = format, "yes"
				h.env["SPA_RUNNER_GRACE_PERIOD"] = "2s"
				cmd, end := h.begin(t)
				h.reach(t)
				if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
					t.Fatal(err)
				}
				if step == "overlay-settings" {
					time.Sleep(time.Second) // so that the runner knows before it can go on
					h.letGo()
				}
				o := h.wait(t, end)
				if o.code != 143 || o.stderr != "" {
					t.Errorf("want exit code 143 and all in the log, got %v", o)
				}
				if left := h.processes(); len(left) > 0 {
					t.Errorf("left: %q", left)
				}
				if format == "json" {
					h.checkFrame(t, o)
				} else {
					h.checkSummary(t, o)
				}
			})
		}
	}
}

// checkFrame checks the log of a run that SIGTERM ended: each line an event,
// each step begun and ended once, and what ended it.
func (h *held) checkFrame(t *testing.T, o outcome) {
	t.Helper()
	events := o.events(t)
	last := events[len(events)-1]
	if events[0]["msg"] != "run started" || last["msg"] != "run failed" || last["exit_code"] != 143.0 ||
		last["ended_by"] != "SIGTERM" || last["failed_step"] != h.step || last["deployed"] != false {
		t.Errorf("got %v … %v", events[0]["msg"], last)
	}
	until := slices.Index(allSteps, h.step)
	if got := o.started(t); !slices.Equal(got, allSteps[:until+1]) {
		t.Errorf("started: got %q, want all until %s", got, h.step)
	}
	for _, step := range allSteps[:until] {
		if len(o.find(t, "step finished", step)) != 1 {
			t.Errorf("%s has no end", step)
		}
	}
	failed := o.find(t, "step failed", h.step)
	if len(failed) != 1 || !strings.Contains(fmt.Sprint(failed[0]["error"]), "interrupted by signal 15 ") {
		t.Errorf("step failed: got %v", failed)
	}
	if strings.HasPrefix(h.step, "make-") && !strings.Contains(o.output(t, h.step), "asked to stop\n") {
		t.Errorf("the target was not asked, or its last words are lost: %v", o)
	}
	hint := fmt.Sprint(last["hint"])
	if tells := strings.Contains(hint, "aws cloudformation describe-stacks --region eu-west-1 ") &&
		strings.Contains(hint, "account 333333333333"); tells != (h.step == "make-deploy") {
		t.Errorf("of CloudFormation: got %q", hint)
	}
}

func (h *held) checkSummary(t *testing.T, o outcome) {
	t.Helper()
	_, summary, _ := strings.Cut(o.stdout, rule)
	summary, report := summary[:strings.LastIndex(summary, rule)], summary[strings.LastIndex(summary, rule):]
	if want := rule + "report: " + filepath.Join(h.workdir, record.Folder, shownFile) + "\n"; report != want {
		t.Errorf("the last line: got %q, want %q", report, want)
	}
	if !strings.HasPrefix(summary, "run FAILED in "+h.step+" after ") || !strings.Contains(summary, "(exit code 143)\n") ||
		!strings.Contains(summary, "✖ "+h.step) || !strings.HasSuffix(summary, "\n") {
		t.Errorf("summary: got %q", summary)
	}
	lines := strings.Split(strings.TrimSpace(summary), "\n")
	tail := strings.Join(lines[max(0, len(lines)-4):], "\n")
	tells := strings.Contains(tail, "CloudFormation goes on by itself") && strings.Contains(tail, "describe-stacks --region eu-west-1 ") &&
		strings.Contains(tail, "IN_PROGRESS the next run waits for it or fails")
	if tells != (h.step == "make-deploy") {
		t.Errorf("the last lines are %q", tail)
	}
}

// SIGKILL in the middle of each step: what is on disk can be read, the record names
// the step, and the next run in the same folder takes nothing of it for its own.
func TestSIGKILLInEachStep(t *testing.T) {
	t.Parallel()
	for _, step := range allSteps {
		if leftOut(step) {
			continue
		}
		t.Run(step, func(t *testing.T) {
			t.Parallel()
			h := newHeld(t, step)
			cmd, end := h.begin(t)
			h.reach(t)
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			o := h.wait(t, end)
			h.checkTorn(t, o)
			for limit := time.Now().Add(hangs); len(h.processes()) > 0; time.Sleep(10 * time.Millisecond) {
				if time.Now().After(limit) {
					t.Fatalf("left: %q", h.processes())
				}
			}
			h.checkRecord(t)
			there := h.checkFolders(t)
			h.disarm()
			next := h.run("run")
			if next.code != 0 || next.output(t, "make-deploy") != "deployed\nenvironment: test\n" ||
				next.find(t, "run finished", "")[0]["deployed"] != true {
				t.Fatalf("the next run: %v", next)
			}
			replaced := next.find(t, "replacing folders of an earlier run", "")
			if len(replaced) == 1 != (there > 0) {
				t.Errorf("%d folders were there, and the next run said %v", there, replaced)
			}
			h.checkDeployed(t)
			if r := h.record(t); r.Outcome != record.Finished || !r.Deployed || r.Run != next.find(t, "run finished", "")[0]["run"] {
				t.Errorf("the record of the next run: got %+v", r)
			}
		})
	}
}

// checkRecord checks the record of a run that was killed: the step that ran is named,
// those before it are over, and those after it are known.
func (h *held) checkRecord(t *testing.T) {
	t.Helper()
	r := h.record(t)
	if r.Outcome != record.Running || r.ExitCode != nil || !r.Ended.IsZero() || len(r.Passes) != 1 || len(r.Passes[0].Steps) != len(allSteps) {
		t.Fatalf("got %+v", r)
	}
	at := slices.Index(allSteps, h.step)
	for i, step := range r.Passes[0].Steps {
		want := record.Finished
		if i == at {
			want = record.Running
		} else if i > at {
			want = record.NotStarted
		}
		if step.Name != allSteps[i] || step.Outcome != want {
			t.Errorf("killed in %s: %s is %s, want %s", h.step, step.Name, step.Outcome, want)
		}
	}
}

// checkTorn checks a log that ends anywhere: but for the last line, which may be
// torn, all are events, and none speaks of an end.
func (h *held) checkTorn(t *testing.T, o outcome) {
	t.Helper()
	lines := strings.SplitAfter(o.stdout, "\n")
	for _, line := range lines[:len(lines)-1] {
		var e event
		if err := json.Unmarshal([]byte(line), &e); err != nil || strings.HasPrefix(fmt.Sprint(e["msg"]), "run f") {
			t.Errorf("got %q, %v", line, err)
		}
	}
	if o.code != -1 || len(lines) < 2 || !strings.Contains(o.stdout, `"step started"`) {
		t.Errorf("got %v", o)
	}
}

// checkFolders checks what is on disk: each folder is known as a run's own, and
// whole if its step was over. It then puts something into it that the next run
// must not see, and counts them.
func (h *held) checkFolders(t *testing.T) (there int) {
	t.Helper()
	f, err := workfolder.Open(h.workdir, "settings", "code")
	if err != nil {
		t.Fatalf("the lock is still held: %v", err)
	}
	defer f.Close()
	if len(f.Foreign) > 0 {
		t.Errorf("not known as a run's own: %q", f.Foreign)
	}
	for _, e := range f.Earlier {
		name := filepath.Base(e.Path)
		if slices.Index(allSteps, "clone-"+name) < slices.Index(allSteps, h.step) {
			for _, args := range [][]string{{"fsck", "--strict"}, {"rev-parse", "--verify", "HEAD^{tree}"}} {
				if out, err := exec.Command("git", append([]string{"-C", e.Path}, args...)...).CombinedOutput(); err != nil {
					t.Errorf("git %q in %s: %v: %s", args, e.Path, err, out)
				}
			}
		}
		poison := errors.Join(
			os.WriteFile(filepath.Join(e.Path, "poison"), []byte("x"), 0o644),
			os.WriteFile(filepath.Join(e.Path, "Makefile"), []byte("setup lint all-tests deploy:\n\t@echo poison\n"), 0o644),
		)
		if poison != nil {
			t.Fatal(poison)
		}
	}
	return len(f.Earlier)
}

// A second run in the same work folder is refused, and does not disturb the first.
func TestASecondRunBesideTheFirst(t *testing.T) {
	t.Parallel()
	h := newHeld(t, "assume-deploy-role")
	_, end := h.begin(t)
	h.reach(t)
	beside := h.run("run")
	if beside.code != 64 || !strings.Contains(beside.stderr, "another run is using the work folder") || !strings.Contains(beside.stderr, "it is run ") {
		t.Errorf("got %v", beside)
	}
	if o := h.run("dry-run", "--workdir", h.workdir); o.code != 64 {
		t.Errorf("a rehearsal there: got %v", o)
	}
	h.disarm()
	if first := h.wait(t, end); first.code != 0 {
		t.Errorf("the first: got %v", first)
	}
	h.checkDeployed(t)
}
