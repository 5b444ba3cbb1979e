package steps

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"spa-runner/internal/fault"
	"spa-runner/internal/gitclone"
	"spa-runner/internal/loopback"
	"spa-runner/pipeline"
)

// codeServer serves a repository with a branch, a tag and what a pull request
// leaves, and counts the packs that were asked for.
type codeServer struct {
	url    string
	first  string // commit of the tag v1
	second string // head of main and of refs/pull/7/head
	packs  atomic.Int64
}

const codeToken = "ghp_0123456789abcdef"

func startCode(t *testing.T, token string) *codeServer {
	t.Helper()
	r := newRepository(t)
	c := &codeServer{first: r.commit(map[string]string{"Makefile": "first:\n"})}
	r.git("tag", "--annotate", "--message=one", "v1")
	c.second = r.commit(map[string]string{"Makefile": "second:\n"})
	r.git("update-ref", "refs/pull/7/head", c.second)
	server := startAWS(t, loopback.Options{Middleware: func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.HasSuffix(r.URL.Path, "/git-upload-pack") {
				c.packs.Add(1)
			}
			next.ServeHTTP(w, r)
		})
	}})
	if err := server.ServeGit("code", loopback.GitRepository{Dir: r.bare(), Token: token}); err != nil {
		t.Fatal(err)
	}
	c.url = server.URL() + "/git/code.git"
	return c
}

func (c *codeServer) step(t *testing.T, ref, commit string) CloneCode {
	t.Helper()
	return CloneCode{
		From: &Source{URL: c.url, Ref: ref, Commit: commit},
		Into: filepath.Join(t.TempDir(), "code"), Cloned: &gitclone.Result{},
	}
}

const movingWarning = "the code is at a branch or another moving ref: the next run may deploy something else. " +
	"Set CODE_GIT_BRANCH to a tag, or to this commit"

func TestCloneCode(t *testing.T) {
	c := startCode(t, "")
	for _, test := range []struct {
		ref, commit, want, kind string
		warned                  bool
	}{
		{"main", "", c.second, "branch", true},
		{"main", c.second, c.second, "branch", false},
		{"refs/pull/7/head", "", c.second, "ref", true},
		{"v1", "", c.first, "tag", false},
		{c.first, "", c.first, "commit", false},
	} {
		s := newStage(t)
		step := c.step(t, test.ref, test.commit)
		s.mustRun(step)
		e := s.event("code cloned")
		if step.Cloned.Commit != test.want || e["commit"] != test.want || e["kind"] != test.kind {
			t.Errorf("%s: got %v and %+v", test.ref, e, step.Cloned)
		}
		want := map[string]string{c.first: "first:\n", c.second: "second:\n"}[test.want]
		if got := readFile(t, step.Into, "Makefile"); got != want {
			t.Errorf("%s: got %q, want %q", test.ref, got, want)
		}
		if test.warned {
			if got := s.event(movingWarning)["commit"]; got != test.want {
				t.Errorf("%s: the warning says %v", test.ref, got)
			}
		} else if s.count(movingWarning) != 0 {
			t.Errorf("%s is warned about", test.ref)
		}
	}
}

func TestCloneCodeNamesAndParams(t *testing.T) {
	step := CloneCode{From: &Source{URL: "https://user:password@example.com/code.git", Ref: "v1"}, Into: "/somewhere/code"}
	if got := step.Name(); got != "clone-code" {
		t.Errorf("got name %q", got)
	}
	if got, want := fmt.Sprint(step.Params()), "[{url https://example.com/code.git} {ref v1} {into code}]"; got != want {
		t.Errorf("got params %s, want %s", got, want)
	}
	// variables.sh may still change all of it.
	*step.From = Source{URL: "https://example.org/other.git", Ref: "v2", Commit: strings.Repeat("a", 40)}
	step.Token = pipeline.NewSecret(codeToken)
	want := "[{url https://example.org/other.git} {ref v2} {commit " + strings.Repeat("a", 40) + "} {token (secret)} {into code}]"
	if got := fmt.Sprint(step.Params()); got != want {
		t.Errorf("got params %s, want %s", got, want)
	}
}

func TestCloneCodeReadsItsSourceLate(t *testing.T) {
	c := startCode(t, "")
	s := newStage(t)
	step := c.step(t, "main", "")
	step.From.Ref, step.From.Commit = "v1", c.first
	s.mustRun(step)
	if step.Cloned.Commit != c.first {
		t.Errorf("got %s, want v1 at %s", step.Cloned.Commit, c.first)
	}
}

func TestRequirePinnedRefusesWhatMoves(t *testing.T) {
	c := startCode(t, "")
	for _, ref := range []string{"main", "refs/heads/main", "refs/pull/7/head"} {
		s := newStage(t)
		step := c.step(t, ref, "")
		step.RequirePinned = true
		err := s.run(step)
		if err == nil || fault.ExitCode(err) != fault.ExitRunner {
			t.Fatalf("%s was cloned: %v", ref, err)
		}
		contains(t, ref, err.Error(), "SPA_RUNNER_REQUIRE_PINNED", ref)
		contains(t, "hint", fault.Hint(err), "CODE_GIT_BRANCH", c.second)
		if c.packs.Load() != 0 || step.Cloned.Commit != "" {
			t.Errorf("%s was downloaded before it was refused", ref)
		}
		wantNothing(t, step.Into)
	}
}

func TestRequirePinnedAcceptsPins(t *testing.T) {
	c := startCode(t, "")
	for _, pin := range [][2]string{{"v1", ""}, {"refs/tags/v1", ""}, {c.first, ""}, {"main", c.second}, {"refs/pull/7/head", c.second}} {
		s := newStage(t)
		step := c.step(t, pin[0], pin[1])
		step.RequirePinned = true
		s.mustRun(step)
		if s.count(movingWarning) != 0 {
			t.Errorf("%v is warned about", pin)
		}
	}
}

func TestCloneCodeThatIsNotAtTheDemandedCommit(t *testing.T) {
	c := startCode(t, "")
	for _, ref := range []string{"main", "v1"} {
		demanded := map[string]string{"main": c.first, "v1": c.second}[ref]
		actual := map[string]string{"main": c.second, "v1": c.first}[ref]
		s := newStage(t)
		step := c.step(t, ref, demanded)
		err := s.run(step)
		if err == nil || fault.ExitCode(err) != fault.ExitRunner {
			t.Fatalf("%s at another commit was cloned: %v", ref, err)
		}
		contains(t, ref, err.Error(), demanded, actual)
		contains(t, "hint", fault.Hint(err), "CODE_GIT_COMMIT")
		wantNothing(t, step.Into)
	}
	if c.packs.Load() != 0 {
		t.Errorf("%d packs were downloaded before the mismatch was found", c.packs.Load())
	}
}

func TestCloneCodeWithAToken(t *testing.T) {
	c := startCode(t, codeToken)
	s := newStage(t)
	step := c.step(t, "v1", "")
	err := s.run(step)
	if err == nil {
		t.Fatal("cloned without the token")
	}
	contains(t, "hint", fault.Hint(err), "CODE_GIT_TOKEN")

	step.Token = pipeline.NewSecret(codeToken)
	s.mustRun(step)
	if strings.Contains(readFile(t, step.Into, ".git/config"), codeToken) {
		t.Error("the token is in the clone")
	}
	s.wantSilence(codeToken, base64.StdEncoding.EncodeToString([]byte(tokenUser+":"+codeToken)))
	if got := fmt.Sprintf("%+v %#v", step, step); strings.Contains(got, codeToken) {
		t.Errorf("the step prints its token: %s", got)
	}
}

// redirecting is the address of a server that has moved to another one.
func redirecting(t *testing.T, to string) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, to+r.URL.RequestURI(), http.StatusMovedPermanently)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

func TestCloneCodeFollowsARepositoryThatMoved(t *testing.T) {
	c := startCode(t, "")
	step := c.step(t, "v1", "")
	address, path, _ := strings.Cut(c.url, "/git/")
	step.From.URL = redirecting(t, address) + "/git/" + path
	newStage(t).mustRun(step)
	if step.Cloned.Commit != c.first {
		t.Errorf("got %+v, want %s", step.Cloned, c.first)
	}
}

// unfinished is a repository of which a clone has less than one would expect.
func unfinished(t *testing.T) repository {
	t.Helper()
	r := newRepository(t)
	r.commit(map[string]string{"big": "version https://git-lfs.github.com/spec/v1\noid sha256:" + strings.Repeat("a", 64) + "\nsize 12345\n"})
	r.git("update-index", "--add", "--cacheinfo", "160000,"+strings.Repeat("b", 40)+",module")
	r.git("commit", "--quiet", "--message=a submodule")
	return r
}

func (s *stage) wantCloneWarnings() {
	s.t.Helper()
	for _, message := range []string{
		`clone: 1 submodule(s) not cloned, their folders are empty: ["module"]`,
		`clone: 1 file(s) in Git LFS not downloaded, they are pointers: ["big"]`,
	} {
		if s.count(message) != 1 {
			s.t.Errorf("no warning %q in %s", message, s.everything())
		}
	}
}

func TestCloneCodeWarnsOfPointersAndSubmodules(t *testing.T) {
	server := startAWS(t, loopback.Options{})
	if err := server.ServeGit("code", loopback.GitRepository{Dir: unfinished(t).bare()}); err != nil {
		t.Fatal(err)
	}
	s := newStage(t)
	s.mustRun((&codeServer{url: server.URL() + "/git/code.git"}).step(t, "main", ""))
	s.wantCloneWarnings()
}
