package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"spa-runner/internal/loopback"
)

const spaTag = "v.24.06.18"

// The real thing: SPA's public repository at its last tag, settings as the
// workbook has them, and `make help` for each target. What comes out is compared
// with `git clone` and `cp -rf`: only what the README names as a difference may
// be one.
//
// It needs a bare clone of github.com/reply-fr/sustainable-personal-accounts,
// named by SPA_REPOSITORY.
func TestRealInput(t *testing.T) {
	t.Parallel()
	repository := os.Getenv("SPA_REPOSITORY")
	if repository == "" {
		t.Skip("SPA_REPOSITORY does not name a bare clone of sustainable-personal-accounts: the real input is not tried")
	}
	w := newWorld(t, loopback.Options{})
	for name, content := range map[string]string{
		"settings.yaml":                  "environment:\n  identifier: SpaAutomation\n",
		"variables.sh":                   "export CODE_GIT_BRANCH=" + spaTag + "\nexport VERBOSITY=DEBUG\n",
		"fixtures/settings/accounts.csv": "account,owner\n",
		"workloads/new/notes.md":         "new\n",
		"workloads/.hidden":              "nested\n",
		".pylintrc":                      "[MASTER]\n",
	} {
		w.write("settings", environmentPath+"/"+name, content)
	}
	w.serve()
	if err := w.aws.ServeGit("spa", loopback.GitRepository{Dir: repository}); err != nil {
		t.Fatal(err)
	}
	w.env["CODE_GIT_URL"] = w.aws.URL() + "/git/spa.git"
	for _, step := range []string{"SETUP", "LINT", "TEST", "DEPLOY"} {
		w.env["SPA_RUNNER_"+step+"_TARGETS"] = "help"
	}
	o := w.run("run")
	if o.code != 0 || !strings.Contains(o.output(t, "make-deploy"), "make deploy - build or update cloud resources") {
		t.Fatalf("%v", o)
	}

	shell := exec.CommandContext(t.Context(), "sh", "-ec", `
		git clone -q --depth 1 -b "$TAG" "$CODE_GIT_URL" code 2>/dev/null
		cp -rf "$SETTINGS"/* code`)
	shell.Dir = t.TempDir()
	shell.Env = []string{
		"PATH=" + os.Getenv("PATH"), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1", "HOME=" + w.home,
		"TAG=" + spaTag, "CODE_GIT_URL=" + w.env["CODE_GIT_URL"], "SETTINGS=" + filepath.Join(w.dirs["settings"], environmentPath),
	}
	if out, err := shell.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	diff := exec.CommandContext(t.Context(), "diff", "-r", "--no-dereference", "--exclude=.git",
		filepath.Join(shell.Dir, "code"), filepath.Join(w.workdir, "code"))
	out, _ := diff.CombinedOutput()
	if want := "Only in " + filepath.Join(w.workdir, "code") + ": .pylintrc\n"; string(out) != want {
		t.Errorf("diff -r: got %s, want only the hidden file at the top", out)
	}
	status := exec.CommandContext(t.Context(), "git", "-C", filepath.Join(w.workdir, "code"), "status", "--porcelain", "-uno")
	if out, err := status.CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("git status in the clone: %v: %s", err, out)
	}
	modes := exec.CommandContext(t.Context(), "sh", "-c", `cd "$1" && find . -path ./.git -prune -o ! -name .pylintrc -printf '%m %y %p\n' | sort >"$3/a"
		cd "$2" && find . -path ./.git -prune -o ! -name .pylintrc -printf '%m %y %p\n' | sort >"$3/b"; diff "$3/a" "$3/b"`,
		"sh", filepath.Join(shell.Dir, "code"), filepath.Join(w.workdir, "code"), t.TempDir())
	if out, err := modes.CombinedOutput(); err != nil {
		t.Errorf("modes: %v: %s", err, out)
	}
}

// The first deployment of the real thing bootstraps the region of the target, at the
// tag that the README types and at the newest commit, although they take it from
// different variables and the tests want another.
func TestTheRealBootstrapGoesToTheRegionOfTheTarget(t *testing.T) {
	t.Parallel()
	repository := os.Getenv("SPA_REPOSITORY")
	if repository == "" {
		t.Skip("SPA_REPOSITORY does not name a bare clone of sustainable-personal-accounts: the real input is not tried")
	}
	for _, revision := range []string{spaTag, "HEAD"} {
		w := newWorld(t, loopback.Options{})
		code := filepath.Join(t.TempDir(), "spa")
		for _, args := range [][]string{{"clone", "-q", "--no-checkout", repository, code}, {"-C", code, "checkout", "-q", revision}} {
			if out, err := exec.CommandContext(t.Context(), "git", args...).CombinedOutput(); err != nil {
				t.Fatalf("git %v: %v: %s", args, err, out)
			}
		}
		w.write("settings", environmentPath+"/settings.yaml", "automation:\n  region: eu-west-1\n")
		w.env["AWS_REGION"], w.env["AWS_DEFAULT_REGION"] = "eu-west-1", "eu-west-3"
		for _, step := range []string{"SETUP", "LINT", "TEST"} {
			w.env["SPA_RUNNER_"+step+"_TARGETS"] = ""
		}
		o := w.run("dry-run", "--code", code, "--settings", w.dirs["settings"], "--deploy-targets", "bootstrap-cdk deploy")
		said := o.output(t, "make-deploy")
		if o.code != 0 || !strings.Contains(said, "cdk bootstrap 333333333333/eu-west-1\n") || !strings.Contains(said, "cdk deploy --all\n") {
			t.Errorf("%s: make-deploy said %q: %v", revision, said, o)
		}
	}
}
