package main

import (
	"cmp"
	"fmt"
	"strings"
	"testing"

	"spa-runner/internal/loopback"
)

// bootstrapMakefile takes the region of its bootstrap as SPA does: from a variable of
// the environment that a default of the Makefile stands in for, and that is exported.
const bootstrapMakefile = `.EXPORT_ALL_VARIABLES:
%[1]s ?= us-west-2
setup lint all-tests:
	@echo $(AWS_REGION) and $(AWS_DEFAULT_REGION)
bootstrap-cdk:
	@echo cdk bootstrap $(AWS_CURRENT_ACCOUNT)/$(%[1]s)
deploy:
	@echo deploy with $$AWS_REGION and $$AWS_DEFAULT_REGION, python prefers $$AWS_REGION
.PHONY: setup lint all-tests bootstrap-cdk deploy
`

// Whatever region the tests are given, what deploys goes to DEPLOY_ENVIRONMENT_REGION:
// the bootstrap of the CDK too, by either name.
func TestTheFirstDeploymentGoesWhereItSays(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		environ       map[string]string // "" takes a name out
		script        string
		tests, region string
		shown         string // the parameter of make-deploy
	}{
		"README's region for the tests": {
			environ: map[string]string{"AWS_DEFAULT_REGION": "eu-west-3"},
			tests:   "eu-west-1 and eu-west-3", region: "eu-west-1", shown: "eu-west-1, not eu-west-3 as in setup, lint and tests",
		},
		"from variables.sh": {
			script: "export AWS_DEFAULT_REGION=eu-west-3\n",
			tests:  "eu-west-1 and eu-west-3", region: "eu-west-1", shown: "eu-west-1, not eu-west-3 as in setup, lint and tests",
		},
		"and the target is elsewhere": {
			environ: map[string]string{"AWS_DEFAULT_REGION": "eu-west-3", "DEPLOY_ENVIRONMENT_REGION": "eu-north-1"},
			tests:   "eu-north-1 and eu-west-3", region: "eu-north-1", shown: "eu-north-1, not eu-west-3 as in setup, lint and tests",
		},
		"where variables.sh puts it": {
			environ: map[string]string{"AWS_DEFAULT_REGION": "eu-west-1"}, // as CodeBuild does
			script:  "export DEPLOY_ENVIRONMENT_REGION=eu-north-1 AWS_DEFAULT_REGION=eu-west-3\n",
			tests:   "eu-north-1 and eu-west-3", region: "eu-north-1", shown: "eu-north-1, not eu-west-3 as in setup, lint and tests",
		},
		"by AWS_REGION of variables.sh": {
			environ: map[string]string{"AWS_DEFAULT_REGION": "eu-west-3"}, script: "export AWS_REGION=eu-north-1\n",
			tests: "eu-north-1 and eu-west-3", region: "eu-north-1", shown: "eu-north-1, not eu-west-3 as in setup, lint and tests",
		},
		"the region of the settings' URL": {
			environ: map[string]string{"AWS_REGION": "", "AWS_DEFAULT_REGION": "eu-west-3"},
			tests:   "eu-west-1 and eu-west-3", region: "eu-west-1", shown: "eu-west-1, not eu-west-3 as in setup, lint and tests",
		},
		"a variable of variables.sh that is not exported": {
			script: "AWS_DEFAULT_REGION=eu-west-3\n", tests: "eu-west-1 and", region: "eu-west-1",
		},
		"all the same": {tests: "eu-west-1 and eu-west-1", region: "eu-west-1"},
	} {
		for _, reads := range []string{"AWS_DEFAULT_REGION", "AWS_REGION"} {
			t.Run(name+", "+reads, func(t *testing.T) {
				t.Parallel()
				w := newWorld(t, loopback.Options{})
				w.env["SPA_RUNNER_DEPLOY_TARGETS"] = "bootstrap-cdk deploy"
				for variable, value := range test.environ {
					if w.env[variable] = value; value == "" {
						delete(w.env, variable)
					}
				}
				w.write("code", "Makefile", fmt.Sprintf(bootstrapMakefile, reads))
				w.write("settings", environmentPath+"/variables.sh", test.script)
				w.serve()
				o := w.run("run")
				tests := test.tests
				if strings.HasSuffix(tests, "and") && reads == "AWS_DEFAULT_REGION" {
					tests += " us-west-2" // the Makefile's own
				}
				for _, step := range []string{"make-setup", "make-lint", "make-all-tests"} {
					if got := o.output(t, step); strings.TrimSpace(got) != tests {
						t.Errorf("%s saw %q, want %q", step, got, tests)
					}
				}
				want := fmt.Sprintf("cdk bootstrap 333333333333/%[1]s\ndeploy with %[1]s and %[1]s, python prefers %[1]s\n", test.region)
				if got := o.output(t, "make-deploy"); o.code != 0 || got != want {
					t.Errorf("make-deploy said %q, want %q: %v", got, want, o)
				}
				started := o.find(t, "step started", "make-deploy")
				if params, _ := started[0]["params"].(map[string]any); fmt.Sprint(params["AWS_DEFAULT_REGION"]) != cmp.Or(test.shown, "<nil>") {
					t.Errorf("the log says %v of what make-deploy sees, want %q", params, test.shown)
				}
			})
		}
	}
}

// The plan says it before anything is started.
func TestThePlanSaysWhichRegionDeploySees(t *testing.T) {
	t.Parallel()
	w := newWorld(t, loopback.Options{})
	w.env["AWS_DEFAULT_REGION"] = "eu-west-3"
	const told = "AWS_DEFAULT_REGION eu-west-1, not eu-west-3 as in setup, lint and tests\n"
	if o := w.run("plan"); o.code != 0 || strings.Count(o.stdout, told) != 1 {
		t.Errorf("got %v, want %q once", o, told)
	}
	if o := w.run("plan", "--json"); o.code != 0 || !strings.Contains(o.stdout, `"eu-west-1, not eu-west-3 as in setup, lint and tests"`) {
		t.Errorf("got %v", o)
	}
	w.env["AWS_DEFAULT_REGION"] = "eu-west-1"
	if o := w.run("plan"); o.code != 0 || strings.Contains(o.stdout, "AWS_DEFAULT_REGION") {
		t.Errorf("where all is the same: %v", o)
	}
}
