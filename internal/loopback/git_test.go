package loopback

import (
	"bytes"
	"compress/gzip"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	gogit "github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/config"
	"github.com/go-git/go-git/v5/plumbing"
)

func servePublic(t *testing.T, s *Server, repo GitRepository) (commits []string) {
	t.Helper()
	repo.Dir, commits = bareRepo(t)
	if err := s.ServeGit("code", repo); err != nil {
		t.Fatal(err)
	}
	return commits
}

func TestPlainClone(t *testing.T) {
	s := start(t, Options{})
	commits := servePublic(t, s, GitRepository{})
	into := filepath.Join(t.TempDir(), "clone")
	testGit(t, "", "clone", "-q", s.URL()+"/git/code.git", into)
	if got, want := testGit(t, into, "rev-parse", "HEAD"), commits[1]; got != want {
		t.Errorf("got commit %s, want %s", got, want)
	}
	if out, err := tryGit(t, into, "push", "origin", "HEAD:refs/heads/new"); err == nil || !strings.Contains(out, "403") {
		t.Errorf("push: got %v, want a 403\n%s", err, out)
	}
	for path, want := range map[string]int{
		"/git/other.git/info/refs?service=git-upload-pack":                         404,
		"/git/code/info/refs?service=git-upload-pack":                              404,
		"/git/code.git/../code.git/HEAD":                                           404,
		"/git/code.git/config":                                                     404,
		"/git/code.git/objects/info/packs":                                         404,
		"/git/code.git/git-upload-pack":                                            404,
		"/git/code.git/info/refs?service=git-upload-pack&service=git-receive-pack": 404,
	} {
		if got, _ := get(t, s.URL()+path); got != want {
			t.Errorf("%s: got %d, want %d", path, got, want)
		}
	}
}

func TestPlainToken(t *testing.T) {
	s := start(t, Options{})
	servePublic(t, s, GitRepository{Token: "t0ken"})
	const path = "/git/code.git/info/refs?service=git-upload-pack"
	for _, test := range []struct {
		user, password string
		want           int
	}{{"", "", 401}, {"git", "", 401}, {"t0ken", "", 401}, {"git", "T0ken", 401}, {"x-access-token", "t0ken", 200}} {
		if got := ask(t, s, path, test.user, test.password); got != test.want {
			t.Errorf("%s:%s: got %d, want %d", test.user, test.password, got, test.want)
		}
	}
	testGit(t, "", "ls-remote", strings.Replace(s.URL(), "http://", "http://git:t0ken@", 1)+"/git/code.git")
}

// go-git fetches a commit by its name only if the server offers that.
func TestExactCommits(t *testing.T) {
	for _, no := range []bool{false, true} {
		s := start(t, Options{})
		commits := servePublic(t, s, GitRepository{NoExactCommits: no})
		repo, err := gogit.PlainInit(t.TempDir(), false)
		if err != nil {
			t.Fatal(err)
		}
		remote, err := repo.CreateRemote(&config.RemoteConfig{Name: "origin", URLs: []string{s.URL() + "/git/code.git"}})
		if err != nil {
			t.Fatal(err)
		}
		err = remote.FetchContext(t.Context(), &gogit.FetchOptions{
			Depth: 1, RefSpecs: []config.RefSpec{config.RefSpec(commits[0] + ":refs/heads/x")},
		})
		if no {
			if err == nil || !strings.Contains(err.Error(), "exact SHA1") {
				t.Errorf("switched off: got %v, want go-git's refusal", err)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if _, err := repo.CommitObject(plumbing.NewHash(commits[0])); err != nil {
			t.Errorf("the older commit did not arrive: %v", err)
		}
	}
}

// git compresses long requests and sends the longest in chunks.
func TestChunkedAndCompressedRequest(t *testing.T) {
	s := start(t, Options{})
	servePublic(t, s, GitRepository{})
	var body bytes.Buffer
	z := gzip.NewWriter(&body)
	io.WriteString(z, "0014command=ls-refs\n0000")
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL()+"/git/code.git/git-upload-pack", io.MultiReader(&body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-git-upload-pack-request")
	r.Header.Set("Content-Encoding", "gzip")
	r.Header.Set("Git-Protocol", "version=2")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != 200 || !strings.Contains(string(got), "refs/heads/main") {
		t.Errorf("got %d %q, %v, want the list of branches", resp.StatusCode, got, err)
	}
}

// What the git children see of this process and of the client.
func TestChildEnvironment(t *testing.T) {
	t.Setenv("CANARY_OF_THE_PROCESS", "canary")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "canary")
	t.Setenv("GIT_DIR", "/canary")
	s := start(t, Options{})
	servePublic(t, s, GitRepository{Token: "t0ken"})
	script := filepath.Join(t.TempDir(), "backend")
	write(t, filepath.Dir(script), "backend", "#!/bin/sh\nenv\n")
	if err := os.Chmod(script, 0o755); err != nil {
		t.Fatal(err)
	}
	s.git = script
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL()+"/git/code.git/info/refs?service=git-upload-pack", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.SetBasicAuth("user", "t0ken")
	r.Header.Set("Cookie", "canary=1")
	r.Header.Set("X-Amz-Security-Token", "canary")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	out, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	got := string(out)
	for _, no := range []string{"canary", "AUTHORIZATION", "t0ken", "COOKIE"} {
		if strings.Contains(got, no) {
			t.Errorf("the child sees %q:\n%s", no, got)
		}
	}
	for _, want := range []string{"GIT_CONFIG_NOSYSTEM=1\n", "GIT_CONFIG_GLOBAL=/dev/null\n", "HOME=/dev/null\n", "GIT_PROTOCOL=\n"} {
		if !strings.Contains(got, want) {
			t.Errorf("the child does not see %q:\n%s", want, got)
		}
	}
	out2, err := git(t.Context(), command{env: sealedEnv(), args: []string{"-c", "alias.env=!env", "env"}})
	if err != nil || strings.Contains(out2, "canary") {
		t.Errorf("got %v, and the environment of git:\n%s", err, out2)
	}
}

func TestRepositoryOfAnotherUser(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can give files away")
	}
	s := start(t, Options{})
	dir, _ := bareRepo(t)
	err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(path, 12345, 12345)
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.ServeGit("code", GitRepository{Dir: dir}); err != nil {
		t.Fatal(err)
	}
	testGit(t, "", "ls-remote", s.URL()+"/git/code.git")
}

func TestMissingGitIsSaid(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	if _, err := Start(t.Context(), Options{}); err == nil || !strings.Contains(err.Error(), `"git"`) {
		t.Errorf("got %v, want an error that names git", err)
	}
}
