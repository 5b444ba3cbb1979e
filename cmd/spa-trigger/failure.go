package main

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"spa-runner/internal/guard"
)

// kind is the type of an error as Lambda and the on-failure destination show it.
type kind string

const (
	kindConfig    kind = "ConfigurationError"
	kindEvent     kind = "MalformedEvent"
	kindRunning   kind = "BuildRunning"
	kindQuota     kind = "NoBuildsAllowed"
	kindDenied    kind = "AccessDenied"
	kindNotFound  kind = "NotFound"
	kindThrottled kind = "Throttled"
	kindTime      kind = "TimeRanOut"
	kindOther     kind = "RequestFailed"
	kindDefect    kind = "Defect"
	kindSeveral   kind = "SeveralErrors"
)

// failure is an error with its kind. What it says is one line: what was tried,
// on what, what came back, what to do next.
type failure struct {
	kind kind
	text string
	err  error
}

func (f *failure) Error() string { return f.text }
func (f *failure) Unwrap() error { return f.err }

func fail(k kind, what string, err error) error {
	return &failure{kind: k, text: what + ": " + strings.ReplaceAll(err.Error(), "\n", "; "), err: err}
}

// kindOf is the kind of all errors that are joined in err, or kindSeveral.
func kindOf(err error) kind {
	if several, ok := any(err).(interface{ Unwrap() []error }); ok { // the outermost alone
		k := kind("")
		for _, one := range several.Unwrap() {
			if k != "" && k != kindOf(one) {
				return kindSeveral
			}
			k = kindOf(one)
		}
		return k
	}
	var f *failure
	var panicked *guard.PanicError
	switch {
	case errors.As(err, &f):
		return f.kind
	case errors.As(err, &panicked):
		return kindDefect
	}
	return kindOther
}

// call is a request to AWS, for the sentences about its failure.
type call struct {
	what, service string
	denied        string // what to do when it is not allowed
	missing       string // what to do when what it names is not there
}

// explain makes of an SDK's error a sentence with the next thing to do.
func explain(ctx context.Context, c call, err error) error {
	var api smithy.APIError
	if !errors.As(err, &api) {
		var answer *smithyhttp.ResponseError
		switch {
		case ctx.Err() != nil:
			return fail(kindTime, c.what, fmt.Errorf("%s gave no answer before the time of the function ran out: give it a timeout of 30 s; %w", c.service, err))
		case errors.As(err, &answer) && answer.HTTPStatusCode() != 0: // 0 is how the SDK calls no answer
			return notTheAnswer(c.what, c.service, err.Error())
		}
		return fail(kindOther, c.what, fmt.Errorf("no answer from %s: look at the function's way out (VPC endpoint, NAT); Lambda tries again; %w", c.service, err))
	}
	k, next := kindOther, "Lambda tries again"
	switch code := api.ErrorCode(); {
	case strings.HasPrefix(code, "AccessDenied"):
		k, next = kindDenied, c.denied
	case strings.Contains(code, "NotFound") || strings.Contains(code, "DoesNotExist"):
		k, next = kindNotFound, c.missing
	case code == "AccountLimitExceededException" && noBuilds.MatchString(api.ErrorMessage()):
		k, next = kindQuota, quotaText
	case code == "AccountLimitExceededException":
		k, next = kindRunning, runningText
	case strings.Contains(code, "Throttl") || code == "RequestLimitExceeded" || code == "TooManyRequestsException":
		k, next = kindThrottled, "too many requests in this account just now, which were tried again in vain; Lambda tries again after one and two minutes"
	case strings.HasPrefix(code, "ExpiredToken"):
		next = "look at the clock of whatever answers; Lambda tries again"
	}
	return fail(k, c.what, fmt.Errorf("%s answered %s: %s; %s", c.service, api.ErrorCode(), api.ErrorMessage(), next))
}

// notTheAnswer is the failure of a request whose answer the service cannot have given.
func notTheAnswer(what, service, why string) error {
	return fail(kindOther, what, fmt.Errorf("what came back is no answer of %s: something answers in its place, or it broke off: look at the function's way out (VPC endpoint, proxy); Lambda tries again; %s", service, why))
}

// noBuilds finds what CodeBuild answers where an account may run no build at all:
// "Cannot have more than 0 builds in queue for the account". New accounts get it, even
// where Service Quotas shows 60: https://github.com/data-dot-all/dataall/issues/100,
// https://github.com/rebuy-de/aws-nuke/issues/1209
var noBuilds = regexp.MustCompile(`more than 0 ([a-z]+ )?builds?\b`)

// quotaText is said of a start that the quota of the account is in the way of. No build is running.
const quotaText = "this account may not run a build of this size yet, whatever quota Service Quotas shows: ask AWS Support to raise the quota of concurrently running builds " +
	"(https://docs.aws.amazon.com/codebuild/latest/userguide/limits.html) for this account, region and compute type, then start a build by hand"

// runningText is said of a start that a running build is in the way of.
const runningText = "a build is running: Lambda tries again after one and two minutes; the running build looks at the branch itself " +
	"when it ends (SPA_RUNNER_MAX_PASSES), so that this push is not lost. If none is running, the account's quota of concurrent builds is used up"
