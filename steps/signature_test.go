package steps

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"spa-runner/internal/fault"
	"spa-runner/internal/gitclone"
	"spa-runner/internal/loopback"
)

// signedCode is a repository with a signed tag, a signed commit before it and
// an unsigned one after it, and a folder of settings with keys.
type signedCode struct {
	repository
	url, settings          string
	signed, tagged, newest string // commits
	fingerprint            string
}

func startSignedCode(t *testing.T) *signedCode {
	t.Helper()
	if _, err := exec.LookPath("ssh-keygen"); err != nil {
		t.Skipf("there is no ssh-keygen here to sign with: %v", err)
	}
	c := &signedCode{repository: newRepository(t), settings: t.TempDir()}
	keys := t.TempDir()
	for _, name := range []string{"ours", "theirs"} {
		cmd := exec.CommandContext(t.Context(), "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", filepath.Join(keys, name))
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	out, err := exec.CommandContext(t.Context(), "ssh-keygen", "-l", "-f", filepath.Join(keys, "ours")).Output()
	if err != nil {
		t.Fatal(err)
	}
	c.fingerprint = strings.Fields(string(out))[1]
	c.git("config", "gpg.format", "ssh")
	c.git("config", "user.signingkey", filepath.Join(keys, "ours"))
	c.git("config", "commit.gpgsign", "true")
	c.signed = c.commit(map[string]string{"Makefile": "signed:\n"})
	c.git("config", "commit.gpgsign", "false")
	c.tagged = c.commit(map[string]string{"Makefile": "tagged:\n"})
	c.git("tag", "--sign", "--message=one", "v1")
	c.git("-c", "user.signingkey="+filepath.Join(keys, "theirs"), "tag", "--sign", "--message=one", "theirs")
	c.newest = c.commit(map[string]string{"Makefile": "newest:\n"})
	c.git("update-ref", "refs/tags/v2", c.git("rev-parse", "v1"))
	c.git("checkout", "--quiet", "--detach", c.tagged)
	c.git("update-ref", "refs/pull/7/head", c.commit(map[string]string{"Makefile": "pull:\n"}))
	c.git("checkout", "--quiet", "main")
	server := startAWS(t, loopback.Options{})
	if err := server.ServeGit("code", loopback.GitRepository{Dir: c.bare()}); err != nil {
		t.Fatal(err)
	}
	c.url = server.URL() + "/git/code.git"
	public := readFile(t, keys, "ours.pub")
	write(t, c.settings, map[string]string{
		"keys/allowed": "# releases\nada@example.com " + public, "keys/empty": "# " + public, "keys/broken": "ada@example.com cert-authority " + public,
	})
	return c
}

func (c *signedCode) step(ref, keys string) CloneCode {
	return CloneCode{
		From: &Source{URL: c.url, Ref: ref}, VerifyKeys: keys, Settings: c.settings,
		Into: filepath.Join(c.t.TempDir(), "code"), Cloned: &gitclone.Result{},
	}
}

func TestSignedCode(t *testing.T) {
	c := startSignedCode(t)
	link(t, "allowed", filepath.Join(c.settings, "keys", "link"))
	for ref, object := range map[string]string{"v1": "tag v1", c.signed: "commit"} {
		for _, keys := range []string{"keys/allowed", "keys/link"} {
			s := newStage(t)
			step := c.step(ref, keys)
			s.mustRun(step)
			e := s.event("code cloned")
			if e["signed_by"] != "ada@example.com" || e["signed_with"] != c.fingerprint || e["signed"] != object || e["commit"] != step.Cloned.Commit {
				t.Errorf("%s: got %v", ref, e)
			}
		}
	}
	s := newStage(t)
	s.mustRun(c.step("main", ""))
	if e := s.event("code cloned"); e["signed_by"] != nil {
		t.Errorf("nothing was asked for, and the log says %v", e)
	}
}

func TestCodeThatNobodyVouchesForIsRefused(t *testing.T) {
	c := startSignedCode(t)
	for ref, want := range map[string]string{
		"main": "carries no signature", c.newest: "carries no signature", "theirs": "not in the file of keys",
		"v2": `its name is "v1"`, "refs/pull/7/head": "carries no signature",
		c.tagged: "carries no signature", // the tag vouches for it, the hash alone does not
	} {
		s := newStage(t)
		step := c.step(ref, "keys/allowed")
		err := s.run(step)
		if err == nil || fault.ExitCode(err) != fault.ExitRunner {
			t.Fatalf("%s was cloned: %v", ref, err)
		}
		contains(t, ref, err.Error(), want, "keys/allowed", "CODE_GIT_VERIFY_KEYS")
		contains(t, "hint", fault.Hint(err), "git tag -s")
		if step.Cloned.Commit != "" || s.count("code cloned") != 0 {
			t.Errorf("%s: the step goes on", ref)
		}
		wantNothing(t, step.Into)
	}
}

// A file of keys that is missing, empty or not understood is no missing check.
func TestKeysThatCannotBeUsed(t *testing.T) {
	c := startSignedCode(t)
	outside := t.TempDir()
	write(t, outside, map[string]string{"keys": readFile(t, c.settings, "keys/allowed")})
	link(t, filepath.Join(outside, "keys"), filepath.Join(c.settings, "keys", "out"))
	link(t, outside, filepath.Join(c.settings, "folder"))
	link(t, "loop", filepath.Join(c.settings, "keys", "loop"))
	for keys, want := range map[string]string{
		"keys/missing": "does not exist", "keys": "no regular file", "keys/empty": "no key in it", "keys/broken": "line 1: option \"cert-authority\"",
		"keys/out": "outside the repository", "folder/keys": "outside the repository", "../" + filepath.Base(outside) + "/keys": "outside the repository", "keys/loop": "too many",
	} {
		s := newStage(t)
		step := c.step("v1", keys)
		step.From.URL = filepath.Join(outside, "never asked")
		err := s.run(step)
		if err == nil || fault.ExitCode(err) != fault.ExitRunner {
			t.Fatalf("%s was taken: %v", keys, err)
		}
		contains(t, keys, err.Error(), want, keys, "CODE_GIT_VERIFY_KEYS")
		if fault.Hint(err) == "" {
			t.Errorf("%s: no hint", keys)
		}
		wantNothing(t, step.Into)
	}
	if _, err := os.Stat(filepath.Join(outside, "keys")); err != nil {
		t.Fatal(err)
	}
}

func TestReachableFromABranch(t *testing.T) {
	c := startSignedCode(t)
	pull := c.git("rev-parse", "refs/pull/7/head")
	for _, filter := range []string{"true", "false"} {
		c.git("config", "uploadpack.allowFilter", filter)
		for _, ref := range []string{"main", "v1", c.signed} {
			step := c.step(ref, "")
			step.ReachableFrom = "main"
			newStage(t).mustRun(step)
		}
		for _, ref := range []string{pull, "refs/pull/7/head"} {
			step := c.step(ref, "")
			step.ReachableFrom = "main"
			err := newStage(t).run(step)
			if err == nil || fault.ExitCode(err) != fault.ExitRunner {
				t.Fatalf("%s was cloned: %v", ref, err)
			}
			contains(t, ref, err.Error(), pull, `branch "main"`, "pull request")
			contains(t, "hint", fault.Hint(err), "CODE_GIT_REACHABLE_FROM", "merged")
			wantNothing(t, step.Into)
		}
	}
	step := c.step("v1", "keys/allowed")
	step.ReachableFrom = "release"
	err := newStage(t).run(step)
	if err == nil {
		t.Fatal("there is no such branch")
	}
	contains(t, "no branch", err.Error(), `"release", from which`, "is no branch there")
	wantNothing(t, step.Into)
	want := "{on_branch release} {signed_by a key of " + filepath.Base(c.settings) + "/keys/allowed}"
	var shown []string
	for _, p := range step.Params() {
		shown = append(shown, "{"+p.Name+" "+p.Value+"}")
	}
	contains(t, "params", strings.Join(shown, " "), want)
}
