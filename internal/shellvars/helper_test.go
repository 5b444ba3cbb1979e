package shellvars

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// build makes a build folder as the runner has it: settings/ below it, with
// the given files in settings/, and returns options for settings/variables.sh.
func build(t testing.TB, files map[string]string) Options {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, "settings", name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	root := filepath.Join(dir, "settings")
	return Options{File: filepath.Join(root, "variables.sh"), Root: root}
}

func script(t testing.TB, text string) Options {
	t.Helper()
	return build(t, map[string]string{"variables.sh": text})
}

// run runs Source with a limit, so that a test fails rather than hangs.
func run(t testing.TB, o Options) (Result, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	return Source(ctx, o)
}

// mustSource fails the test if the script has problems.
func mustSource(t testing.TB, o Options) map[string]Var {
	t.Helper()
	res, err := run(t, o)
	if err != nil {
		t.Fatalf("Source: %v", err)
	}
	got := map[string]Var{}
	for _, v := range res.Set {
		got[v.Name] = v
	}
	return got
}

// mustFail fails the test unless Source reports exactly one problem for each
// of want, in order, containing it. It returns the problems.
func mustFail(t testing.TB, o Options, want ...string) []Problem {
	t.Helper()
	res, err := run(t, o)
	var e *Error
	if !errors.As(err, &e) {
		t.Fatalf("got error %v, want *Error", err)
	}
	if len(res.Set)+len(res.Unset) > 0 {
		t.Errorf("got %d variables beside an error, want none", len(res.Set)+len(res.Unset))
	}
	if len(e.Problems) != len(want) {
		t.Fatalf("got %d problems, want %d:\n%v", len(e.Problems), len(want), err)
	}
	base := filepath.Dir(o.Root) + "/settings/"
	for i, p := range e.Problems {
		if got := strings.TrimPrefix(p.String(), base); !strings.Contains(got, want[i]) {
			t.Errorf("problem %d:\n got %s\nwant %s", i, got, want[i])
		}
	}
	return e.Problems
}
