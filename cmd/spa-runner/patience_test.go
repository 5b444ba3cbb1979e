package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"spa-runner/internal/fault"
	"spa-runner/internal/identity"
	"spa-runner/internal/redact"
	"spa-runner/internal/retry"
	"spa-runner/pipeline"
)

// What a world may set, so that tests see faults pass in short time. They act on
// nothing but the numbers in usualPatience.
const (
	realWaits  = "TEST_REAL_WAITS"  // waits between attempts are real
	attemptFor = "TEST_ATTEMPT_FOR" // the time limit of an attempt at STS
	answerIn   = "TEST_ANSWER_IN"   // the limits for the begin of an answer
	nextByteIn = "TEST_NEXT_BYTE_IN"
	lookFor    = "TEST_LOOK_FOR"  // that of a look at the settings
	freeDisk   = "TEST_FREE_DISK" // bytes that the doctor finds
)

// mainInATest is main, but for the waits between attempts: they are counted and
// not waited for.
func mainInATest() {
	_ = os.Unsetenv(asMain)
	if err := pipeline.Conceal(); err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "spa-runner: "+err.Error())
		quit(fault.ExitRunner)
	}
	p := &program{stdout: os.Stdout, stderr: os.Stderr, redactor: redact.New(), patience: usualPatience()}
	if os.Getenv(realWaits) == "" {
		clock := &skippingClock{}
		p.patience.sts.Clock, p.patience.clone.Clock, p.patience.look.Clock = clock, clock, clock
	}
	for name, limit := range map[string]*time.Duration{
		attemptFor: &p.patience.sts.Attempt, answerIn: &p.patience.answer, nextByteIn: &p.patience.stall,
		lookFor: &p.patience.look.limit,
	} {
		if value, err := time.ParseDuration(os.Getenv(name)); err == nil {
			*limit = value
		}
	}
	if free, err := strconv.ParseUint(os.Getenv(freeDisk), 10, 64); err == nil {
		p.disk = func(string) (uint64, error) { return free, nil }
	}
	for _, name := range []string{realWaits, attemptFor, answerIn, nextByteIn, lookFor, freeDisk} {
		_ = os.Unsetenv(name)
	}
	p.environ = os.Environ()
	quit(p.run(os.Args[1:]))
}

// skippingClock goes on by what is slept, without sleeping, and by nothing else: what
// a machine under load takes for an attempt is no part of any budget.
type skippingClock struct {
	mu   sync.Mutex
	skip time.Duration
}

func (c *skippingClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Time{}.Add(c.skip)
}

func (c *skippingClock) Sleep(ctx context.Context, d time.Duration) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.skip += d
	return ctx.Err()
}

// atSTS is a provider of an assumed role whose STS is this function.
func atSTS(t *testing.T, life context.Context, own aws.CredentialsProvider, p identity.Patience, answer func(*http.Request) (*http.Response, error)) aws.CredentialsProvider { //nolint:revive // t comes first in a test
	t.Helper()
	region, role := "eu-west-1", deployRole
	cfg := aws.Config{Credentials: own, HTTPClient: clientFunc(answer)}
	return identity.Assumer(life, cfg, &region, p)(identity.Assumption{Role: &role, Session: "session"})
}

type clientFunc func(*http.Request) (*http.Response, error)

func (f clientFunc) Do(r *http.Request) (*http.Response, error) { return f(r) }

// A build that has no identity says so at once.
func TestTheBuildsOwnIdentityIsNotRetried(t *testing.T) {
	t.Parallel()
	asked, none := 0, errors.New("connection reset by the container endpoint")
	nobody := aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		asked++
		return aws.Credentials{}, none
	})
	policy := retry.Policy{Budget: time.Minute, Clock: &skippingClock{}}
	_, err := atSTS(t, t.Context(), nobody, identity.Patience{Policy: policy, Log: logOf(zap.NewNop())}, func(*http.Request) (*http.Response, error) {
		t.Error("STS was asked")
		return nil, none
	}).Retrieve(t.Context())
	if !errors.Is(err, none) || asked != 1 {
		t.Errorf("got %v after asking %d times", err, asked)
	}
}

// What renews credentials in the background has no step: its attempts are in the
// log all the same, and end with its own deadline or with the run.
func TestRenewalInTheBackground(t *testing.T) {
	t.Parallel()
	service := credentials.NewStaticCredentialsProvider("AKIAOFATEST", "secret", "token")
	broken := func(*http.Request) (*http.Response, error) { return nil, errors.New("no way out") }
	policy := retry.Policy{Budget: time.Hour, Random: func() float64 { return 0.999 }}
	stopped := errors.New("the run is over")
	for name, test := range map[string]struct {
		cached bool // behind the cache of the SDK, which hides the caller's end
		caller time.Duration
		run    time.Duration
		want   error
	}{
		"the caller's deadline":          {false, 400 * time.Millisecond, time.Hour, context.DeadlineExceeded},
		"the end of the run":             {false, time.Hour, 400 * time.Millisecond, stopped},
		"the end of the run, cached too": {true, time.Hour, 400 * time.Millisecond, stopped},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				core, events := observer.New(zap.DebugLevel)
				life, end := context.WithCancelCause(t.Context())
				provider := atSTS(t, life, service, identity.Patience{Policy: policy, Log: logOf(zap.New(core))}, broken)
				if test.cached {
					provider = pipeline.Mint[pipeline.Deploy](provider, func(...string) {})
				}
				defer time.AfterFunc(test.run, func() { end(stopped) }).Stop()
				ctx, cancel := context.WithTimeout(t.Context(), test.caller)
				defer cancel()
				start := time.Now()
				_, err := provider.Retrieve(ctx)
				if took := time.Since(start); !errors.Is(err, test.want) || took != 400*time.Millisecond {
					t.Errorf("got %v after %s", err, took)
				}
				if got := events.FilterMessage("retrying").All(); len(got) != 1 || got[0].ContextMap()["what"] != "assuming "+deployRole {
					t.Errorf("logged %v", got)
				}
			})
		})
	}
}
