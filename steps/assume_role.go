// Package steps holds the steps of spa-runner, one file each. A step is a
// struct whose fields are its parameters; what variables.sh may still change
// is a pointer. Steps import the mechanism in package pipeline, never os/exec
// and never the ambient AWS configuration: processes are started by
// pipeline.Exec, and an identity is what the embedded Credentials hold.
package steps

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/smithy-go"
	"go.uber.org/zap"

	"spa-runner/internal/awsname"
	"spa-runner/internal/retry"
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
		return pipeline.Skip(a.Unneeded)
	}
	if a.Before != nil {
		if err := a.Before(ctx, rt); err != nil {
			return err
		}
	}
	return assume(ctx, rt, a.Credentials, *a.Role, a.Session)
}

// assume gets the credentials of a role. An account other than the one in the
// ARN is an error, however it came about: everything after this acts there.
func assume[S pipeline.Scope](ctx context.Context, rt *pipeline.Runtime, of pipeline.Credentials[S], arn, session string) error {
	role, err := awsname.ParseRole(arn)
	if err != nil {
		return &pipeline.ConfigError{Problems: []string{err.Error()}}
	}
	creds, err := of.Retrieve(ctx)
	if err != nil {
		return refusal(ctx, role.String(), err)
	}
	if creds.AccountID != role.Account {
		return pipeline.WithHint(fmt.Errorf("assuming %s gave credentials for account %q instead of %q; they are not used",
			role, creds.AccountID, role.Account),
			"something between the build and STS answers in its place: look at AWS_ENDPOINT_URL, AWS_ENDPOINT_URL_STS and the proxy")
	}
	rt.Log.Info("role assumed", zap.String("account", role.Account), zap.String("role", role.String()),
		zap.String("session", session), zap.String("expires", creds.Expires.UTC().Format(time.RFC3339)))
	return nil
}

// RefusedError says that STS answered, and did not give a role.
type RefusedError struct {
	Code string // of AWS, such as AccessDenied
	text string
}

func (e *RefusedError) Error() string { return e.text }

// refusal explains what STS answered and where to look.
func refusal(ctx context.Context, role string, err error) error {
	var api smithy.APIError
	switch {
	case errors.Is(err, pipeline.ErrNoCredentials), ctx.Err() != nil:
		return fmt.Errorf("assuming %s: %w", role, err) // STS is not to blame
	case errors.Is(err, pipeline.ErrUnusable):
		return pipeline.WithHint(fmt.Errorf("assuming %s: %w", role, err),
			"compare the clock of this machine; and look at AWS_ENDPOINT_URL, AWS_ENDPOINT_URL_STS and the proxy: something may answer in the place of STS")
	case !errors.As(err, &api) && strings.Contains(err.Error(), "get identity"): // the SDK has no type for it
		return pipeline.WithHint(fmt.Errorf("assuming %s: the build has no identity of its own to ask with: %w", role, err),
			"in CodeBuild the project needs a service role; on a laptop sign in, or name a profile by AWS_PROFILE")
	case !errors.As(err, &api):
		return pipeline.WithHint(fmt.Errorf("assuming %s: no answer from STS: %w", role, err),
			"check that the build can reach STS in its region (VPC endpoint, NAT, HTTPS_PROXY, AWS_CA_BUNDLE) and that it has a service role")
	}
	effort := ""
	if tried := (*retry.Error)(nil); errors.As(err, &tried) {
		effort = " " + tried.Effort()
	}
	err = &RefusedError{Code: api.ErrorCode(), text: fmt.Sprintf("assuming %s: STS answered %s: %s%s", role, api.ErrorCode(), api.ErrorMessage(), effort)}
	switch api.ErrorCode() {
	case "AccessDenied", "AccessDeniedException":
		return pipeline.WithHint(err, "look at two policies: the trust policy of "+role+
			" must name the service role of the CodeBuild project, and the policy of that service role must allow sts:AssumeRole on "+role+
			"; a trust policy that demands sts:ExternalId wants it in READ_SETTINGS_EXTERNAL_ID, that of the deploy role in DEPLOY_ENVIRONMENT_EXTERNAL_ID")
	case "ExpiredToken", "ExpiredTokenException", "InvalidClientTokenId", "UnrecognizedClientException":
		return pipeline.WithHint(err, "the identity that the runner was started with is not valid, or no longer: "+
			"in CodeBuild look at the service role of the project, on a laptop sign in again")
	case "RegionDisabledException":
		return pipeline.WithHint(err, "STS is switched off in this region for the account of the role: activate it in IAM's account settings, or set AWS_REGION")
	}
	return pipeline.WithHint(err, "nothing was done with any other identity; if STS had a passing fault, start the build again")
}

// orLater stands in for a parameter that variables.sh is to set.
func orLater(value string) string {
	if value == "" {
		return "(to be set by variables.sh)"
	}
	return value
}
