package logs

import (
	"bytes"
	"strings"
	"testing"

	"spa-runner/internal/redact"
)

// Redacting the child's stream alone does not see a secret with colours inside;
// in JSON the colours are dropped, which would spell it out.
func TestASecretInColoursIsHiddenInJSON(t *testing.T) {
	var out bytes.Buffer
	r := redact.New()
	r.Add("correct-horse-battery")
	w := New(Options{Writer: &out, Format: JSON, Redactor: r, Run: "r"}).Output(1)("s", "none", "stdout")
	_, _ = w.Write([]byte("a correct-\x1b[1mhorse\x1b[0m-battery b\n"))
	_ = w.Close()
	if got := out.String(); strings.Contains(got, "correct-horse") || !strings.Contains(got, `"a *** b"`) {
		t.Errorf("got %s", got)
	}
}
