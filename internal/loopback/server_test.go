package loopback

import (
	"bytes"
	"context"
	"io"
	"log"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

const settingsRole = "arn:aws:iam::111111111111:role/team/Settings"

func start(t *testing.T, opts Options) *Server {
	t.Helper()
	s, err := Start(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// movable is a clock that starts now and is moved by hand.
type movable struct{ offset atomic.Int64 }

func (m *movable) now() time.Time       { return time.Now().Add(time.Duration(m.offset.Load())) }
func (m *movable) move(d time.Duration) { m.offset.Add(int64(d)) }

// needsAWS skips where the AWS CLI is not installed, or only a shim of it.
func needsAWS(t *testing.T) {
	t.Helper()
	if err := exec.Command("aws", "--version").Run(); err != nil {
		t.Skipf("the aws CLI is not installed: %v", err)
	}
}

// stsClient does not retry, so that faults are seen once and at once.
func stsClient(s *Server, c aws.Credentials) *sts.Client {
	return sts.New(sts.Options{
		BaseEndpoint: aws.String(s.URL()),
		Region:       "eu-west-3",
		Credentials:  aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return c, nil }),
		Retryer:      aws.NopRetryer{},
	})
}

// assume gets the credentials of a session named "test".
func assume(t *testing.T, s *Server, role string) aws.Credentials {
	t.Helper()
	out, err := stsClient(s, s.ServiceCredentials()).AssumeRole(t.Context(), &sts.AssumeRoleInput{
		RoleArn: aws.String(role), RoleSessionName: aws.String("test"),
	})
	if err != nil {
		t.Fatal(err)
	}
	return aws.Credentials{
		AccessKeyID:     *out.Credentials.AccessKeyId,
		SecretAccessKey: *out.Credentials.SecretAccessKey,
		SessionToken:    *out.Credentials.SessionToken,
	}
}

// awsEnv is the environment of a real client that is pointed at the server.
func awsEnv(s *Server, c aws.Credentials) []string {
	return []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME"), "AWS_CONFIG_FILE=/dev/null", "AWS_SHARED_CREDENTIALS_FILE=/dev/null",
		"AWS_ENDPOINT_URL=" + s.URL(), "AWS_REGION=eu-west-1", "AWS_DEFAULT_REGION=eu-west-1", "AWS_MAX_ATTEMPTS=1",
		"AWS_ACCESS_KEY_ID=" + c.AccessKeyID, "AWS_SECRET_ACCESS_KEY=" + c.SecretAccessKey, "AWS_SESSION_TOKEN=" + c.SessionToken,
	}
}

// testGit runs git as a user without any configuration of this machine.
func testGit(t *testing.T, dir string, args ...string) string {
	t.Helper()
	out, err := tryGit(t, dir, args...)
	if err != nil {
		t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(out)
}

func tryGit(t *testing.T, dir string, args ...string) (string, error) {
	t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir = dir
	cmd.Env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "LC_ALL=C", "GIT_CONFIG_NOSYSTEM=1", "GIT_TERMINAL_PROMPT=0",
		"GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@b", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@b", "GIT_ALLOW_PROTOCOL=file:http",
	}
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// bareRepo has two commits on main and returns them, the older one first.
func bareRepo(t *testing.T) (dir string, commits []string) {
	t.Helper()
	work := t.TempDir()
	dir = filepath.Join(t.TempDir(), "repo.git")
	testGit(t, work, "init", "-q", "-b", "main")
	for _, content := range []string{"one", "two"} {
		write(t, work, "file", content)
		testGit(t, work, "add", ".")
		testGit(t, work, "commit", "-q", "-m", content)
		commits = append(commits, testGit(t, work, "rev-parse", "HEAD"))
	}
	testGit(t, work, "clone", "-q", "--bare", work, dir)
	return dir, commits
}

func write(t *testing.T, dir, name, content string) {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

func get(t *testing.T, url string) (status int, body string) {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

func TestServerListensOnLoopbackAlone(t *testing.T) {
	s := start(t, Options{})
	if !strings.HasPrefix(s.URL(), "http://127.0.0.1:") || strings.HasSuffix(s.URL(), "/") {
		t.Errorf("got %s, want http://127.0.0.1:PORT", s.URL())
	}
}

func TestServerEndsWithCloseAndWithContext(t *testing.T) {
	closed := start(t, Options{})
	closed.Close()
	closed.Close()
	if _, err := http.Get(closed.URL()); err == nil {
		t.Error("the server answers after Close")
	}

	ctx, cancel := context.WithCancel(t.Context())
	cancelled, err := Start(ctx, Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cancelled.Close)
	cancel()
	for err == nil { // for ever, where the server outlives its context
		var res *http.Response
		if res, err = http.Get(cancelled.URL()); err == nil {
			res.Body.Close()
		}
	}
}

func TestCloseWaitsForAnswersUnderWay(t *testing.T) {
	entered, answered := make(chan struct{}), atomic.Bool{}
	s := start(t, Options{Middleware: func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			close(entered)
			time.Sleep(100 * time.Millisecond)
			answered.Store(true)
			next.ServeHTTP(w, r)
		})
	}})
	go http.Get(s.URL())
	<-entered
	s.Close()
	if !answered.Load() {
		t.Error("Close returned before the answer under way")
	}
}

func TestMiddlewareWrapsEverything(t *testing.T) {
	s := start(t, Options{Middleware: func(http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })
	}})
	for _, path := range []string{"/", "/v1/repos/x/info/refs", "/git/x.git/info/refs"} {
		if got, _ := get(t, s.URL()+path); got != http.StatusTeapot {
			t.Errorf("%s: got status %d, want the middleware's", path, got)
		}
	}
}

func TestLogTakesConcurrentWriters(t *testing.T) {
	var buffer bytes.Buffer // not safe for concurrent use: -race watches
	s := start(t, Options{Log: &buffer})
	done := make(chan struct{})
	for range 4 {
		go func() {
			defer func() { done <- struct{}{} }()
			log.New(s.log, "", 0).Print("line")
		}()
	}
	for range 4 {
		<-done
	}
	if got, want := buffer.String(), strings.Repeat("line\n", 4); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
