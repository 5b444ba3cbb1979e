package steps

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"

	"spa-runner/internal/codecommit"
	"spa-runner/internal/fault"
	"spa-runner/internal/gitclone"
	"spa-runner/internal/loopback"
	"spa-runner/pipeline"
)

// onCodeCommit is the step for a repository at an address that plays CodeCommit.
func onCodeCommit(t *testing.T, address string, creds pipeline.Credentials[pipeline.Settings]) CloneSettings {
	t.Helper()
	from := Source{URL: "codecommit::eu-west-1://SpaSettings", Ref: "main"}
	repo, _, err := codecommit.Parse(from.URL, codecommit.Defaults{Endpoint: address})
	if err != nil {
		t.Fatal(err)
	}
	return CloneSettings{
		Credentials: creds, From: &from, CodeCommit: &repo, Client: &http.Client{},
		Into: filepath.Join(t.TempDir(), "settings"), Cloned: &gitclone.Result{},
	}
}

// served is an AWS with the repository on CodeCommit, as account 111111111111.
func served(t *testing.T, r repository, region string) *loopback.Server {
	t.Helper()
	server := startAWS(t, loopback.Options{})
	err := server.ServeCodeCommit("SpaSettings", loopback.CodeCommitRepository{Dir: r.bare(), Account: "111111111111", Region: region})
	if err != nil {
		t.Fatal(err)
	}
	return server
}

func readFile(t *testing.T, path ...string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(path...))
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

func wantNothing(t *testing.T, path string) {
	t.Helper()
	if _, err := os.Lstat(path); err == nil {
		t.Errorf("%s is there", path)
	}
}

func TestCloneSettingsFromCodeCommit(t *testing.T) {
	r := newRepository(t)
	commit := r.commit(map[string]string{"environments/test/settings.yaml": "one\n"})
	server := served(t, r, "eu-west-1")
	s := newStage(t)
	step := onCodeCommit(t, server.URL(), assumed[pipeline.Settings](server, settingsRole, s.redact))
	const trigger = "0123456789012345678901234567890123456789"
	step.Trigger = trigger
	s.mustRun(step)

	if got := readFile(t, step.Into, "environments/test/settings.yaml"); got != "one\n" {
		t.Errorf("got %q", got)
	}
	if step.Cloned.Commit != commit || step.Cloned.Kind != gitclone.Branch {
		t.Errorf("got %+v, want %s", step.Cloned, commit)
	}
	e := s.event("settings cloned")
	if e["commit"] != commit || e["ref"] != "refs/heads/main" || e["kind"] != "branch" || e["author"] != "A <a@example.com>" || e["triggered_by"] != trigger {
		t.Errorf("got %v", e)
	}
	// The keys, and for each request the user name with the token, the
	// signature, and both as they are sent.
	if len(s.secrets) < 7 {
		t.Fatalf("only %d secrets were registered", len(s.secrets))
	}
	s.wantSilence(s.secrets...)
	if got := fmt.Sprintf("%+v %#v %v", step, step, step.Params()); strings.Contains(got, s.secrets[1]) || strings.Contains(got, s.secrets[2]) {
		t.Errorf("the step prints its keys: %s", got)
	}
}

func TestCloneSettingsNamesAndParams(t *testing.T) {
	step := CloneSettings{From: &Source{URL: "https://user:password@example.com/settings.git?token=x", Ref: "main"}, Into: "/somewhere/settings"}
	if got := step.Name(); got != "clone-settings" {
		t.Errorf("got name %q", got)
	}
	if got, want := fmt.Sprint(step.Params()), "[{url https://example.com/settings.git} {ref main} {into settings}]"; got != want {
		t.Errorf("got params %s, want %s", got, want)
	}
	step.Pin, step.Token = strings.Repeat("a", 40), pipeline.NewSecret("glpat-0123456789")
	if got, want := fmt.Sprint(step.Params()), "[{url https://example.com/settings.git} {ref "+step.Pin+"} {token (secret)} {into settings}]"; got != want {
		t.Errorf("got params %s, want %s", got, want)
	}
	at := onCodeCommit(t, "", pipeline.Credentials[pipeline.Settings]{})
	contains(t, "params on CodeCommit", fmt.Sprint(at.Params()), "{url https://git-codecommit.eu-west-1.amazonaws.com/v1/repos/SpaSettings}")
}

func TestCloneSettingsThatMayNotBeRead(t *testing.T) {
	r := newRepository(t)
	r.commit(map[string]string{"a": "1"})
	for name, test := range map[string]struct{ region, role string }{
		"signed for another region": {"eu-west-3", settingsRole},
		"of another account":        {"eu-west-1", deployRole},
	} {
		server := served(t, r, test.region)
		s := newStage(t)
		step := onCodeCommit(t, server.URL(), assumed[pipeline.Settings](server, test.role, s.redact))
		err := s.run(step)
		if !errors.Is(err, gitclone.ErrUnauthorized) || fault.ExitCode(err) != fault.ExitRunner {
			t.Fatalf("%s: got %v", name, err)
		}
		contains(t, name, err.Error(), "403")
		contains(t, name+", hint", fault.Hint(err), "codecommit:GitPull on repository SpaSettings in eu-west-1", "kms:Decrypt", "clock")
		wantNothing(t, step.Into)
		s.wantSilence(s.secrets...)
	}
}

func TestCloneSettingsPinned(t *testing.T) {
	r := newRepository(t)
	first := r.commit(map[string]string{"file": "first"})
	second := r.commit(map[string]string{"file": "second"})
	server := served(t, r, "eu-west-1")
	s := newStage(t)
	step := onCodeCommit(t, server.URL(), assumed[pipeline.Settings](server, settingsRole, s.redact))
	step.Pin = first
	s.mustRun(step)
	if got := readFile(t, step.Into, "file"); got != "first" || step.Cloned.Commit != first {
		t.Errorf("got %q at %s, want the pin %s and not %s", got, step.Cloned.Commit, first, second)
	}
	if got := s.event("the settings are pinned: a newer commit on the branch is not deployed")["commit"]; got != first {
		t.Errorf("the warning names %v", got)
	}
	s = newStage(t)
	step = onCodeCommit(t, server.URL(), assumed[pipeline.Settings](server, settingsRole, s.redact))
	step.Pin = strings.Repeat("d", 40)
	if err := s.run(step); err == nil || !strings.Contains(err.Error(), step.Pin) {
		t.Errorf("a pin that does not exist: got %v", err)
	}
	wantNothing(t, step.Into)
}

// A plan that forgot to hand the credentials over must not clone as anybody.
func TestCloneSettingsWithoutCredentialsFailsClosed(t *testing.T) {
	var requests atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { requests.Add(1) }))
	t.Cleanup(server.Close)
	s := newStage(t)
	step := onCodeCommit(t, server.URL, pipeline.Credentials[pipeline.Settings]{})
	step.Token = pipeline.NewSecret("of-no-use-on-codecommit")
	err := s.run(step)
	if !errors.Is(err, pipeline.ErrNoCredentials) || requests.Load() != 0 {
		t.Errorf("got %v after %d requests", err, requests.Load())
	}
	wantNothing(t, step.Into)

	s = newStage(t)
	step = onCodeCommit(t, server.URL, pipeline.Mint[pipeline.Settings](aws.AnonymousCredentials{}, s.redact))
	if err := s.run(step); err == nil || requests.Load() != 0 {
		t.Errorf("empty keys: got %v after %d requests", err, requests.Load())
	}
}

// What a redirect of CodeCommit leads to is told nothing.
func TestCloneSettingsFollowsNoRedirectOfCodeCommit(t *testing.T) {
	var visits atomic.Int64
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { visits.Add(1) }))
	t.Cleanup(elsewhere.Close)
	for _, status := range []int{http.StatusFound, http.StatusMovedPermanently, http.StatusTemporaryRedirect} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, elsewhere.URL+r.URL.Path+"?"+r.URL.RawQuery, status)
		}))
		t.Cleanup(server.Close)
		s := newStage(t)
		provider := aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return keys("111111111111"), nil })
		step := onCodeCommit(t, server.URL, pipeline.Mint[pipeline.Settings](provider, s.redact))
		err := s.run(step)
		if err == nil || visits.Load() != 0 {
			t.Fatalf("%d: got %v after %d visits of the other server", status, err, visits.Load())
		}
		contains(t, "error", err.Error(), "redirect", strings.TrimPrefix(elsewhere.URL, "http://"))
		s.wantSilence(s.secrets...)
	}
}

func TestCloneSettingsFromAnotherServer(t *testing.T) {
	const token = "glpat-0123456789abcdef"
	r := newRepository(t)
	r.commit(map[string]string{"file": "content"})
	server := startAWS(t, loopback.Options{})
	err := errors.Join(
		server.ServeGit("private", loopback.GitRepository{Dir: r.bare(), Token: token}),
		server.ServeGit("public", loopback.GitRepository{Dir: r.bare()}),
	)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ name, token, want string }{
		{"public", "", ""}, {"private", token, ""}, {"private", "", "401"}, {"private", "wrong-" + token, "401"},
	} {
		s := newStage(t)
		step := CloneSettings{ // no credentials: none are asked for
			From: &Source{URL: server.URL() + "/git/" + test.name + ".git", Ref: "main"}, Token: pipeline.NewSecret(test.token),
			Into: filepath.Join(t.TempDir(), "settings"), Cloned: &gitclone.Result{},
		}
		err := s.run(step)
		switch {
		case test.want == "" && err != nil:
			t.Errorf("%s with %q: %v", test.name, test.token, err)
		case test.want == "":
			if got := readFile(t, step.Into, "file"); got != "content" {
				t.Errorf("%s: got %q", test.name, got)
			}
			if strings.Contains(readFile(t, step.Into, ".git/config"), token) {
				t.Errorf("%s: the token is in the clone", test.name)
			}
		case !errors.Is(err, gitclone.ErrUnauthorized):
			t.Errorf("%s with %q: got %v", test.name, test.token, err)
		default:
			contains(t, test.name, err.Error(), test.want)
			contains(t, "hint", fault.Hint(err), "SETTINGS_GIT_TOKEN")
			wantNothing(t, step.Into)
		}
		s.wantSilence(token, base64.StdEncoding.EncodeToString([]byte(tokenUser+":"+token)))
	}
}

func TestCloneSettingsWarnsOfPointersAndSubmodules(t *testing.T) {
	server := served(t, unfinished(t), "eu-west-1")
	s := newStage(t)
	s.mustRun(onCodeCommit(t, server.URL(), assumed[pipeline.Settings](server, settingsRole, s.redact)))
	s.wantCloneWarnings()
}

func TestCloneSettingsFollowsARepositoryThatMoved(t *testing.T) {
	r := newRepository(t)
	commit := r.commit(map[string]string{"settings.yaml": "one\n"})
	server := startAWS(t, loopback.Options{})
	if err := server.ServeGit("settings", loopback.GitRepository{Dir: r.bare()}); err != nil {
		t.Fatal(err)
	}
	step := CloneSettings{
		From: &Source{URL: redirecting(t, server.URL()) + "/git/settings.git", Ref: "main"},
		Into: filepath.Join(t.TempDir(), "settings"), Cloned: &gitclone.Result{},
	}
	newStage(t).mustRun(step)
	if step.Cloned.Commit != commit {
		t.Errorf("got %+v, want %s", step.Cloned, commit)
	}
}
