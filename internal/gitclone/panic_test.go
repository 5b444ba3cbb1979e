package gitclone

import (
	"errors"
	"testing"

	"spa-runner/internal/guard"
)

// What is read in parallel is what a server sent.
func TestPanicInParallelIsAnError(t *testing.T) {
	t.Parallel()
	var panicked *guard.PanicError
	if err := parallel(t.Context(), 4, 20, func(i int) error {
		if i == 7 {
			panic("ouch")
		}
		return nil
	}); !errors.As(err, &panicked) {
		t.Errorf("got %v", err)
	}
}
