package pipeline

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"spa-runner/internal/fault"
)

// Work that does not ask its context is given up, with the cause of the end: nothing
// after it is started, and the exit code is that of the cause.
func TestWorkThatDoesNotEndIsGivenUp(t *testing.T) {
	for name, test := range map[string]struct {
		end  func(context.CancelCauseFunc)
		step time.Duration
		code int
	}{
		"a signal":             {end: func(cancel context.CancelCauseFunc) { cancel(&fault.InterruptedError{Signal: syscall.SIGTERM}) }, code: 143},
		"the limit of the run": {end: func(cancel context.CancelCauseFunc) { cancel(&fault.TimeLimitError{Of: "run", Limit: time.Hour}) }, code: fault.ExitTimeLimit},
		"that of the step":     {end: func(context.CancelCauseFunc) {}, step: time.Millisecond, code: fault.ExitTimeLimit},
	} {
		t.Run(name, func(t *testing.T) {
			rt, events, _ := testRuntime()
			ctx, cancel := context.WithCancelCause(t.Context())
			never := make(chan struct{})
			t.Cleanup(func() { close(never) })
			deaf := step{name: "deaf", run: func(context.Context, *Runtime) error { test.end(cancel); <-never; return nil }}
			after := step{name: "after", run: func(context.Context, *Runtime) error { t.Error("the step after it was started"); return nil }}
			err := Pipeline{Steps: []Step{deaf, after}, StepTimeout: test.step, deaf: 20 * time.Millisecond}.Run(ctx, rt)
			if !fault.GaveUp(err) || fault.ExitCode(err) != test.code || !strings.Contains(err.Error(), "did not end within 20ms, and was given up") {
				t.Errorf("got %v, exit code %d, want %d", err, fault.ExitCode(err), test.code)
			}
			if failed := events.FilterMessage("step failed").All(); len(failed) != 1 || failed[0].ContextMap()["step"] != "deaf" {
				t.Errorf("got %v", failed)
			}
		})
	}
}

// A busy loop is no better.
func TestWorkThatOnlyComputesIsGivenUp(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	var stop atomic.Bool
	t.Cleanup(func() { stop.Store(true) })
	err := within(ctx, 20*time.Millisecond, &graces{}, func() error {
		cancel(&fault.InterruptedError{Signal: syscall.SIGINT})
		for n := 0; !stop.Load(); n++ {
			_ = n
		}
		return nil
	})
	if !fault.GaveUp(err) || fault.ExitCode(err) != 130 {
		t.Errorf("got %v", err)
	}
}

// A child has its grace, though it is longer than the patience with the runner's own work. That patience is long
// enough here for a busy machine.
func TestAChildHasItsGraceBeforeWorkIsGivenUp(t *testing.T) {
	rt, _, out := testRuntime()
	rt.Grace = time.Hour
	ctx, cancel := context.WithCancelCause(t.Context())
	dir := t.TempDir()
	run := func(ctx context.Context, rt *Runtime) error {
		return Exec(ctx, rt, Credentials[None]{}, Command{Dir: dir, Stdout: writerFunc(func(p []byte) {
			_, _ = out.Write(p)
			cancel(&fault.InterruptedError{Signal: syscall.SIGTERM})
		}), Argv: []string{"sh", "-c", "exec 2>/dev/null; trap 'sleep 3; echo in order; exit 0' TERM; echo started; while :; do sleep 0.01; done"}})
	}
	err := Pipeline{Steps: []Step{step{name: "one", run: run}}, deaf: 2 * time.Second}.Run(ctx, rt)
	if fault.GaveUp(err) || fault.ExitCode(err) != 143 || out.String() != "started\nin order\n" {
		t.Errorf("got %v, %q", err, out)
	}
}

type writerFunc func([]byte)

func (w writerFunc) Write(p []byte) (int, error) { w(p); return len(p), nil }

// When the grace is over, or the child is, the patience with what the runner does then
// begins.
func TestWorkAfterAChildIsGivenUp(t *testing.T) {
	now := time.Now()
	g := &graces{}
	if got := g.over(now); !got.Equal(now) {
		t.Errorf("without a child: got %s", got.Sub(now))
	}
	end := g.begin(deployGrace)
	if got := g.over(now).Sub(now); got < deployGrace || deployGrace != time.Minute {
		t.Errorf("while a deployment has its grace: got %s", got)
	}
	second := g.begin(time.Second)
	second()
	if got := g.over(now).Sub(now); got < deployGrace {
		t.Errorf("one of two has ended: got %s", got)
	}
	end()
	if got := g.over(now).Sub(now); got >= deployGrace || got < 0 {
		t.Errorf("both have ended: got %s", got)
	}
}

// A child that ends early in its grace leaves the runner no more time than one that ends late.
func TestTheGraceOfAChildThatHasEndedIsNotWaitedFor(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	g, never := &graces{}, make(chan struct{})
	t.Cleanup(func() { close(never) })
	err := within(ctx, 20*time.Millisecond, g, func() error {
		end := g.begin(time.Hour)
		cancel(&fault.InterruptedError{Signal: syscall.SIGTERM})
		time.Sleep(2 * lookAtGraces) // so that the grace has been seen; if it has not, nothing is shown
		end()
		<-never
		return nil
	})
	if !fault.GaveUp(err) {
		t.Errorf("got %v", err)
	}
}

// The log is work of the runner, too.
func TestALogThatDoesNotAnswerIsGivenUp(t *testing.T) {
	t.Parallel()
	for _, message := range []string{"step started", "step finished"} {
		t.Run(message, func(t *testing.T) {
			t.Parallel()
			rt, _, _ := testRuntime()
			ctx, cancel := context.WithCancelCause(t.Context())
			never := make(chan struct{})
			t.Cleanup(func() { close(never) })
			rt.Log = rt.Log.WithOptions(zap.Hooks(func(e zapcore.Entry) error {
				if e.Message == message {
					cancel(&fault.InterruptedError{Signal: syscall.SIGTERM})
					<-never
				}
				return nil
			}))
			run := func(context.Context, *Runtime) error { return nil }
			err := Pipeline{Steps: []Step{step{name: "one", run: run}}, deaf: time.Millisecond}.Run(ctx, rt)
			if !fault.GaveUp(err) || fault.ExitCode(err) != 143 {
				t.Errorf("got %v", err)
			}
		})
	}
}

// What returns in time is no matter of giving up, whatever it returns.
func TestWithin(t *testing.T) {
	ours := errors.New("ours")
	ctx, cancel := context.WithCancelCause(t.Context())
	if err := Within(ctx, func() error { return ours }); !errors.Is(err, ours) {
		t.Errorf("got %v", err)
	}
	cancel(&fault.InterruptedError{Signal: syscall.SIGTERM})
	if err := Within(ctx, func() error { return nil }); err != nil {
		t.Errorf("got %v", err)
	}
	if err := Within(ctx, func() error { panic("x") }); err == nil || fault.GaveUp(err) {
		t.Errorf("got %v", err)
	}
}
