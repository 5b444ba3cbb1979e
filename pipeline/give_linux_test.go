package pipeline

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Code of the user may make a tree of any depth, and each step down takes longer.
func TestAHandOverThatWouldNotEnd(t *testing.T) {
	u, dir := other(t, 3)
	tree := filepath.Join(dir, "code")
	if err := os.Mkdir(tree, 0o755); err != nil {
		t.Fatal(err)
	}
	enough := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(enough)
	if err := u.give(ctx, tree, true); !errors.Is(err, enough) {
		t.Errorf("after the end of ctx: %v, want its cause", err)
	}

	name := strings.Repeat("d", 255)
	at, err := os.OpenRoot(tree)
	for range longestPath/len(name) + 1 {
		if err != nil {
			t.Fatal(err)
		}
		if err = at.Mkdir(name, 0o755); err == nil {
			var below *os.Root
			below, err = at.OpenRoot(name)
			_ = at.Close()
			at = below
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	_ = at.Close()
	if err := u.give(t.Context(), tree, true); err == nil || !strings.Contains(err.Error(), "that no path reaches") {
		t.Errorf("a tree deeper than any path: %v, want a refusal", err)
	}
}
