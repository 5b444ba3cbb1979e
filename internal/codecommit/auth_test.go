package codecommit

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing/transport"
	githttp "github.com/go-git/go-git/v5/plumbing/transport/http"
)

var session = aws.Credentials{
	AccessKeyID: "ASIAIOSFODNN7EXAMPLE", SecretAccessKey: "wJalrXUtnFEMI/K7MDENG", SessionToken: "IQoJb3JpZ2lu/token+with/all==",
	CanExpire: true, Expires: noon.Add(time.Hour),
}

var noon = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)

// ticking is a clock that goes one second forward each time it is read.
func ticking() func() time.Time {
	var mu sync.Mutex
	now := noon
	return func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		now = now.Add(time.Second)
		return now
	}
}

func frozen() time.Time { return noon }

func ignore(...string) {}

func mustParse(t *testing.T, raw string, env Defaults) Repository {
	t.Helper()
	repo, _, err := Parse(raw, env)
	if err != nil {
		t.Fatal(err)
	}
	return repo
}

func mustAuth(t *testing.T, repo Repository, now func() time.Time, register func(...string)) *Auth {
	t.Helper()
	auth, err := NewAuth(session, repo, now, register)
	if err != nil {
		t.Fatal(err)
	}
	return auth
}

func request(t *testing.T, url string) *http.Request {
	t.Helper()
	r, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestNewAuthRefuses(t *testing.T) {
	repo := mustParse(t, "codecommit://R", ireland)
	expired, noKeys, noSecret := session, session, session
	expired.Expires = noon
	noKeys.AccessKeyID, noKeys.SecretAccessKey = "", ""
	noSecret.SecretAccessKey = ""
	for _, c := range []struct {
		name     string
		creds    aws.Credentials
		repo     Repository
		now      func() time.Time
		register func(...string)
		want     string
	}{
		{"expired", expired, repo, frozen, ignore, "the credentials expired at 2026-06-01T12:00:00Z"},
		{"no keys", noKeys, repo, frozen, ignore, "credentials are empty"},
		{"no secret key", noSecret, repo, frozen, ignore, "credentials are empty"},
		{"nothing", aws.Credentials{}, repo, frozen, ignore, "credentials are empty"},
		{"no repository", session, Repository{}, frozen, ignore, "does not come from Parse"},
		{"another host in the URL", session, Repository{"eu-west-1", "R", regional, "https://evil.example/v1/repos/R"}, frozen, ignore, "does not come from Parse"},
		{"no clock", session, repo, nil, ignore, "required"},
		{"nowhere to register", session, repo, frozen, nil, "required"},
	} {
		auth, err := NewAuth(c.creds, c.repo, c.now, c.register)
		if auth != nil || err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: NewAuth = %v, %v, want an error with %q", c.name, auth, err, c.want)
		}
		if err != nil && (strings.Contains(err.Error(), session.SecretAccessKey) || strings.Contains(err.Error(), session.SessionToken)) {
			t.Errorf("%s: the error shows a secret: %v", c.name, err)
		}
	}
	session := session
	session.CanExpire, session.Expires = false, time.Time{}
	if _, err := NewAuth(session, repo, frozen, ignore); err != nil {
		t.Errorf("with credentials that do not expire: %v", err)
	}
}

func TestSetAuthSignsEachRequestAnew(t *testing.T) {
	repo := mustParse(t, "codecommit://R", ireland)
	auth := mustAuth(t, repo, ticking(), ignore) // which reads the clock once
	for i := range 3 {
		r := request(t, repo.URL+"/info/refs?service=git-upload-pack")
		auth.SetAuth(r)
		user, password, ok := r.BasicAuth()
		wantUser, wantPassword := Sign(session, repo, noon.Add(time.Duration(2+i)*time.Second))
		if !ok || user != wantUser || password != wantPassword {
			t.Errorf("request %d has %s and %s, want %s and %s", i, user, password, wantUser, wantPassword)
		}
	}
}

// Once made, Auth never leaves a request of its own anonymous: what has expired meanwhile is signed and refused by AWS,
// which says so.
func TestSetAuthAfterExpiryIsNotAnonymous(t *testing.T) {
	repo := mustParse(t, "codecommit://R", ireland)
	now := noon
	auth := mustAuth(t, repo, func() time.Time { return now }, ignore)
	now = session.Expires.Add(time.Hour)
	r := request(t, repo.URL+"/git-upload-pack")
	auth.SetAuth(r)
	if _, _, ok := r.BasicAuth(); !ok {
		t.Error("a request after the credentials have expired is anonymous")
	}
}

func TestSetAuthSignsForItsOwnRepositoryAlone(t *testing.T) {
	repo := mustParse(t, "codecommit://R", ireland)
	auth := mustAuth(t, repo, frozen, ignore)
	for _, url := range []string{
		"https://evil.example/v1/repos/R/info/refs",
		"https://git-codecommit.us-east-1.amazonaws.com/v1/repos/R/info/refs",
		"https://" + regional + ".evil.example/v1/repos/R/info/refs",
		"https://evil.example:443/" + regional + "/v1/repos/R/info/refs",
		"https://" + regional + "@evil.example/v1/repos/R/info/refs",
		"https://" + regional + ":8443/v1/repos/R/info/refs",
		"http://" + regional + "/v1/repos/R/info/refs",
		"https://" + regional + "/v1/repos/R2/info/refs",
		"https://" + regional + "/info/refs",
	} {
		r := request(t, url)
		auth.SetAuth(r)
		if got := r.Header; len(got) > 0 {
			t.Errorf("a request to %s got %v", url, got)
		}
	}
	r := request(t, repo.URL+"/info/refs")
	auth.SetAuth(r)
	if r.Header.Get("Authorization") == "" {
		t.Error("a request to the repository itself got nothing")
	}
}

func TestSecretsAreRegisteredBeforeTheyAreUsed(t *testing.T) {
	repo := mustParse(t, "codecommit://R", ireland)
	r := request(t, repo.URL+"/info/refs")
	var registered []string
	auth := mustAuth(t, repo, ticking(), func(secrets ...string) {
		if r.Header.Get("Authorization") != "" {
			t.Error("the request was signed before the password was registered")
		}
		registered = append(registered, secrets...)
	})
	if len(registered) > 0 {
		t.Errorf("%q were registered before there was a request", registered)
	}
	for range 2 {
		r = request(t, repo.URL+"/info/refs")
		auth.SetAuth(r)
		user, password, _ := r.BasicAuth()
		header := strings.TrimPrefix(r.Header.Get("Authorization"), "Basic ")
		for _, want := range []string{password, user, "ASIAIOSFODNN7EXAMPLE%25IQoJb3JpZ2lu%2Ftoken%2Bwith%2Fall%3D%3D", header} {
			if !slices.Contains(registered, want) {
				t.Errorf("%q is used and was not registered", want)
			}
		}
		registered = nil
	}
}

// However Auth is printed, and in whatever it lies, no key, token or password comes out.
func TestAuthPrintsNoSecret(t *testing.T) {
	repo := mustParse(t, "codecommit://R", ireland)
	auth := mustAuth(t, repo, frozen, ignore)
	r := request(t, repo.URL+"/info/refs")
	auth.SetAuth(r)
	user, password, _ := r.BasicAuth()
	secrets := []string{session.AccessKeyID, session.SecretAccessKey, session.SessionToken, user, password, password[17:]}

	type step struct {
		auth  *Auth
		Any   githttp.AuthMethod
		value Auth
	}
	holder := step{auth, auth, *auth}
	var said []string
	for _, v := range []any{auth, *auth, holder, &holder, []*Auth{auth}, []Auth{*auth}, map[string]any{"a": *auth}, git.CloneOptions{Auth: auth}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			said = append(said, fmt.Sprintf(verb, v))
		}
	}
	encoded, err := json.Marshal(map[string]any{"auth": auth, "value": *auth})
	if err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "auth", auth, "value", *auth)
	said = append(said, string(encoded), log.String(), auth.String(), auth.Name(), fmt.Sprintf("%+v", repo))
	for _, s := range said {
		for _, secret := range secrets {
			if strings.Contains(s, secret) || strings.Contains(s, fmt.Sprintf("%x", secret)) {
				t.Errorf("%q comes out in %s", secret, s)
			}
		}
	}
	if got, want := auth.String(), "codecommit-sigv4"; got != want {
		t.Errorf("String() = %q, want %q", got, want)
	}
}

// server is a CodeCommit of one repository behind the signature check, with git's own server; it counts the passwords.
func server(t *testing.T, dir string, passwords *[]string) *httptest.Server {
	t.Helper()
	backend, err := exec.Command("git", "--exec-path").Output()
	if err != nil {
		t.Fatal(err)
	}
	serve := &cgi.Handler{
		Path: filepath.Join(strings.TrimSpace(string(backend)), "git-http-backend"),
		Root: strings.TrimSuffix(reposPath, "/"),
		Env:  []string{"GIT_PROJECT_ROOT=" + dir, "GIT_HTTP_EXPORT_ALL=1", "GIT_CONFIG_NOSYSTEM=1", "HOME=" + dir},
	}
	var mu sync.Mutex
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, password, _ := r.BasicAuth()
		host, _, _ := strings.Cut(r.Host, ":")
		name, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, reposPath), "/")
		at, err := time.Parse("20060102T150405Z", password[:min(len(password), 16)])
		wantUser, wantPassword := Sign(session, Repository{Region: "eu-west-1", Name: name, Host: host}, at)
		if err != nil || user != wantUser || password != wantPassword {
			http.Error(w, "signature does not match", http.StatusForbidden)
			return
		}
		mu.Lock()
		*passwords = append(*passwords, password)
		mu.Unlock()
		serve.ServeHTTP(w, r)
	}))
	t.Cleanup(srv.Close)
	return srv
}

func TestCloneWithGoGit(t *testing.T) {
	dir := t.TempDir()
	for _, args := range [][]string{
		{"init", "-q", "-b", "main", filepath.Join(dir, "R")},
		{"-C", filepath.Join(dir, "R"), "-c", "user.name=n", "-c", "user.email=e", "commit", "-q", "--allow-empty", "-m", "first"},
	} {
		cmd := exec.Command("git", args...)
		cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("git %q: %v\n%s", args, err, out)
		}
	}
	var passwords []string
	srv := server(t, dir, &passwords)
	repo := mustParse(t, "codecommit::eu-west-1://R", Defaults{Endpoint: srv.URL})
	auth := mustAuth(t, repo, ticking(), ignore)
	clone, err := git.PlainCloneContext(context.Background(), t.TempDir(), false, &git.CloneOptions{URL: repo.URL, Auth: auth, Depth: 1})
	if err != nil {
		t.Fatal(err)
	}
	if head, err := clone.Head(); err != nil || head.Name() != "refs/heads/main" {
		t.Errorf("the clone is at %v, %v", head, err)
	}
	if len(passwords) != 2 || passwords[0] == passwords[1] {
		t.Errorf("the requests had the passwords %q, want two different ones", passwords)
	}

	// The check above can fail: with another key it does.
	other := session
	other.SecretAccessKey = "another"
	wrong, err := NewAuth(other, repo, frozen, ignore)
	if err != nil {
		t.Fatal(err)
	}
	_, err = git.PlainCloneContext(context.Background(), t.TempDir(), false, &git.CloneOptions{URL: repo.URL, Auth: wrong})
	if !errors.Is(err, transport.ErrAuthorizationFailed) {
		t.Errorf("with another secret key: %v, want %v", err, transport.ErrAuthorizationFailed)
	}
}

// go-git follows a redirect of the first request by default. Neither the redirected request nor what follows it there
// carries anything.
func TestRedirectGetsNoSignature(t *testing.T) {
	var elsewhere []http.Header
	evil := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		elsewhere = append(elsewhere, r.Header.Clone())
		const refs = "001e# service=git-upload-pack\n0000" +
			"004895dcfa3633004da0049d3d0fa03f80589cbcaf31 refs/heads/main\x00shallow 0000"
		w.Header().Set("Content-Type", "application/x-git-upload-pack-advertisement")
		fmt.Fprint(w, refs)
	}))
	t.Cleanup(evil.Close)
	srv := httptest.NewServer(http.RedirectHandler(evil.URL+"/v1/repos/R/info/refs", http.StatusFound))
	t.Cleanup(srv.Close)
	repo := mustParse(t, "codecommit::eu-west-1://R", Defaults{Endpoint: srv.URL})
	auth := mustAuth(t, repo, frozen, ignore)
	_, err := git.PlainCloneContext(context.Background(), t.TempDir(), false, &git.CloneOptions{URL: repo.URL, Auth: auth})
	if err == nil || len(elsewhere) == 0 {
		t.Fatalf("the clone ended in %v after %d redirected requests, want an error and at least one", err, len(elsewhere))
	}
	for i, h := range elsewhere {
		if got := h.Get("Authorization"); got != "" {
			t.Errorf("redirected request %d carries %q", i, got)
		}
	}
}
