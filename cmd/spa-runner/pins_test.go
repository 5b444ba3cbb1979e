package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"spa-runner/internal/loopback"
)

// git runs git in the folder of the code.
func (w *world) git(args ...string) string {
	w.t.Helper()
	return w.gitIn(w.dirs["code"], args...)
}

func (w *world) gitIn(dir string, args ...string) string {
	w.t.Helper()
	cmd := exec.CommandContext(w.t.Context(), "git", args...)
	cmd.Dir = dir
	cmd.Env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + w.home, "GIT_CONFIG_NOSYSTEM=1",
		"GIT_AUTHOR_NAME=A", "GIT_AUTHOR_EMAIL=a@example.com", "GIT_COMMITTER_NAME=A", "GIT_COMMITTER_EMAIL=a@example.com",
	}
	out, err := cmd.CombinedOutput()
	if err != nil {
		w.t.Fatalf("git %v: %v: %s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

// signer makes a key and puts the public one into the settings.
func (w *world) signer(file string) (key string) {
	w.t.Helper()
	if _, err := exec.LookPath("ssh-keygen"); err != nil {
		w.t.Skipf("there is no ssh-keygen here to sign with: %v", err)
	}
	key = filepath.Join(w.t.TempDir(), "key")
	if out, err := exec.CommandContext(w.t.Context(), "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key).CombinedOutput(); err != nil {
		w.t.Fatalf("%v: %s", err, out)
	}
	public, err := os.ReadFile(key + ".pub")
	if err != nil {
		w.t.Fatal(err)
	}
	w.write("settings", file, "ada@example.com "+string(public))
	return key
}

// serveHistory serves the folder of the code as a repository with a signed tag,
// an unsigned commit after it and one that was never merged.
func (w *world) serveHistory(key string) (tagged, head, pull string) {
	w.t.Helper()
	w.serve()
	commit := func(message string) string {
		w.git("add", "--all")
		w.git("commit", "--quiet", "--allow-empty", "--message="+message)
		return w.git("rev-parse", "HEAD")
	}
	w.git("init", "--quiet", "--initial-branch=main")
	tagged = commit("one")
	w.git("-c", "gpg.format=ssh", "-c", "user.signingkey="+key, "tag", "--sign", "--message=one", "v1")
	head = commit("two")
	w.git("checkout", "--quiet", "--detach")
	pull = commit("three")
	w.git("update-ref", "refs/pull/7/head", pull)
	w.git("checkout", "--quiet", "main")
	if err := w.aws.ServeGit("code", loopback.GitRepository{Dir: filepath.Join(w.dirs["code"], ".git")}); err != nil {
		w.t.Fatal(err)
	}
	return tagged, head, pull
}

// wantRefused fails unless the run ended in clone-code, with nothing of the code.
func (w *world) wantRefused(what string, o outcome, want string) {
	w.t.Helper()
	failed := o.find(w.t, "step failed", "clone-code")
	if o.code != 125 || len(failed) != 1 || !strings.Contains(fmt.Sprint(failed[0]["error"]), want) {
		w.t.Errorf("%s: want 125 and %q, got %v", what, want, o)
	}
	if started := o.started(w.t); !slices.Equal(started, allSteps[:4]) {
		w.t.Errorf("%s: started %q", what, started)
	}
	if _, err := os.Lstat(filepath.Join(w.workdir, "code")); !os.IsNotExist(err) {
		w.t.Errorf("%s: something of the code is left (%v)", what, err)
	}
	if slices.Contains(w.assumed(), deployRole) {
		w.t.Errorf("%s: the deploy role was assumed", what)
	}
	if err := os.RemoveAll(filepath.Join(w.workdir, "settings")); err != nil {
		w.t.Fatal(err)
	}
}

func TestOnlySignedCodeIsDeployed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, loopback.Options{})
	w.write("settings", "keys/empty", "# nobody\n")
	tagged, head, pull := w.serveHistory(w.signer("keys/releases"))
	w.env["CODE_GIT_VERIFY_KEYS"] = "keys/releases"
	for ref, want := range map[string]string{"main": "carries no signature", head: "carries no signature", pull: "carries no signature", tagged: "carries no signature"} {
		w.env["CODE_GIT_BRANCH"] = ref
		w.wantRefused(ref, w.run("run"), want)
	}
	w.env["CODE_GIT_BRANCH"] = "v1"
	for file, want := range map[string]string{"keys/empty": "no key in it", "keys/none": "does not exist"} {
		w.env["CODE_GIT_VERIFY_KEYS"] = file
		w.wantRefused(file, w.run("run"), want)
	}
	w.env["CODE_GIT_VERIFY_KEYS"] = "keys/releases"
	o := w.run("run")
	cloned := o.find(t, "code cloned", "clone-code")
	if o.code != 0 || len(cloned) != 1 || cloned[0]["signed_by"] != "ada@example.com" || cloned[0]["signed"] != "tag v1" ||
		!strings.HasPrefix(fmt.Sprint(cloned[0]["signed_with"]), "SHA256:") || cloned[0]["commit"] != tagged {
		t.Errorf("got %v, %v", cloned, o)
	}
}

func TestOnlyMergedCodeIsDeployed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, loopback.Options{})
	tagged, head, pull := w.serveHistory(w.signer("keys/releases"))
	w.env["CODE_GIT_REACHABLE_FROM"] = "main"
	for _, ref := range []string{pull, "refs/pull/7/head"} {
		w.env["CODE_GIT_BRANCH"] = ref
		w.wantRefused(ref, w.run("run"), "commit "+pull)
	}
	w.env["CODE_GIT_REACHABLE_FROM"] = "no-such-branch"
	w.wantRefused("no branch", w.run("run"), "is no branch there")
	w.env["CODE_GIT_REACHABLE_FROM"] = "main"
	for _, ref := range []string{tagged, head} {
		w.env["CODE_GIT_BRANCH"] = ref
		if o := w.run("run"); o.code != 0 || len(o.find(t, "run finished", "")) != 1 {
			t.Errorf("%s: got %v", ref, o)
		}
		for _, dir := range []string{"settings", "code"} {
			if err := os.RemoveAll(filepath.Join(w.workdir, dir)); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestOnlyPinnedCodeIsDeployed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, loopback.Options{})
	w.serve()
	w.env["SPA_RUNNER_REQUIRE_PINNED"] = "true"
	w.wantRefused("the default branch", w.run("run"), "SPA_RUNNER_REQUIRE_PINNED refuses that")
	w.env["CODE_GIT_COMMIT"] = w.commits["code"]
	if o := w.run("run"); o.code != 0 {
		t.Errorf("a commit: got %v", o)
	}
}

func TestOnlyThePinnedSettingsAreDeployed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, loopback.Options{})
	w.serve()
	w.env["SETTINGS_GIT_PIN"] = strings.Repeat("5", 40) // not there
	o := w.run("run")
	if failed := o.find(t, "step failed", "clone-settings"); o.code != 125 || len(failed) != 1 {
		t.Errorf("want 125 by clone-settings, got %v", o)
	}
}

// What the project demands, a commit to the settings does not switch off.
func TestVariablesDoNotWeakenThePins(t *testing.T) {
	t.Parallel()
	for script, want := range map[string]string{
		"CODE_GIT_VERIFY_KEYS=\n":                     "CODE_GIT_VERIFY_KEYS",
		"unset CODE_GIT_VERIFY_KEYS\n":                "CODE_GIT_VERIFY_KEYS",
		"export CODE_GIT_VERIFY_KEYS=keys/others\n":   "CODE_GIT_VERIFY_KEYS",
		"CODE_GIT_REACHABLE_FROM=refs/heads/other\n":  "CODE_GIT_REACHABLE_FROM",
		"CODE_GIT_URL=https://127.0.0.1:1/fork.git\n": "is about a branch of",
	} {
		w := newWorld(t, loopback.Options{})
		w.env["CODE_GIT_VERIFY_KEYS"], w.env["CODE_GIT_REACHABLE_FROM"] = "keys/releases", "main"
		w.write("settings", environmentPath+"/variables.sh", script)
		w.serve()
		o := w.run("run")
		failed := o.find(t, "step failed", "source-variables")
		if o.code != 64 || len(failed) != 1 || !strings.Contains(fmt.Sprint(failed[0]["error"]), want) {
			t.Errorf("%q: got %v", script, o)
		}
	}
}

func TestPlanShowsThePins(t *testing.T) {
	t.Parallel()
	w := newWorld(t, loopback.Options{})
	w.env["CODE_GIT_VERIFY_KEYS"], w.env["CODE_GIT_REACHABLE_FROM"] = "keys/releases", "main"
	o := w.run("plan")
	for _, want := range []string{"on_branch  main\n", "signed_by  a key of settings/keys/releases\n", "    CODE_GIT_VERIFY_KEYS "} {
		if o.code != 0 || !strings.Contains(o.stdout, want) {
			t.Errorf("no %q in %v", want, o)
		}
	}
}

// A snapshot has neither signature nor history: that the checks are not made is
// said, and is no reason to fail.
func TestARehearsalSaysWhichPinsItDoesNotCheck(t *testing.T) {
	t.Parallel()
	w := newWorld(t, loopback.Options{})
	w.env["CODE_GIT_VERIFY_KEYS"] = "keys/releases"
	o := w.run("dry-run", "--until", "clone-code", "--workdir", w.workdir, "--code-git-reachable-from", "release")
	for _, name := range []string{"CODE_GIT_VERIFY_KEYS", "CODE_GIT_REACHABLE_FROM"} {
		if o.code != 0 || !strings.Contains(o.stdout, "the check of "+name+" is not made") {
			t.Errorf("nothing is said of %s: %v", name, o)
		}
	}
}
