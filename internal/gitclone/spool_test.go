package gitclone

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/go-git/go-git/v5/plumbing"
)

// TestInflatedOnce takes the pack away: what was in it is known without it, as
// far as it was kept.
func TestInflatedOnce(t *testing.T) {
	t.Parallel()
	raw, _ := packOf(t, "--delta-base-offset")
	for _, keep := range []int64{maxSpool, 0} {
		inflated := testSpool(t)
		inflated.max = keep
		file := scratch(t)
		p, err := receivePack(t.Context(), bytes.NewReader(raw), file, inflated, newBudget(memoryBudget))
		if err != nil {
			t.Fatal(err)
		}
		if err := file.Truncate(0); err != nil {
			t.Fatal(err)
		}
		p.bases.Clear()
		for i, o := range p.objects {
			content, cerr := p.content(t.Context(), i)
			var copied bytes.Buffer
			err := p.copyTo(t.Context(), &copied, i)
			if keep == 0 && o.size > 0 {
				if cerr == nil || err == nil {
					t.Errorf("object %d is known without the pack, of which nothing was kept", i)
				}
				continue
			}
			if got := plumbing.ComputeHash(o.typ, content); got != o.hash || cerr != nil {
				t.Errorf("object %d reads as %s (%v), want %s", i, got, cerr, o.hash)
			}
			if err != nil || !bytes.Equal(copied.Bytes(), content) {
				t.Errorf("object %d is copied as %d bytes (%v), want %d", i, copied.Len(), err, len(content))
			}
		}
	}
}

// TestSpoolIsBounded is about sizes that a server only says.
func TestSpoolIsBounded(t *testing.T) {
	t.Parallel()
	s := testSpool(t)
	s.max = 100
	for i, test := range []struct{ size, want int64 }{{60, 0}, {41, notSpooled}, {1<<60 - 1, notSpooled}, {40, 60}, {1, notSpooled}, {0, 100}} {
		if got := s.reserve(test.size); got != test.want {
			t.Errorf("%d: %d bytes get the place %d, want %d", i, test.size, got, test.want)
		}
	}
}

// TestSpoolHasNoName makes sure that a runner that is killed leaves none.
func TestSpoolHasNoName(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	s, err := newSpool(root, "inflated")
	if err != nil {
		t.Fatal(err)
	}
	if rest, err := filepath.Glob(filepath.Join(dir, "*")); err != nil || len(rest) > 0 {
		t.Errorf("there is %q (%v)", rest, err)
	}
	if at, err := s.put([]byte("text")); at != 0 || err != nil {
		t.Errorf("it does not work: %d, %v", at, err)
	}
	if err := s.file.Close(); err != nil {
		t.Error(err)
	}
}

func TestBatches(t *testing.T) {
	t.Parallel()
	l := listing{entries: []entry{{path: "x"}}}
	for i := range maxBatch + 2 {
		l.entries = append(l.entries, entry{path: fmt.Sprintf("a/%03d", i)})
		if i == 1 {
			l.entries = append(l.entries, entry{path: "a/b/c"})
		}
	}
	l.entries = append(l.entries, entry{path: "z"})
	var got []string
	seen := map[*entry]bool{}
	for _, b := range l.batches() {
		got = append(got, fmt.Sprint(b.dir, " ", len(b.entries)))
		for _, e := range b.entries {
			seen[e] = true
		}
	}
	if want := []string{". 2", fmt.Sprint("a ", maxBatch), "a/b 1", "a 2"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if len(seen) != len(l.entries) {
		t.Errorf("%d of %d entries are in a batch", len(seen), len(l.entries))
	}
}
