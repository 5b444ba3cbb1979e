package gitclone

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// A history in which each commit is a merge has more ways through it than can be
// gone: each commit is looked at once.
func TestReachableAmongManyMerges(t *testing.T) {
	t.Parallel()
	const merges = 60
	dir := t.TempDir()
	git(t, dir, "init", "-q", "-b", "main")
	var stream strings.Builder
	commit := func(branch string, mark int, parents string) {
		fmt.Fprintf(&stream, "commit refs/heads/%s\nmark :%d\ncommitter A <a@example.org> %d +0000\ndata 2\nx\n%s\n", branch, mark, 1700000000+mark, parents)
	}
	commit("main", 1, "")
	for i := 1; i <= 2*merges; i += 2 {
		commit("side", i+1, fmt.Sprintf("from :%d\n", i))
		commit("main", i+2, fmt.Sprintf("from :%d\nmerge :%d\n", i, i+1))
	}
	commit("other", 2*merges+2, "")
	gitIn(t, dir, stream.String(), "fast-import", "--quiet")

	_, err := Clone(t.Context(), Request{URL: dir, Ref: "other", Dir: target(t), ReachableFrom: "main"})
	contains(t, err, fmt.Sprintf("not among the %d commits", 2*merges+1))
	if !errors.Is(err, ErrNotReachable) {
		t.Errorf("%v is not ErrNotReachable", err)
	}
}
