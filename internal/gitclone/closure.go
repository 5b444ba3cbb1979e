package gitclone

import (
	"context"
	"errors"
	"fmt"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	gitobject "github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/plumbing/storer"
)

// closure collects what a shallow pack has to hold.
type closure struct {
	store    storer.EncodedObjectStorer
	seen     map[plumbing.Hash]bool
	objects  []plumbing.Hash
	shallows []plumbing.Hash
}

func (c *closure) add(h plumbing.Hash) (isNew bool) {
	if c.seen[h] {
		return false
	}
	c.seen[h] = true
	c.objects = append(c.objects, h)
	return true
}

func (c *closure) want(ctx context.Context, h plumbing.Hash) error {
	for {
		tag, err := gitobject.GetTag(c.store, h)
		if err != nil {
			break
		}
		c.add(h)
		h = tag.Target
	}
	commit, err := gitobject.GetCommit(c.store, h)
	if err != nil {
		return err
	}
	if !c.add(h) {
		return nil
	}
	if commit.NumParents() > 0 {
		c.shallows = append(c.shallows, h)
	}
	return c.tree(ctx, commit.TreeHash)
}

// commits collects all commits that lead to head, which is one of them. Where
// the repository is itself a shallow clone, they end early.
func (c *closure) commits(ctx context.Context, head plumbing.Hash) error {
	for stack := []plumbing.Hash{head}; len(stack) > 0; {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		h := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if c.seen[h] {
			continue
		}
		commit, err := gitobject.GetCommit(c.store, h)
		if errors.Is(err, plumbing.ErrObjectNotFound) && h != head {
			continue
		}
		if err != nil {
			return fmt.Errorf("commit %s: %w", h, err)
		}
		c.add(h)
		stack = append(stack, commit.ParentHashes...)
	}
	return nil
}

func (c *closure) tree(ctx context.Context, h plumbing.Hash) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if h == plumbing.NewHash(emptyTree) && c.store.HasEncodedObject(h) != nil {
		return nil
	}
	if !c.add(h) {
		return nil
	}
	tree, err := gitobject.GetTree(c.store, h)
	if err != nil {
		return fmt.Errorf("tree %s: %w", h, err)
	}
	for _, e := range tree.Entries {
		switch e.Mode {
		case filemode.Dir:
			if err := c.tree(ctx, e.Hash); err != nil {
				return err
			}
		case filemode.Submodule:
		default:
			c.add(e.Hash)
		}
	}
	return nil
}
