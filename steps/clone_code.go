package steps

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"time"

	"go.uber.org/zap"

	"spa-runner/internal/fault"
	"spa-runner/internal/gitclone"
	"spa-runner/internal/retry"
	"spa-runner/pipeline"
)

// CloneCode clones the public code at a branch, a tag or a commit.
type CloneCode struct {
	pipeline.Credentials[pipeline.None]
	// From may still be changed by variables.sh.
	From  *Source
	Token pipeline.Secret
	// RequirePinned refuses a branch and whatever else may be elsewhere tomorrow.
	RequirePinned bool
	// VerifyKeys is a file in the settings: one of its keys must have signed the
	// code. Empty is no check.
	VerifyKeys string
	Settings   string // the folder of their clone
	// ReachableFrom is a branch whose history the commit must be in. Empty is no check.
	ReachableFrom string
	Client        *http.Client
	Into          string
	Mark          string           // says in Into who made it
	Patience      retry.Policy     // with faults that may pass
	Stall         time.Duration    // see gitclone.Request
	Cloned        *gitclone.Result // receives what was cloned
}

// Name is clone-code.
func (CloneCode) Name() string { return "clone-code" }

// Params shows what is cloned.
func (s CloneCode) Params() []pipeline.Param {
	params := []pipeline.Param{
		{Name: "url", Value: gitclone.DisplayURL(s.From.URL)},
		{Name: "ref", Value: s.From.Ref},
	}
	if s.From.Commit != "" {
		params = append(params, pipeline.Param{Name: "commit", Value: s.From.Commit})
	}
	if s.ReachableFrom != "" {
		params = append(params, pipeline.Param{Name: "on_branch", Value: s.ReachableFrom})
	}
	if s.VerifyKeys != "" {
		params = append(params, pipeline.Param{Name: "signed_by", Value: "a key of " + filepath.Join(filepath.Base(s.Settings), s.VerifyKeys)})
	}
	if s.Token.Reveal() != "" {
		params = append(params, pipeline.Param{Name: "token", Value: s.Token.String()})
	}
	return append(params, pipeline.Param{Name: "into", Value: filepath.Base(s.Into)})
}

// Run clones.
func (s CloneCode) Run(ctx context.Context, rt *pipeline.Runtime) error {
	signature, err := newSignatureCheck(ctx, s.Settings, s.VerifyKeys)
	if err != nil {
		return err
	}
	cloned, err := patiently(ctx, rt, s.Patience, "cloning the code", gitclone.Request{
		URL: s.From.URL, Ref: s.From.Ref, Commit: s.From.Commit, Dir: s.Into, Mark: s.Mark,
		Client: s.Client, Auth: tokenAuth(s.Token), FollowRedirects: true, Stall: s.Stall,
		Accept: s.checkPinned, Inspect: signature.inspect, ReachableFrom: s.ReachableFrom,
	})
	switch {
	case errors.Is(err, gitclone.ErrUnauthorized):
		return fault.WithHint(err, "set CODE_GIT_TOKEN to a token that may read this repository; "+
			"GitHub also answers so when it limits anonymous access, and then a token helps too")
	case errors.Is(err, gitclone.ErrCommitMismatch):
		return fault.WithHint(err, "somebody moved it: find out who and why before you change CODE_GIT_COMMIT")
	case errors.Is(err, gitclone.ErrNotReachable):
		return fault.WithHint(err, "find out where this commit comes from before you change CODE_GIT_REACHABLE_FROM; "+
			"what is to be deployed has to be merged there first")
	case err != nil:
		return err
	}
	rt.Log.Info("code cloned", append(describe(s.From.URL, s.From.Commit, cloned), signature.fields()...)...)
	if s.moves(cloned.Target) {
		rt.Log.Warn("the code is at a branch or another moving ref: the next run may deploy something else. "+
			"Set CODE_GIT_BRANCH to a tag, or to this commit", zap.String("ref", cloned.Ref), zap.String("commit", cloned.Commit))
	}
	warn(rt, cloned)
	*s.Cloned = cloned
	return nil
}

// checkPinned is asked before anything is downloaded.
func (s CloneCode) checkPinned(t gitclone.Target) error {
	if !s.RequirePinned || !s.moves(t) {
		return nil
	}
	return fault.WithHint(fmt.Errorf("%s is a %s, which moves, and SPA_RUNNER_REQUIRE_PINNED refuses that", s.From.Ref, t.Kind),
		"set CODE_GIT_BRANCH to a tag, or to the commit it is at now: "+t.Commit)
}

// moves says that another run may find something else: a branch, but also what
// is neither branch nor tag, such as refs/pull/1/head, which moves with each push.
func (s CloneCode) moves(t gitclone.Target) bool {
	return pinnedBy(s.From.Commit, t.Kind) == ""
}
