package pipeline

import (
	"errors"
	"io"
	"testing"

	"spa-runner/internal/fault"
	"spa-runner/internal/guard"
)

type panicking struct{}

func (panicking) Write([]byte) (int, error) { panic("ouch") }
func (panicking) Close() error              { panic("ouch again") }

// The output of a child is taken over in a goroutine. A panic there is an error
// of the step, and the child does not wait for ever on a pipe that nobody reads.
func TestPanicInTheOutputIsAnErrorOfTheStep(t *testing.T) {
	rt, _, _ := testRuntime()
	rt.Output = func(string, string, string) io.WriteCloser { return panicking{} }
	var panicked *guard.PanicError
	if err := shell(t, t.Context(), rt, "head -c 3000000 /dev/zero; echo end"); !errors.As(err, &panicked) || fault.ExitCode(err) != fault.ExitRunner {
		t.Errorf("got %v", err)
	}
}
