package main

import (
	"context"
	"os"
	"sync"
	"time"

	"spa-runner/internal/redact"
	"spa-runner/pipeline"
)

// What a world may set, so that tests see faults pass in short time. They act on
// nothing but the numbers in usualPatience.
const (
	realWaits  = "TEST_REAL_WAITS"  // waits between attempts are real
	attemptFor = "TEST_ATTEMPT_FOR" // the time limit of an attempt at STS
	answerIn   = "TEST_ANSWER_IN"   // the limits for the begin of an answer
	nextByteIn = "TEST_NEXT_BYTE_IN"
)

// mainInATest is main, but for the waits between attempts: they are counted and
// not waited for.
func mainInATest() {
	_ = os.Unsetenv(asMain)
	if _, err := pipeline.Conceal(os.Environ()); err != nil {
		panic(err)
	}
	p := &program{stdout: os.Stdout, stderr: os.Stderr, redactor: redact.New(), patience: usualPatience()}
	if os.Getenv(realWaits) == "" {
		clock := &skippingClock{}
		p.patience.sts.Clock, p.patience.clone.Clock = clock, clock
	}
	for name, limit := range map[string]*time.Duration{
		attemptFor: &p.patience.sts.Attempt, answerIn: &p.patience.answer, nextByteIn: &p.patience.stall,
	} {
		if value, err := time.ParseDuration(os.Getenv(name)); err == nil {
			*limit = value
		}
	}
	for _, name := range []string{realWaits, attemptFor, answerIn, nextByteIn} {
		_ = os.Unsetenv(name)
	}
	p.environ = os.Environ()
	os.Exit(p.run(os.Args[1:]))
}

// skippingClock goes on by what is slept, without sleeping.
type skippingClock struct {
	mu   sync.Mutex
	skip time.Duration
}

func (c *skippingClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.skip)
}

func (c *skippingClock) Sleep(ctx context.Context, d time.Duration) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.skip += d
	return ctx.Err()
}
