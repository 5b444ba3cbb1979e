// Package fault has the errors of a run: what they say, what to do next, and the exit
// code that each leads to.
package fault

import (
	"errors"
	"fmt"
	"strings"
	"syscall"
	"time"

	"spa-runner/internal/hostfault"
)

// Exit codes of a run, beside the status of a failed child. 64 is sysexits'
// EX_USAGE, 124 is what timeout(1) answers, 125 what env(1) and docker-run(1)
// answer when they themselves failed.
const (
	ExitConfig    = 64
	ExitTimeLimit = 124
	ExitRunner    = 125
)

// ExitCode maps the error of a run to the exit code of the process. The cause
// that ended everything comes first: a child that died of our signal is an
// interruption or a time limit, not a failure of its own.
func ExitCode(err error) int {
	var (
		interrupted *InterruptedError
		limit       *TimeLimitError
		config      *ConfigError
		child       *ChildError
	)
	switch {
	case err == nil:
		return 0
	case errors.As(err, &interrupted):
		return 128 + int(interrupted.Signal)
	case errors.As(err, &limit):
		return ExitTimeLimit
	case errors.As(err, &config):
		return ExitConfig
	case errors.As(err, &child):
		return child.Code
	case Held(err) != nil:
		return 0
	}
	return ExitRunner
}

// StepError is the error of a pass: which step ended it, and why.
type StepError struct {
	Step string
	Err  error
}

func (e *StepError) Error() string { return e.Step + ": " + e.Err.Error() }
func (e *StepError) Unwrap() error { return e.Err }

// ChildError says that a child process ended with a status other than zero.
type ChildError struct {
	Argv []string
	// Code is the child's status, or 128 plus the signal that killed it.
	Code   int
	Signal syscall.Signal
}

func (e *ChildError) Error() string {
	if e.Signal != 0 {
		return fmt.Sprintf("%s: killed by signal %d (%s)", strings.Join(e.Argv, " "), int(e.Signal), e.Signal)
	}
	return fmt.Sprintf("%s: exit status %d", strings.Join(e.Argv, " "), e.Code)
}

// ConfigError lists everything that is wrong with the configuration, at once,
// each problem a sentence that names the variable and what it should hold.
type ConfigError struct{ Problems []string }

func (e *ConfigError) Error() string {
	if len(e.Problems) == 1 {
		return "the configuration is wrong: " + e.Problems[0]
	}
	return fmt.Sprintf("the configuration is wrong in %d places:\n  - %s",
		len(e.Problems), strings.Join(e.Problems, "\n  - "))
}

// TimeLimitError says that a limit of the runner's own ran out.
type TimeLimitError struct {
	Of    string // "run" or "step"
	Limit time.Duration
}

func (e *TimeLimitError) Error() string {
	return fmt.Sprintf("the time limit of the %s, %s, ran out", e.Of, e.Limit)
}

// InterruptedError says that a signal asked the runner to stop.
type InterruptedError struct{ Signal syscall.Signal }

func (e *InterruptedError) Error() string {
	return fmt.Sprintf("interrupted by signal %d (%s)", int(e.Signal), e.Signal)
}

// Hint is what the user should look at or do next, for an error that knows, or that
// this machine is the cause of.
func Hint(err error) string {
	var h *hinted
	if errors.As(err, &h) {
		return h.hint
	}
	return hostfault.Advice(err)
}

// WithHint adds to an error what to do next. The log shows it as a field of
// its own, since it is read by another person than the cause.
func WithHint(err error, hint string) error { return &hinted{err: err, hint: hint} }

type hinted struct {
	err  error
	hint string
}

func (h *hinted) Error() string { return h.err.Error() }
func (h *hinted) Unwrap() error { return h.err }

// SkippedError is the error by which a step says that there is nothing to do.
type SkippedError struct{ Why string }

func (s *SkippedError) Error() string { return "skipped: " + s.Why }

// Skip ends a step with success and says why it had nothing to do.
func Skip(why string) error { return &SkippedError{Why: why} }

// HeldError says that a pass was ended on purpose before it deployed: what was
// asked for was done, so it is no failure, and the exit code is 0.
type HeldError struct{ Why string }

func (e *HeldError) Error() string { return "held: " + e.Why }

// Hold ends the pass with a *HeldError: no later step is started.
func Hold(why string) error { return &HeldError{Why: why} }

// Held gives the *HeldError that an error is, with whatever was wrapped around
// it. One that came together with another error is a failure, and gives nil.
func Held(err error) *HeldError {
	for next := err; next != nil; next = errors.Unwrap(err) {
		err = next
	}
	if _, several := any(err).(interface{ Unwrap() []error }); several {
		return nil
	}
	var held *HeldError
	_ = errors.As(err, &held)
	return held
}

// GivenUpError says that work did not return although it was to end. It still goes on,
// so the process must end: it may do what is left to be told, and nothing else.
type GivenUpError struct {
	// Cause is why the work was to end.
	Cause error
	// Waited is how long it was waited for.
	Waited time.Duration
}

func (e *GivenUpError) Error() string {
	return fmt.Sprintf("%v; what the runner was doing then did not end within %s, and was given up", e.Cause, e.Waited)
}

func (e *GivenUpError) Unwrap() error { return e.Cause }

// GaveUp says whether an error is, or has in it, a *GivenUpError.
func GaveUp(err error) bool {
	var gaveUp *GivenUpError
	return errors.As(err, &gaveUp)
}
