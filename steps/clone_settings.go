package steps

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"time"

	githttp "github.com/go-git/go-git/v5/plumbing/transport/http"
	"go.uber.org/zap"

	"spa-runner/internal/codecommit"
	"spa-runner/internal/fault"
	"spa-runner/internal/gitclone"
	"spa-runner/internal/retry"
	"spa-runner/pipeline"
)

// Source says where a repository is and what of it is wanted.
type Source struct {
	URL string
	Ref string // branch, tag or full commit
	// Commit, if set, is the commit that Ref must be at.
	Commit string
}

// CloneSettings clones the private settings: from CodeCommit signed with the
// credentials of the scope, from elsewhere with a token or as anybody.
type CloneSettings struct {
	pipeline.Credentials[pipeline.Settings]
	From *Source
	// CodeCommit is what From.URL means; nil if it is some other repository.
	CodeCommit *codecommit.Repository
	// Narrowed says that a session policy leaves the role nothing but this
	// repository.
	Narrowed bool
	// Pin, if set, is the commit to take in place of From.Ref.
	Pin string
	// Trigger is the commit that started the build. It is only logged: what is
	// deployed is the head, so that the last of several merges wins.
	Trigger  string
	Token    pipeline.Secret
	Client   *http.Client
	Into     string
	Mark     string        // says in Into who made it
	Patience retry.Policy  // with faults that may pass
	Stall    time.Duration // see gitclone.Request
	// Found, if set, receives what From.Ref is at, before anything is downloaded.
	Found  *gitclone.Target
	Cloned *gitclone.Result // receives what was cloned
}

// Name is clone-settings.
func (CloneSettings) Name() string { return "clone-settings" }

// Params shows what is cloned.
func (s CloneSettings) Params() []pipeline.Param {
	params := []pipeline.Param{
		{Name: "url", Value: gitclone.DisplayURL(s.request().URL)},
		{Name: "ref", Value: s.request().Ref},
	}
	if s.Token.Reveal() != "" {
		params = append(params, pipeline.Param{Name: "token", Value: s.Token.String()})
	}
	return append(params, pipeline.Param{Name: "into", Value: filepath.Base(s.Into)})
}

// Run clones.
func (s CloneSettings) Run(ctx context.Context, rt *pipeline.Runtime) error {
	if s.Pin != "" {
		rt.Log.Warn("the settings are pinned: a newer commit on the branch is not deployed", zap.String("commit", s.Pin))
	}
	cloned, err := ofSettings(ctx, rt, s, "cloning the settings", gitclone.Clone)
	if err != nil {
		return s.explain(err)
	}
	request := s.request()
	fields := describe(request.URL, request.Commit, cloned)
	if s.Trigger != "" {
		fields = append(fields, zap.String("triggered_by", s.Trigger))
	}
	rt.Log.Info("settings cloned", fields...)
	warn(rt, cloned)
	*s.Cloned = cloned
	return nil
}

// ofSettings asks the repository of the settings for something, patiently; on
// CodeCommit as the scope, with credentials and a signature that are new for each
// attempt: those of the one before may have expired by now.
func ofSettings[T any](ctx context.Context, rt *pipeline.Runtime, s CloneSettings, what string, ask func(context.Context, gitclone.Request) (T, error)) (T, error) {
	if s.CodeCommit == nil {
		return retry.Do(ctx, s.Patience, rt.Log, what, func(ctx context.Context) (T, error) { return ask(ctx, s.request()) }, judgeClone)
	}
	clock := &signingClock{server: s.CodeCommit.Host, log: rt.Log}
	answer, err := retry.Do(ctx, s.Patience, rt.Log, what, func(ctx context.Context) (none T, err error) {
		creds, err := s.Retrieve(ctx)
		if err != nil {
			return none, refusal(ctx, request{role: "the settings role", scope: pipeline.ScopeOf(s), narrowed: s.Narrowed}, err)
		}
		req := s.request()
		if req.Auth, err = codecommit.NewAuth(creds, *s.CodeCommit, clock.now, rt.Redact); err != nil {
			return none, err
		}
		return ask(ctx, req)
	}, func(err error) retry.Verdict {
		if clock.corrects(err) {
			return retry.Verdict{Again: true}
		}
		return judgeClone(err)
	})
	return answer, clock.explain(err)
}

func (s CloneSettings) request() gitclone.Request {
	req := gitclone.Request{URL: s.From.URL, Ref: s.From.Ref, Commit: s.From.Commit, Dir: s.Into, Mark: s.Mark, Client: s.Client, Stall: s.Stall}
	if s.CodeCommit != nil {
		req.URL = s.CodeCommit.URL
	} else {
		req.Auth, req.FollowRedirects = tokenAuth(s.Token), true
	}
	if s.Pin != "" {
		req.Ref = s.Pin
	}
	if s.Found != nil {
		req.Accept = func(t gitclone.Target) error {
			*s.Found = t
			return nil
		}
	}
	return req
}

// explain adds what to look at.
func (s CloneSettings) explain(err error) error {
	if !errors.Is(err, gitclone.ErrUnauthorized) {
		return err
	}
	if s.CodeCommit == nil {
		return fault.WithHint(err, "set SETTINGS_GIT_TOKEN to a token that may read this repository")
	}
	hint := fmt.Sprintf("look at the policy of the settings role: it must allow codecommit:GitPull on repository %s in %s,"+
		" and kms:Decrypt on its key if it is encrypted with a customer key; also compare the clock of this machine, a signature lives 15 minutes",
		s.CodeCommit.Name, s.CodeCommit.Region)
	if s.Narrowed {
		hint += "; if the role may read it by a way that the session policy of the runner does not foresee, SPA_RUNNER_SETTINGS_SESSION_POLICY=off leaves that policy out"
	}
	return fault.WithHint(err, hint)
}

// tokenUser is the user name beside a token. GitHub, GitLab, Gitea and Azure
// DevOps look at the token alone.
const tokenUser = "x-access-token"

func tokenAuth(token pipeline.Secret) githttp.AuthMethod {
	if token.Reveal() == "" {
		return nil
	}
	return &githttp.BasicAuth{Username: tokenUser, Password: token.Reveal()}
}

// describe is what the log says of a clone, of which a commit may have been demanded.
func describe(url, demanded string, c gitclone.Result) []zap.Field {
	fields := []zap.Field{zap.String("commit", c.Commit), zap.String("ref", c.Ref), zap.String("kind", string(c.Kind))}
	if by := pinnedBy(demanded, c.Kind); by != "" {
		fields = append(fields, zap.String("pinned", by))
	}
	return append(fields, zap.String("url", gitclone.DisplayURL(url)), zap.String("author", c.Author), zap.Time("committed", c.When.UTC()))
}

// pinnedBy says what keeps a clone from being another commit tomorrow, "" if nothing
// does.
func pinnedBy(demanded string, kind gitclone.Kind) string {
	switch {
	case kind == gitclone.Tag && demanded != "":
		return "tag and commit"
	case kind == gitclone.Tag:
		return "tag"
	case kind == gitclone.Commit || demanded != "":
		return "commit"
	}
	return ""
}

func warn(rt *pipeline.Runtime, c gitclone.Result) {
	for _, text := range c.Warnings {
		rt.Log.Warn("clone: " + text)
	}
}
