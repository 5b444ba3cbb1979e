package pipeline

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"go.uber.org/zap"

	"spa-runner/internal/guard"
)

// ErrUnusable says that a provider answered, but with nothing to act with: no
// keys, or some whose time is over.
var ErrUnusable = errors.New("the credentials are empty or have expired; they are not used")

const (
	// firstRetry and lastRetry bound the pause after a renewal that failed: it
	// begins with the one, doubles, and ends with the other.
	firstRetry = time.Second
	lastRetry  = 30 * time.Second
	// wallClock is how often the clock on the wall is looked at. Timers stand
	// still while a machine sleeps, and the life of credentials does not.
	wallClock = time.Minute
)

// holder keeps the credentials of one scope, and renews them from the provider
// behind it as long as somebody works with them.
//
// Half of a life is early enough for every client, of which the most careful
// (botocore) wants new ones a quarter of an hour before the end of an hour, and
// leaves the other half to outlast an STS that does not answer.
type holder struct {
	provider aws.CredentialsProvider
	// secret tells the redactor of every key before anybody can print it.
	secret func(...string)

	// A pointer in the pointer: %s of a step looks one deep.
	lease atomic.Pointer[lease]
}

// lease is what a provider gave.
type lease struct {
	creds   aws.Credentials
	renewAt time.Time // when half of their life is gone
}

// held gives what there is, without asking anybody. It may have expired.
func (h *holder) held() (creds aws.Credentials, renewAt time.Time) {
	if l := h.lease.Load(); l != nil {
		return l.creds, l.renewAt
	}
	return aws.Credentials{}, time.Time{}
}

func usable(creds aws.Credentials) bool { return creds.HasKeys() && !creds.Expired() }

// retrieve gives what is held while it is fresh, and renews it otherwise. If
// that fails, what is still valid is given.
func (h *holder) retrieve(ctx context.Context) (aws.Credentials, error) {
	creds, renewAt := h.held()
	if usable(creds) && (!creds.CanExpire || time.Now().Before(renewAt)) {
		return creds, nil
	}
	renewed, err := h.renew(ctx)
	if err != nil && ctx.Err() == nil && usable(creds) {
		return creds, nil
	}
	return renewed, err
}

// renew asks the provider. What it answers replaces what is held only if it can
// be used, and if it is of the same account: what answers in the place of STS
// must not be able to send the second half of a deployment elsewhere.
func (h *holder) renew(ctx context.Context) (creds aws.Credentials, err error) {
	asked := time.Now()
	err = guard.Call(func() error {
		creds, err = h.provider.Retrieve(ctx)
		return err
	})
	if err != nil {
		return aws.Credentials{}, err
	}
	h.secret(creds.AccessKeyID, creds.SecretAccessKey, creds.SessionToken)
	if !usable(creds) {
		return aws.Credentials{}, ErrUnusable
	}
	if before, _ := h.held(); before.HasKeys() && before.AccountID != creds.AccountID {
		return aws.Credentials{}, fmt.Errorf("the credentials are of account %q, those before were of %q; they are not used",
			creds.AccountID, before.AccountID)
	}
	// Round leaves the wall clock's reading alone: see wallClock.
	h.lease.Store(&lease{creds: creds, renewAt: asked.Add(creds.Expires.Sub(asked) / 2).Round(0)})
	return creds, nil
}

// keepFresh renews what is held whenever half of its life is gone, and tells the
// log, until ctx ends. A renewal that fails is tried again; what is held remains
// until its own end.
func (h *holder) keepFresh(ctx context.Context, log *zap.Logger) {
	creds, next := h.held()
	for pause := firstRetry; creds.CanExpire; creds, _ = h.held() {
		if !sleepUntil(ctx, next) {
			return
		}
		renewed, err := h.renew(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case err == nil:
			pause = firstRetry
			_, next = h.held()
			log.Info("credentials renewed", zap.String("account", renewed.AccountID), expires(renewed))
		default:
			next = time.Now().Add(retryIn(pause, time.Until(creds.Expires)))
			pause = min(2*pause, lastRetry)
			log.Warn("renewal failed", zap.String("error", err.Error()), expires(creds),
				zap.String("next_try", next.UTC().Format(time.RFC3339)))
		}
	}
}

func expires(creds aws.Credentials) zap.Field {
	return zap.String("expires", creds.Expires.UTC().Format(time.RFC3339))
}

// retryIn is how long to wait after a failure: not in step with other builds
// that saw the same fault, and soon enough for one more try before the end.
func retryIn(pause, left time.Duration) time.Duration {
	pause = pause/2 + rand.N(pause/2)
	if left > 0 {
		pause = min(pause, max(left/2, firstRetry/2))
	}
	return pause
}

// sleepUntil waits for a time on the wall clock. It is false if ctx ended first.
func sleepUntil(ctx context.Context, at time.Time) bool {
	for {
		left := time.Until(at.Round(0)) // without the reading of the timer
		if left <= 0 {
			return ctx.Err() == nil
		}
		timer := time.NewTimer(min(left, wallClock))
		select {
		case <-ctx.Done():
			timer.Stop()
			return false
		case <-timer.C:
		}
	}
}
