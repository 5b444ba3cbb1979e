package pipeline

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"go.uber.org/zap"

	"spa-runner/internal/fault"
	"spa-runner/internal/guard"
)

// Pipeline is a list of steps and what holds for each of them.
type Pipeline struct {
	Steps []Step
	// StepTimeout ends a step that takes longer; 0 means no limit.
	StepTimeout time.Duration

	deaf time.Duration // in place of patienceWithUs, for tests; 0 is that
}

func (p Pipeline) patience() time.Duration {
	if p.deaf > 0 {
		return p.deaf
	}
	return patienceWithUs
}

// Runtime is what every step is given. No exported field leads to
// credentials.
type Runtime struct {
	// Log has the step's name and scope in its fields.
	Log *zap.Logger
	// Output takes what a child writes, redacted and cut into lines on its
	// way to the log. Stream is "stdout" or "stderr".
	Output func(step, scope, stream string) io.WriteCloser
	// Broken, if set, gives the error that the log was lost with. Nothing is
	// started that nobody could read about.
	Broken func() error
	// Redact registers secrets that were born in a step, before anything else
	// sees them.
	Redact func(secrets ...string)
	// Env is what children will see. It is made anew for each pass and is the
	// only thing here that changes.
	Env *Environ
	// Untrusted, if set, is whom all children run as that do not deploy.
	Untrusted *User
	// Given finds make, once in a run: all passes share it. Nil looks for it at each use.
	Given *Given
	// KeysInEnv hands children the keys of their scope in three variables, which
	// end with them, in place of the endpoint that renews them.
	KeysInEnv bool
	// Grace is how long a child may take to end after a signal; 0 means 60
	// seconds in the scope Deploy and 10 in all others.
	Grace time.Duration
	// Hurry, when closed, cuts Grace short: the operator asked twice.
	Hurry <-chan struct{}

	step       Step          // the one that runs; the loop sets it in a copy
	scratch    *scratch      // of that step, likewise
	graces     *graces       // of its children, likewise
	drainLimit time.Duration // in place of the constant, for tests; 0 is that
}

// Run runs the steps in order and stops at the first that fails: nothing after
// it is started. The error is a *fault.StepError.
//
// Everything that holds for all steps is in this loop: the log of start and
// end, the time limit, the guard against panics and the end of all processes.
// A step that does not end although its context has is given up: the error then
// has a *fault.GivenUpError in it, and the process must end.
func (p Pipeline) Run(ctx context.Context, rt *Runtime) error {
	for _, step := range p.Steps {
		own := rt.forStep(step)
		run := limited(p.StepTimeout, givenUp(p.patience(), cleaned(recovered(step.Run))))
		err := within(ctx, p.patience()+tellPatience+time.Second, own.graces, func() error { // it may be the log that does not answer
			return logged(run)(withLog(ctx, own.Log), own)
		})
		if err != nil {
			return &fault.StepError{Step: step.Name(), Err: err}
		}
	}
	return nil
}

type runFunc func(ctx context.Context, rt *Runtime) error

func (rt *Runtime) forStep(s Step) *Runtime {
	own := *rt
	own.step = s
	own.scratch = &scratch{user: rt.Untrusted}
	own.graces = &graces{}
	own.Log = rt.Log.With(zap.String("step", s.Name()), zap.String("scope", s.scope()))
	return &own
}

// logged writes the start and the one end of a step.
func logged(run runFunc) runFunc {
	return func(ctx context.Context, rt *Runtime) error {
		params := make([]zap.Field, 0, 8)
		for _, p := range rt.step.Params() {
			params = append(params, zap.String(p.Name, p.Value))
		}
		rt.Log.Info("step started", zap.Dict("params", params...))
		start := time.Now()
		err := run(ctx, rt)
		took := zap.Int64("took_ms", time.Since(start).Milliseconds())

		var skip *fault.SkippedError
		switch {
		case err == nil:
			rt.Log.Info("step finished", took)
		case errors.As(err, &skip):
			rt.Log.Info("step skipped", took, zap.String("why", skip.Why))
			return nil
		case fault.Held(err) != nil:
			rt.Log.Info("step held", took, zap.String("why", fault.Held(err).Why))
		default:
			fields := []zap.Field{took, zap.String("error", err.Error())}
			if hint := fault.Hint(err); hint != "" {
				fields = append(fields, zap.String("hint", hint))
			}
			if !fault.GaveUp(err) {
				rt.Log.Error("step failed", fields...)
				break
			}
			Tell(func() error { rt.Log.Error("step failed", fields...); return nil })
		}
		return err
	}
}

// limited ends a step when its time, or that of the run, is over. The cause
// goes in front of whatever the step made of it, so that a limit or a signal
// is never reported as "context canceled".
func limited(limit time.Duration, run runFunc) runFunc {
	return func(ctx context.Context, rt *Runtime) error {
		if limit > 0 {
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeoutCause(ctx, limit, &fault.TimeLimitError{Of: "step", Limit: limit})
			defer cancel()
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if rt.Broken != nil {
			if err := rt.Broken(); err != nil {
				return fmt.Errorf("not started, since the log is lost: %w", err)
			}
		}
		err := run(ctx, rt)
		if err == nil || ctx.Err() == nil {
			return err
		}
		cause := context.Cause(ctx)
		if skip := (*fault.SkippedError)(nil); errors.As(err, &skip) {
			return cause // or it would be taken for a success
		}
		if !errors.Is(err, cause) {
			return fmt.Errorf("%w (%w)", cause, err)
		}
		return err
	}
}

// givenUp returns although a step does not, when its time is over.
func givenUp(limit time.Duration, run runFunc) runFunc {
	return func(ctx context.Context, rt *Runtime) error {
		return within(ctx, limit, rt.graces, func() error { return run(ctx, rt) })
	}
}

// cleaned ends whatever a step left running, in a session of its own or not,
// so that nothing of it sees what the next step holds. Exec does the same after
// each command; here it also holds for what ran side by side, and after a panic.
// Then it removes the files that were made for the step's children.
func cleaned(run runFunc) runFunc {
	return func(ctx context.Context, rt *Runtime) error {
		err := run(ctx, rt)
		left := rt.endAll()
		if removed := rt.scratch.remove(); removed != nil {
			rt.Log.Warn("files that were made for this step are left", zap.Error(removed))
		}
		return afterCleaning(err, left)
	}
}

// afterCleaning is the error of a step, and of what it left that could not be ended.
func afterCleaning(err, left error) error {
	if left != nil && err != nil {
		return fmt.Errorf("%w (after: %v)", left, err) //nolint:errorlint // what fails closed comes first
	} else if left != nil {
		return left
	}
	return err
}

// recovered turns a panic into an error: the run must end with its log, its
// summary and its exit code, whatever happens.
func recovered(run runFunc) runFunc {
	return func(ctx context.Context, rt *Runtime) error {
		err := guard.Call(func() error { return run(ctx, rt) })
		if panicked := (*guard.PanicError)(nil); errors.As(err, &panicked) {
			rt.Log.Error("panic", zap.String("stack", panicked.Stack))
		}
		return err
	}
}
