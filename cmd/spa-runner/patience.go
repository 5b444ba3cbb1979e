package main

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	"go.uber.org/zap"

	"spa-runner/internal/retry"
	"spa-runner/pipeline"
	"spa-runner/steps"
)

// patience is how long the runner waits for servers, and for faults to pass.
type patience struct {
	sts    retry.Policy
	clone  retry.Policy
	look   lookPatience
	answer time.Duration // for a server to begin its answer
	stall  time.Duration // for the next byte of one
}

func usualPatience() patience {
	return patience{
		sts:    retry.Policy{Budget: 2 * time.Minute, Attempt: 30 * time.Second},
		clone:  retry.Policy{Budget: 5 * time.Minute},
		look:   lookPatience{retry.Policy{Budget: 20 * time.Second}, 30 * time.Second},
		answer: 2 * time.Minute, // a git server may count the objects of a large repository first
		stall:  30 * time.Second,
	}
}

// lookPatience is the patience with a look at the settings after a pass. What comes
// after a look, nobody looks for again: the shorter, the better, and a run that failed
// is to say so soon. Without an answer the run ends as it is, with a warning.
type lookPatience struct {
	retry.Policy
	limit time.Duration // of all attempts together
}

// stsPatience is the patience with STS.
type stsPatience struct {
	retry.Policy
	log *zap.Logger // for a caller whose context carries none
}

// retrieve asks STS until it answers, or until there is no hope. The end of life
// ends it too: a cache of the SDK hides the end of its caller's context, and would go on
// asking for nobody. An attempt is limited by the policy; a caller who cannot
// wait that long gives ctx a deadline.
func (p stsPatience) retrieve(ctx, life context.Context, role string, from aws.CredentialsProvider) (aws.Credentials, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(life, func() { cancel(context.Cause(life)) })()
	log := pipeline.LogOf(ctx, p.log)
	corrected := false
	return retry.Do(ctx, p.Policy, log, "assuming "+role, from.Retrieve, func(err error) retry.Verdict {
		// The client keeps what it learnt of the clock from the Date of an answer, and
		// signs the next request by it.
		if ahead := clockError(err); ahead != 0 && !corrected {
			corrected = true
			retry.WarnOfClock(log, "STS", ahead)
			return retry.Verdict{Again: true}
		}
		return judgeSTS(err)
	})
}

// judgeSTS says which failures of assuming a role may pass.
func judgeSTS(err error) retry.Verdict {
	var identity *identityError
	if errors.As(err, &identity) {
		return retry.Verdict{} // the SDK's providers have a patience of their own
	}
	return steps.JudgeSTS(err)
}

// clockError is how far the clock of STS is ahead of ours, if it refused a
// request for that; else 0.
func clockError(err error) time.Duration {
	var (
		api    smithy.APIError
		answer *smithyhttp.ResponseError
	)
	// AWS says the same of a signature that is out of date as of one that is wrong.
	codes := []string{"SignatureDoesNotMatch", "InvalidSignatureException", "RequestExpired", "RequestTimeTooSkewed", "AuthFailure"}
	if !errors.As(err, &api) || !errors.As(err, &answer) || !slices.Contains(codes, api.ErrorCode()) {
		return 0
	}
	ahead, known := retry.Skew(answer.HTTPResponse().Header, time.Now())
	if !known || ahead.Abs() <= retry.Tolerated {
		return 0
	}
	return ahead
}

// identityError is a failure of the build's own identity, before STS was asked.
type identityError struct{ err error }

func (e *identityError) Error() string { return e.err.Error() }
func (e *identityError) Unwrap() error { return e.err }

// own marks the failures of the build's own identity.
func own(identity aws.CredentialsProvider) aws.CredentialsProvider {
	if identity == nil {
		return nil
	}
	return aws.CredentialsProviderFunc(func(ctx context.Context) (aws.Credentials, error) {
		keys, err := identity.Retrieve(ctx)
		if err != nil {
			err = &identityError{err}
		}
		return keys, err
	})
}
