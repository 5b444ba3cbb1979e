package steps

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"spa-runner/internal/gitclone"
	"spa-runner/pipeline"
)

// lookAt is the step for what a clone of the settings knows.
func lookAt(c CloneSettings) LookAgain {
	return LookAgain{
		Credentials: c.Credentials, From: c.From, CodeCommit: c.CodeCommit, Token: c.Token, Client: c.Client,
		Limit: 30 * time.Second, Found: &gitclone.Target{}, Passes: "up to 3", Head: &gitclone.Target{},
	}
}

func TestLookAgainFindsTheHead(t *testing.T) {
	r := newRepository(t)
	first := r.commit(map[string]string{"file": "first"})
	server := served(t, r, "eu-west-1")
	s := newStage(t)
	step := lookAt(onCodeCommit(t, server.URL(), assumed[pipeline.Settings](server, settingsRole, s.redact)))
	step.Found.Commit = first
	s.mustRun(step)
	if e := s.event("looked at the settings again"); step.Head.Commit != first || e["moved"] != false {
		t.Errorf("got %+v, %v", step.Head, e)
	}
	step.Found.Commit = strings.Repeat("0", 40)
	s = newStage(t)
	s.mustRun(step)
	if e := s.event("looked at the settings again"); e["moved"] != true || e["commit"] != first || e["ref"] != "refs/heads/main" {
		t.Errorf("got %v", e)
	}
	step.Found.Commit = ""
	s = newStage(t)
	s.mustRun(step)
	if e := s.event("looked at the settings again"); e["moved"] != nil || e["commit"] != first {
		t.Errorf("nobody knows whether they moved: got %v", e)
	}
	want := "[{url " + server.URL() + "/v1/repos/SpaSettings} {ref main} {passes up to 3}]"
	if got := fmt.Sprint(step.Params()); got != want || pipeline.ScopeOf(step) != "settings" {
		t.Errorf("got params %s, want %s", got, want)
	}
}

// A zero value of the credentials fails closed: nobody else is asked as.
func TestLookAgainWithoutCredentials(t *testing.T) {
	server := served(t, newRepository(t), "eu-west-1")
	s := newStage(t)
	step := lookAt(onCodeCommit(t, server.URL(), pipeline.Credentials[pipeline.Settings]{}))
	s.mustRun(step)
	if e := s.event("the settings could not be looked at again: if there was a push meanwhile, it is not deployed"); !strings.Contains(fmt.Sprint(e["error"]), pipeline.ErrNoCredentials.Error()) || step.Head.Commit != "" {
		t.Errorf("got %v", e)
	}
}

// Who does not answer at all delays the end of a run by no more than the limit,
// and is a warning.
func TestLookAgainHasALimit(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-r.Context().Done():
		case <-release:
		}
	}))
	t.Cleanup(server.Close)
	t.Cleanup(func() { close(release) })
	s := newStage(t)
	step := LookAgain{
		From: &Source{URL: server.URL + "/settings.git", Ref: "main"}, Client: &http.Client{},
		Limit: 200 * time.Millisecond, Found: &gitclone.Target{}, Head: &gitclone.Target{},
	}
	s.mustRun(step) // the server answers when the test is over
	e := s.event("the settings could not be looked at again: if there was a push meanwhile, it is not deployed")
	if !strings.Contains(fmt.Sprint(e["error"]), "it took longer than 200ms") || e["next"] != NextChance {
		t.Errorf("got %v", e)
	}
	if s.count("step skipped") != 1 || s.count("step failed") != 0 {
		t.Errorf("got %s", s.everything())
	}
}
