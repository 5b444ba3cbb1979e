package pipeline

import (
	"context"
	"sync"
	"time"

	"spa-runner/internal/fault"
	"spa-runner/internal/guard"
)

// patienceWithUs is how long work of the runner's own may go on after its context has
// ended, or after the grace of its last child. All such work asks its context; this is
// for what does not return all the same, such as a file system that does not answer.
const patienceWithUs = 5 * time.Second

// lookAtGraces is how often work that is to end is asked whether it still waits for a child.
const lookAtGraces = 100 * time.Millisecond

// Within calls do, and returns when that returns, or 5 seconds after ctx has ended:
// then the error is a *fault.GivenUpError.
func Within(ctx context.Context, do func() error) error {
	return within(ctx, patienceWithUs, &graces{}, do)
}

// Tell calls do, which tells of work that was given up, and waits for at most a second:
// perhaps it was given up since nobody reads what it wrote.
func Tell(do func() error) {
	over, cancel := context.WithCancel(context.Background())
	cancel()
	_ = within(over, tellPatience, &graces{}, do)
}

const tellPatience = time.Second

func within(ctx context.Context, limit time.Duration, children *graces, do func() error) error {
	done := make(chan error, 1)
	go func() { done <- guard.Call(do) }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	ended := time.Now()
	for {
		left := time.Until(children.over(ended).Add(limit))
		if left <= 0 {
			return &fault.GivenUpError{Cause: context.Cause(ctx), Waited: limit}
		}
		timer := time.NewTimer(min(left, lookAtGraces))
		select {
		case err := <-done:
			timer.Stop()
			return err
		case <-timer.C: // perhaps a grace has begun meanwhile, or is over since its child has ended
		}
	}
}

// graces knows how long children that were asked to end may still take.
type graces struct {
	mu      sync.Mutex
	waiting int       // for so many children
	until   time.Time // when the longest of their graces is over
	last    time.Time // when the last of them had ended
}

// begin is called when a child is asked to end, and end when it has.
func (g *graces) begin(grace time.Duration) (end func()) {
	if g == nil { // a child on its own, outside of a step
		return func() {}
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.waiting++
	if until := time.Now().Add(grace); until.After(g.until) {
		g.until = until
	}
	return func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		if g.waiting--; g.waiting == 0 {
			g.until, g.last = time.Time{}, time.Now()
		}
	}
}

// over is the time from which work must return that was to end at a time.
func (g *graces) over(ended time.Time) time.Time {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, later := range []time.Time{g.until, g.last} {
		if later.After(ended) {
			ended = later
		}
	}
	return ended
}
