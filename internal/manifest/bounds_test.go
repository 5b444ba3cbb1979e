package manifest

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"testing"
)

// TestManyFoldersAreGone has 60,000 folders and files, none of which is there: to
// look for each of them among all folders that are gone would be 10^10 looks.
func TestManyFoldersAreGone(t *testing.T) {
	t.Parallel()
	const n = 60_000
	var entries []Entry
	for i := range n {
		folder := fmt.Sprintf("f%05d", i)
		entries = append(entries, Entry{Path: folder, Type: fs.ModeDir}, Entry{Path: folder + "/x"}, Entry{Path: folder + "-x/y"})
	}
	changes, err := Compare(t.Context(), t.TempDir(), entries, func(e Entry) bool { return e.Path == "f00001" })
	if err != nil || len(changes) != 2*n-1 {
		t.Fatalf("%d changes (%v), want %d", len(changes), err, 2*n-1)
	}
	for i, want := range []string{
		"f00000: it was removed, with all that was in it (files: 1)", "f00000-x/y: it was removed", "f00001-x/y: it was removed",
	} {
		if got := changes[i].String(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// asked is a context that ends when it has been asked a number of times.
type asked struct {
	context.Context
	left *int
}

func (a asked) Err() error {
	if *a.left--; *a.left < 0 {
		return context.Canceled
	}
	return nil
}

// TestSumAsksTheContext ends in the middle of a large file.
func TestSumAsksTheContext(t *testing.T) {
	t.Parallel()
	root, err := os.OpenRoot(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	file, err := root.Create("large")
	if err == nil {
		err = errors.Join(file.Truncate(1<<40), file.Close()) // a hole: to read it would take minutes
	}
	if err != nil {
		t.Fatal(err)
	}
	left := 10
	if _, err := Read(asked{t.Context(), &left}, root, "large"); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want the end of the context", err)
	}
}
