package gitclone

import (
	"context"
	"slices"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
)

// Head finds out which commit HEAD of r.URL is at: that of a work tree, also
// without a branch, or the default branch of a server. r.Ref is ignored.
func Head(ctx context.Context, r Request) (string, error) {
	from, err := open(r)
	if err != nil {
		return "", err
	}
	adv, err := from.advertise(ctx)
	if err != nil {
		return "", err
	}
	head, ok := adv.refs["HEAD"]
	if !ok {
		return "", fault(ErrRefNotFound, nil, "reading HEAD of %s: it is at no commit; commit something, or check out a branch that has one", from)
	}
	return head.String(), nil
}

// Paths are the files, links and submodules of the commit, as seen from the top,
// with slashes, sorted.
func (r Result) Paths() []string {
	paths := make([]string, 0, len(r.tree))
	for _, e := range r.tree {
		paths = append(paths, e.path)
	}
	slices.Sort(paths)
	return paths
}

// Differences are the paths that two commits do not have in common, sorted: of
// what was added, removed, or changed in content, mode or kind. A rename is two of
// them. It is what `git diff --name-only --no-renames` prints, since it compares
// what git stores and not what became of it on disk.
func Differences(a, b Result) []string {
	type object struct {
		mode filemode.FileMode
		hash plumbing.Hash
	}
	before := make(map[string]object, len(a.tree))
	for _, e := range a.tree {
		before[e.path] = object{e.mode, e.hash}
	}
	var paths []string
	for _, e := range b.tree {
		if was, ok := before[e.path]; !ok || was != (object{e.mode, e.hash}) {
			paths = append(paths, e.path)
		}
		delete(before, e.path)
	}
	for path := range before {
		paths = append(paths, path)
	}
	slices.Sort(paths)
	return paths
}
