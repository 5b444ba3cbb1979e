package pipeline

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap/zaptest/observer"

	"spa-runner/internal/fault"
)

func messages(events *observer.ObservedLogs) []string {
	var list []string
	for _, e := range events.All() {
		list = append(list, fmt.Sprintf("%s %v", e.Message, e.ContextMap()["step"]))
	}
	return list
}

func succeed(context.Context, *Runtime) error { return nil }

func TestRunStopsAtTheFirstFailure(t *testing.T) {
	rt, events, _ := testRuntime()
	rt.Log = rt.Log.WithOptions() // without the field of the helper's step
	broken := errors.New("broken")
	err := Pipeline{Steps: []Step{
		step{name: "one", run: succeed},
		step{name: "two", run: func(context.Context, *Runtime) error { return fault.Skip("nothing to do") }},
		step{name: "three", run: func(context.Context, *Runtime) error { return fault.WithHint(broken, "mend it") }},
		step{name: "four", run: succeed},
	}}.Run(t.Context(), rt)

	var failed *fault.StepError
	if !errors.As(err, &failed) || failed.Step != "three" || !errors.Is(err, broken) {
		t.Fatalf("got %v, want the StepError of three", err)
	}
	want := []string{
		"step started one", "step finished one", "step started two", "step skipped two",
		"step started three", "step failed three",
	}
	if got := messages(events); !slices.Equal(got, want) {
		t.Errorf("events: got %q, want %q", got, want)
	}
	fields := events.FilterMessage("step failed").All()[0].ContextMap()
	if fields["error"] != "broken" || fields["hint"] != "mend it" || fields["scope"] != "none" {
		t.Errorf("fields of the failure: got %v", fields)
	}
	if fault.Hint(err) != "mend it" || fault.ExitCode(err) != fault.ExitRunner {
		t.Errorf("got hint %q and exit code %d", fault.Hint(err), fault.ExitCode(err))
	}
}

// A hold ends the pass like a failure, and is none.
func TestHold(t *testing.T) {
	rt, events, _ := testRuntime()
	rt.Log = rt.Log.WithOptions()
	err := Pipeline{Steps: []Step{
		step{name: "one", run: func(context.Context, *Runtime) error { return fault.WithHint(fault.Hold("release freeze"), "wait") }},
		step{name: "two", run: succeed},
	}}.Run(t.Context(), rt)
	if held := fault.Held(err); held == nil || held.Why != "release freeze" || fault.ExitCode(err) != 0 || fault.Hint(err) != "wait" {
		t.Errorf("got %v, exit code %d", err, fault.ExitCode(err))
	}
	if got, want := messages(events), []string{"step started one", "step held one"}; !slices.Equal(got, want) {
		t.Errorf("events: got %q, want %q", got, want)
	}
	if why := events.FilterMessage("step held").All()[0].ContextMap()["why"]; why != "release freeze" {
		t.Errorf("got %v", why)
	}
	if fault.Held(nil) != nil || fault.Held(errors.New("x")) != nil {
		t.Error("what is no hold is one")
	}
}

func TestNothingIsStartedWhenTheLogIsLost(t *testing.T) {
	rt, _, _ := testRuntime()
	var lost error
	rt.Broken = func() error { return lost }
	started := false
	err := Pipeline{Steps: []Step{
		step{name: "one", run: func(context.Context, *Runtime) error { lost = errors.New("no space left"); return nil }},
		step{name: "two", run: func(context.Context, *Runtime) error { started = true; return nil }},
	}}.Run(t.Context(), rt)
	if started || fault.ExitCode(err) != fault.ExitRunner || !errors.Is(err, lost) {
		t.Errorf("the second step was started: %v, error %v", started, err)
	}
}

func TestPanicIsAnErrorOfTheStep(t *testing.T) {
	rt, events, _ := testRuntime()
	err := Pipeline{Steps: []Step{step{name: "one", run: func(context.Context, *Runtime) error { panic("ouch") }}}}.Run(t.Context(), rt)
	if err == nil || !strings.Contains(err.Error(), "panic: ouch") || fault.ExitCode(err) != fault.ExitRunner {
		t.Errorf("got %v, exit code %d", err, fault.ExitCode(err))
	}
	if events.FilterMessage("panic").Len() != 1 {
		t.Errorf("the stack was not logged: %q", messages(events))
	}
}

func TestTimeLimits(t *testing.T) {
	waits := step{name: "waits", run: func(ctx context.Context, _ *Runtime) error {
		<-ctx.Done()
		return ctx.Err()
	}}
	synctest.Test(t, func(t *testing.T) {
		rt, _, _ := testRuntime()
		start := time.Now()
		err := Pipeline{Steps: []Step{waits}, StepTimeout: time.Minute}.Run(t.Context(), rt)
		var limit *fault.TimeLimitError
		if !errors.As(err, &limit) || limit.Of != "step" || fault.ExitCode(err) != fault.ExitTimeLimit || time.Since(start) != time.Minute {
			t.Errorf("step: got %v after %s", err, time.Since(start))
		}
	})
	synctest.Test(t, func(t *testing.T) {
		rt, events, _ := testRuntime()
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, &fault.TimeLimitError{Of: "run", Limit: time.Second})
		defer cancel()
		// The run's limit fires in the first step, and the second is not run.
		swallows := step{name: "swallows", run: func(ctx context.Context, _ *Runtime) error { <-ctx.Done(); return nil }}
		err := Pipeline{Steps: []Step{swallows, step{name: "never", run: succeed}}, StepTimeout: time.Minute}.Run(ctx, rt)
		var limit *fault.TimeLimitError
		if !errors.As(err, &limit) || limit.Of != "run" {
			t.Errorf("run: got %v", err)
		}
		if got := messages(events); slices.Contains(got, "step finished never") {
			t.Errorf("a step was run after the limit: %q", got)
		}
	})
}

func TestInterruptionIsNotReportedAsCanceled(t *testing.T) {
	rt, _, _ := testRuntime()
	ctx, cancel := context.WithCancelCause(t.Context())
	err := Pipeline{Steps: []Step{step{name: "one", run: func(ctx context.Context, _ *Runtime) error {
		cancel(&fault.InterruptedError{Signal: syscall.SIGTERM})
		return fmt.Errorf("cloning: %w", ctx.Err())
	}}}}.Run(ctx, rt)
	if fault.ExitCode(err) != 143 || !strings.HasPrefix(err.Error(), "one: interrupted by signal 15") {
		t.Errorf("got %v, exit code %d, want 143", err, fault.ExitCode(err))
	}
}

// A child's status, which a make's would be, does not hide that something may run beside what follows.
func TestWhatCouldNotBeEndedIsTheErrorOfItsStep(t *testing.T) {
	left, own := errors.New("cannot be ended"), errors.New("failed")
	for name, test := range map[string]struct {
		err, left error
		want      error
		text      string
	}{
		"of a step that went well":  {nil, left, left, "cannot be ended"},
		"of a step that failed":     {own, left, left, "cannot be ended (after: failed)"},
		"nothing left of a failure": {own, nil, own, "failed"},
	} {
		got := afterCleaning(test.err, test.left)
		if !errors.Is(got, test.want) {
			t.Fatalf("%s: got %v, want %v", name, got, test.want)
		}
		if got.Error() != test.text {
			t.Errorf("%s: got the text %q, want %q", name, got, test.text)
		}
		if test.left != nil && errors.Is(got, own) {
			t.Errorf("%s: the error is still that of the step: %v", name, got)
		}
	}
	if err := afterCleaning(nil, nil); err != nil {
		t.Errorf("nothing is wrong: got %v", err)
	}
}
