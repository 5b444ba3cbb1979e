package main

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"spa-runner/internal/loopback"
)

// good is an environment in which nothing is wrong.
func good() map[string]string {
	return map[string]string{
		"SETTINGS_GIT_URL": "codecommit::eu-west-1://SpaSettings", "READ_SETTINGS_ROLE": settingsRole,
		"SETTINGS_ENVIRONMENT_PATH": "environments/automation", "DEPLOY_ENVIRONMENT_ROLE": deployRole, "AWS_REGION": "eu-west-1",
	}
}

func pairsOf(vars map[string]string) []string {
	var pairs []string
	for name, value := range vars {
		pairs = append(pairs, name+"="+value)
	}
	return pairs
}

func TestAllProblemsAtOnceAndNothingStarted(t *testing.T) {
	t.Parallel()
	w := newWorld(t, loopback.Options{})
	w.serve()
	maps.Copy(w.env, map[string]string{
		"READ_SETTINGS_ROLE": "", "SETTINGS_ENVIRONMENT_PATH": "a/../b", "AWS_REGION": "nowhere",
		"CODE_GIT_BRANCH": "-x", "DEPLOY_ENVIRONMENT_ROLE": "admin", "CODE_GIT_TOKEN": "ghp_0123456789abcdef",
	})
	for _, command := range []string{"run", "plan"} {
		o := w.run(command)
		if o.code != 64 || o.stdout != "" {
			t.Errorf("%s: got %v, want 64 and nothing on stdout", command, o)
		}
		for _, name := range []string{"READ_SETTINGS_ROLE", "SETTINGS_ENVIRONMENT_PATH", "AWS_REGION", "CODE_GIT_BRANCH", "DEPLOY_ENVIRONMENT_ROLE"} {
			if !strings.Contains(o.stderr, "- "+name+" ") {
				t.Errorf("%s: no problem with %s in %s", command, name, o.stderr)
			}
		}
	}
	if entries, _ := os.ReadDir(w.workdir); len(w.aws.Calls()) != 0 || len(entries) != 0 {
		t.Errorf("%d calls of STS and %d files, want none", len(w.aws.Calls()), len(entries))
	}
}

// variables.sh may be wrong too: 64 after step 3, nothing assumed but settings,
// and no make target.
func TestWhatVariablesMayNotSet(t *testing.T) {
	t.Parallel()
	for script, want := range map[string]string{
		"export AWS_SESSION_TOKEN=x\n":                      "variables.sh:1: ",
		"A=1\nexport MAKEFLAGS=n\n":                         "variables.sh:2: ",
		"SPA_RUNNER_REQUIRE_PINNED=false\n":                 "SPA_RUNNER_REQUIRE_PINNED",
		"READ_SETTINGS_ROLE=" + deployRole + "\n":           "READ_SETTINGS_ROLE",
		"READ_PACKAGES_ROLE=" + deployRole + "\n":           "READ_PACKAGES_ROLE",
		"DEPLOY_ENVIRONMENT_EXTERNAL_ID=of-settings\n":      "DEPLOY_ENVIRONMENT_EXTERNAL_ID",
		"DEPLOY_ENVIRONMENT_ROLE=admin\n":                   "DEPLOY_ENVIRONMENT_ROLE (from ",
		"CODE_GIT_BRANCH=-x; AWS_REGION=nowhere\n":          "2 places",
		"CODE_GIT_COMMIT=\n":                                "CODE_GIT_COMMIT is emptied",
		"TOKEN=$(aws ssm get-parameter --name hush-hush)\n": "variables.sh:1: ",
		"if true\n": "variables.sh:",
		"exit 0\n":  "variables.sh:1: ",
	} {
		w := newWorld(t, loopback.Options{})
		w.env["CODE_GIT_COMMIT"] = strings.Repeat("0", 40)
		w.write("settings", environmentPath+"/variables.sh", script)
		w.serve()
		o := w.run("run")
		failed := o.find(t, "step failed", "source-variables")
		if o.code != 64 || len(failed) != 1 || !strings.Contains(fmt.Sprint(failed[0]["error"]), want) {
			t.Errorf("%q: got %v, want 64 with %q", script, o, want)
		}
		if got := w.assumed(); !slices.Equal(got, []string{settingsRole}) {
			t.Errorf("%q: assumed %q, want the settings role alone", script, got)
		}
		if strings.Contains(o.stdout, "hush-hush") {
			t.Errorf("%q: an argument is in the log", script)
		}
	}
}
