package steps

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/smithy-go"

	"spa-runner/internal/fault"
	"spa-runner/internal/hostfault"
	"spa-runner/internal/identity"
	"spa-runner/internal/retry"
	"spa-runner/pipeline"
)

// request is what STS was asked for.
type request struct {
	role     string // its ARN, or what to call it
	scope    string // settings, packages or deploy
	narrowed bool   // a session policy went with it
}

// RefusedError says that STS answered, and did not give a role.
type RefusedError struct {
	Code string // of AWS, such as AccessDenied
	text string
	err  error
}

func (e *RefusedError) Error() string { return e.text }
func (e *RefusedError) Unwrap() error { return e.err }

// refusal explains what STS answered and where to look.
func refusal(ctx context.Context, r request, err error) error {
	var api smithy.APIError
	_, ours := hostfault.Of(err)
	switch {
	case errors.Is(err, pipeline.ErrNoCredentials), ctx.Err() != nil:
		return fmt.Errorf("assuming %s: %w", r.role, err) // STS is not to blame
	case ours:
		return fmt.Errorf("assuming %s: this machine cannot ask STS: %w", r.role, err)
	case errors.Is(err, pipeline.ErrUnusable):
		return fault.WithHint(fmt.Errorf("assuming %s: %w", r.role, err),
			"compare the clock of this machine; and look at AWS_ENDPOINT_URL, AWS_ENDPOINT_URL_STS and the proxy: something may answer in the place of STS")
	case !errors.As(err, &api) && strings.Contains(err.Error(), "get identity"): // the SDK has no type for it
		return fault.WithHint(fmt.Errorf("assuming %s: the build has no identity of its own to ask with: %w", r.role, err),
			"in CodeBuild the project needs a service role; on a laptop sign in, or name a profile by AWS_PROFILE")
	case !errors.As(err, &api):
		return fault.WithHint(fmt.Errorf("assuming %s: no answer from STS: %w", r.role, err),
			"check that the build can reach STS in its region (VPC endpoint, NAT, HTTPS_PROXY, AWS_CA_BUNDLE) and that it has a service role")
	}
	effort := ""
	if tried := (*retry.Error)(nil); errors.As(err, &tried) {
		effort = " " + tried.Effort()
	}
	return fault.WithHint(&RefusedError{
		Code: api.ErrorCode(), err: err,
		text: fmt.Sprintf("assuming %s: STS answered %s: %s%s", r.role, api.ErrorCode(), api.ErrorMessage(), effort),
	}, r.hint(api.ErrorCode(), err))
}

// hint is what to do about an error that STS names. Names are those of
// https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html#API_AssumeRole_Errors
// and of https://docs.aws.amazon.com/STS/latest/APIReference/CommonErrors.html, some of which
// come with "Exception" at their end.
func (r request) hint(code string, err error) string {
	switch strings.TrimSuffix(code, "Exception") {
	case "AccessDenied":
		return "look at two policies: the trust policy of " + r.role +
			" must name the service role of the CodeBuild project, and the policy of that service role must allow sts:AssumeRole on " + r.role +
			"; a trust policy that demands sts:ExternalId wants it in READ_SETTINGS_EXTERNAL_ID, that of the deploy role in DEPLOY_ENVIRONMENT_EXTERNAL_ID"
	case "ExpiredToken", "InvalidClientTokenId", "UnrecognizedClient", "InvalidIdentityToken", "IDPRejectedClaim", "MissingAuthenticationToken":
		return "the identity that the runner was started with is not valid, or no longer: " +
			"in CodeBuild look at the service role of the project, on a laptop sign in again"
	case "SignatureDoesNotMatch", "InvalidSignature", "IncompleteSignature", "RequestExpired", "RequestTimeTooSkewed":
		return "the secret key is not the one of this access key, or the clock of this machine is wrong, or a proxy changes requests: " +
			"in CodeBuild look at HTTPS_PROXY and AWS_ENDPOINT_URL, on a laptop sign in again"
	case "RegionDisabled":
		return "STS is switched off in this region for the account of the role: activate it in IAM's account settings, or set AWS_REGION"
	case "PackedPolicyTooLarge", "MalformedPolicyDocument":
		return r.policyHint()
	case "ValidationError", "Validation", "InvalidParameterValue", "InvalidParameterCombination", "MissingParameter":
		return r.valueHint()
	}
	if identity.JudgeSTS(err).Again {
		return "nothing was done with any other identity; STS had a fault that may pass: start the build again"
	}
	return "nothing was done with any other identity; look this error up in the documentation of AssumeRole, another build will meet it too"
}

// policyHint is about a session policy that STS does not take, and the session tags
// that count with it: https://docs.aws.amazon.com/IAM/latest/UserGuide/id_session-tags.html
func (r request) policyHint() string {
	const tags = "session tags that the identity of the build hands on (transitive tags) count with it, so have fewer or shorter ones"
	switch {
	case !r.narrowed:
		return "the runner sent no session policy with this request, so none of its variables changes that: look at the session tags that the identity of the build hands on " +
			"(transitive tags), and at AWS_ENDPOINT_URL and the proxy, since something may change requests"
	case r.scope == "deploy":
		return "this is about the session policy by which the doctor narrows " + r.role + ", which a run does not send; " + tags
	case r.scope == "settings":
		return "this is about the session policy that narrows " + r.role + " to the one repository: SPA_RUNNER_SETTINGS_SESSION_POLICY=off leaves it out, " +
			"and the session is then as wide as the role; " + tags
	}
	return "this is about the session policy that narrows " + r.role + " to reading packages, which is always sent: " + tags +
		"; without READ_PACKAGES_ROLE make-setup acts as nobody, and no policy is sent"
}

// valueHint is about a value in the request that STS does not take.
func (r request) valueHint() string {
	variables := map[string]string{
		"settings": "READ_SETTINGS_ROLE and READ_SETTINGS_EXTERNAL_ID",
		"packages": "READ_PACKAGES_ROLE",
		"deploy":   "DEPLOY_ENVIRONMENT_ROLE and DEPLOY_ENVIRONMENT_EXTERNAL_ID",
	}
	return "STS says which value it does not take; they come from " + variables[r.scope] + ", the name of the session from the number of the build, " +
		"and its duration is one hour, which is the most for a role that a role assumes"
}
