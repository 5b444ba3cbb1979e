package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"spa-runner/internal/loopback"
	"spa-runner/internal/shellvars"
)

// A name that misses one of the runner's by a letter or two is a warning, in the project
// and in variables.sh, and an error where a pin is missed that the project demands.
func TestNamesThatMissByALetter(t *testing.T) {
	for _, c := range []struct {
		name, meant string
		pin         bool
	}{
		{"CODE_GIT_COMIT", "CODE_GIT_COMMIT", true},
		{"CODE_GIT_COMMITS", "CODE_GIT_COMMIT", true},
		{"CODE_GITBRANCH", "CODE_GIT_BRANCH", true},
		{"code_git_branch", "CODE_GIT_BRANCH", true},
		{"CODE_GIT_BRNACH", "CODE_GIT_BRANCH", true},
		{"CODE_GIT_REACHABLE_FORM", "CODE_GIT_REACHABLE_FROM", true},
		{"DEPLOY_ENVIROMENT_ROLE", "DEPLOY_ENVIRONMENT_ROLE", false},
		{"AWS_REGIONS", "AWS_REGION", false},
		{"SETTINGS_ENVIRONMENT_PATHS", "SETTINGS_ENVIRONMENT_PATH", false},
	} {
		for _, inScript := range []bool{false, true} {
			for _, pinned := range []string{"false", "true"} {
				vars := good()
				vars["CODE_GIT_BRANCH"], vars["SPA_RUNNER_REQUIRE_PINNED"] = "v1", pinned
				vars["CODE_GIT_COMMIT"] = strings.Repeat("a", 40)
				var set []shellvars.Var
				place := "of the project"
				if inScript {
					set, place = []shellvars.Var{{Name: c.name, Value: "x", File: "variables.sh", Line: 7}}, "of variables.sh:7"
				} else {
					vars[c.name] = "x"
				}
				config := newConfig(nil, pairsOf(vars))
				err := config.resolve()
				if err == nil {
					_, _, err = config.applyScript(set, config.childEnviron(pairsOf(vars)))
				}
				want := c.name + " " + place + " is no variable of spa-runner: is " + c.meant + " meant?"
				if c.pin && pinned == "true" {
					if err == nil || !strings.Contains(err.Error(), want) {
						t.Errorf("%s: got %v, want an error with %q in it", c.name, err, want)
					}
				} else if err != nil || !strings.Contains(strings.Join(config.Warnings, "\n"), want) {
					t.Errorf("%s: got %v and warnings %q, want %q in them", c.name, err, config.Warnings, want)
				}
			}
		}
	}
	vars := good()
	for _, name := range []string{"PATH", "HOME", "AWS_DEFAULT_REGION", "AWS_REGION", "AWS_ROLE_ARN", "SETTINGS", "ENVIRONMENT", "CODE_GIT", "CODE_BRANCH", "CODEBUILD_BUILD_ID", "GIT_BRANCH", "SETTINGS_GIT_ROLES"} {
		vars[name] = "x"
	}
	config := newConfig(nil, pairsOf(vars))
	_ = config.resolve()
	if text := strings.Join(config.Warnings, "\n"); strings.Contains(text, "meant?") {
		t.Errorf("a warning without a cause: %s", text)
	}
}

// A rehearsal names files as the user knows them.
func TestPathsOfARehearsal(t *testing.T) {
	t.Parallel()
	w := newWorld(t, loopback.Options{})
	settings := t.TempDir()
	file := filepath.Join(settings, "environments/prod/variables.sh")
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte("export CODE_GIT_BRANCH=main\naws s3 ls\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	o := w.run("dry-run", "--settings", settings, "--settings-environment-path", "environments/prod")
	if o.code != 64 || !strings.Contains(o.stdout, file+":2: the command `aws`") {
		t.Errorf("want exit code 64 and %s:2, got %v", file, o)
	}
	if err := os.WriteFile(file, []byte("export CODE_GIT_BRANCH=main\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	o = w.run("dry-run", "--settings", settings, "--settings-environment-path", "environments/prod", "--until", "source-variables")
	if o.code != 0 || strings.Count(o.stdout, `"variables.sh decides"`) != 1 {
		t.Errorf("want one decision of variables.sh, got %v", o)
	}
}
