package main

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"spa-runner/internal/loopback"
)

// Five pushes land while one run deploys: it makes two further passes, no more,
// and the last commit is what is deployed.
func TestFivePushesDuringOneRun(t *testing.T) {
	t.Parallel()
	m := newMoving(t)
	m.env["SPA_RUNNER_DEPLOY_ONLY"] = "NOT_SET" // a warning, which each pass would have
	m.serve()
	first, second, third := m.commits["settings"], "", ""
	m.during[1] = func() {
		m.push("settings.yaml", "1\n")
		m.push("settings.yaml", "2\n")
		second = m.push("settings.yaml", "3\n")
	}
	m.during[2] = func() { m.push("settings.yaml", "4\n"); third = m.push("settings.yaml", "5\n") }
	o := m.run("run")
	want := []string{first + " 0", second + " 3", third + " 5"}
	if got := m.deployed(); o.code != 0 || !slices.Equal(got, want) {
		t.Fatalf("deployed %q, want %q, %v", got, want, o)
	}
	last := o.find(t, "run finished", "")
	if len(last) != 1 || last[0]["settings_commit"] != third || last[0]["pass"] != 3.0 || last[0]["deployed"] != true {
		t.Errorf("last event: %v", last)
	}
	if before, _ := last[0]["passes_before"].([]any); len(before) != 2 || !strings.Contains(fmt.Sprint(before[0]), "settings_commit:"+first) {
		t.Errorf("passes before: %v", last[0]["passes_before"])
	}
	moved := o.find(t, "settings moved", "")
	if len(moved) != 2 || moved[0]["from"] != first || moved[0]["to"] != second || moved[1]["to"] != third || moved[1]["next_pass"] != 3.0 {
		t.Errorf("moved: %v", moved)
	}
	if n := strings.Count(o.stdout, "NOT_SET is named by SPA_RUNNER_DEPLOY_ONLY but not set"); n != 1 {
		t.Errorf("the warning of the configuration is there %d times", n)
	}
	if len(o.find(t, "run started", "")) != 1 || len(o.find(t, "pass finished", "")) != 2 || !slices.Equal(m.looked(o), []string{"1", "2", "3"}) {
		t.Errorf("the frame: %v", o)
	}
}

// A hold that comes while a pass deploys holds back the next one, and nobody is told
// that nothing was deployed.
func TestAHoldAfterADeploymentDoesNotHideIt(t *testing.T) {
	t.Parallel()
	m := newMoving(t)
	m.env["SPA_RUNNER_LOG_FORMAT"] = "mixed"
	m.serve()
	first := m.commits["settings"]
	m.during[1] = func() { m.push("HOLD", "release freeze\n") }
	o := m.run("run")
	if got := m.deployed(); o.code != 0 || len(got) != 1 {
		t.Fatalf("deployed %q, %v", got, o)
	}
	for _, want := range []string{": release freeze (nothing was deployed by its last pass)\n", "  pass 1: deployed, exit code 0, after ", ", settings " + first + "\n"} {
		if !strings.Contains(o.stdout, want) {
			t.Errorf("no %q in %v", want, o)
		}
	}
	page, err := os.ReadFile(filepath.Join(m.workdir, "spa-run", "report.html"))
	if err != nil || !strings.Contains(string(page), "<h1>– Held</h1>") || !strings.Contains(string(page), "What an earlier pass deployed is there, nothing since.") {
		t.Errorf("%v: the page does not tell of the deployment: %.600s", err, page[min(len(page), 4000):])
	}
}

// A push that breaks lint, and one that mends it: the run ends well, and says that
// it did not begin so.
func TestAFailedPassStaysVisible(t *testing.T) {
	t.Parallel()
	m := newMoving(t)
	m.env["SPA_RUNNER_LOG_FORMAT"] = "mixed"
	m.write("settings", environmentPath+"/broken", "x\n")
	m.serve()
	broken := m.commits["settings"]
	m.env["SETTINGS_GIT_COMMIT"], m.env["SETTINGS_GIT_PUSHER"] = broken, "arn:aws:iam::111111111111:user/alice"
	m.env["SETTINGS_GIT_PUSHED_AT"] = "2026-03-01T13:00:00+01:00"
	m.during[1] = func() { m.push("broken", "") }
	o := m.run("run")
	if got := m.deployed(); o.code != 0 || !slices.Equal(got, []string{m.commits["settings"] + " 0"}) {
		t.Fatalf("deployed %q, %v", got, o)
	}
	for _, text := range []string{
		"  pass 1: FAILED in make-lint, exit code 2, after ", ", settings " + broken + "\n",
		"  pass 2, since the settings had moved:\n",
		"  trigger  an earlier push of " + broken + " by arn:aws:iam::111111111111:user/alice at 2026-03-01T12:00:00Z\n",
		"  settings " + m.commits["settings"], "run finished in", ": deployed\n",
		`"msg":"pass failed"`, `"passes_before":[{"pass":1,"outcome":"FAILED in make-lint","exit_code":2`, `"SETTINGS_GIT_PUSHED_AT":"2026-03-01T13:00:00+01:00"`,
	} {
		if !strings.Contains(o.stdout, text) {
			t.Errorf("no %q in %v", text, o)
		}
	}
	if strings.Count(o.stdout, `"msg":"run `) != 2 || strings.Contains(o.stdout, "✖ make-lint") {
		t.Errorf("want one first event and one last one, and the steps of the last pass: %v", o)
	}
}

// The summary tells the steps in the order of the plan, and of a failed deployment where to see what it changed.
func TestTheLookComesLastInTheSummary(t *testing.T) {
	t.Parallel()
	for makefile, want := range map[string]string{
		"setup:\n\t@false\nlint all-tests deploy:\n\t@true\n": "(?s)✖ make-setup .*· make-deploy +not started\n  ✔ look-again .* as settings\n\n.*up to \"step failed\"\n─",
		"deploy:\n\t@false\nsetup lint all-tests:\n\t@true\n": "(?s)✖ make-deploy .*\n  ✔ look-again .*events\n +of the stacks, in CloudFormation of account 333333333333, region eu-west-1\n─",
	} {
		m := newMoving(t)
		m.env["SPA_RUNNER_LOG_FORMAT"] = "mixed"
		m.write("code", "Makefile", makefile)
		m.serve()
		if o := m.run("run"); o.code != 2 || !regexp.MustCompile(want).MatchString(o.stdout) {
			t.Errorf("no %q in %v", want, o)
		}
	}
}

// The exit code is that of the last pass, whatever became of the one before.
func TestAPassThatFailsLastFailsTheRun(t *testing.T) {
	t.Parallel()
	m := newMoving(t)
	m.serve()
	m.during[1] = func() { m.push("broken", "x\n") }
	o := m.run("run")
	failed := o.find(t, "run failed", "")
	if o.code != 2 || len(m.deployed()) != 1 || len(failed) != 1 || failed[0]["deployed"] != false || failed[0]["failed_step"] != "make-lint" ||
		!strings.Contains(fmt.Sprint(failed[0]["passes_before"]), "outcome:deployed") {
		t.Errorf("got %v", o)
	}
}

// Where nothing may follow, nobody looks.
func TestWhereNobodyLooks(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		prepare func(*moving)
		code    int
	}{
		"outside of CodeBuild": {func(m *moving) { delete(m.env, "CODEBUILD_BUILD_ID") }, 0},
		"one pass":             {func(m *moving) { m.env["SPA_RUNNER_MAX_PASSES"] = "1" }, 0},
		"pinned":               {func(m *moving) { m.env["SETTINGS_GIT_PIN"] = m.commits["settings"] }, 0},
		"wrong settings":       {func(m *moving) { m.push("variables.sh", "AWS_REGION=nowhere\n") }, 64},
		"a time limit":         {func(m *moving) { m.push("slow", "x\n"); m.env["SPA_RUNNER_STEP_TIMEOUT"] = "6s" }, 124},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newMoving(t)
			m.write("code", "Makefile", "setup:\n\t@test ! -e slow || sleep 60\nlint all-tests deploy:\n\t@true\n")
			m.serve()
			test.prepare(m)
			m.during[1] = func() { m.push("settings.yaml", "1\n") }
			o := m.run("run")
			if o.code != test.code || len(m.looked(o)) != 0 || m.asked != 1 || len(o.find(t, "settings moved", "")) != 0 {
				t.Errorf("looked after %v, want exit code %d and no look, %v", m.looked(o), test.code, o)
			}
		})
	}
}

// In a rehearsal the settings are a snapshot.
func TestARehearsalDoesNotLook(t *testing.T) {
	t.Parallel()
	m := newMoving(t)
	m.env["SPA_RUNNER_MAX_PASSES"] = "3"
	delete(m.env, "SPA_RUNNER_WORKDIR")
	if o := m.run("dry-run"); o.code != 0 || len(m.looked(o)) != 0 {
		t.Errorf("got %v", o)
	}
}

// A look that comes to nothing is a warning, and the run ends as it would have.
func TestALookWithoutAnAnswerChangesNothing(t *testing.T) {
	t.Parallel()
	const unanswered, gone = "the settings could not be looked at again: if there was a push meanwhile, it is not deployed",
		"the branch of the settings is gone: there is nothing newer to deploy"
	status := func(code int) func(*moving) {
		return func(m *moving) {
			m.answer = func(rw http.ResponseWriter) { http.Error(rw, "no", code) }
		}
	}
	for name, test := range map[string]struct {
		during  func(*moving)
		warning string
	}{
		"503":     {status(503), unanswered},
		"403":     {status(403), unanswered},
		"cut":     {func(m *moving) { m.answer = func(http.ResponseWriter) { panic(http.ErrAbortHandler) } }, unanswered},
		"not git": {func(m *moving) { m.answer = func(rw http.ResponseWriter) { _, _ = rw.Write([]byte("hello")) } }, unanswered},
		"branch deleted": {func(m *moving) {
			m.git("update-ref", "refs/heads/other", "main")
			m.git("update-ref", "-d", "refs/heads/main")
		}, gone},
		"nothing is left": {func(m *moving) { m.git("update-ref", "-d", "refs/heads/main") }, gone},
	} {
		for _, code := range []int{0, 2} {
			if leftOut(fmt.Sprint(name, code)) {
				continue
			}
			t.Run(fmt.Sprint(name, code), func(t *testing.T) {
				t.Parallel()
				m := newMoving(t)
				if code == 2 {
					m.write("settings", environmentPath+"/broken", "x\n")
				}
				m.serve()
				m.during[1] = func() { test.during(m) }
				o := m.run("run")
				last := o.find(t, map[int]string{0: "run finished", 2: "run failed"}[code], "")
				warned := o.find(t, test.warning, "look-again")
				if o.code != code || len(last) != 1 || len(warned) != 1 || warned[0]["level"] != "warn" || len(o.find(t, "step skipped", "look-again")) != 1 {
					t.Errorf("got %v, want %d and a warning", o, code)
				}
				if test.warning == unanswered && warned[0]["next"] == nil {
					t.Errorf("it does not say what is next: %v", warned)
				}
			})
		}
	}
}

// When there may be no other pass, the run says what is not deployed, and what
// will deploy it.
func TestNewerSettingsThatAreLeft(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		env  map[string]string
		last int // the pass during which the last push comes
		why  string
	}{
		"no more passes": {map[string]string{"SPA_RUNNER_MAX_PASSES": "2"}, 2, "this was pass 2 of 2 (SPA_RUNNER_MAX_PASSES)"},
		// From setup to deploy alone more than half of the time goes by, however slow the machine is.
		"no more time": {map[string]string{"SPA_RUNNER_TIMEOUT": "12s", "LEAST": "7"}, 1, "(SPA_RUNNER_TIMEOUT)"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newMoving(t)
			m.env["SPA_RUNNER_LOG_FORMAT"], m.env["LEAST"] = "mixed", "0"
			for variable, value := range test.env {
				m.env[variable] = value
			}
			m.write("code", "Makefile", "setup:\n\t@date +%s >$(HOME)/began\nlint all-tests:\n\t@true\n"+
				"deploy:\n\t@while test $$(($$(date +%s) - $$(cat $(HOME)/began))) -lt $(LEAST); do sleep 0.1; done\n")
			m.serve()
			left := ""
			for pass := 1; pass <= test.last; pass++ {
				m.during[pass] = func() { left = m.push("settings.yaml", fmt.Sprintf("%d\n", pass)) }
			}
			o := m.run("run")
			if o.code != 0 || m.passes != test.last {
				t.Errorf("%d passes, want %d, %v", m.passes, test.last, o)
			}
			warning := "  warning: newer settings are not deployed  commit=" + left + "  why="
			_, told, _ := strings.Cut(o.stdout, warning)
			told, _, _ = strings.Cut(told, "\n")
			if !strings.Contains(told, test.why) || !strings.Contains(told, "start a build by hand") || strings.Count(o.stdout, `"msg":"newer settings are not deployed"`) != 1 {
				t.Errorf("the summary does not have %q with %q in %v", warning, test.why, o)
			}
		})
	}
}

// What freezes an environment may be taken away while the run waits for nothing.
func TestAHeldPassIsLookedAfterToo(t *testing.T) {
	t.Parallel()
	m := newMoving(t)
	m.write("settings", environmentPath+"/HOLD", "until Monday\n")
	m.serve()
	m.during[1] = func() { m.push("HOLD", "") }
	o := m.run("run")
	if o.code != 0 || len(m.deployed()) != 1 || len(o.find(t, "pass held", "")) != 1 || len(o.find(t, "run held", "")) != 0 || len(o.find(t, "run finished", "")) != 1 {
		t.Errorf("got %v", o)
	}
}

// A session of the settings that ended while make deployed is made anew.
func TestTheLookOutlastsItsSession(t *testing.T) {
	t.Parallel()
	over := filepath.Join(t.TempDir(), "over")
	w := newWorld(t, loopback.Options{Life: func(c loopback.Call) time.Duration {
		if c.RoleARN != settingsRole {
			return c.Duration
		}
		const life = 10 * time.Second
		if err := os.WriteFile(over, fmt.Append(nil, time.Now().Add(life).Unix()), 0o600); err != nil {
			t.Error(err)
		}
		return life
	}})
	w.env["OVER"] = over
	w.write("code", "Makefile", "setup lint all-tests:\n\t@true\ndeploy:\n\t@while test $$(date +%s) -le $$(cat $(OVER)); do sleep 0.1; done\n")
	w.serve()
	o := w.run("run", "--max-passes", "2")
	if got := w.assumed(); o.code != 0 || len(o.find(t, "looked at the settings again", "")) != 1 || !slices.Equal(got, []string{settingsRole, deployRole, settingsRole}) {
		t.Errorf("assumed %q, %v", got, o)
	}
}
