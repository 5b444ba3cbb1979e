package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"spa-runner/internal/loopback"
	"spa-runner/internal/record"
	"spa-runner/pipeline"
)

func needRoot(t *testing.T) {
	t.Helper()
	if runtime.GOOS != "linux" || os.Geteuid() != 0 {
		t.Skip("needs root on Linux, to start processes as other users: not tried")
	}
}

// freeUID is the number of a user that nobody has.
func freeUID(n int) int { return 1_000_000 + os.Getpid()*20 + n }

// openTo lets other users go to the folders of a test.
func openTo(t *testing.T, w *world) {
	t.Helper()
	if err := os.Chmod(filepath.Dir(filepath.Dir(w.workdir)), 0o755); err != nil {
		t.Fatal(err)
	}
}

// As SPA's setup does it: what npm and pip install for the user is on the PATH
// of lint and of deploy, which runs as root on files that are root's.
func TestRunWithAnUntrustedUser(t *testing.T) {
	t.Parallel()
	needRoot(t)
	w := newWorld(t, loopback.Options{})
	openTo(t, w)
	uid := fmt.Sprint(freeUID(2))
	w.env["SPA_RUNNER_UNTRUSTED_USER"], w.env["SPA_RUNNER_VARIABLES"] = uid, "bash"
	hidden := filepath.Join(w.home, "shims")
	if err := errors.Join(os.Mkdir(hidden, 0o755), os.Chmod(w.home, 0o700)); err != nil {
		t.Fatal(err)
	}
	w.env["PATH"] = hidden + ":" + w.env["PATH"]
	w.write("settings", environmentPath+"/variables.sh", "export ASKED_BY=$(id -u)\n")
	w.write("code", "Makefile", `setup:
	@mkdir -p $(npm_config_prefix)/bin venv/bin
	@printf '#!/bin/sh\necho installed\n' >$(npm_config_prefix)/bin/spa-tool
	@chmod +x $(npm_config_prefix)/bin/spa-tool
	@touch made-by-setup; echo $(HOME)
lint all-tests:
	@if touch ../spa-run/record.json ../spa-run/x 2>/dev/null || mv ../spa-run ../away 2>/dev/null; then echo "the record is mine"; fi
	@spa-tool; echo "$@ as $$(id -u), script as $(ASKED_BY), key $(AWS_ACCESS_KEY_ID)"
deploy:
	@spa-tool; echo "$@ as $$(id -u) in $$(stat -c %u . made-by-setup Makefile | xargs), HOME $(HOME)"
`)
	w.serve()
	o := w.run("run")
	if o.code != 0 {
		t.Fatalf("%v", o)
	}
	if warning := "cannot reach these folders of the PATH: " + hidden; !strings.Contains(o.stdout, warning) {
		t.Errorf("want a warning with %q in %v", warning, o)
	}
	want := fmt.Sprintf("installed\nall-tests as %s, script as %s, key \n", uid, uid)
	if got := o.output(t, "make-all-tests"); got != want {
		t.Errorf("all-tests: got %q, want %q", got, want)
	}
	if got, want := o.output(t, "make-deploy"), "installed\ndeploy as 0 in 0 0 0, HOME "+w.home+"\n"; got != want {
		t.Errorf("deploy: got %q, want %q", got, want)
	}
	if r := w.record(t); !r.Deployed || r.Passes[0].Steps[6].Outcome != record.Finished {
		t.Errorf("the record: got %+v", r)
	}
	home := strings.TrimSpace(o.output(t, "make-setup"))
	if _, err := os.Stat(home); !strings.Contains(home, "spa-runner-home-") || !os.IsNotExist(err) {
		t.Errorf("the home %q is left: %v", home, err)
	}
}

// What setup installs under the name of make does not decide how lint, tests and
// deploy end.
func TestNoTargetReplacesMake(t *testing.T) {
	t.Parallel()
	w := newWorld(t, loopback.Options{})
	w.write("code", "Makefile", `setup:
	@mkdir -p $${npm_config_prefix:-.}/bin venv/bin
	@printf '#!/bin/sh\necho FAKE\n' >venv/bin/make; chmod +x venv/bin/make; cp venv/bin/make $${npm_config_prefix:-.}/bin/make
lint all-tests deploy:
	@echo real
`)
	if os.Geteuid() == 0 {
		openTo(t, w)
		w.env["SPA_RUNNER_UNTRUSTED_USER"] = fmt.Sprint(freeUID(6))
	}
	w.serve()
	o := w.run("run")
	for _, step := range []string{"make-lint", "make-all-tests", "make-deploy"} {
		if got := o.output(t, step); got != "real\n" {
			t.Errorf("%s: got %q, %v", step, got, o)
		}
	}
}

// A file that is named like the target makes a deployment of nothing.
func TestNoFileStandsForTheDeployment(t *testing.T) {
	t.Parallel()
	w := newWorld(t, loopback.Options{})
	w.write("code", "Makefile", "setup lint:\nall-tests:\n\t@touch deploy\ndeploy:\n\t@echo real\n")
	w.serve()
	o := w.run("run")
	if last := o.find(t, "run failed", ""); o.code != 125 || len(last) != 1 || last[0]["deployed"] != false {
		t.Errorf("%v", o)
	}
}

// What the project demanded and cannot be had ends the run before it begins.
func TestAnUntrustedUserThatCannotBe(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]string{
		"no-such-user-here": "there is no user",
		"root":              "that is root",
		"a b":               "write the name of a user",
		"1234567":           "may not go through", // the folders of a test are closed
	} {
		w := newWorld(t, loopback.Options{})
		w.env["SPA_RUNNER_UNTRUSTED_USER"] = value
		w.serve()
		if os.Geteuid() != 0 && value != "a b" {
			want = "only root can"
		}
		o := w.run("run")
		if o.code != 64 || !strings.Contains(o.stderr, want) || len(w.aws.Calls()) > 0 {
			t.Errorf("%s: want %q, got %v", value, want, o)
		}
	}
}

// A rehearsal by root has its folders where the user can reach the work, and
// nothing else.
func TestDryRunWithAnUntrustedUser(t *testing.T) {
	t.Parallel()
	needRoot(t)
	w := newWorld(t, loopback.Options{})
	openTo(t, w)
	w.write("code", "Makefile", "setup lint all-tests deploy:\n\t@id -u; ls .. ../.. 2>/dev/null || true\n")
	delete(w.env, "SPA_RUNNER_WORKDIR")
	w.env["SPA_RUNNER_UNTRUSTED_USER"] = fmt.Sprint(freeUID(3))
	for _, umask := range []string{"022", "077"} {
		cmd := w.command("dry-run", "--settings", w.dirs["settings"], "--code", w.dirs["code"])
		cmd.Args = append([]string{"sh", "-c", "umask " + umask + `; exec "$0" "$@"`, cmd.Path}, cmd.Args[1:]...)
		cmd.Path = "/bin/sh"
		var stdout, stderr strings.Builder
		cmd.Stdout, cmd.Stderr = &stdout, &stderr
		err := cmd.Run()
		o := outcome{code: cmd.ProcessState.ExitCode(), stdout: stdout.String(), stderr: stderr.String()}
		if got := o.output(t, "make-setup"); err != nil || got != w.env["SPA_RUNNER_UNTRUSTED_USER"]+"\n..:\ncode\nsettings\nspa-run\n" {
			t.Errorf("umask %s: got %q, %v, %v", umask, got, err, o)
		}
	}
}

func TestWarnOfSavedEnvironment(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "env.sh")
	if got := warnOfSaved(file, nil); got != "" {
		t.Errorf("no file: got %q", got)
	}
	for content, want := range map[string]bool{
		"export AWS_CONTAINER_CREDENTIALS_RELATIVE_URI='/v2/credentials/0'\n": true,
		"export PATH=/bin\nAWS_SESSION_TOKEN=x\n":                             true,
		"export PATH=/bin\n": false,
	} {
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		got := warnOfSaved(file, nil)
		if (got != "") != want || strings.Contains(got, "/v2/") {
			t.Errorf("%q: got %q", content, got)
		}
		if os.Geteuid() != 0 {
			continue
		}
		user, err := pipeline.LookupUser(fmt.Sprint(freeUID(4)))
		if err != nil {
			t.Fatal(err)
		}
		if got := warnOfSaved(file, user); got != "" {
			t.Errorf("a user who cannot read it: got %q", got)
		}
	}
}

// What pip and npm installed for the untrusted user works in deploy, as in a shell
// where all is done by one user. What stays behind, or was not there for that user, is
// named in warnings.
func TestWhatTheUntrustedUserInstalledIsUsable(t *testing.T) {
	t.Parallel()
	needRoot(t)
	python := "/usr/bin/python3"
	if _, err := os.Stat(python); err != nil {
		t.Skipf("there is no %s that all users can start: not tried", python)
	}
	w := newWorld(t, loopback.Options{})
	openTo(t, w)
	w.env["SPA_RUNNER_UNTRUSTED_USER"] = fmt.Sprint(500_000_000 + os.Getpid()*100 + 99)
	certificates := filepath.Join(w.home, "ca.pem")
	if err := errors.Join(os.WriteFile(certificates, nil, 0o600), os.WriteFile(filepath.Join(w.home, ".netrc"), nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	w.env["NODE_EXTRA_CA_CERTS"] = certificates
	w.write("settings", environmentPath+"/variables.sh", "export PIP_CERT="+certificates+" GIT_SSL_CAINFO=$PWD/settings/"+environmentPath+"/ca.pem\n")
	w.write("settings", environmentPath+"/ca.pem", "")
	w.write("code", "Makefile", `setup:
	@mkdir -p "$$(`+python+` -m site --user-site)" $$HOME/.local/bin $$HOME/.config/pip
	@echo "said = 'of the user site'" >"$$(`+python+` -m site --user-site)/spa_user_module.py"
	@printf '#!`+python+`\nimport spa_user_module\nprint("tool", spa_user_module.said)\n' >$$HOME/.local/bin/spa-user-tool
	@chmod +x $$HOME/.local/bin/spa-user-tool; echo registry=x >$$HOME/.npmrc; touch $$HOME/.config/pip/pip.conf
lint all-tests deploy:
	@spa-user-tool
`)
	w.serve()
	o := w.run("run")
	if got := o.output(t, "make-deploy"); o.code != 0 || got != "tool of the user site\n" {
		t.Errorf("deploy: got %q, %v", got, o)
	}
	for _, warning := range []string{
		`"files":[".config/pip/pip.conf",".npmrc"]`, "without these files of " + w.home + ": .netrc.", `"variables":["GIT_SSL_CAINFO","NODE_EXTRA_CA_CERTS","PIP_CERT"]`,
	} {
		if !strings.Contains(o.stdout, warning) {
			t.Errorf("no warning with %s in %v", warning, o)
		}
	}
}
