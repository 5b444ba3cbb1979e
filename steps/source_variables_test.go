package steps

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"spa-runner/internal/fault"
	"spa-runner/internal/shellvars"
	"spa-runner/pipeline"
)

const testEnvironment = "environments/test"

// variables is the step for a settings folder with this script, and what Apply
// was called with.
type variables struct {
	SourceVariables
	applied  []shellvars.Var
	calls    int
	applyErr error
	decided  []pipeline.Param
}

func newVariables(t *testing.T, script string) *variables {
	t.Helper()
	workdir := t.TempDir()
	v := &variables{}
	v.SourceVariables = SourceVariables{
		Settings: filepath.Join(workdir, "settings"), Environment: testEnvironment, Workdir: workdir, By: Data,
		Refuse: func(name string) string {
			if name == "FORBIDDEN" {
				return "it is forbidden"
			}
			return ""
		},
		Apply: func(set []shellvars.Var, _ *pipeline.Environ) ([]pipeline.Param, []string, error) {
			v.calls++
			v.applied = set
			return v.decided, nil, v.applyErr
		},
		Secrets: func(pairs []string) []string {
			var secrets []string
			for _, pair := range pairs {
				if name, value, _ := strings.Cut(pair, "="); strings.Contains(name, "TOKEN") {
					secrets = append(secrets, value)
				}
			}
			return secrets
		},
	}
	write(t, v.Settings, map[string]string{testEnvironment + "/settings.yaml": "environment: test\n"})
	if script != "" {
		write(t, v.Settings, map[string]string{testEnvironment + "/variables.sh": script})
	}
	return v
}

// env is what a child of the next step would see.
func (s *stage) env(name string) string {
	value, ok := s.rt.Env.Lookup(name)
	if !ok {
		return "(unset)"
	}
	return value
}

func wantConfigError(t *testing.T, err error, want ...string) {
	t.Helper()
	var wrong *fault.ConfigError
	if !errors.As(err, &wrong) || fault.ExitCode(err) != fault.ExitConfig {
		t.Fatalf("got %v, want a *fault.ConfigError", err)
	}
	contains(t, "error", err.Error(), want...)
}

func TestSourceVariablesNamesAndParams(t *testing.T) {
	step := SourceVariables{By: Data, Settings: "/somewhere/settings", Environment: "environments/test"}
	if got, want := step.Name()+fmt.Sprint(step.Params()), "source-variables[{file settings/environments/test/variables.sh}]"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	step.By = "bash"
	contains(t, "params", fmt.Sprint(step.Params()), "{by bash}")
}

func TestWithoutAScriptTheConfigurationIsCheckedAllTheSame(t *testing.T) {
	v := newVariables(t, "")
	s := newStage(t)
	s.mustRun(v)
	if v.calls != 1 || v.applied != nil || s.count("the environment has no variables.sh") != 1 {
		t.Errorf("Apply was called %d times with %v", v.calls, v.applied)
	}
	v.applyErr = &fault.ConfigError{Problems: []string{"DEPLOY_ENVIRONMENT_ROLE is required"}}
	wantConfigError(t, newStage(t).run(v), "DEPLOY_ENVIRONMENT_ROLE is required")
}

func TestVariablesReachTheChildren(t *testing.T) {
	v := newVariables(t, strings.Join([]string{
		"export EXPORTED=one",
		"OWN=two",
		"INHERITED=changed # stays exported, as in a shell",
		"unset GONE",
		"for i in a b; do LIST=$LIST$i; done",
		"case $OWN in two) export CHOSEN=yes;; esac",
	}, "\n"))
	s := newStage(t, "INHERITED=before", "GONE=there", "KEPT=kept")
	s.mustRun(v)
	for name, want := range map[string]string{
		"EXPORTED": "one", "OWN": "(unset)", "INHERITED": "changed", "GONE": "(unset)", "KEPT": "kept", "LIST": "(unset)", "CHOSEN": "yes",
	} {
		if got := s.env(name); got != want {
			t.Errorf("%s: children see %q, want %q", name, got, want)
		}
	}
	// The runner's own configuration gets both.
	var names []string
	for _, a := range v.applied {
		names = append(names, fmt.Sprintf("%s=%s exported %v line %d of %s", a.Name, a.Value, a.Exported, a.Line, filepath.Base(a.File)))
	}
	for _, want := range []string{"EXPORTED=one exported true line 1 of variables.sh", "OWN=two exported false line 2 of variables.sh"} {
		if !slices.Contains(names, want) {
			t.Errorf("Apply got %q, want %q in it", names, want)
		}
	}
	e := s.event("variables set")
	if got, want := fmt.Sprint(e["exported"], e["not_exported"], e["unset"]), "[CHOSEN EXPORTED INHERITED] [LIST OWN i] [GONE]"; got != want {
		t.Errorf("logged %s, want %s", got, want)
	}
	if text := s.everything(); strings.Contains(text, "changed") {
		t.Errorf("a value is in the log: %s", text)
	}
}

func TestWhatTheScriptDecidesIsLogged(t *testing.T) {
	v := newVariables(t, "CODE_GIT_BRANCH=v1")
	v.decided = []pipeline.Param{{Name: "CODE_GIT_BRANCH", Value: "v1 (variables.sh:1)"}}
	s := newStage(t)
	s.mustRun(v)
	if e := s.event("variables.sh decides"); e["variable"] != "CODE_GIT_BRANCH" || e["value"] != "v1 (variables.sh:1)" {
		t.Errorf("got %v", e)
	}
}

func TestWhatApplyFindsWrongEndsTheStep(t *testing.T) {
	v := newVariables(t, "export DEPLOY_ENVIRONMENT_ROLE=no-role")
	v.applyErr = &fault.ConfigError{Problems: []string{"DEPLOY_ENVIRONMENT_ROLE is wrong"}}
	wantConfigError(t, newStage(t).run(v), "DEPLOY_ENVIRONMENT_ROLE is wrong")
	other := errors.New("another kind of error")
	v.applyErr = other
	if err := newStage(t).run(v); !errors.Is(err, other) || fault.ExitCode(err) != fault.ExitRunner {
		t.Errorf("got %v", err)
	}
}

func TestProblemsOfTheScriptAreProblemsOfTheConfiguration(t *testing.T) {
	for script, want := range map[string][]string{
		"\nexport FORBIDDEN=born-here":      {"variables.sh:2", "FORBIDDEN", "it is forbidden"},
		"export A=born-here\nif true; then": {"variables.sh:2"},
		"export A=born-here\naws s3 ls\n":   {"variables.sh:2", "`aws`: that is not on the list", "SPA_RUNNER_VARIABLES=bash"},
		"A=$(< /proc/self/environ)":         {"variables.sh:1", "outside the repository"},
		"echo born-here > settings/canary":  {"variables.sh:1", "such a redirection"},
		"echo born-here > ../canary":        {"variables.sh:1", "such a redirection"},
		"export A=born-here\nexit 0\n":      {"variables.sh:2", "return"},
		"sleep 1 &":                         {"variables.sh:1"},
	} {
		v := newVariables(t, script)
		s := newStage(t)
		err := s.run(v)
		wantConfigError(t, err, want...)
		if v.calls != 0 || s.env("A") != "(unset)" || s.count("variables set") != 0 {
			t.Errorf("%q: something was taken over", script)
		}
		if strings.Contains(err.Error()+s.everything(), "born-here") {
			t.Errorf("%q: a value is shown: %v", script, err)
		}
		wantNothing(t, filepath.Join(v.Settings, "canary"))
		wantNothing(t, filepath.Join(v.Workdir, "..", "canary"))
	}
	// All of them at once.
	v := newVariables(t, "aws s3 ls\nexport FORBIDDEN=1\ncurl example.com\n")
	var wrong *fault.ConfigError
	if err := newStage(t).run(v); !errors.As(err, &wrong) || len(wrong.Problems) < 2 {
		t.Errorf("got %v, want every problem", err)
	}
}

// The stage masks what was registered before it was printed, and nothing else.
func TestSecretsAreKnownBeforeAnythingIsPrinted(t *testing.T) {
	v := newVariables(t, "echo first\nexport API_TOKEN=born-in-the-script\necho $API_TOKEN\nOWN_TOKEN=also-born\necho $OWN_TOKEN >&2\n")
	s := newStage(t)
	s.mustRun(v)
	if got, want := s.output(), "first\n***\n***\n"; got != want {
		t.Errorf("printed %q, want %q", got, want)
	}
	s.wantSilence("born-in-the-script", "also-born")
}

func TestWhatAFailedScriptPrintedIsNotShown(t *testing.T) {
	v := newVariables(t, "export API_TOKEN=born-in-the-script\necho $API_TOKEN\nexport FORBIDDEN=1\n")
	s := newStage(t)
	wantConfigError(t, s.run(v), "FORBIDDEN")
	if s.output() != "" {
		t.Errorf("printed %q", s.output())
	}
	if got := s.event("what variables.sh printed is not shown: it failed before its secrets were known")["bytes"]; fmt.Sprint(got) != "19" {
		t.Errorf("got %v bytes, want 19", got)
	}
	s.wantSilence("born-in-the-script")
}

func TestCancelledScriptReturnsTheCause(t *testing.T) {
	v := newVariables(t, "A=1\n")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(&fault.InterruptedError{Signal: 15})
	if err := newStage(t).runIn(ctx, v); fault.ExitCode(err) != 143 || v.calls != 0 {
		t.Errorf("got %v, exit code %d, want 143", err, fault.ExitCode(err))
	}
}

func TestEnvironmentFolderThatIsNotThere(t *testing.T) {
	for environment, want := range map[string][]string{
		"environments/prod":       {`no folder "environments/prod"`, "SETTINGS_ENVIRONMENT_PATH", "there are: environments/test, environments/ünïcode"},
		"environments/prod/":      {`no folder "environments/prod/"`, "environments/test"},
		"environment/test":        {"there are: empty, environments"},
		"environments/a/b/c":      {"there are: environments/test"},
		"empty/x":                 {`there are no folders in "empty"`},
		"environments/settings":   {"environments/test"},
		"shared.yaml":             {"is a file in the settings, not a folder"},
		"shared.yaml/x":           {"shared.yaml/x"},
		"../outside":              {"../outside"},
		"/etc":                    {"/etc"},
		"":                        {`""`},
		"environments/\u200btest": {`\u200b`, "environments/test"},
	} {
		v := newVariables(t, "export A=1")
		write(t, v.Settings, map[string]string{"environments/ünïcode/x": "", "empty/file": "", "shared.yaml": "", ".git/config": ""})
		write(t, v.Workdir, map[string]string{"outside/variables.sh": "export A=1"})
		v.Environment = environment
		err := newStage(t).run(v)
		wantConfigError(t, err, want...)
		if strings.Contains(err.Error(), ".git") || v.calls != 0 {
			t.Errorf("%q: got %v, %d calls of Apply", environment, err, v.calls)
		}
	}
}

func TestEnvironmentFolderThatIsALink(t *testing.T) {
	v := newVariables(t, "export A=inside")
	write(t, v.Workdir, map[string]string{
		"outside/variables.sh": "export A=outside", "outside/private/x": "", "settings-of-another/variables.sh": "export A=outside",
	})
	link(t, "test", filepath.Join(v.Settings, "environments/alias"))
	link(t, "../../outside", filepath.Join(v.Settings, "environments/relative"))
	link(t, filepath.Join(v.Workdir, "outside"), filepath.Join(v.Settings, "environments/absolute"))
	link(t, "../../settings-of-another", filepath.Join(v.Settings, "environments/prefix"))
	link(t, "../../outside", filepath.Join(v.Settings, "chain"))

	v.Environment = "environments/alias"
	s := newStage(t)
	s.mustRun(v)
	if got := s.env("A"); got != "inside" {
		t.Errorf("a link inside the settings: A is %q", got)
	}
	for _, environment := range []string{"environments/relative", "environments/absolute", "environments/prefix", "environments/relative/"} {
		v.Environment = environment
		v.calls = 0
		s := newStage(t)
		wantConfigError(t, s.run(v), "leads out of the settings")
		if v.calls != 0 || s.env("A") != "(unset)" {
			t.Errorf("%s was used", environment)
		}
	}
	// What is missing behind such a link does not list what is there.
	v.Environment = "environments/relative/nothing"
	err := newStage(t).run(v)
	wantConfigError(t, err, "environments/test")
	if strings.Contains(err.Error(), "private") {
		t.Errorf("folders outside the settings are listed: %v", err)
	}
}

func TestScriptThatIsALink(t *testing.T) {
	v := newVariables(t, "")
	file := filepath.Join(v.Settings, testEnvironment, "variables.sh")
	write(t, v.Settings, map[string]string{"shared/variables.sh": "export A=shared"})
	link(t, "../../shared/variables.sh", file)
	s := newStage(t)
	s.mustRun(v)
	if got := s.env("A"); got != "shared" {
		t.Errorf("a link inside the settings: A is %q", got)
	}
	outside := filepath.Join(v.Workdir, "outside.sh")
	write(t, v.Workdir, map[string]string{"outside.sh": "export A=outside"})
	for _, target := range []string{outside, "../../../outside.sh", "missing", "variables.sh", "/dev/stdin", "."} {
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
		link(t, target, file)
		s := newStage(t)
		err := s.run(v)
		wantConfigError(t, err, "variables.sh")
		if s.env("A") != "(unset)" {
			t.Errorf("a link to %s was read", target)
		}
	}
}

// A relative work folder is how the runner is started in CodeBuild.
func TestRelativeWorkFolder(t *testing.T) {
	v := newVariables(t, ". settings/shared.sh\nexport HERE=$(pwd)\n")
	write(t, v.Settings, map[string]string{"shared.sh": "export SHARED=yes"})
	t.Chdir(v.Workdir)
	v.Settings, v.Workdir = "settings", "."
	s := newStage(t)
	s.mustRun(v)
	if here, _ := os.Getwd(); s.env("SHARED") != "yes" || s.env("HERE") != here {
		t.Errorf("SHARED is %q, HERE is %q", s.env("SHARED"), s.env("HERE"))
	}
}
