// Package retry repeats what failed for a reason that may pass, and nothing
// else. It is the one place where attempts are counted: what is called through
// it does not retry by itself, so that each attempt is in the log with its
// reason and the wait before the next one.
//
// What a failure means is the caller's to judge (a Verdict); how long to wait
// and when to give up is decided here.
package retry

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"go.uber.org/zap"
)

// Policy is how much patience an operation is worth. The zero value is none:
// one attempt.
type Policy struct {
	// Budget ends the retrying: no attempt begins when that much time has passed
	// since the first one began. An attempt that is under way is not cut.
	Budget time.Duration
	// Attempt is the time limit of one attempt; 0 is none.
	Attempt time.Duration
	// Clock is what waits are made by; nil is the clock of this machine.
	Clock Clock
	// Random gives numbers in [0, 1), for the jitter; nil is math/rand.
	Random func() float64
}

// Clock is time, as a test may want to have it.
type Clock interface {
	Now() time.Time
	// Sleep waits, and ends early with an error if ctx does.
	Sleep(ctx context.Context, d time.Duration) error
}

// Verdict is what a failure is worth. The zero value ends the retrying.
type Verdict struct {
	// Again says that another attempt may go better.
	Again bool
	// Within narrows the budget for a failure that is probably final: counted, as
	// that is, from the beginning of the first attempt. 0 leaves it as it is.
	Within time.Duration
	// After is how long the server asked to be left alone.
	After time.Duration
}

// Error is the last error of several attempts.
type Error struct {
	Attempts int
	Took     time.Duration // from the beginning of the first to the end of the last
	Asked    time.Duration // the wait that the server asked for, if that was too long
	// MayPass says that the last failure may well be over by now: none that is probably final (Verdict.Within).
	MayPass bool
	Err     error
}

func (e *Error) Error() string { return e.Err.Error() + " " + e.Effort() }
func (e *Error) Unwrap() error { return e.Err }

// Effort says in brackets what was tried, for a text that is made anew.
func (e *Error) Effort() string {
	attempts := "1 attempt"
	if e.Attempts != 1 {
		attempts = fmt.Sprintf("%d attempts in %s", e.Attempts, e.Took.Round(10*time.Millisecond))
	}
	if e.Asked > 0 {
		return fmt.Sprintf("(given up after %s: the server asks to wait %s, which is longer than this is worth)", attempts, e.Asked.Round(time.Second))
	}
	return fmt.Sprintf("(given up after %s)", attempts)
}

// Do calls attempt until it succeeds, until judge finds a failure that will not
// pass, or until the budget is spent; then the error is the last one, as an
// *Error if there was more than one attempt. Before each wait it logs the
// warning "retrying" with what, the number of the attempt, its error and the wait.
//
// When ctx ends there is no further attempt, and its cause is in the error.
func Do[T any](ctx context.Context, p Policy, log *zap.Logger, what string,
	attempt func(context.Context) (T, error), judge func(error) Verdict,
) (T, error) {
	var none T
	clock := p.clock()
	start := clock.Now()
	for n := 1; ; n++ {
		result, err := once(ctx, p.Attempt, attempt)
		if err == nil {
			return result, nil
		}
		if ctx.Err() != nil {
			return none, ended(ctx, err)
		}
		verdict, took := judge(err), clock.Now().Sub(start)
		wait := p.wait(n, took, verdict)
		if wait <= 0 {
			return none, final(n, took, verdict, err)
		}
		log.Warn("retrying", zap.String("what", what), zap.Int("attempt", n), zap.String("error", err.Error()),
			zap.Int64("delay_ms", max(1, wait.Milliseconds())))
		if clock.Sleep(ctx, wait) != nil {
			return none, ended(ctx, err)
		}
	}
}

func once[T any](ctx context.Context, limit time.Duration, attempt func(context.Context) (T, error)) (T, error) {
	if limit <= 0 {
		return attempt(ctx)
	}
	limited, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	result, err := attempt(limited)
	if err != nil && limited.Err() != nil && ctx.Err() == nil {
		err = fmt.Errorf("it took longer than %s: %w", limit, err)
	}
	return result, err
}

// ended is the error of an operation that was not given the time to go on.
func ended(ctx context.Context, last error) error {
	return fmt.Errorf("%w; before that: %w", context.Cause(ctx), last)
}

// MayPass says that an error is the last of several attempts that Do gave up though
// the fault may be over by now.
func MayPass(err error) bool {
	var failed *Error
	return errors.As(err, &failed) && failed.MayPass
}

func final(attempts int, took time.Duration, v Verdict, err error) error {
	if !v.Again {
		v.After = 0
	}
	if attempts == 1 && v.After == 0 {
		return err
	}
	failed := &Error{Attempts: attempts, Took: took, MayPass: v.Again && v.Within == 0, Err: err}
	if v.After > 0 {
		failed.Asked = v.After
	}
	return failed
}

// The back-off doubles from first to most.
const (
	first  = 500 * time.Millisecond
	most   = 20 * time.Second
	atOnce = 10 * time.Millisecond // the least: a wait is never nothing
)

// wait is the time to wait after n failed attempts that took that long, or 0 to
// give up. It is random between nothing and the back-off ("full jitter"), so that
// builds that failed together do not come back together:
// https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
//
// The last wait is cut to what is left, so that the whole time is used. One that
// the server asked for is not: to come back before that is to be refused.
func (p Policy) wait(n int, took time.Duration, v Verdict) time.Duration {
	left := p.Budget - took
	if v.Within > 0 {
		left = min(left, v.Within-took)
	}
	if !v.Again || left <= 0 || v.After > left {
		return 0
	}
	random := p.Random
	if random == nil {
		random = rand.Float64 //nolint:gosec // nothing secret depends on it
	}
	ceiling := min(most, first<<min(n-1, 10))
	return min(left, max(v.After, atOnce, time.Duration(random()*float64(ceiling))))
}

func (p Policy) clock() Clock {
	if p.Clock == nil {
		return machine{}
	}
	return p.Clock
}

// machine is the clock of this machine.
type machine struct{}

func (machine) Now() time.Time { return time.Now() }

func (machine) Sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return ctx.Err()
	case <-ctx.Done():
		return ctx.Err()
	}
}
