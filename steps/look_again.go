package steps

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"go.uber.org/zap"

	"spa-runner/internal/codecommit"
	"spa-runner/internal/fault"
	"spa-runner/internal/gitclone"
	"spa-runner/internal/retry"
	"spa-runner/pipeline"
)

// LookAgain asks, after a pass, where the settings are by now: a push during a pass
// is seen by no build, since a project that runs one build at a time rejects
// further ones. It downloads nothing.
type LookAgain struct {
	pipeline.Credentials[pipeline.Settings]
	From *Source
	// CodeCommit is what From.URL means; nil if it is some other repository.
	CodeCommit *codecommit.Repository
	Token      pipeline.Secret
	Client     *http.Client
	Patience   retry.Policy  // with faults that may pass
	Limit      time.Duration // of the look with all its attempts; required
	Stall      time.Duration // see gitclone.Request
	// Found is where the pass found them; its commit is "" if it did not come to that.
	Found  *gitclone.Target
	Passes string           // how many there may be, for people
	Head   *gitclone.Target // receives where the settings are; unchanged if that is not known
}

// Name is look-again.
func (LookAgain) Name() string { return "look-again" }

// Params shows what is looked at.
func (l LookAgain) Params() []pipeline.Param {
	r := l.asked().request()
	return []pipeline.Param{{Name: "url", Value: gitclone.DisplayURL(r.URL)}, {Name: "ref", Value: r.Ref}, {Name: "passes", Value: l.Passes}}
}

// Run looks. That it cannot is a warning: what the pass did stays as it is.
func (l LookAgain) Run(ctx context.Context, rt *pipeline.Runtime) error {
	limited, cancel := context.WithTimeoutCause(ctx, l.Limit, fmt.Errorf("it took longer than %s", l.Limit))
	defer cancel()
	head, err := ofSettings(limited, rt, l.asked(), "looking at the settings again", gitclone.Lookup)
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx) // the run is over
	case errors.Is(err, gitclone.ErrRefNotFound), errors.Is(err, gitclone.ErrEmptyRepository):
		rt.Log.Warn("the branch of the settings is gone: there is nothing newer to deploy", zap.String("error", err.Error()))
		return fault.Skip("the branch is gone")
	case err != nil:
		rt.Log.Warn("the settings could not be looked at again: if there was a push meanwhile, it is not deployed",
			zap.String("error", err.Error()), zap.String("next", NextChance))
		return fault.Skip("there was no answer")
	}
	*l.Head = head
	fields := []zap.Field{zap.String("commit", head.Commit), zap.String("ref", head.Ref)}
	if l.Found.Commit != "" { // else nobody knows
		fields = append(fields, zap.Bool("moved", head.Commit != l.Found.Commit))
	}
	rt.Log.Info("looked at the settings again", fields...)
	return nil
}

// NextChance says what deploys a push that this run does not.
const NextChance = "the next push deploys it, or the schedule of the project if it has one; or start a build by hand"

// asked is the repository as clone-settings asks it, but for the pin.
func (l LookAgain) asked() CloneSettings {
	return CloneSettings{
		Credentials: l.Credentials, From: l.From, CodeCommit: l.CodeCommit, Token: l.Token,
		Client: l.Client, Patience: l.Patience, Stall: l.Stall,
	}
}
