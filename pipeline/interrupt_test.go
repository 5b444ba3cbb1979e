package pipeline

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"spa-runner/internal/fault"
)

// patient is after what time something that must happen is taken not to: far more than it
// takes on any machine, however busy.
const patient = 5 * time.Minute

// interruptedShell runs a script until it has made the file "ready", and then
// ends it by SIGTERM.
func interruptedShell(t *testing.T, rt *Runtime, script string) (dir string, took time.Duration, err error) {
	t.Helper()
	return shellEndedBy(t, rt, syscall.SIGTERM, script)
}

func shellEndedBy(t *testing.T, rt *Runtime, signal syscall.Signal, script string) (dir string, took time.Duration, err error) {
	t.Helper()
	dir = t.TempDir()
	ctx, cancel := context.WithCancelCause(t.Context())
	var at time.Time
	go func() {
		for ctx.Err() == nil {
			if _, err := os.Stat(filepath.Join(dir, "ready")); err == nil {
				at = time.Now()
				cancel(&fault.InterruptedError{Signal: signal})
			}
			time.Sleep(5 * time.Millisecond)
		}
	}()
	err = Exec(ctx, rt, Credentials[None]{}, Command{Dir: dir, Argv: []string{"sh", "-c", ours(script)}})
	if ctx.Err() == nil {
		cancel(nil)
		t.Fatalf("it ended before it was interrupted: %v", err)
	}
	return dir, time.Since(at), err
}

// putsInOrder is a tool that needs a moment to end: it writes the file "order".
const putsInOrder = `sh -c 'trap "printf half >order; sleep 0.3; echo +half >>order; exit" TERM; touch ready; while :; do sleep 0.02; done'`

// A shell dies of the signal at once, but what it had started still puts things
// in order: cdk beneath a script, say.
func TestWhoOutlivesTheLeaderHasItsGrace(t *testing.T) {
	for name, script := range map[string]string{
		"in the group":          putsInOrder + " & wait",
		"in a group of its own": "timeout 100 " + putsInOrder + " & wait",
		"the leader itself":     "exec " + putsInOrder,
	} {
		t.Run(name, func(t *testing.T) {
			rt, _, _ := testRuntime()
			rt.Grace = time.Hour
			dir, _, err := interruptedShell(t, rt, script)
			order, _ := os.ReadFile(filepath.Join(dir, "order"))
			if string(order) != "half+half\n" || fault.ExitCode(err) != 143 {
				t.Errorf("got %q and %v, want all of it done", order, err)
			}
		})
	}
}

func TestTheGraceIsForAllOfTheSessionTogether(t *testing.T) {
	needPgrep(t)
	rt, _, _ := testRuntime()
	rt.Grace = 300 * time.Millisecond
	_, took, err := interruptedShell(t, rt, `sh -c 'trap "" TERM; touch ready; while :; do sleep 7006; done' & wait`)
	if took < rt.Grace || fault.ExitCode(err) != 143 {
		t.Errorf("got %v after %s, want it killed after %s", err, took, rt.Grace)
	}
	gone(t, "sleep 7006")
}

// What left the session is not asked, and nobody waits for it.
func TestWhoLeftTheSessionIsKilledWithoutGrace(t *testing.T) {
	needPgrep(t)
	rt, _, _ := testRuntime()
	rt.Grace = time.Hour
	_, _, err := interruptedShell(t, rt, `setsid sh -c 'trap "" TERM; touch ready; while :; do sleep 7007; done' & wait`)
	if fault.ExitCode(err) != 143 {
		t.Errorf("got %v", err)
	}
	gone(t, "sleep 7007")
}

// A target that takes the signal and answers with 0 has not deployed.
func TestStatusZeroAfterASignalIsNoSuccess(t *testing.T) {
	rt, _, _ := testRuntime()
	_, _, err := interruptedShell(t, rt, `trap 'exit 0' TERM; touch ready; while :; do sleep 0.02; done`)
	var child *fault.ChildError
	if fault.ExitCode(err) != 143 || !errors.As(err, &child) || child.Code != 0 {
		t.Errorf("got %v, want an interruption", err)
	}
}

func TestNothingIsStartedAfterTheEnd(t *testing.T) {
	rt, _, out := testRuntime()
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(&fault.InterruptedError{Signal: syscall.SIGINT})
	var child *fault.ChildError
	if err := shell(t, ctx, rt, "echo started"); fault.ExitCode(err) != 130 || errors.As(err, &child) || out.String() != "" {
		t.Errorf("got %v and %q, want no child at all", err, out)
	}
}

func TestGracePeriods(t *testing.T) {
	for _, c := range []struct {
		set   time.Duration
		scope Step
		want  time.Duration
	}{
		{0, scoped[Deploy]{}, time.Minute},
		{0, scoped[Settings]{}, 10 * time.Second},
		{0, scoped[None]{}, 10 * time.Second},
		{time.Second, scoped[Deploy]{}, time.Second},
		{time.Second, scoped[None]{}, time.Second},
	} {
		if got := (&Runtime{Grace: c.set}).grace(c.scope.scope()); got != c.want {
			t.Errorf("grace %s in scope %s: got %s, want %s", c.set, c.scope.scope(), got, c.want)
		}
	}
}

type scoped[S Scope] struct{ Credentials[S] }

func (scoped[S]) Name() string                        { return "scoped" }
func (scoped[S]) Params() []Param                     { return nil }
func (scoped[S]) Run(context.Context, *Runtime) error { return nil }

// Whatever a step makes of it, a pass that a limit or a signal cut short is no
// success; and which of them it was is told apart.
func TestNoEndBeforeTimeIsASuccess(t *testing.T) {
	type ending struct {
		name string
		code int
		says string
		run  func(run func(context.Context, time.Duration) error) error
	}
	endings := []ending{
		{"step limit", 124, "the time limit of the step, 20ms", func(run func(context.Context, time.Duration) error) error {
			return run(t.Context(), 20*time.Millisecond)
		}},
		{"run limit", 124, "the time limit of the run, 20ms", func(run func(context.Context, time.Duration) error) error {
			cause := &fault.TimeLimitError{Of: "run", Limit: 20 * time.Millisecond}
			ctx, cancel := context.WithTimeoutCause(t.Context(), cause.Limit, cause)
			defer cancel()
			return run(ctx, time.Hour)
		}},
	}
	for _, s := range []syscall.Signal{syscall.SIGHUP, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGTERM} {
		endings = append(endings, ending{s.String(), 128 + int(s), fmt.Sprintf("interrupted by signal %d ", int(s)), func(run func(context.Context, time.Duration) error) error {
			ctx, cancel := context.WithCancelCause(t.Context())
			time.AfterFunc(20*time.Millisecond, func() { cancel(&fault.InterruptedError{Signal: s}) })
			return run(ctx, time.Hour)
		}})
	}
	wait := func(ctx context.Context) { <-ctx.Done() }
	steps := map[string]func(context.Context, *Runtime) error{
		"returns the bare error": func(ctx context.Context, _ *Runtime) error { wait(ctx); return ctx.Err() },
		"returns the cause":      func(ctx context.Context, _ *Runtime) error { wait(ctx); return context.Cause(ctx) },
		"blames the settings": func(ctx context.Context, _ *Runtime) error {
			wait(ctx)
			return &fault.ConfigError{Problems: []string{"x"}}
		},
		"says that it skipped":  func(ctx context.Context, _ *Runtime) error { wait(ctx); return fault.Skip("x") },
		"panics":                func(ctx context.Context, _ *Runtime) error { wait(ctx); panic("x") },
		"a child that exits 0":  execScript("trap 'exit 0' HUP INT QUIT TERM; while :; do sleep 0.01; done"),
		"a child that exits 2":  execScript("trap 'exit 2' HUP INT QUIT TERM; while :; do sleep 0.01; done"),
		"a child that dies":     execScript("exec sleep 7008"),
		"a child that does not": execScript("trap '' HUP INT QUIT TERM; while :; do sleep 0.01; done"),
		"many children":         execScript("exit 0"),
	}
	for _, e := range endings {
		for name, run := range steps {
			rt, events, _ := testRuntime()
			rt.Grace = 30 * time.Millisecond
			last := func(ctx context.Context, rt *Runtime) error {
				for {
					if err := run(ctx, rt); err != nil || !strings.HasPrefix(name, "many") {
						return err
					}
				}
			}
			err := e.run(func(ctx context.Context, limit time.Duration) error {
				return Pipeline{Steps: []Step{step{name: "last", run: last}}, StepTimeout: limit}.Run(ctx, rt)
			})
			var failed *fault.StepError
			if fault.ExitCode(err) != e.code || !strings.Contains(fmt.Sprint(err), e.says) || !errors.As(err, &failed) ||
				events.FilterMessage("step failed").Len() != 1 {
				t.Errorf("%s, a step that %s: got %v, want exit code %d and %q", e.name, name, err, e.code, e.says)
			}
		}
	}
}

func execScript(script string) func(context.Context, *Runtime) error {
	return func(ctx context.Context, rt *Runtime) error {
		return Exec(ctx, rt, Credentials[None]{}, Command{Dir: os.TempDir(), Argv: []string{"sh", "-c", script}})
	}
}

// A limit of the run that is over before that of the step is the run's.
func TestTheRunsLimitInsideAStepIsTheRuns(t *testing.T) {
	rt, _, _ := testRuntime()
	cause := &fault.TimeLimitError{Of: "run", Limit: 30 * time.Millisecond}
	ctx, cancel := context.WithTimeoutCause(t.Context(), cause.Limit, cause)
	defer cancel()
	// While the child has its grace, the limit of the step runs out too.
	rt.Grace = 200 * time.Millisecond
	slow := execScript("trap '' TERM; while :; do sleep 0.01; done")
	err := Pipeline{Steps: []Step{step{name: "slow", run: slow}}, StepTimeout: 100 * time.Millisecond}.Run(ctx, rt)
	var limit *fault.TimeLimitError
	if !errors.As(err, &limit) || limit.Of != "run" || strings.Contains(err.Error(), "of the step") {
		t.Errorf("got %v, want the limit of the run", err)
	}
}

// A child ends with the thread that started it, which must not be taken away
// from it: a goroutine that ends while it is locked to its thread ends that too.
func TestAChildOutlivesOtherThreads(t *testing.T) {
	rt, _, out := testRuntime()
	const children = 20
	dir := t.TempDir()
	ended := make(chan error)
	for range children {
		go func() {
			ended <- Exec(t.Context(), rt, Credentials[None]{}, Command{Dir: dir, Argv: []string{"sh", "-c", "sleep 0.4; echo survived"}, Beside: true})
		}()
	}
	for left := children; left > 0; {
		select {
		case err := <-ended:
			left--
			if err != nil {
				t.Error(err)
			}
		case <-time.After(time.Millisecond):
			for range 8 {
				go runtime.LockOSThread()
			}
		}
	}
	if got := strings.Count(out.String(), "survived\n"); got != children {
		t.Errorf("%d of %d survived", got, children)
	}
}
