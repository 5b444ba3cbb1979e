package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"spa-runner/internal/loopback"
	"spa-runner/internal/record"
)

// A run that makes something else in place of the project's deploy says what that was, in
// each place where a deployment is told of, and is not called one.
func TestARunThatMakesSomethingElseIsNoDeployment(t *testing.T) {
	t.Parallel()
	w := newWorld(t, loopback.Options{})
	w.write("code", "Makefile", "setup lint all-tests:\n\t@true\ndeploy bootstrap-cdk cdk-deploy diff:\n\t@echo of $@\n")
	w.serve()
	w.env["SETTINGS_GIT_COMMIT"], w.env["SETTINGS_GIT_PUSHED_AT"] = w.commits["settings"], "2026-03-01T12:00:00Z"
	for targets, test := range map[string]struct {
		deployed        bool
		headline, dry   string // how they end
		page, jsonOfAll string
	}{
		"deploy":               {true, ": deployed", ": all steps ran, with credentials that no AWS account knows", "<h1>✔ Deployed</h1>", `"deploys": true`},
		"bootstrap-cdk deploy": {true, ": deployed", ": all steps ran, with credentials that no AWS account knows", "<h1>✔ Deployed</h1>", `"deploys": true`},
		"bootstrap-cdk": {
			false, ": made bootstrap-cdk, not deploy (SPA_RUNNER_DEPLOY_TARGETS)", "; made bootstrap-cdk, not deploy", "<h1>○ Made bootstrap-cdk</h1>", `"deploys": false`,
		},
		"diff cdk-deploy": {
			false, ": made diff cdk-deploy, not deploy (SPA_RUNNER_DEPLOY_TARGETS)", "; made diff cdk-deploy, not deploy", "<h1>○ Made diff cdk-deploy</h1>", `"deploys": false`,
		},
	} {
		w.env["SPA_RUNNER_DEPLOY_TARGETS"], w.env["SPA_RUNNER_LOG_FORMAT"] = targets, "json"
		o := w.run("run")
		last := o.find(t, "run finished", "")
		if o.code != 0 || len(last) != 1 || last[0]["deployed"] != test.deployed || last[0]["made"] != targets || (last[0]["since_push_ms"] != nil) != test.deployed {
			t.Fatalf("%s: got %v", targets, o)
		}
		r := w.record(t)
		if r.Deployed != test.deployed || r.Made != targets || r.Outcome != record.Finished || r.Passes[0].Deployed != r.Deployed || r.Passes[0].Made != r.Made {
			t.Errorf("%s: the record says %+v", targets, r.End)
		}
		page, err := os.ReadFile(filepath.Join(w.workdir, record.Folder, record.Report))
		if err != nil || !strings.Contains(string(page), test.page) {
			t.Errorf("%s: %v, the page does not say %q", targets, err, test.page)
		}
		w.env["SPA_RUNNER_LOG_FORMAT"] = "mixed"
		if _, summary, _ := strings.Cut(w.run("run").stdout, rule); !strings.HasSuffix(strings.Split(summary, "\n")[0], test.headline) {
			t.Errorf("%s: the summary is %s", targets, summary)
		}
		rehearsal := []string{"dry-run", "--workdir", w.workdir, "--code", w.dirs["code"]}
		printed := ": what `make " + targets + "` would do is printed above, nothing was deployed"
		if _, summary, _ := strings.Cut(w.run(rehearsal...).stdout, rule); !strings.HasSuffix(strings.Split(summary, "\n")[0], printed) {
			t.Errorf("%s: the summary of a rehearsal is %s", targets, summary)
		}
		if r := w.record(t); r.Deployed || r.Made != "" || !r.Rehearsal {
			t.Errorf("%s: the record of a rehearsal says %+v", targets, r.End)
		}
		if _, summary, _ := strings.Cut(w.run(append(rehearsal, "--execute-deploy")...).stdout, rule); !strings.HasSuffix(strings.Split(summary, "\n")[0], test.dry) {
			t.Errorf("%s: the summary of a rehearsal is %s", targets, summary)
		}
		if r := w.record(t); r.Deployed || r.Made != targets || !r.Rehearsal {
			t.Errorf("%s: the record of a rehearsal says %+v", targets, r.End)
		}
		text, asJSON := w.run("plan").stdout, w.run("plan", "--json").stdout
		if strings.Contains(text, "does not call it deployed") != !test.deployed || !strings.Contains(asJSON, test.jsonOfAll) {
			t.Errorf("%s: the plan is %s%s", targets, text, asJSON)
		}
	}
}

// So does a run of several passes, and one that is cut short in the middle of it.
func TestAPassThatMakesSomethingElseIsNoDeployment(t *testing.T) {
	t.Parallel()
	m := newMoving(t)
	m.env["SPA_RUNNER_DEPLOY_TARGETS"], m.env["SPA_RUNNER_LOG_FORMAT"] = "bootstrap-cdk", "mixed"
	m.write("code", "Makefile", "setup lint all-tests:\n\t@true\nbootstrap-cdk:\n\t@test ! -e killed || kill -9 $$PPID; echo done\n")
	m.serve()
	m.during[1] = func() { m.push("killed", "x\n") }
	o := m.run("run")
	for _, text := range []string{
		"  pass 1: made bootstrap-cdk, not deploy, exit code 0, after ", `"passes_before":[{"pass":1,"outcome":"made bootstrap-cdk, not deploy"`,
		"make bootstrap-cdk was cut short, but CloudFormation goes on",
	} {
		if o.code != 137 || !strings.Contains(o.stdout, text) {
			t.Errorf("no %q in %v", text, o)
		}
	}
}
