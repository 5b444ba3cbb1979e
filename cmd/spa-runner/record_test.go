package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"spa-runner/internal/config"
	"spa-runner/internal/identity"
	"spa-runner/internal/loopback"
	"spa-runner/internal/record"
	"spa-runner/internal/report"
)

// record reads the record of a run, as strictly as one can.
func (w *world) record(t *testing.T) (r record.Record) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(w.workdir, record.Folder, record.File))
	if err != nil {
		t.Fatal(err)
	}
	return parseRecord(t, text)
}

func parseRecord(t *testing.T, text []byte) (r record.Record) {
	t.Helper()
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&r); err != nil || decoder.More() {
		t.Fatalf("%v in %s", err, text)
	}
	return r
}

// written is all that is in the files of a run.
func (w *world) written(t *testing.T) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(w.workdir, record.Folder, "*"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no files, %v", err)
	}
	var all strings.Builder
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(text)
	}
	return all.String()
}

// What the record says is what was deployed where, from what, and as whom.
func TestTheRecordOfADeployment(t *testing.T) {
	t.Parallel()
	w := newWorld(t, loopback.Options{})
	w.write("settings", environmentPath+"/variables.sh", "export DEPLOY_ENVIRONMENT_REGION=eu-west-3 OTHER=1\nOWN=1\n")
	w.write("settings", environmentPath+"/docs/added.txt", "<added> & \"quoted\"\n")
	if err := os.Symlink("added.txt", filepath.Join(w.dirs["settings"], environmentPath, "docs/link")); err != nil {
		t.Fatal(err)
	}
	w.serve()
	const alice = "arn:aws:iam::111111111111:user/alice"
	w.env["CODEBUILD_BUILD_ID"], w.env["CODE_GIT_COMMIT"], w.env["CODE_GIT_TOKEN"] = "project:1a-2b", w.commits["code"], "ghp_0123456789abcdef"
	w.env["SETTINGS_GIT_COMMIT"], w.env["SETTINGS_GIT_PUSHER"], w.env["SETTINGS_GIT_PUSHED_AT"] = w.commits["settings"], alice, "2026-03-01T12:00:00Z"
	w.env["CODE_GIT_URL"] = strings.Replace(w.env["CODE_GIT_URL"], "http://", "http://bob@", 1)
	w.env["DEPLOY_ENVIRONMENT_EXTERNAL_ID"] = "an-external-id" // which no child sees, and every child can read the record
	before := time.Now()
	o := w.run("run")
	if o.code != 0 {
		t.Fatal(o)
	}
	r := w.record(t)
	b := ownDetails()
	if r.Schema != record.Schema || r.Run != "project:1a-2b" || r.What != "run" || r.Rehearsal || r.Outcome != record.Finished || !r.Deployed || *r.ExitCode != 0 ||
		r.Runner != (record.Runner{Version: b.Version, Commit: b.commit(), Go: b.Go, OS: b.OS, Arch: b.Arch}) ||
		r.Trigger != (record.Trigger{Commit: w.commits["settings"], Pusher: alice, PushedAt: "2026-03-01T12:00:00Z"}) || !slices.Contains(r.Withheld, "CODE_GIT_TOKEN") {
		t.Errorf("got %+v", r)
	}
	if r.Started.Before(before.Add(-time.Second)) || r.Ended.Before(r.Started) || r.Written != r.Ended || r.TookMS != int64(o.find(t, "run finished", "")[0]["took_ms"].(float64)) {
		t.Errorf("times: started %s, ended %s, %d ms", r.Started, r.Ended, r.TookMS)
	}
	if i := slices.IndexFunc(r.Variables, func(v record.Variable) bool { return v.Name == "CODE_GIT_COMMIT" }); r.Variables[i] != (record.Variable{Name: "CODE_GIT_COMMIT", Value: w.commits["code"], Source: "environment"}) {
		t.Errorf("variables: got %+v", r.Variables)
	}
	if strings.Contains(w.written(t), "an-external-id") || !slices.Contains(r.Variables, record.Variable{Name: "DEPLOY_ENVIRONMENT_EXTERNAL_ID", Value: "(withheld)", Source: "environment"}) {
		t.Errorf("what is withheld from children is in the record: %+v", r.Variables)
	}
	p := r.Passes[0]
	if p.Target != (record.Target{Account: "333333333333", Region: "eu-west-3", Role: deployRole}) || p.Environment != environmentPath || p.Settings.Commit != w.commits["settings"] ||
		p.Settings.Pinned != "" || p.Settings.Ref != "refs/heads/main" || p.Settings.URL != w.aws.URL()+"/v1/repos/SpaSettings" {
		t.Errorf("target %+v, settings %+v in %s", p.Target, p.Settings, p.Environment)
	}
	if p.Code.Commit != w.commits["code"] || p.Code.Pinned != "commit" || p.Code.URL != w.aws.URL()+"/git/code.git" || !strings.Contains(p.Code.Author, "@") || p.Code.Authored == "" {
		t.Errorf("code: got %+v", p.Code)
	}
	var roles []string
	for _, role := range p.Roles {
		roles = append(roles, role.Step+" "+role.Scope+" "+role.Account+" "+role.Role)
	}
	if want := []string{"assume-settings-role settings 111111111111 " + settingsRole, "assume-deploy-role deploy 333333333333 " + deployRole}; !slices.Equal(roles, want) {
		t.Errorf("roles: got %q, want %q", roles, want)
	}
	if !slices.Equal(p.Decided, []record.Variable{{Name: "DEPLOY_ENVIRONMENT_REGION", Value: "eu-west-3", Source: "variables.sh"}}) || !slices.Contains(p.Exported, "OTHER") || !slices.Equal(p.NotExported, []string{"OWN"}) {
		t.Errorf("variables.sh: got %+v, %q, %q", p.Decided, p.Exported, p.NotExported)
	}
	var laid []string
	for _, file := range p.Overlay {
		if file.Target == "" {
			content, err := os.ReadFile(filepath.Join(w.workdir, "code", file.Path))
			if sum := sha256.Sum256(content); err != nil || file.SHA256 != hex.EncodeToString(sum[:]) || file.Size != int64(len(content)) {
				t.Errorf("%+v is not what was laid, %v", file, err)
			}
		}
		laid = append(laid, file.Path+" "+file.Action+" "+file.Target)
	}
	if want := []string{"docs/added.txt added ", "docs/link added added.txt", "settings.yaml added ", "variables.sh added "}; !slices.Equal(laid, want) {
		t.Errorf("overlay: got %q, want %q", laid, want)
	}
	var steps []string
	for _, step := range p.Steps {
		steps = append(steps, step.Name)
		if step.Outcome != record.Finished || step.Started.Before(r.Started) || step.LastLines != nil || step.Params == nil {
			t.Errorf("step: got %+v", step)
		}
	}
	if want := append(slices.Clone(allSteps), "look-again"); !slices.Equal(steps, want) || p.Steps[9].Scope != "deploy" || p.Steps[9].Params["targets"] != "deploy" {
		t.Errorf("steps: got %q, want %q", steps, want)
	}
	if p.Tools["python"] != "of a test" || p.Tools["make"] == "" {
		t.Errorf("tools: got %v", p.Tools)
	}
}

// Each pass has its own steps, commits and overlay, and what came of it.
func TestTheRecordOfSeveralPasses(t *testing.T) {
	t.Parallel()
	m := newMoving(t)
	m.write("settings", environmentPath+"/broken", "x\n")
	m.serve()
	broken := m.commits["settings"]
	m.during[1] = func() { m.push("broken", "") }
	o := m.run("run")
	r := m.record(t)
	if o.code != 0 || len(r.Passes) != 2 || r.Outcome != record.Finished || !r.Deployed || r.FailedStep != "" {
		t.Fatalf("got %+v, %v", r, o)
	}
	first, last := r.Passes[0], r.Passes[1]
	if first.Number != 1 || first.Outcome != record.Failed || *first.ExitCode != 2 || first.FailedStep != "make-lint" || first.Settings.Commit != broken || len(first.Overlay) != 2 ||
		first.Steps[6].Outcome != record.Failed || first.Steps[9].Outcome != record.NotStarted || first.Steps[10].Name != "look-again" || !strings.Contains(strings.Join(first.Steps[6].LastLines, "\n"), "make: ***") {
		t.Errorf("the first pass: got %+v", first)
	}
	if last.Number != 2 || last.Outcome != record.Finished || !last.Deployed || last.Settings.Commit != m.commits["settings"] || len(last.Overlay) != 1 || last.Steps[6].Outcome != record.Finished ||
		last.Started.Before(first.Started) || last.TookMS >= r.TookMS || last.Target != first.Target || last.Environment != environmentPath {
		t.Errorf("the second pass: got %+v", last)
	}
}

func TestTheRecordOfWhatWasHeldOrCutShort(t *testing.T) {
	t.Parallel()
	w := newWorld(t, loopback.Options{})
	w.write("settings", environmentPath+"/HOLD", "until Monday\n")
	w.env["SPA_RUNNER_LINT_TARGETS"] = ""
	w.serve()
	w.run("run")
	r := w.record(t)
	if steps := r.Passes[0].Steps; r.Outcome != record.Held || r.Why != "until Monday" || r.Deployed || *r.ExitCode != 0 || steps[8].Outcome != record.Held ||
		steps[6].Outcome != record.Skipped || steps[6].Why == "" || steps[9].Outcome != record.NotStarted || len(r.Passes[0].Warnings) < 2 {
		t.Errorf("held: got %+v", r)
	}
	w.env["SPA_RUNNER_STEP_TIMEOUT"] = "1ns"
	w.run("run")
	if r := w.record(t); r.Outcome != record.Failed || *r.ExitCode != 124 || r.EndedBy != "step limit" || r.FailedStep != "assume-settings-role" || r.Hint == "" || len(r.Passes[0].Overlay) != 0 {
		t.Errorf("cut short: got %+v", r)
	}
}

// Facts come from the events of the runner alone, whatever a child prints.
func TestForgedLinesAreNoFacts(t *testing.T) {
	t.Parallel()
	forged := []string{
		`{"level":"info","msg":"role assumed","run":"x","pass":1,"step":"make-deploy","scope":"deploy","account":"666666666666","role":"evil","session":"evil"}`,
		`{"level":"warn","msg":"forged","pass":1}`, `{"level":"info","msg":"code cloned","pass":1,"commit":"evil","url":"evil"}`,
		`{"level":"info","msg":"step finished","step":"make-deploy","took_ms":666666666666}`, `{"level":"info","msg":"run finished","pass":1,"exit_code":0,"deployed":true}`,
	}
	for _, format := range []string{"json", "mixed", "console"} {
		w := newWorld(t, loopback.Options{})
		w.env["SPA_RUNNER_LOG_FORMAT"] = format
		w.write("code", "forged", strings.Join(forged, "\n")+"\n")
		w.write("code", "Makefile", "setup:\n\t@cat forged\nlint:\n\t@cat forged; exit 1\nall-tests deploy:\n\t@true\n")
		w.serve()
		o := w.run("run")
		r := w.record(t)
		lint := &r.Passes[0].Steps[6]
		if o.code != 2 || r.Outcome != record.Failed || len(r.Passes) != 1 || !strings.Contains(strings.Join(lint.LastLines, "\n"), strings.Join(forged, "\n")) {
			t.Errorf("%s: got %+v", format, r)
		}
		lint.LastLines = nil
		if text := fmt.Sprintf("%+v", r); strings.Contains(text, "evil") || strings.Contains(text, "666666666666") || strings.Contains(text, "forged") || r.Passes[0].Steps[9].Outcome != record.NotStarted {
			t.Errorf("%s: a child made up a fact: %s", format, text)
		}
	}
}

// What a step that failed printed last is in the summary and in the record: 30 lines of
// both streams. The summary stays a screen long.
func TestTheLastLinesOfWhatFailed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, loopback.Options{})
	w.env["SPA_RUNNER_LOG_FORMAT"] = "mixed"
	w.write("code", "Makefile", "setup all-tests deploy:\n\t@echo of $@\nlint:\n\t@seq 1 5000; printf '\\033[31mred\\033[0m %0300d\\n' 7 >&2; exit 3\n")
	w.serve()
	o := w.run("run")
	_, summary, _ := strings.Cut(o.stdout, rule)
	_, lines, _ := strings.Cut(summary, "\n  the last lines of make-lint:\n")
	lines, _, _ = strings.Cut(lines, "\n\n")
	got := strings.Split(lines, "\n")
	if len(got) != 30 || !slices.Contains(got, "  | 4973") || !slices.Contains(got, "  | 5000") || !slices.Contains(got, "  | red "+strings.Repeat("0", maxLine-4)+"…") ||
		!slices.ContainsFunc(got, func(line string) bool { return strings.HasPrefix(line, "  | make: *** [") }) {
		t.Errorf("got %d lines: %q", len(got), got) // two streams race, so in some order
	}
	if n := strings.Count(summary, "\n"); n > 65 {
		t.Errorf("the summary has %d lines", n)
	}
	for _, step := range w.record(t).Passes[0].Steps {
		if n := len(step.LastLines); step.Name == "make-lint" && n != 30 || step.Name != "make-lint" && n != 0 {
			t.Errorf("%s has %d last lines", step.Name, n)
		}
	}
	w.env["READ_SETTINGS_ROLE"] = "arn:aws:iam::111111111111:role/Nobody"
	w.env["DEPLOY_ENVIRONMENT_ROLE"] = "arn:aws:iam::999999999999:role/Nobody"
	w.write("code", "Makefile", "setup lint all-tests deploy:\n\t@echo of $@; touch Makefile\n\t@echo >>hold.txt\n")
	w.serve()
	if o = w.run("run", "--settings-git-pin", strings.Repeat("d", 40)); strings.Contains(o.stdout, "the last lines") || o.code == 0 {
		t.Errorf("a step without children has last lines: %v", o)
	}
}

// What cannot be shown on a screen is counted.
func TestALongSummaryIsCut(t *testing.T) {
	var warnings, problems []string
	for i := range 40 {
		warnings, problems = append(warnings, fmt.Sprint("warning-", i)), append(problems, fmt.Sprint("problem-", i))
	}
	s := summary{execution: execution{rehearsal: true}, plan: &planner{config: &config.Config{}, facts: &facts{}}, warnings: warnings, err: errors.New(strings.Join(problems, "\n"))}
	text := s.text()
	for _, want := range []string{"warning-9\n  warning: and 30 more, see the log above\n", "problem-14\n           … and 25 lines more, see \"step failed\" above\n"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in %s", want, text)
		}
	}
}

// Where the files are, the last line says, and the last event.
func TestWhereTheReportIs(t *testing.T) {
	t.Parallel()
	w := newWorld(t, loopback.Options{})
	w.serve()
	local := filepath.Join(w.workdir, record.Folder, shownFile)
	const bucket, there = "s3://bucket/runs/project", "s3://bucket/runs/project/1a-2b/spa-run/" + shownFile
	for name, test := range map[string]struct {
		env  map[string]string
		args []string
		want string
	}{
		"here":                             {nil, []string{"run"}, local},
		"in CodeBuild":                     {map[string]string{"CODEBUILD_BUILD_ID": "project:1a-2b"}, []string{"run"}, local},
		"in CodeBuild, kept":               {map[string]string{"CODEBUILD_BUILD_ID": "project:1a-2b", "SPA_RUNNER_ARTIFACTS_URL": bucket + "/"}, []string{"run"}, there},
		"in its folder":                    {map[string]string{"CODEBUILD_BUILD_ID": "project:1a-2b", "SPA_RUNNER_ARTIFACTS_URL": bucket, "CODEBUILD_SRC_DIR": w.workdir}, []string{"run"}, there},
		"where CodeBuild does not look":    {map[string]string{"CODEBUILD_BUILD_ID": "project:1a-2b", "SPA_RUNNER_ARTIFACTS_URL": bucket, "CODEBUILD_SRC_DIR": w.home}, []string{"run"}, local},
		"a laptop with that variable":      {map[string]string{"SPA_RUNNER_ARTIFACTS_URL": bucket}, []string{"run"}, local},
		"a rehearsal in a folder":          {map[string]string{"CODEBUILD_BUILD_ID": "project:1a-2b", "SPA_RUNNER_ARTIFACTS_URL": bucket}, []string{"dry-run", "--workdir", w.workdir}, local},
		"a rehearsal that is gone":         {nil, []string{"dry-run", "--until", "assume-settings-role"}, ""},
		"as seen from the folder":          {map[string]string{"SPA_RUNNER_WORKDIR": "."}, []string{"run"}, local},
		"whatever it is named by the flag": {map[string]string{"CODEBUILD_BUILD_ID": "project:1a-2b"}, []string{"run", "--artifacts-url", bucket}, there},
	} {
		for _, format := range []string{"json", "mixed"} {
			one := &world{t: t, workdir: w.workdir, env: map[string]string{"SPA_RUNNER_LOG_FORMAT": format, "SPA_RUNNER_MAX_PASSES": "1"}}
			for _, env := range []map[string]string{w.env, test.env} {
				for name, value := range env {
					if name != "SPA_RUNNER_LOG_FORMAT" {
						one.env[name] = value
					}
				}
			}
			o := one.run(append(test.args, "--setup-targets", "", "--lint-targets", "", "--test-targets", "")...)
			if o.code != 0 {
				t.Fatalf("%s: %v", name, o)
			}
			if format == "json" {
				if got := o.find(t, "run finished", "")[0]["report"]; got != test.want && (got != nil || test.want != "") {
					t.Errorf("%s: the last event says %v, want %q", name, got, test.want)
				}
				continue
			}
			want := rule + "report: " + test.want + "\n"
			if test.want == "" {
				want = rule + "report: none is left of this rehearsal; --workdir DIR keeps it\n"
			}
			if !strings.HasSuffix(o.stdout, want) {
				t.Errorf("%s: want %q at the end of %v", name, want, o)
			}
		}
	}
}

func TestWhatIsNoPlaceForArtifacts(t *testing.T) {
	for value, ok := range map[string]bool{
		"s3://bucket/runs": true, "s3://bucket": true, "https://reports.example/runs/": true,
		"bucket/runs": false, "s3:///runs": false, "s3://user:password@bucket/runs": false, "s3://bucket/runs?x": false, "s3://bucket/a b": false, "ftp://x/y": false, "s3://%zz": false, "s3://b/#x": false,
	} {
		vars := good()
		vars["SPA_RUNNER_ARTIFACTS_URL"] = value
		err := config.New(nil, pairsOf(vars)).Resolve()
		if ok != (err == nil) || !ok && (len(config.ProblemsIn(err)) != 1 || !strings.Contains(err.Error(), "write the folder in which the builds have theirs") || strings.Contains(err.Error(), "password")) {
			t.Errorf("%s: got %v", value, err)
		}
	}
}

// The report has no plan to ask: it knows by their names the step that changes the target,
// and the target of make that only compares.
func TestTheReportKnowsTheStepThatDeploys(t *testing.T) {
	plan := &planner{config: &config.Config{}, assume: func(identity.Assumption) aws.CredentialsProvider { return nil }, facts: &facts{}}
	list := recordedSteps(plan.plan())
	last := &list[len(list)-1]
	last.Outcome = record.Failed
	for targets, want := range map[string]string{
		"deploy": "Some of it may be deployed", config.PreviewTarget: "Nothing was deployed.", config.PreviewTarget + " " + config.PreviewTarget: "Nothing was deployed.",
	} {
		last.Params = map[string]string{"targets": targets}
		r := record.Record{End: record.End{Outcome: record.Failed, FailedStep: last.Name}, Passes: []record.Pass{{Number: 1, Steps: list}}}
		if page := string(report.HTML(r)); !strings.Contains(page, want) {
			t.Errorf("targets %s: the page does not say %q", targets, want)
		}
	}
}

// Something else in the place of the folder is refused, and no advice removes it.
func TestAForeignRecordIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, loopback.Options{})
	w.serve()
	path := filepath.Join(w.workdir, record.Folder)
	for name, put := range map[string]func() error{
		"a file":    func() error { return os.WriteFile(path, []byte("mine"), 0o644) },
		"a symlink": func() error { return os.Symlink(w.home, path) },
	} {
		if err := put(); err != nil {
			t.Fatal(err)
		}
		o := w.run("run")
		if o.code != 64 || o.stdout != "" || !strings.Contains(o.stderr, "use another folder") || strings.Contains(o.stderr, "rm ") || len(w.aws.Calls()) != 0 {
			t.Errorf("%s: got %v", name, o)
		}
		if left, _ := os.ReadDir(w.home); len(left) != 0 {
			t.Errorf("%s: something was written behind it: %v", name, left)
		}
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
	if o := w.run("run"); o.code != 0 {
		t.Errorf("without it: %v", o)
	}
}

// A record that cannot be written is one warning, and no reason not to deploy.
func TestARecordThatCannotBeWritten(t *testing.T) {
	t.Parallel()
	for format, attack := range map[string]string{
		"json":  "rm -rf ../spa-run; ln -s . ../spa-run",
		"mixed": "mv ../spa-run ../away; mkdir ../spa-run; touch ../spa-run/report.html", // which the last line would name
	} {
		w := newWorld(t, loopback.Options{})
		w.env["SPA_RUNNER_LOG_FORMAT"] = format
		w.write("code", "Makefile", "setup:\n\t@"+attack+"\nlint all-tests deploy:\n\t@true\n")
		w.serve()
		o := w.run("run")
		if n := strings.Count(o.stdout, `"msg":"the record of the run cannot be written"`); o.code != 0 || n != 1 || strings.Contains(o.stdout, `"report":`) || o.stderr != "" {
			t.Errorf("%d warnings, %v", n, o)
		}
		if format == "mixed" && !strings.HasSuffix(o.stdout, rule+"report: none that is whole, since it could not be written\n") {
			t.Errorf("got %v", o)
		}
		if _, err := os.Stat(filepath.Join(w.workdir, record.File)); err == nil {
			t.Error("the record was written behind the symlink")
		}
	}
}

// A disk that is full at the end is no reason for a file that says the opposite of it.
func TestADiskThatIsFullAtTheEnd(t *testing.T) {
	t.Parallel()
	w := newWorld(t, loopback.Options{})
	smallDisk(t, w.workdir, "4m")
	w.write("code", "Makefile", "setup lint:\n\t@true\nall-tests:\n\t@dd if=/dev/zero of=../full bs=4096 2>/dev/null; true\ndeploy:\n\t@true\n")
	w.serve()
	o := w.run("run")
	if last := o.find(t, "run finished", ""); o.code != 0 || len(last) != 1 || last[0]["deployed"] != true {
		t.Fatalf("want a deployment: %v", o)
	}
	if r := w.record(t); r.Outcome != record.Finished || !r.Deployed || r.Passes[0].Outcome != record.Finished { // it is the first to get the room of those before
		t.Errorf("got %+v", r)
	}
	if text := w.written(t); strings.Contains(text, "Still running") || strings.Contains(text, "interrupted") || strings.Contains(text, `"running"`) {
		t.Errorf("a file says that it still runs: %s", text)
	}
}

// What only looks leaves no record.
func TestWhatLeavesNoRecord(t *testing.T) {
	t.Parallel()
	w := newWorld(t, loopback.Options{})
	w.serve()
	for _, args := range [][]string{{"plan"}, {"doctor"}, {"batch"}, {"version"}, {"run", "--lint-targets=-x"}} {
		o := w.run(args...)
		if left, err := os.ReadDir(w.workdir); err != nil || len(left) != 0 {
			t.Errorf("%q left %v, %v; %v", args, left, err, o)
		}
	}
}

// The README shows a record in which there is everything that a record can have, and
// nothing else.
func TestReadmeShowsTheRecord(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(readme), "\n### The record\n")
	example := regexp.MustCompile("(?s)```jsonc\n(.*?)```").FindStringSubmatch(section)
	if example == nil {
		t.Fatal("there is no example")
	}
	text := regexp.MustCompile(`(?m)(^|[\s,\[{}\]])//.*$`).ReplaceAllString(example[1], "$1")
	if r := parseRecord(t, []byte(text)); r.Schema != record.Schema {
		t.Errorf("the example is of schema %d, want %d", r.Schema, record.Schema)
	}
	var shown any
	if err := json.Unmarshal([]byte(text), &shown); err != nil {
		t.Fatal(err)
	}
	for _, missing := range missingIn(reflect.TypeFor[record.Record](), []any{shown}, "") {
		t.Errorf("%s is not in the example", missing)
	}
}

// missingIn are the fields of a type that no value of a list has.
func missingIn(of reflect.Type, values []any, path string) (missing []string) {
	if of.Kind() == reflect.Pointer || of.Kind() == reflect.Slice {
		if of.Kind() == reflect.Slice {
			var items []any
			for _, value := range values {
				list, _ := value.([]any)
				items = append(items, list...)
			}
			values = items
		}
		return missingIn(of.Elem(), values, path)
	}
	if of.Kind() != reflect.Struct || of == reflect.TypeFor[time.Time]() {
		return nil
	}
	for field := range of.Fields() {
		if field.Anonymous {
			missing = append(missing, missingIn(field.Type, values, path)...)
			continue
		}
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		var there []any
		for _, value := range values {
			object, _ := value.(map[string]any)
			if inner, ok := object[name]; ok {
				there = append(there, inner)
			}
		}
		if len(there) == 0 {
			missing = append(missing, path+"."+name)
			continue
		}
		missing = append(missing, missingIn(field.Type, there, path+"."+name)...)
	}
	return missing
}
