package main

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"spa-runner/internal/loopback"
)

// What variables.sh decides, it decides as in a shell, whatever the runner
// would have derived by itself.
func TestVariablesDecideAsInAShell(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		script      string
		environ     map[string]string
		region, sdk string // of setup, lint and tests; make-deploy gets the former under both names
	}{
		"the target's region is the project's own": {
			script: "export AWS_REGION=us-east-1\nexport DEPLOY_ENVIRONMENT_REGION=eu-west-1\n",
			region: "eu-west-1", sdk: "eu-west-1",
		},
		"boto3's region is the project's own": {
			script:  "export AWS_DEFAULT_REGION=eu-west-1\nexport DEPLOY_ENVIRONMENT_REGION=eu-west-3\n",
			environ: map[string]string{"AWS_DEFAULT_REGION": "eu-west-1"},
			region:  "eu-west-3", sdk: "eu-west-1",
		},
		"unset, then set": {
			script:  "unset DEPLOY_ENVIRONMENT_REGION\nDEPLOY_ENVIRONMENT_REGION=eu-west-3\n",
			environ: map[string]string{"DEPLOY_ENVIRONMENT_REGION": "eu-west-2"},
			region:  "eu-west-3", sdk: "eu-west-3",
		},
		"unset alone: what the project says": {
			script:  "unset DEPLOY_ENVIRONMENT_REGION\n",
			environ: map[string]string{"DEPLOY_ENVIRONMENT_REGION": "eu-west-2"},
			region:  "eu-west-2", sdk: "eu-west-2",
		},
	} {
		w := newWorld(t, loopback.Options{})
		for variable, value := range test.environ {
			w.env[variable] = value
		}
		w.write("code", "Makefile", "setup lint all-tests deploy:\n\t@echo $$AWS_REGION $$AWS_DEFAULT_REGION\n")
		w.write("settings", environmentPath+"/variables.sh", test.script)
		w.serve()
		o := w.run("run")
		for _, step := range []string{"make-setup", "make-lint", "make-all-tests"} {
			if got, want := o.output(t, step), test.region+" "+test.sdk+"\n"; got != want {
				t.Errorf("%s: %s saw %q, want %q", name, step, got, want)
			}
		}
		if got, want := o.output(t, "make-deploy"), test.region+" "+test.region+"\n"; got != want {
			t.Errorf("%s: make-deploy saw %q, want %q", name, got, want)
		}
		if last := o.find(t, "run finished", ""); len(last) != 1 || last[0]["region"] != test.region {
			t.Errorf("%s: got %v", name, last)
		}
	}
}

// A commit to the settings cannot send the project's token to a server of its
// own choice.
func TestATokenStaysWithItsServer(t *testing.T) {
	t.Parallel()
	heard := &listener{}
	other := newWorld(t, loopback.Options{Middleware: heard.middleware})
	other.serve()
	w := newWorld(t, loopback.Options{})
	const token = "ghp_token_of_the_project"
	w.env["CODE_GIT_TOKEN"] = token
	w.write("settings", environmentPath+"/variables.sh", "CODE_GIT_URL="+other.env["CODE_GIT_URL"]+"\n")
	w.serve()
	o := w.run("run")
	failed := o.find(t, "step failed", "source-variables")
	if o.code != 64 || len(failed) != 1 || !strings.Contains(fmt.Sprint(failed[0]["error"]), "CODE_GIT_TOKEN of the project is for "+w.aws.URL()) {
		t.Errorf("got %v", o)
	}
	if strings.Contains(fmt.Sprint(heard.secrets), token) {
		t.Error("the other server got the token")
	}
}

func TestASummaryDoesNotSayDeployedWhereNothingWas(t *testing.T) {
	t.Parallel()
	w := newWorld(t, loopback.Options{})
	w.env["SPA_RUNNER_DEPLOY_TARGETS"] = ""
	w.env["SPA_RUNNER_LOG_FORMAT"] = "console"
	w.serve()
	if o := w.run("run"); o.code != 0 || !strings.Contains(o.stdout, "nothing was deployed") || strings.Contains(o.stdout, ": deployed") {
		t.Errorf("got %v", o)
	}
}

func TestAPasswordInAFlagIsMasked(t *testing.T) {
	t.Parallel()
	w := newWorld(t, loopback.Options{})
	w.write("code", "Makefile", "setup lint all-tests deploy:\n\t@echo password-of-a-flag\n")
	w.serve()
	o := w.run("run", "--code-git-url", strings.Replace(w.env["CODE_GIT_URL"], "http://", "http://user:password-of-a-flag@", 1))
	if o.code != 0 || strings.Contains(o.stdout, "password-of-a-flag") {
		t.Errorf("got %v", o)
	}
}

// A pipe of the script ends as in a shell: who writes to nobody is ended.
func TestAPipeOfTheScriptEnds(t *testing.T) {
	t.Parallel()
	w := newWorld(t, loopback.Options{})
	w.env["SPA_RUNNER_VARIABLES"] = "bash"
	w.env["SPA_RUNNER_STEP_TIMEOUT"] = "20s"
	w.write("code", "Makefile", "setup lint all-tests deploy:\n\t@echo $$LINES_READ $(PWD)\n")
	w.write("settings", environmentPath+"/variables.sh", "export LINES_READ=$(yes | head -3 | wc -l)\n")
	w.serve()
	o := w.run("run")
	if got, want := strings.Fields(o.output(t, "make-deploy")), []string{"3", filepath.Join(w.workdir, "code")}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q, %v", got, want, o)
	}
}

// What is wrong only because of variables.sh is warned about as well.
func TestWarningsAfterTheScript(t *testing.T) {
	t.Parallel()
	w := newWorld(t, loopback.Options{})
	w.env["AWS_CURRENT_ACCOUNT"] = "333333333333"
	w.write("settings", environmentPath+"/variables.sh", "DEPLOY_ENVIRONMENT_ROLE=arn:aws:iam::444444444444:role/Other\n")
	w.serve()
	o := w.run("run")
	if warned := strings.Contains(o.stdout, "AWS_CURRENT_ACCOUNT is 333333333333 in the environment"); o.code != 0 || !warned {
		t.Errorf("warned %v, %v", warned, o)
	}
	// What the script sets is what make sees, and where SPA bootstraps the CDK.
	w.write("settings", environmentPath+"/variables.sh", "export AWS_CURRENT_ACCOUNT=444444444444\n")
	w.serve()
	o = w.run("run")
	if o.code != 0 || !strings.Contains(o.stdout, "AWS_CURRENT_ACCOUNT is 444444444444 in") || !strings.Contains(o.stdout, "variables.sh:1, and make sees that, but DEPLOY_ENVIRONMENT_ROLE is in account 333333333333") {
		t.Errorf("got %v", o)
	}
}
