package config

import (
	"strings"
	"testing"

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
				cfg := New(nil, pairsOf(vars))
				err := cfg.Resolve()
				if err == nil {
					_, _, err = cfg.ApplyScript(set, cfg.ChildEnviron(pairsOf(vars)))
				}
				want := c.name + " " + place + " is no variable of spa-runner: is " + c.meant + " meant?"
				if c.pin && pinned == "true" {
					if err == nil || !strings.Contains(err.Error(), want) {
						t.Errorf("%s: got %v, want an error with %q in it", c.name, err, want)
					}
				} else if err != nil || !strings.Contains(strings.Join(cfg.Warnings, "\n"), want) {
					t.Errorf("%s: got %v and warnings %q, want %q in them", c.name, err, cfg.Warnings, want)
				}
			}
		}
	}
	vars := good()
	for _, name := range []string{"PATH", "HOME", "AWS_DEFAULT_REGION", "AWS_REGION", "AWS_ROLE_ARN", "SETTINGS", "ENVIRONMENT", "CODE_GIT", "CODE_BRANCH", "CODEBUILD_BUILD_ID", "GIT_BRANCH", "SETTINGS_GIT_ROLES"} {
		vars[name] = "x"
	}
	cfg := New(nil, pairsOf(vars))
	_ = cfg.Resolve()
	if text := strings.Join(cfg.Warnings, "\n"); strings.Contains(text, "meant?") {
		t.Errorf("a warning without a cause: %s", text)
	}
}
