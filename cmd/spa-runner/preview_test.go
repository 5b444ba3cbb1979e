package main

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"spa-runner/internal/loopback"
)

const (
	previewRole = "arn:aws:iam::333333333333:role/Spa-PreviewEnvironmentRole"
	diffRecipe  = "setup lint all-tests:\n\t@true\ndeploy:\n\t@echo DEPLOYED\ndiff:\n\t@echo \"a diff in $(AWS_CURRENT_ACCOUNT)\"\n"
)

// newPreview is a world in which a run would preview.
func newPreview(t *testing.T, makefile string) *world {
	w := newWorld(t, loopback.Options{})
	w.env["SPA_RUNNER_DEPLOY_TARGETS"], w.env["DEPLOY_ENVIRONMENT_ROLE"] = "diff", previewRole
	w.write("code", "Makefile", makefile)
	return w
}

func TestAPreviewDeploysNothingAndSaysSo(t *testing.T) {
	t.Parallel()
	w := newPreview(t, diffRecipe)
	w.serve()
	o := w.run("run")
	if o.code != 0 || !slices.Equal(o.started(t), allSteps) {
		t.Fatalf("%v", o)
	}
	if got := w.assumed(); !slices.Equal(got, []string{settingsRole, previewRole}) {
		t.Errorf("assumed %q", got)
	}
	making := o.find(t, "making", "make-deploy")
	if len(making) != 1 || making[0]["target"] != "diff" || making[0]["scope"] != "deploy" || o.output(t, "make-deploy") != "a diff in 333333333333\n" {
		t.Errorf("made %v, which printed %q; want diff alone", making, o.output(t, "make-deploy"))
	}
	if last := o.find(t, "run finished", ""); len(last) != 1 || last[0]["deployed"] != false {
		t.Errorf("the last event says %v", last)
	}
	w.env["SPA_RUNNER_LOG_FORMAT"] = "mixed"
	text := w.run("run").stdout
	if summary := text[strings.Index(text, rule):]; !strings.Contains(summary, ": a preview, nothing was deployed\n") || strings.Contains(summary, ": deployed") {
		t.Errorf("the summary is\n%s", summary)
	}
}

// A freeze is not to deploy; who prepares its end wants to see what will come.
func TestAHeldEnvironmentIsPreviewed(t *testing.T) {
	t.Parallel()
	w := newPreview(t, diffRecipe)
	w.write("settings", environmentPath+"/HOLD", "until Monday\n")
	w.serve()
	if o := w.run("run"); o.code != 0 || !strings.HasPrefix(o.output(t, "make-deploy"), "a diff") || len(o.find(t, "run finished", "")) != 1 {
		t.Errorf("%v", o)
	}
	w.env["SPA_RUNNER_DEPLOY_TARGETS"] = "diff deploy"
	if o := w.run("run"); o.code != 0 || len(o.find(t, "run held", "")) != 1 || o.output(t, "make-deploy") != "" {
		t.Errorf("a deployment that begins with a diff was not held: %v", o)
	}
}

func TestADiffBeforeADeploymentIsADeployment(t *testing.T) {
	t.Parallel()
	w := newPreview(t, diffRecipe)
	w.env["SPA_RUNNER_DEPLOY_TARGETS"] = "diff deploy"
	w.serve()
	o := w.run("run")
	if last := o.find(t, "run finished", ""); o.code != 0 || len(last) != 1 || last[0]["deployed"] != true || !strings.HasSuffix(o.output(t, "make-deploy"), "DEPLOYED\n") {
		t.Errorf("%v", o)
	}
}

// What fails, or has nothing to make, or is killed, is no preview; and nobody is
// told that CloudFormation goes on.
func TestAPreviewThatFails(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		recipe string
		code   int
		says   string
	}{
		"failed":        {"diff:\n\t@exit 1\n", 2, "exit status 2"},
		"killed":        {"diff:\n\t@kill -9 $$PPID\n", 137, "signal 9"},
		"nothing to do": {"diff:\n", 125, "make had nothing to do"},
		"no such":       {"", 2, "exit status 2"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newPreview(t, "setup lint all-tests:\n\t@true\n"+c.recipe)
			w.serve()
			o := w.run("run")
			last := o.find(t, "run failed", "")
			if o.code != c.code || len(last) != 1 || last[0]["deployed"] != false || !strings.Contains(o.stdout, c.says) || strings.Contains(o.stdout, "CloudFormation") {
				t.Errorf("want %d and %q, got %v", c.code, c.says, o)
			}
		})
	}
}

func TestThePlanSaysThatItIsAPreview(t *testing.T) {
	t.Parallel()
	w := newPreview(t, diffRecipe)
	text, asJSON := w.run("plan"), w.run("plan", "--json")
	if text.code != 0 || !strings.Contains(text.stdout, "A preview: ") || strings.Contains(text.stdout, "held_by") || !strings.Contains(asJSON.stdout, `"preview": true`) {
		t.Errorf("got %v%v", text, asJSON)
	}
	delete(w.env, "SPA_RUNNER_DEPLOY_TARGETS")
	if text, asJSON = w.run("plan"), w.run("plan", "--json"); strings.Contains(text.stdout, "preview:") || !strings.Contains(asJSON.stdout, `"preview": false`) {
		t.Errorf("a deployment: got %v%v", text, asJSON)
	}
}

// The buildspec of a preview is the other one but for what it runs; that wins over
// settings that nobody has reviewed.
func TestTheBuildspecOfAPreview(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join("..", "..", "infra", "buildspec-preview.yml"))
	if err != nil {
		t.Fatal(err)
	}
	var spec struct {
		Version float64
		Phases  map[string]phase
	}
	decoder := yaml.NewDecoder(strings.NewReader(string(text)))
	decoder.KnownFields(true)
	if err := decoder.Decode(&spec); err != nil {
		t.Fatal(err)
	}
	got, want := spec.Phases["build"].Commands, buildspecCommands(t)
	if spec.Version != 0.2 || len(got) != 2 || got[0] != want[0] {
		t.Fatalf("download and check are not those of buildspec.yml: %q", got)
	}
	if install := readBuildspec(t).Phases["install"].Runtimes; !maps.Equal(spec.Phases["install"].Runtimes, install) {
		t.Errorf("the versions are %q, and those of buildspec.yml %q", spec.Phases["install"].Runtimes, install)
	}

	w := newPreview(t, diffRecipe)
	delete(w.env, "SPA_RUNNER_DEPLOY_TARGETS")
	w.write("settings", environmentPath+"/variables.sh", "DEPLOY_ENVIRONMENT_ROLE="+deployRole+"\n")
	w.serve()
	dir := t.TempDir()
	if err := os.Symlink(os.Args[0], filepath.Join(dir, "spa-runner")); err != nil {
		t.Fatal(err)
	}
	preview := func() (outcome, error) {
		var env []string
		for name, value := range w.env {
			env = append(env, name+"="+value)
		}
		out, err := codeBuild(t, "sh", dir, env, got[1:])
		return outcome{stdout: out}, err
	}
	o, err := preview()
	if err != nil || !strings.HasPrefix(o.output(t, "make-deploy"), "a diff") || !slices.Equal(w.assumed(), []string{settingsRole, previewRole}) {
		t.Errorf("%v, as %q: %v", err, w.assumed(), o)
	}
	delete(w.env, "DEPLOY_ENVIRONMENT_ROLE")
	if o, err := preview(); err == nil || !strings.Contains(o.stdout, "set it to the preview role") {
		t.Errorf("without a role: %v, %v", err, o)
	}
}
