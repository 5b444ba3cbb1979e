package steps

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"go.uber.org/zap"

	"spa-runner/internal/gitclone"
	"spa-runner/internal/hostfault"
	"spa-runner/internal/retry"
	"spa-runner/pipeline"
)

// patiently clones, and clones again after a fault that may pass. Each attempt
// is a whole clone: gitclone leaves no folder behind that the next could build on.
func patiently(ctx context.Context, rt *pipeline.Runtime, p retry.Policy, what string, r gitclone.Request) (gitclone.Result, error) {
	return retry.Do(ctx, p, rt.Log, what, func(ctx context.Context) (gitclone.Result, error) {
		return gitclone.Clone(ctx, r)
	}, judgeClone)
}

// judgeClone says which failures of a clone may pass. Whatever is not listed is
// final: what was not found, refused, malformed or not at the demanded commit.
func judgeClone(err error) retry.Verdict {
	var status *gitclone.StatusError
	_, ours := hostfault.Of(err)
	switch {
	case ours:
		return retry.Verdict{} // whatever else there is, such as a transfer that was broken off for it
	case errors.As(err, &status) && status.Code == http.StatusUnauthorized && !status.Signed:
		// A private repository and a missing token in most cases; but GitHub also
		// challenges anybody now and then while it limits anonymous access. Waiting out
		// such a limit takes too long, and a token does help, so: a second look, no more.
		return retry.Verdict{Again: true, Within: retry.Briefly}
	case errors.As(err, &status):
		return retry.Status(status.Code, status.Header, time.Now())
	case errors.Is(err, gitclone.ErrBrokenOff):
		return retry.Verdict{Again: true}
	case errors.Is(err, gitclone.ErrNoAnswer):
		return retry.Connection(err)
	case errors.Is(err, gitclone.ErrRefused):
		return retry.Verdict{Again: true, Within: retry.Briefly} // two servers behind one name that do not agree yet
	}
	return retry.Verdict{}
}

// signingClock is what CodeCommit's signatures are dated by: the clock of this
// machine, and if CodeCommit refuses that, once, its own as its answer tells it.
// A signature lives 15 minutes, so that a wrong clock is a 403 and looks like a
// missing permission.
type signingClock struct {
	server string
	log    *zap.Logger
	ahead  time.Duration // of the server's clock; 0 until it is used
}

func (c *signingClock) now() time.Time { return time.Now().Add(c.ahead) }

// corrects tells that the clock was to blame for a failure, and no longer is.
func (c *signingClock) corrects(err error) bool {
	var status *gitclone.StatusError
	if !errors.As(err, &status) || status.Code != http.StatusForbidden || c.ahead != 0 {
		return false
	}
	ahead, known := retry.Skew(status.Header, time.Now())
	if !known || ahead.Abs() <= retry.Tolerated {
		return false
	}
	c.ahead = ahead
	retry.WarnOfClock(c.log, c.server, ahead)
	return true
}

// explain adds to the error of a clone that the clock is wrong.
func (c *signingClock) explain(err error) error {
	if err == nil || c.ahead == 0 {
		return err
	}
	return fmt.Errorf("%w (the clock of %s is ahead of this machine's by %s; the last request was signed by the former)",
		err, c.server, c.ahead.Round(time.Second))
}
