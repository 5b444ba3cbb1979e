package identity

import (
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsretry "github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	"go.uber.org/zap"

	"spa-runner/internal/retry"
)

// Assumption is what STS is asked for. The role is read when it is asked.
type Assumption struct {
	Role       *string
	Session    string // its name
	ExternalID string // "" if the trust policy demands none
	Policy     string // of the session, "" if it is as wide as the role
}

// Assumer makes providers of assumed roles, always from the identity in cfg,
// never from another assumed role. What may pass is retried by p, and here alone:
// the SDK makes one attempt. The providers are of no use after life has ended.
func Assumer(life context.Context, cfg aws.Config, region *string, p Patience) func(Assumption) aws.CredentialsProvider {
	cfg.Credentials = Own(cfg.Credentials)
	return func(a Assumption) aws.CredentialsProvider {
		return aws.CredentialsProviderFunc(func(ctx context.Context) (aws.Credentials, error) {
			client := sts.NewFromConfig(cfg, func(o *sts.Options) {
				o.Region = *region
				o.Retryer = aws.NopRetryer{}
				o.HTTPClient = BoundedClient{o.HTTPClient}
			})
			// One hour is the most that a role assumed from a role may have (role
			// chaining); the SDK would ask for a quarter of it.
			provider := stscreds.NewAssumeRoleProvider(client, *a.Role, func(o *stscreds.AssumeRoleOptions) {
				o.RoleSessionName = a.Session
				o.Duration = time.Hour
				o.ExternalID = given(a.ExternalID)
				o.Policy = given(a.Policy)
			})
			return p.retrieve(ctx, life, *a.Role, provider)
		})
	}
}

// given is nil for what is not to be sent.
func given(value string) *string {
	if value == "" {
		return nil
	}
	return &value
}

// Patience is the patience with STS.
type Patience struct {
	retry.Policy
	// Log gives the log of who asks.
	Log func(context.Context) *zap.Logger
}

// retrieve asks STS until it answers, or until there is no hope. The end of life
// ends it too: a cache of the SDK hides the end of its caller's context, and would go on
// asking for nobody. An attempt is limited by the policy; a caller who cannot
// wait that long gives ctx a deadline.
func (p Patience) retrieve(ctx, life context.Context, role string, from aws.CredentialsProvider) (aws.Credentials, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(life, func() { cancel(context.Cause(life)) })()
	log := p.Log(ctx)
	corrected := false
	return retry.Do(ctx, p.Policy, log, "assuming "+role, from.Retrieve, func(err error) retry.Verdict {
		// The client keeps what it learnt of the clock from the Date of an answer, and
		// signs the next request by it.
		if ahead := ClockError(err); ahead != 0 && !corrected {
			corrected = true
			retry.WarnOfClock(log, "STS", ahead)
			return retry.Verdict{Again: true}
		}
		return JudgeSTS(err)
	})
}

// ClockError is how far the clock of STS is ahead of ours, if it refused a
// request for that; else 0.
func ClockError(err error) time.Duration {
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

// OwnError is a failure of the build's own identity, before STS was asked.
type OwnError struct{ err error }

func (e *OwnError) Error() string { return e.err.Error() }
func (e *OwnError) Unwrap() error { return e.err }

// Own marks the failures of the build's own identity.
func Own(identity aws.CredentialsProvider) aws.CredentialsProvider {
	if identity == nil {
		return nil
	}
	return aws.CredentialsProviderFunc(func(ctx context.Context) (aws.Credentials, error) {
		keys, err := identity.Retrieve(ctx)
		if err != nil {
			err = &OwnError{err}
		}
		return keys, err
	})
}

// JudgeSTS says which failures of AssumeRole may pass.
// https://docs.aws.amazon.com/STS/latest/APIReference/CommonErrors.html
func JudgeSTS(err error) retry.Verdict {
	var (
		api     smithy.APIError
		answer  *smithyhttp.ResponseError
		garbled *smithy.DeserializationError
	)
	if own := (*OwnError)(nil); errors.As(err, &own) {
		return retry.Verdict{} // the SDK's providers have a patience of their own
	}
	status, header := 0, http.Header{}
	if errors.As(err, &answer) && answer.Response != nil && answer.Response.Response != nil { // none is how the SDK calls no answer
		status, header = answer.HTTPStatusCode(), answer.HTTPResponse().Header
	}
	switch {
	case errors.As(err, &api):
		return judgeCode(api.ErrorCode(), status, header)
	case errors.Is(err, io.ErrUnexpectedEOF):
		return retry.Verdict{Again: true}
	case errors.As(err, &garbled):
		return retry.Verdict{Again: true, Within: retry.Briefly} // something answers in the place of STS
	case status != 0:
		return retry.Status(status, header, time.Now())
	}
	return retry.Connection(err)
}

// judgeCode judges an error that STS names, and the status that it came with.
func judgeCode(code string, status int, header http.Header) retry.Verdict {
	_, throttled := awsretry.DefaultThrottleErrorCodes[code]
	_, slow := awsretry.DefaultRetryableErrorCodes[code]
	switch code {
	case "AccessDenied", "AccessDeniedException", "InvalidClientTokenId", "UnrecognizedClientException":
		// IAM is eventually consistent: the role, or the key that asks for it, may be new.
		return retry.Verdict{Again: true, Within: retry.Settling}
	case "InternalFailure", "InternalError", "ServiceUnavailable", "IDPCommunicationError":
		throttled = true
	}
	if throttled || slow {
		status = http.StatusTooManyRequests // whatever it came with: 400, in most cases
	}
	return retry.Status(status, header, time.Now())
}
