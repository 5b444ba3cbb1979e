package loopback

import (
	"crypto/hmac"
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"spa-runner/internal/oracle"
)

// gitPassword signs from first principles, sharing no code with the server.
func gitPassword(secret, host, region, path string, at time.Time) string {
	chain := func(key []byte, data string) []byte {
		h := hmac.New(sha256.New, key)
		fmt.Fprint(h, data)
		return h.Sum(nil)
	}
	stamp := at.UTC().Format("20060102T150405")
	request := sha256.Sum256(fmt.Appendf(nil, "GIT\n%s\n\nhost:%s\n\nhost\n", path, host))
	toSign := fmt.Sprintf("AWS4-HMAC-SHA256\n%s\n%s/%s/codecommit/aws4_request\n%x", stamp, stamp[:8], region, request)
	key := chain(chain(chain(chain([]byte("AWS4"+secret), stamp[:8]), region), "codecommit"), "aws4_request")
	return fmt.Sprintf("%sZ%x", stamp, chain(key, toSign))
}

// ask sends the first request of a fetch.
func ask(t *testing.T, s *Server, path, user, password string) int {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL()+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if user != "" {
		r.SetBasicAuth(user, password)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusUnauthorized && resp.Header.Get("WWW-Authenticate") == "" {
		t.Error("a 401 without WWW-Authenticate: git would not ask for credentials")
	}
	return resp.StatusCode
}

func serveSettings(t *testing.T, s *Server, repo CodeCommitRepository) []string {
	t.Helper()
	dir, commits := bareRepo(t)
	repo.Dir, repo.Account = dir, "111111111111"
	if err := s.ServeCodeCommit("Settings.v1", repo); err != nil {
		t.Fatal(err)
	}
	return commits
}

func TestCodeCommitSignature(t *testing.T) {
	clock := &movable{}
	s := start(t, Options{Clock: clock.now})
	serveSettings(t, s, CodeCommitRepository{})
	owner := assume(t, s, settingsRole)
	other := assume(t, s, "arn:aws:iam::333333333333:role/Settings")
	const path, host, region = "/v1/repos/Settings.v1", "127.0.0.1", "eu-west-1"
	now := time.Now()
	user := func(c aws.Credentials) string { return c.AccessKeyID + "%" + c.SessionToken }
	good := gitPassword(owner.SecretAccessKey, host, region, path, now)
	sign := func(host, region, path string, at time.Time) string {
		return gitPassword(owner.SecretAccessKey, host, region, path, at)
	}
	tests := []struct {
		name, user, password string
		status               int
	}{
		{"as it should be", user(owner), good, 200},
		{"14 minutes old", user(owner), sign(host, region, path, now.Add(-14*time.Minute)), 200},
		{"16 minutes old", user(owner), sign(host, region, path, now.Add(-16*time.Minute)), 403},
		{"16 minutes early", user(owner), sign(host, region, path, now.Add(16*time.Minute)), 403},
		{"other region", user(owner), sign(host, "us-east-1", path, now), 403},
		{"other host", user(owner), sign("localhost", region, path, now), 403},
		{"host with port", user(owner), sign(strings.TrimPrefix(s.URL(), "http://"), region, path, now), 403},
		{"other repository", user(owner), sign(host, region, "/v1/repos/Other", now), 403},
		{"last digit changed", user(owner), good[:len(good)-1] + map[bool]string{true: "1", false: "0"}[good[len(good)-1] == '0'], 403},
		{"time changed", user(owner), now.UTC().Add(time.Second).Format(timeFormat) + good[16:], 403},
		{"no signature", user(owner), "secret", 403},
		{"no such day", user(owner), "20261399T000000Z" + good[16:], 403},
		{"secret of another session", user(owner), gitPassword(other.SecretAccessKey, host, region, path, now), 403},
		{"other account", user(other), gitPassword(other.SecretAccessKey, host, region, path, now), 403},
		{"service role", user(s.ServiceCredentials()), gitPassword(s.ServiceCredentials().SecretAccessKey, host, region, path, now), 403},
		{"unknown session", "ASIAFAKEUNKNOWN%" + owner.SessionToken, good, 403},
		{"no token", owner.AccessKeyID, good, 403},
		{"token of another session", owner.AccessKeyID + "%" + other.SessionToken, good, 403},
		{"no credentials", "", "", 401},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := ask(t, s, path+"/info/refs?service=git-upload-pack", test.user, test.password); got != test.status {
				t.Errorf("got %d, want %d", got, test.status)
			}
		})
	}
	t.Run("unknown repository", func(t *testing.T) {
		for _, name := range []string{"Unknown", "Settings.v1.git"} {
			path := "/v1/repos/" + name
			if got := ask(t, s, path+"/info/refs?service=git-upload-pack", user(owner), sign(host, region, path, now)); got != 404 {
				t.Errorf("%s: got %d, want 404", name, got)
			}
		}
		if got := ask(t, s, "/v1/repos/Unknown/info/refs?service=git-upload-pack", "nobody", "nothing"); got != 403 {
			t.Errorf("asked by a stranger: got %d, want 403", got)
		}
	})
	t.Run("push and others", func(t *testing.T) {
		for operation, want := range map[string]int{"/info/refs?service=git-receive-pack": 403, "/info/refs": 404, "/HEAD": 404, "": 404} {
			if got := ask(t, s, path+operation, user(owner), good); got != want {
				t.Errorf("%q: got %d, want %d", operation, got, want)
			}
		}
	})
	t.Run("expired session", func(t *testing.T) {
		clock.move(61 * time.Minute)
		if got := ask(t, s, path+"/info/refs?service=git-upload-pack", user(owner), sign(host, region, path, clock.now())); got != 403 {
			t.Errorf("got %d, want 403", got)
		}
	})
}

// cloneURL carries the credentials, as git-remote-codecommit hands them to git.
func cloneURL(s *Server, c aws.Credentials, password, path string) string {
	u, err := url.Parse(s.URL() + path)
	if err != nil {
		panic(err)
	}
	u.User = url.UserPassword(c.AccessKeyID+"%"+c.SessionToken, password)
	return u.String()
}

func TestCodeCommitClone(t *testing.T) {
	s := start(t, Options{})
	commits := serveSettings(t, s, CodeCommitRepository{Region: "eu-west-3", Host: "git-codecommit.eu-west-3.amazonaws.com"})
	c := assume(t, s, settingsRole)
	const path = "/v1/repos/Settings.v1"
	from := cloneURL(s, c, gitPassword(c.SecretAccessKey, "git-codecommit.eu-west-3.amazonaws.com", "eu-west-3", path, time.Now()), path)
	into := filepath.Join(t.TempDir(), "clone")
	testGit(t, "", "clone", "-q", "--depth", "1", "--branch", "main", from, into)
	if got, want := testGit(t, into, "rev-parse", "HEAD"), commits[1]; got != want {
		t.Errorf("got commit %s, want %s", got, want)
	}
	if out, err := tryGit(t, into, "push", from, "HEAD:refs/heads/new"); err == nil || !strings.Contains(out, "403") {
		t.Errorf("push: got %v, want a 403\n%s", err, out)
	}
	wrong := cloneURL(s, c, gitPassword(c.SecretAccessKey, "127.0.0.1", "eu-west-3", path, time.Now()), path)
	if out, err := tryGit(t, "", "ls-remote", wrong); err == nil || !strings.Contains(out, "403") {
		t.Errorf("signed for another host: got %v, want a 403\n%s", err, out)
	}
}

// The AWS CLI's own credential helper, asked by git after a 401.
func TestCodeCommitCredentialHelper(t *testing.T) {
	t.Parallel()
	oracle.Need(t, os.Getenv)
	needsAWS(t)
	s := start(t, Options{})
	commits := serveSettings(t, s, CodeCommitRepository{})
	const helper = `!f() { test "$1" != get || aws codecommit credential-helper get --ignore-host-check; }; f`
	clone := func(role, into string) (string, error) {
		cmd := exec.CommandContext(t.Context(), "git", "-c", "credential.helper=", "-c", "credential.helper="+helper, "-c", "credential.useHttpPath=true",
			"clone", "-q", s.URL()+"/v1/repos/Settings.v1", into)
		cmd.Env = append(awsEnv(s, assume(t, s, role)), "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null", "GIT_TERMINAL_PROMPT=0")
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	into := filepath.Join(t.TempDir(), "clone")
	if out, err := clone(settingsRole, into); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if got, want := testGit(t, into, "rev-parse", "HEAD"), commits[1]; got != want {
		t.Errorf("got commit %s, want %s", got, want)
	}
	if out, err := clone("arn:aws:iam::333333333333:role/Deploy", into+"2"); err == nil || !strings.Contains(out, "403") {
		t.Errorf("role of another account: got %v, want a 403\n%s", err, out)
	}
}

func TestServeCodeCommitRefusesNonsense(t *testing.T) {
	s := start(t, Options{})
	dir, _ := bareRepo(t)
	tests := []struct{ name, account, dir, want string }{
		{"Settings", "", dir, "12 digits"},
		{"a/b", "111111111111", dir, "no name"},
		{"Settings.git", "111111111111", dir, "no name"},
		{"Settings", "111111111111", t.TempDir(), "no bare repository"},
		{"Settings", "111111111111", "relative", "absolute"},
	}
	for _, test := range tests {
		err := s.ServeCodeCommit(test.name, CodeCommitRepository{Dir: test.dir, Account: test.account})
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%+v: got %v, want an error with %q", test, err, test.want)
		}
	}
}
