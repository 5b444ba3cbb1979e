// Package steps holds the steps of spa-runner, one file each. A step is a
// struct whose fields are its parameters; what variables.sh may still change
// is a pointer. Steps import the mechanism in package pipeline, never os/exec
// and never the ambient AWS configuration: processes are started by
// pipeline.Exec, and an identity is what the embedded Credentials hold.
package steps

import (
	"context"
	"fmt"
	"slices"
	"time"

	"go.uber.org/zap"

	"spa-runner/internal/awsname"
	"spa-runner/internal/fault"
	"spa-runner/pipeline"
)

// AssumeRole assumes the role of a scope, so that a refusal is found before
// anything was done with it, and says who that is. The credentials stay in the
// embedded value, from which the steps of the same scope take them.
type AssumeRole[S pipeline.Scope] struct {
	pipeline.Credentials[S]
	// Role is the ARN; variables.sh may still change that of the deploy role.
	Role *string
	// Session is the role session name, which CloudTrail shows.
	Session string
	// Narrowed says what the session is narrowed to, whatever the role may
	// otherwise; "" if it is not.
	Narrowed string
	// Unneeded says why there is nothing to assume; "" if there is.
	Unneeded string
	// Before, if set, is asked before anything is assumed. Its error ends the pass.
	// Checks say what it asks, for people.
	Before func(context.Context, *pipeline.Runtime) error
	Checks []pipeline.Param
}

// Name is assume-settings-role or assume-deploy-role.
func (a AssumeRole[S]) Name() string { return "assume-" + pipeline.ScopeOf(a) + "-role" }

// Params shows what is checked first, the role, the session name and what it is narrowed to.
func (a AssumeRole[S]) Params() []pipeline.Param {
	if a.Unneeded != "" {
		return []pipeline.Param{{Name: "skipped", Value: a.Unneeded}}
	}
	return slices.Concat(a.Checks, roleParams(*a.Role, a.Session, a.Narrowed))
}

func roleParams(role, session, narrowed string) []pipeline.Param {
	params := []pipeline.Param{{Name: "role", Value: orLater(role)}, {Name: "session", Value: session}}
	if narrowed != "" {
		params = append(params, pipeline.Param{Name: "narrowed", Value: narrowed})
	}
	return params
}

// Run gets the credentials.
func (a AssumeRole[S]) Run(ctx context.Context, rt *pipeline.Runtime) error {
	if a.Unneeded != "" {
		return fault.Skip(a.Unneeded)
	}
	if a.Before != nil {
		if err := a.Before(ctx, rt); err != nil {
			return err
		}
	}
	return a.assume(ctx, rt)
}

// assume gets the credentials of the role that a step assumes by itself: that of the
// packages, which a session policy always narrows.
func assume[S pipeline.Scope](ctx context.Context, rt *pipeline.Runtime, of pipeline.Credentials[S], arn, session string) error {
	return AssumeRole[S]{Credentials: of, Role: &arn, Session: session, Narrowed: "packages"}.assume(ctx, rt)
}

// assume gets the credentials of the role. An account other than the one in the
// ARN is an error, however it came about: everything after this acts there.
func (a AssumeRole[S]) assume(ctx context.Context, rt *pipeline.Runtime) error {
	role, err := awsname.ParseRole(*a.Role)
	if err != nil {
		return &fault.ConfigError{Problems: []string{err.Error()}}
	}
	creds, err := a.Retrieve(ctx)
	if err != nil {
		return refusal(ctx, request{role: role.String(), scope: pipeline.ScopeOf(a), narrowed: a.Narrowed != ""}, err)
	}
	if creds.AccountID != role.Account {
		return fault.WithHint(fmt.Errorf("assuming %s gave credentials for account %q instead of %q; they are not used",
			role, creds.AccountID, role.Account),
			"something between the build and STS answers in its place: look at AWS_ENDPOINT_URL, AWS_ENDPOINT_URL_STS and the proxy")
	}
	rt.Log.Info("role assumed", zap.String("account", role.Account), zap.String("role", role.String()),
		zap.String("session", a.Session), zap.String("expires", creds.Expires.UTC().Format(time.RFC3339)))
	return nil
}

// orLater stands in for a parameter that variables.sh is to set.
func orLater(value string) string {
	if value == "" {
		return "(to be set by variables.sh)"
	}
	return value
}
