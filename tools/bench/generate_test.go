package main

import (
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// TestGenerate makes the same repository twice: in one pack, with deltas, and of
// about the size that was asked for.
func TestGenerate(t *testing.T) {
	t.Parallel()
	const files, size = 200, 400_000
	git := func(dir string, args ...string) string {
		t.Helper()
		out, err := exec.CommandContext(t.Context(), "git", append([]string{"-C", dir}, args...)...).CombinedOutput()
		if err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
		return string(out)
	}
	var heads []string
	for range 2 {
		bare := filepath.Join(t.TempDir(), "bare.git")
		if err := generate(t.Context(), bare, files, size); err != nil {
			t.Fatal(err)
		}
		heads = append(heads, git(bare, "rev-parse", "main"))
		sum := 0
		list := strings.Fields(git(bare, "ls-tree", "-r", "--format=%(objectsize)", "main"))
		for _, n := range list {
			size, err := strconv.Atoi(n)
			if err != nil {
				t.Fatal(err)
			}
			sum += size
		}
		if len(list) != files || sum < size*8/10 || sum > size*12/10 {
			t.Errorf("%d files of %d bytes, want %d of about %d", len(list), sum, files, size)
		}
		if got := git(bare, "count-objects", "-v"); !strings.Contains(got, "count: 0\n") || !strings.Contains(got, "packs: 1\n") {
			t.Errorf("not in one pack:\n%s", got)
		}
		packs, _ := filepath.Glob(filepath.Join(bare, "objects/pack/*.idx"))
		if got := git(bare, "verify-pack", "-s", packs[0]); !strings.Contains(got, "chain length = 1:") {
			t.Errorf("no deltas:\n%s", got)
		}
	}
	if heads[0] != heads[1] {
		t.Errorf("two commits: %s", heads)
	}
}
