package main

import (
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"spa-runner/internal/loopback"
)

var allSteps = []string{
	"assume-settings-role", "clone-settings", "source-variables", "clone-code", "overlay-settings",
	"make-setup", "make-lint", "make-all-tests", "assume-deploy-role", "make-deploy",
}

func TestRunDeploys(t *testing.T) {
	t.Parallel()
	w := newWorld(t, loopback.Options{})
	w.env["CODEBUILD_BUILD_NUMBER"] = "17"
	w.write("settings", environmentPath+"/variables.sh", "export GREETING=hello\nDEPLOY_ENVIRONMENT_REGION=eu-west-3\n")
	w.serve()
	o := w.run("run")
	if o.code != 0 || !slices.Equal(o.started(t), allSteps) {
		t.Fatalf("%v", o)
	}
	want := fmt.Sprintf("deploying test to account 333333333333, hello\ncode %s with settings %s\n", w.commits["code"], w.commits["settings"])
	if got := o.output(t, "make-deploy"); got != want {
		t.Errorf("deploy printed %q, want %q", got, want)
	}
	if got := o.output(t, "make-all-tests"); !strings.Contains(got, "AWS_REGION=eu-west-3 in account 333333333333") {
		t.Errorf("tests printed %q", got)
	}
	var calls []string
	for _, c := range w.aws.Calls() {
		calls = append(calls, c.Action+" "+c.RoleARN+" "+c.SessionName+" by "+c.CallerARN[strings.LastIndex(c.CallerARN, ":"):])
	}
	service := w.aws.Calls()[0].CallerARN
	for _, c := range w.aws.Calls() {
		if c.Duration != time.Hour {
			t.Errorf("%s was asked for %s, want an hour: a deployment may take it", c.RoleARN, c.Duration)
		}
	}
	if len(calls) != 2 || w.aws.Calls()[0].SessionName != "SettingsContext-17" || w.aws.Calls()[1].SessionName != "TargetUpdateContext-17" ||
		w.aws.Calls()[1].CallerARN != service || !strings.Contains(service, "222222222222") {
		t.Errorf("calls of STS: got %q, want the two roles, each from the service role", calls)
	}
	last := o.find(t, "run finished", "")
	if len(last) != 1 || last[0]["settings_commit"] != w.commits["settings"] || last[0]["code_commit"] != w.commits["code"] ||
		last[0]["deploy_account"] != "333333333333" || last[0]["region"] != "eu-west-3" {
		t.Errorf("last event: got %v", last)
	}
}

func TestAFailingTargetEndsTheRunWithItsStatus(t *testing.T) {
	t.Parallel()
	for _, target := range []string{"setup", "lint", "all-tests", "deploy"} {
		w := newWorld(t, loopback.Options{})
		w.write("code", "Makefile", "setup lint all-tests deploy:\n\t@echo $@; test $@ != "+target+"\n")
		w.serve()
		o := w.run("run")
		started := o.started(t)
		if o.code != 2 || started[len(started)-1] != "make-"+target {
			t.Errorf("%s fails: got exit code %d after %q, want make's 2", target, o.code, started)
		}
		if want := target == "deploy"; slices.Contains(w.assumed(), deployRole) != want {
			t.Errorf("%s fails: the deploy role was assumed: %v, want %v", target, !want, want)
		}
	}
}

// Whatever STS answers, at either role: the run ends with 125, and nothing runs
// with another identity.
func TestRefusedRolesFailClosed(t *testing.T) {
	t.Parallel()
	faults := map[string]error{
		"AccessDenied":          &loopback.Fault{Status: 403, Code: "AccessDenied", Message: "User: x is not authorized to perform: sts:AssumeRole on resource: y"},
		"ExpiredToken":          &loopback.Fault{Status: 403, Code: "ExpiredToken", Message: "The security token included in the request is expired"},
		"InternalFailure":       &loopback.Fault{Status: 500, Code: "InternalFailure", Message: "no"},
		"MalformedPolicy":       &loopback.Fault{Status: 400, Code: "ValidationError", Message: "no"},
		"another account":       nil,
		"unreachable":           nil,
		"no identity to assume": nil,
	}
	for name, fault := range faults {
		for _, role := range []string{settingsRole, deployRole} {
			if leftOut(name + role) {
				continue
			}
			t.Run(name+" "+filepath.Base(role), func(t *testing.T) {
				t.Parallel()
				options := loopback.Options{AssumeRole: func(c loopback.Call) error {
					if c.RoleARN == role {
						return fault
					}
					return nil
				}}
				if name == "unreachable" || name == "another account" {
					options.Middleware = spoil(name, role)
				}
				w := newWorld(t, options)
				if name == "no identity to assume" {
					for _, key := range []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"} {
						delete(w.env, key)
					}
					w.env["AWS_EC2_METADATA_DISABLED"] = "true"
				}
				w.env["AWS_MAX_ATTEMPTS"] = "1"
				w.write("code", "Makefile", "setup lint all-tests:\n\t@true\ndeploy:\n\t@echo DEPLOYED\n")
				w.serve()
				o := w.run("run")
				want := "assume-settings-role"
				if role == deployRole && name != "no identity to assume" {
					want = "assume-deploy-role"
				}
				started := o.started(t)
				if o.code != 125 || started[len(started)-1] != want || strings.Contains(o.stdout, "DEPLOYED") {
					t.Errorf("want 125 in %s, got %v", want, o)
				}
				if failed := o.find(t, "step failed", want); len(failed) != 1 || failed[0]["hint"] == nil {
					t.Errorf("no hint: %v", failed)
				}
			})
		}
	}
}

// spoil cuts the connection of a call for one role, or answers it with the
// credentials of another account.
func spoil(how, role string) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			if r.Method != http.MethodPost || r.URL.Path != "/" {
				next.ServeHTTP(rw, r)
				return
			}
			body := readAndRestore(r)
			switch {
			case !strings.Contains(body, urlEncoded(role)):
				next.ServeHTTP(rw, r)
			case how == "unreachable":
				panic(http.ErrAbortHandler)
			default:
				answer := &recorded{header: http.Header{}}
				next.ServeHTTP(answer, r)
				account := strings.Split(role, ":")[4]
				_, _ = rw.Write([]byte(strings.ReplaceAll(answer.body.String(), account, "999999999999")))
			}
		})
	}
}

func TestSettingsThatAreNotOnCodeCommit(t *testing.T) {
	t.Parallel()
	w := newWorld(t, loopback.Options{})
	w.serve()
	bare := filepath.Join(t.TempDir(), "settings.git")
	if _, err := loopback.Snapshot(t.Context(), w.dirs["settings"], bare); err != nil {
		t.Fatal(err)
	}
	const token = "glpat-0123456789abcdef"
	if err := w.aws.ServeGit("settings", loopback.GitRepository{Dir: bare, Token: token}); err != nil {
		t.Fatal(err)
	}
	w.env["SETTINGS_GIT_URL"] = w.aws.URL() + "/git/settings.git"
	delete(w.env, "READ_SETTINGS_ROLE")
	delete(w.env, "CODE_COMMIT_ENDPOINT")

	o := w.run("run")
	if failed := o.find(t, "step failed", "clone-settings"); o.code != 125 || len(failed) != 1 || !strings.Contains(fmt.Sprint(failed[0]["hint"]), "SETTINGS_GIT_TOKEN") {
		t.Errorf("without a token: got %v", o)
	}
	w.env["SETTINGS_GIT_TOKEN"] = token
	o = w.run("run")
	if skipped := o.find(t, "step skipped", "assume-settings-role"); o.code != 0 || len(skipped) != 1 {
		t.Errorf("with a token: got %v", o)
	}
	if got := w.assumed(); !slices.Equal(got, []string{deployRole}) {
		t.Errorf("assumed %q, want the deploy role alone", got)
	}
	if strings.Contains(o.stdout, token) {
		t.Error("the token is in the log")
	}
}

func TestSwitchedOffTargetsAreSkippedAloud(t *testing.T) {
	t.Parallel()
	w := newWorld(t, loopback.Options{})
	w.env["SPA_RUNNER_LINT_TARGETS"] = ""
	w.env["SPA_RUNNER_TEST_TARGETS"] = "lint all-tests"
	w.serve()
	o := w.run("run")
	if o.code != 0 || len(o.find(t, "step skipped", "make-lint")) != 1 || len(o.find(t, "targets are switched off", "make-lint")) != 1 {
		t.Errorf("got %v", o)
	}
	if making := o.find(t, "making", "make-all-tests"); len(making) != 2 || making[0]["target"] != "lint" || making[1]["target"] != "all-tests" {
		t.Errorf("two targets: got %v", making)
	}
}

func TestTimeLimits(t *testing.T) {
	t.Parallel()
	for name, variable := range map[string]string{"run": "SPA_RUNNER_TIMEOUT", "step": "SPA_RUNNER_STEP_TIMEOUT"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, loopback.Options{})
			w.env[variable] = "5s"
			w.write("code", "Makefile", "setup:\n\t@sleep 3600\n")
			w.serve()
			o := w.run("run")
			last := o.find(t, "run failed", "")
			if o.code != 124 || len(last) != 1 || last[0]["ended_by"] != name+" limit" {
				t.Fatalf("got %v, want 124 by the limit", o)
			}
			if said := fmt.Sprint(last[0]["error"]); !strings.HasPrefix(said, "the time limit of the "+name+", 5s, ran out") {
				t.Errorf("it says %q", said)
			}
			if hint := fmt.Sprint(last[0]["hint"]); !strings.Contains(hint, "raise "+variable) {
				t.Errorf("the hint is %q", hint)
			}
		})
	}
}

// As the buildspec runs it: no flags, in the build's folder. What setup makes of
// a venv is active from lint on.
func TestRunInTheCurrentFolderWithAVenv(t *testing.T) {
	t.Parallel()
	w := newWorld(t, loopback.Options{})
	delete(w.env, "SPA_RUNNER_WORKDIR")
	w.write("code", "Makefile", `setup:
	@mkdir -p venv/bin
	@printf '#!/bin/sh\necho python of the venv\n' >venv/bin/python
	@chmod +x venv/bin/python
lint all-tests deploy:
	@python; echo $$VIRTUAL_ENV
`)
	w.write("settings", "common.sh", "export COMMON=yes\n")
	w.write("settings", environmentPath+"/variables.sh", ". settings/common.sh\nexport FROM=$COMMON\n")
	w.serve()
	o := w.run("run")
	want := "python of the venv\n" + filepath.Join(w.workdir, "code", "venv") + "\n"
	if got := o.output(t, "make-deploy"); o.code != 0 || got != want {
		t.Errorf("got %q, want %q, %v", got, want, o)
	}
	versions := o.find(t, "versions", "make-setup")
	if len(versions) != 1 || versions[0]["python"] != "python of the venv" {
		t.Errorf("versions: got %v", versions)
	}
}
