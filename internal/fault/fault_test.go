package fault

import (
	"errors"
	"fmt"
	"syscall"
	"testing"
)

func TestExitCodes(t *testing.T) {
	child := &ChildError{Argv: []string{"make", "lint"}, Code: 2}
	for _, test := range []struct {
		err  error
		want int
	}{
		{nil, 0},
		{child, 2},
		{&StepError{Step: "make-lint", Err: fmt.Errorf("wrapped: %w", child)}, 2},
		{&ConfigError{Problems: []string{"x"}}, 64},
		{&TimeLimitError{}, 124},
		{errors.New("no idea"), 125},
		{&InterruptedError{Signal: syscall.SIGINT}, 130},
		// The cause of the end wins over what it made of the child.
		{fmt.Errorf("%w (%w)", &TimeLimitError{}, &ChildError{Code: 143}), 124},
		// A hold is no failure, unless there was one as well.
		{&StepError{Step: "assume-deploy-role", Err: WithHint(Hold("not today"), "wait")}, 0},
		{fmt.Errorf("%w (%w)", errors.New("the log is lost"), Hold("not today")), 125},
		{&StepError{Step: "x", Err: errors.Join(Hold("not today"), errors.New("broken"))}, 125},
		{fmt.Errorf("%w (%w)", &InterruptedError{Signal: syscall.SIGTERM}, Hold("not today")), 143},
		{errors.Join(&ConfigError{}, Hold("not today")), 64},
	} {
		if got := ExitCode(test.err); got != test.want {
			t.Errorf("ExitCode(%v): got %d, want %d", test.err, got, test.want)
		}
	}
}
