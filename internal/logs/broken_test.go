package logs

import (
	"errors"
	"testing"

	"spa-runner/internal/redact"
)

type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, errors.New("no space left") }

func TestALostLogIsRemembered(t *testing.T) {
	for _, format := range []Format{Console, JSON, Mixed} {
		l := New(Options{Writer: fullDisk{}, Format: format, Redactor: redact.New(), Run: "r"})
		if err := l.Err(); err != nil {
			t.Errorf("%s: got %v before anything was written", format, err)
		}
		l.Logger(1).Info("event")
		if err := l.Err(); err == nil || err.Error() != "writing the log: no space left" {
			t.Errorf("%s: got %v", format, err)
		}
	}
}
